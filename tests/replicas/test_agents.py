"""Three agents on one store behind a proxy: tasks begun on one are followed on others, one is killed, one is stopped."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest

from tests.replicas.agent import STEPS
from tests.replicas.proxy import proxied
from tests.tasks.conftest import POSTGRES, REDIS, drop_prefix, drop_schema, need
from wireproof.a2a import connect
from wireproof.a2a.client import ArtifactUpdate, RemoteAgent, Task

ROOT = Path(__file__).parents[2]
TASKS = 6
SECRET = secrets.token_hex(32)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(params=["postgresql", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    name = f"t_{secrets.token_hex(6)}"
    if request.param == "postgresql":
        need("PostgreSQL", 5432)
        yield f"{POSTGRES}?schema={name}"
        await drop_schema(name)
    else:
        need("Redis", 6379)
        yield f"{REDIS}?prefix={name}"
        await drop_prefix(name)


@contextmanager
def replica(store: str) -> Generator[tuple[int, int]]:
    """The process id and the port of one server."""
    command = [sys.executable, "-m", "wireproof.cli", "run", "tests/replicas/agent.py", "--http", "0", "--store", store]
    environment = {**os.environ, "WIREPROOF_KEYRING": SECRET}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        found = re.search(r":(\d+)/", said)
        assert found is not None, said + process.stderr.read()
        yield process.pid, int(found.group(1))
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


async def seen(agent: RemoteAgent, task: str, begun: asyncio.Event | None = None) -> list[str]:
    """The steps as one subscriber has them: from the snapshots, and the events after them."""
    steps: list[str] = []
    ends = 0
    async for event in agent.task(task).follow():
        if begun is not None:
            begun.set()
        if isinstance(event, Task):
            known = [part.text or "" for part in event.artifacts[0].parts] if event.artifacts else []
            assert known[: len(steps)] == steps  # a snapshot takes nothing back
            steps = known
        elif isinstance(event, ArtifactUpdate):
            assert event.text == str(len(steps))  # the next one, once
            steps.append(event.text)
        ends += getattr(event, "has_ended", False)
    assert ends == 1
    return steps


async def test_every_subscriber_sees_every_step_once_in_order_and_one_end(store: str) -> None:
    async with AsyncExitStack() as stack:
        replicas = [stack.enter_context(replica(store)) for _ in range(3)]
        doomed, steady, stopped = replicas
        direct = [await stack.enter_async_context(connect(f"http://127.0.0.1:{port}")) for _, port in replicas]
        url, robin = await stack.enter_async_context(proxied([doomed[1]]))
        through = await stack.enter_async_context(connect(url))
        tasks: list[str] = []
        for number in range(TASKS):  # begun on each of them
            begun = await direct[number % 3].send("go", wait=False)
            assert isinstance(begun, Task)
            tasks.append(begun.id)
        open_ = [asyncio.Event() for _ in tasks]
        following = [asyncio.create_task(seen(direct[1], task)) for task in tasks for _ in range(2)]
        # these are subscribed at the one that will be killed, and come back elsewhere
        following += [asyncio.create_task(seen(through, task, event)) for task, event in zip(tasks, open_, strict=True)]
        async with asyncio.timeout(20):
            await asyncio.gather(*(event.wait() for event in open_))
        robin.ports[:] = [steady[1]]
        os.kill(doomed[0], signal.SIGKILL)
        os.kill(stopped[0], signal.SIGSTOP)
        midway = [await direct[1].task(task).get() for task in tasks]
        assert not all(task.has_ended for task in midway)
        async with asyncio.timeout(60):
            found = await asyncio.gather(*following)
        os.kill(stopped[0], signal.SIGCONT)
        there = [await direct[2].task(task).get() for task in tasks]
        here = [await direct[1].task(task).get() for task in tasks]
    assert found == [[str(number) for number in range(STEPS)]] * (3 * TASKS)
    assert [task.wire for task in there] == [task.wire for task in here]
    assert {task.state for task in here} == {"TASK_STATE_COMPLETED"}
