"""Three server processes on one store: one is killed, one is stopped and comes back, and no task suffers."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.mcp_tools.tasks.jobs import SECRET
from tests.mcp_tools.tasks.test_over_http import request, serving, until
from tests.tasks.conftest import POSTGRES, REDIS, drop_prefix, drop_schema, need

TASKS = 24
STEPS = 5
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(params=["postgresql", "redis"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    name = f"t_{secrets.token_hex(6)}"
    if request.param == "postgresql":
        need("PostgreSQL", 5432)
        yield f"{POSTGRES}?schema={name}"
        await drop_schema(name)
    else:
        need("Redis", 6379)
        yield f"{REDIS}?prefix={name}"
        await drop_prefix(name)


async def start(http: httpx2.AsyncClient) -> str:
    answer = await http.post(**request("tools/call", "walk", name="walk", arguments={"steps": STEPS}))
    return answer.json()["result"]["taskId"]  # type: ignore[no-any-return]


async def get(http: httpx2.AsyncClient, id_: str) -> dict[str, Any]:
    answer = await http.post(**request("tasks/get", id_, taskId=id_))
    return answer.json()["result"]  # type: ignore[no-any-return]


async def test_tasks_outlive_a_killed_and_a_stopped_replica(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger"
    monkeypatch.setenv("LEDGER", str(ledger))
    monkeypatch.setenv("WIREPROOF_KEYRING", SECRET)
    with ExitStack() as stack:
        replicas = [stack.enter_context(serving(url)) for _ in range(3)]
        async with (
            httpx2.AsyncClient(base_url=replicas[0][0], timeout=60) as first,
            httpx2.AsyncClient(base_url=replicas[1][0], timeout=60) as second,
            httpx2.AsyncClient(base_url=replicas[2][0], timeout=60) as third,
        ):
            ids = [await start(http) for http in (first, second, third) for _ in range(TASKS // 3)]
            following = [asyncio.create_task(until(second, id_, status="completed")) for id_ in ids]
            os.kill(replicas[0][1].pid, signal.SIGKILL)
            os.kill(replicas[2][1].pid, signal.SIGSTOP)
            ended = await asyncio.wait_for(asyncio.gather(*following), 120)
            before = [await get(second, id_) for id_ in ids]
            os.kill(replicas[2][1].pid, signal.SIGCONT)
            after = [await get(third, id_) for id_ in ids]
    for id_, task in zip(ids, ended, strict=True):
        keys = [f"{id_}/{number}" for number in range(STEPS)]
        assert task["result"].get("structuredContent") == {"result": keys}, task
    assert [task["status"] for task in before] == ["completed"] * TASKS
    assert after == before
    rows = Counter(ledger.read_text().splitlines())
    assert set(rows) == {f"{id_}/{number}" for id_ in ids for number in range(STEPS)}
    assert max(rows.values()) <= 2  # a step whose replica went away before it was recorded is repeated with its key
    assert sum(rows.values()) <= len(rows) + 2 * TASKS
