"""Eight processes and fifty writers on one store: what was acknowledged is there, once, in order, and ends once."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.replicas.writer import KIND, OWNER
from tests.tasks.conftest import POSTGRES, REDIS, drop_prefix, drop_schema, need
from wireproof.tasks.opening import open_store
from wireproof.tasks.records import NewTask

PROCESSES, WRITERS, ROUNDS, TASKS, LEASED = 8, [7, 7, 6, 6, 6, 6, 6, 6], 25, 12, 6
ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    name = f"t_{secrets.token_hex(6)}"
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/history.db?lock_timeout=30"
    elif request.param == "postgresql":
        need("PostgreSQL", 5432)
        yield f"{POSTGRES}?schema={name}"
        await drop_schema(name)
    else:
        need("Redis", 6379)
        yield f"{REDIS}?prefix={name}"
        await drop_prefix(name)


async def run(url: str, name: str, writers: int, tasks: list[str]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.replicas.writer", url, name, str(writers), str(ROUNDS), *tasks]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, cwd=ROOT)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2000:]
    return [json.loads(line) for line in out.splitlines()]


async def test_no_update_is_lost_no_end_is_undone_and_no_lease_is_held_twice(url: str) -> None:
    assert (len(WRITERS), sum(WRITERS)) == (PROCESSES, 50)
    async with open_store(url) as store:
        shared = [NewTask(kind="history", name="shared", queued=False) for _ in range(TASKS)]
        leased = [NewTask(kind=KIND, name="leased") for _ in range(LEASED)]
        tasks = [(await store.create(OWNER, new)).record.id for new in shared]
        for new in leased:
            await store.create(OWNER, new)
        told = await asyncio.gather(*(run(url, str(n), WRITERS[n], tasks) for n in range(PROCESSES)))
        facts = [fact for process in told for fact in process]
        commits = [fact for fact in facts if fact["kind"] == "commit"]
        assert len(commits) > 200
        for task in tasks:
            record = await store.get(OWNER, task)
            log = await store.read_events(OWNER, task, after=0, limit=5000)
            mine = {fact["version"]: fact for fact in commits if fact["task"] == task}
            assert [event.version for event in log] == list(range(1, record.version + 1))
            assert len(mine) == sum(fact["task"] == task for fact in commits) == len(log) - 1
            assert {event.version: event.payload for event in log[1:]} == {v: f["event"] for v, f in mine.items()}
            ends = [version for version, fact in mine.items() if fact["ends"]]
            assert ends == ([record.version] if record.is_terminal else [])
        leases = Counter((fact["task"], fact["fence"]) for fact in facts if fact["kind"] == "lease")
        assert leases
        assert set(leases.values()) == {1}
        for new in leased:
            log = await store.read_events(OWNER, new.id, after=0, limit=5000)
            fences = [event.payload["fence"] for event in log[1:]]
            assert fences == sorted(set(fences))
            acknowledged = sorted(f["fence"] for f in facts if f["kind"] == "fenced" and f["task"] == new.id)
            assert fences == acknowledged
