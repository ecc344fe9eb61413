"""What an agent of ours costs, beside the floor (no protocol at all) and the PyPI package `a2a-sdk` 1.3.0, in one run.

    python -m benchmarks.agents [--rounds 2] [--seconds 3] [--subscribers 1000]

JSON-RPC over HTTP, 16 connections, one worker. A message is answered by a message; a task has a status and one
artifact, and the call waits for its end. Every figure is the best of the rounds, the subjects in turn. The last part
opens so many SSE streams on one task and tells 100 events.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from benchmarks.servers.agent_ours import EVENTS
from benchmarks.tools import HERE, run_load, serving
from tests.foreign.environments import python_env

VERSION: Final = ["A2A-Version: 1.0"]
_STREAM_WITHIN_S: Final = 60.0


def subjects(store: Path) -> dict[str, tuple[Callable[[str], Sequence[str]], str]]:
    """How each is started on a port, and the skill that is asked."""
    peer = str(python_env("a2a-sdk-bench", ["a2a-sdk[http-server]==1.3.0", "uvicorn[standard]"]))
    ours = [sys.executable, "-m", "wireproof.cli", "run", str(HERE / "agent_ours.py"), "--http"]
    return {
        "floor": (lambda port: [sys.executable, str(HERE / "floor_http.py"), port], ""),
        "messages: ours": (lambda port: [*ours, port, "--store", "memory://"], "answer"),
        "messages: a2a-sdk": (lambda port: [peer, str(HERE / "agent_sdk.py"), port, "message"], ""),
        "tasks in memory: ours": (lambda port: [*ours, port, "--store", "memory://"], "work"),
        "tasks in memory: a2a-sdk": (lambda port: [peer, str(HERE / "agent_sdk.py"), port, "task"], ""),
        "tasks in SQLite: ours": (lambda port: [*ours, port, "--store", f"sqlite:///{store}/{port}.sqlite"], "work"),
    }


def request(method: str, skill: str, **more: Any) -> str:
    """A message to a skill; `%d` becomes a counter."""
    message = {"messageId": "m-%d", "role": "ROLE_USER", "parts": [{"text": "go"}], **more}
    params = {"message": message, **({"metadata": {"skillId": skill}} if skill else {})}
    return json.dumps({"jsonrpc": "2.0", "id": "%d", "method": method, "params": params})


def rates(rounds: int, seconds: float) -> None:
    """Requests a second of each subject."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, (command, skill) in subjects(Path(folder)).items():
                with serving(command) as port:
                    body = request("SendMessage", skill)
                    rate, bad = run_load(f"http://127.0.0.1:{port}/", body, VERSION, seconds=seconds)
                if bad:
                    raise RuntimeError(f"{name} gave {bad} bad answers")
                found[name] = max(rate, found.get(name, 0.0))
    for name, rate in found.items():
        print(f"{name:28}{rate:10,.0f}/s", flush=True)
    told = [
        ("messages", "messages: ours", "messages: a2a-sdk", 8),
        ("tasks in memory", "tasks in memory: ours", "tasks in memory: a2a-sdk", 8),
        ("tasks in SQLite, beside the peer's in memory", "tasks in SQLite: ours", "tasks in memory: a2a-sdk", 4),
    ]
    for title, mine, peer, wanted in told:
        print(f"{title}: {found[mine] / found[peer]:.1f} times the peer (wanted {wanted})")
    print(f"messages: {found['messages: ours'] / found['floor']:.2f} of the floor", flush=True)


async def follow(count: int) -> float:
    """Seconds from the word until every one of so many subscribers has the end of the task."""
    ours = [sys.executable, "-m", "wireproof.cli", "run", str(HERE / "agent_ours.py"), "--http"]
    with serving(lambda port: [*ours, port, "--store", "memory://"]) as port:
        answer = await _ask(port, request("SendMessage", "tell"))
        task = answer["result"]["task"]
        subscribe = {"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": {"id": task["id"]}}
        open_: asyncio.Queue[None] = asyncio.Queue()
        streams = [asyncio.create_task(_stream(port, json.dumps(subscribe), open_)) for _ in range(count)]
        async with asyncio.timeout(_STREAM_WITHIN_S):
            for _ in range(count):
                await open_.get()
            begun = perf_counter()
            word = request("SendMessage", "", taskId=task["id"]).replace("%d", "word")
            asking = asyncio.create_task(_ask(port, word))
            events = await asyncio.gather(*streams)
            took = perf_counter() - begun
            await asking
    if min(events) < EVENTS:
        raise RuntimeError(f"a subscriber saw {min(events)} of {EVENTS} events")
    return took


def _head(port: int, size: int) -> bytes:
    lines = [
        "POST / HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        "a2a-version: 1.0",
        "connection: close",
        f"content-length: {size}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def _ask(port: int, body: str) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_head(port, len(body)) + body.encode())
    data = await reader.read()
    writer.close()
    return json.loads(data.partition(b"\r\n\r\n")[2])


async def _stream(port: int, body: str, opened: asyncio.Queue[None]) -> int:
    """Artifact updates until the stream ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_head(port, len(body)) + body.encode())
    await reader.readuntil(b"data: ")
    opened.put_nowait(None)
    held, seen = b"", 0
    while data := await reader.read(1 << 16):
        held += data
        *whole, held = held.split(b"\n\n")
        seen += sum(b'"artifactUpdate"' in event for event in whole)
    writer.close()
    return seen


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load in each measurement")
    parser.add_argument("--subscribers", type=int, default=1000, help="of one task; 0 leaves the part out")
    chosen = parser.parse_args()
    if chosen.rounds:
        rates(chosen.rounds, chosen.seconds)
    if chosen.subscribers:
        took = asyncio.run(follow(chosen.subscribers))
        print(f"{chosen.subscribers} subscribers have all {EVENTS} events after {took:.2f} s (wanted 2)")


if __name__ == "__main__":
    main()
