"""Kill a server at random moments, start it again, and compare what it promised with what an outside ledger saw.

`python -m tests.crash --engine sqlite|postgres|redis --kills 100 --seed 1`; exit code 0 when every promise was kept.
This process forks each life of the server, so that a life costs milliseconds; it runs no event loop before the end.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.crash.judge import judge
from tests.crash.ledger import Line, serve
from tests.crash.victim import live
from tests.tasks.conftest import POSTGRES, REDIS, drop_prefix, drop_schema

LONGEST_LIFE = {"sqlite": 0.25, "postgres": 0.5, "redis": 0.4}
"""Seconds; a kill comes at any moment of them, also while the server starts."""
LAST_LIFE = 60.0


@contextmanager
def sqlite() -> Generator[str]:
    with tempfile.TemporaryDirectory(prefix="crash") as folder:
        yield f"sqlite:///{folder}/tasks.db"


@contextmanager
def postgres() -> Generator[str]:
    schema = f"crash_{secrets.token_hex(6)}"
    try:
        yield f"{POSTGRES}?schema={schema}"
    finally:
        asyncio.run(drop_schema(schema))


@contextmanager
def redis() -> Generator[str]:
    prefix = f"crash_{secrets.token_hex(6)}"
    try:
        yield f"{REDIS}?prefix={prefix}"
    finally:
        asyncio.run(drop_prefix(prefix))


ENGINES: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "sqlite": sqlite,
    "postgres": postgres,
    "redis": redis,
}


def fork(program: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run a coroutine in a process of its own; its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        asyncio.run(program())
        code = 0
    except KeyboardInterrupt:
        pass
    except BaseException as failure:
        print(f"a server died by itself: {failure!r}", file=sys.stderr, flush=True)
    os._exit(code)


def kill(child: int) -> None:
    """SIGKILL, and wait for the end."""
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(child, 0)


def ended(child: int, seconds: float) -> int | None:
    """The exit code of a child that ends by itself within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    return None


def ask(socket: str, name: str) -> Any:
    """One question to the ledger."""

    async def once() -> Any:
        line = await Line.open(socket)
        answer = await line.ask(name)
        line.close()
        return answer

    return asyncio.run(once())


def crash(url: str, socket: str, moments: Sequence[float]) -> list[str]:
    """All lives; returns what went wrong in them."""
    wrong: list[str] = []
    for number, moment in enumerate(moments):
        life = fork(lambda: live(url, socket))
        code = ended(life, moment)
        if code is None:
            kill(life)
        else:
            wrong.append(f"life {number} ended by itself with code {code}")
    ask(socket, "stop")
    life = fork(lambda: live(url, socket))
    code = ended(life, LAST_LIFE)
    if code is None:
        kill(life)
        wrong.append(f"after the last start not all tasks ended within {LAST_LIFE:g} s")
    elif code:
        wrong.append(f"the last life ended with code {code}")
    return wrong


def told(report: dict[str, Any], kills: int, seconds: float) -> str:
    """One line of numbers."""
    ends = Counter(end["reason"] or end["status"] for end in report["ends"].values())
    repeats = len(report["calls"]) - len(report["rows"])
    again = sum(1 for _, _, attempt in report["calls"] if attempt > 1)
    return (
        f"{kills} kills, {len(report['made'])} tasks, {len(report['rows'])} steps, {repeats} steps repeated, "
        f"{again} steps in later attempts, {len(report['inputs'])} inputs, ends {dict(ends)}, {seconds:.1f} s"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--engine", choices=list(ENGINES), default="sqlite")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    options = parser.parse_args(arguments)
    logging.getLogger("wireproof.tasks").setLevel(logging.ERROR)  # each kill is a warning
    since = time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ledger"))
        url = stack.enter_context(ENGINES[options.engine]())
        socket = f"{folder}/ledger"
        ledger = fork(lambda: serve(socket))
        stack.callback(kill, ledger)
        while not Path(socket).exists():
            time.sleep(0.01)
        chance, longest = random.Random(options.seed), LONGEST_LIFE[options.engine]
        wrong = crash(url, socket, [chance.uniform(0.0, longest) for _ in range(options.kills)])
        report = ask(socket, "report")
        wrong += asyncio.run(judge(url, report))
    print(f"{options.engine} seed {options.seed}: {told(report, options.kills, time.monotonic() - since)}")
    for sentence in wrong:
        print(f"WRONG {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
