"""PostgreSQL and Redis that go away, come back, or hold what a stopped process left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.tasks.faults.gate import Gate, gated
from tests.tasks.test_runner import ME, PATIENCE, QUICK, address, end, kind, start, until
from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.errors import StoreRefused, StoreUnavailable
from wireproof.tasks.kinds import TaskContext
from wireproof.tasks.opening import open_store
from wireproof.tasks.records import Change, Status
from wireproof.tasks.runner import Runner

PORTS = {"postgres": 5432, "redis": 6379}


@asynccontextmanager
async def behind_gate(engine: str, folder: Path) -> AsyncGenerator[tuple[str, str, Gate]]:
    """The address, the same behind a gate, and the gate."""
    async with address(engine, folder) as url, gated(url, PORTS[engine]) as (shut, gate):
        yield url, shut, gate


@pytest.fixture(params=["postgres", "redis"])
async def lossy(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, str, Gate]]:
    async with behind_gate(request.param, tmp_path) as given:
        yield given


async def test_calls_to_a_lost_server_fail_typed_and_the_same_handle_works_again(
    lossy: tuple[str, str, Gate],
) -> None:
    _, url, gate = lossy
    async with open_store(url) as store:
        task = await start(store)
        gate.shut()
        for call in (store.get(ME, task.id), store.request_cancel(ME, task.id), store.list_tasks(ME), start(store)):
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(call, PATIENCE)  # type: ignore[arg-type]
        gate.open()
        async with asyncio.timeout(PATIENCE):
            assert (await store.get(ME, task.id)).id == task.id


async def test_work_that_lost_its_server_goes_on_when_it_is_back_and_loses_nothing(
    lossy: tuple[str, str, Gate],
) -> None:
    direct, url, gate = lossy
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def run(task: TaskContext) -> JSONValue:
        await task.emit({"n": 1})
        begun.set()
        await go_on.wait()
        await task.emit({"n": 2})
        return task.attempt

    async with open_store(direct) as near, open_store(url) as far:
        running = await start(near)
        async with Runner(far, kind(run), QUICK):
            await asyncio.wait_for(begun.wait(), PATIENCE)
            gate.shut()
            go_on.set()
            queued = await start(near)
            gate.open()
            ended = [await end(near, task) for task in (running, queued)]
        assert [task.status for task in ended] == [Status.COMPLETED] * 2
        for task in ended:
            events = [event async for event in near.tail(ME, task.id, after=0)]
            assert [event.version for event in events] == list(range(1, task.version + 1))
            told = [event.payload for event in events if event.payload in ({"n": 1}, {"n": 2})]
            assert told[-2:] == [{"n": 1}, {"n": 2}]
            assert len(told) <= 2 * task.attempt


async def test_a_reader_that_lost_its_server_is_told_and_goes_on_from_its_cursor(
    lossy: tuple[str, str, Gate],
) -> None:
    direct, url, gate = lossy
    async with open_store(direct) as near, open_store(url) as far:
        task = await start(near)
        tail = far.tail(ME, task.id, after=0)
        seen = [(await asyncio.wait_for(anext(tail), PATIENCE)).version]
        gate.shut()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(anext(tail), 3 * PATIENCE)
        record = (await near.commit(ME, task.id, Change(events=({"n": 1},)), expected_version=task.version)).record
        await near.commit(ME, task.id, Change(status=Status.CANCELED), expected_version=record.version)
        gate.open()
        async with asyncio.timeout(PATIENCE):
            seen += [event.version async for event in far.tail(ME, task.id, after=seen[-1])]
        assert seen == [1, 2, 3]


async def test_a_stopped_process_in_the_middle_of_a_statement_frees_its_rows_in_seconds(tmp_path: Path) -> None:
    async with (
        behind_gate("postgres", tmp_path) as (direct, url, gate),
        open_store(direct) as near,
        open_store(url) as stopped,
    ):
        task = await start(near)
        gate.freezes = lambda data: b"UPDATE tasks" in data  # announced, not yet run: the row is locked
        writing = asyncio.create_task(
            stopped.commit(ME, task.id, Change(events=({"n": 1},)), expected_version=task.version)
        )
        await asyncio.wait_for(gate.frozen.wait(), PATIENCE)
        change = Change(status=Status.CANCELED)
        async with asyncio.timeout(9):
            await near.commit(ME, task.id, change, expected_version=task.version)
        gate.shut()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(writing, 2 * PATIENCE)
        assert (await until(near, task, lambda found: found.is_terminal)).status is Status.CANCELED


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    import asyncpg

    async with address("postgres", tmp_path) as url:
        async with open_store(url) as store:
            await start(store)
        base, schema = url.split("?schema=")
        connection = await asyncpg.connect(base)
        try:
            await connection.execute(f"UPDATE {schema}.schema_version SET version = 999")
            with pytest.raises(StoreRefused, match=r"has version 999.*upgrade wireproof"):
                await open_store(url)
            assert await connection.fetchval(f"SELECT version FROM {schema}.schema_version") == 999
            assert await connection.fetchval(f"SELECT count(*) FROM {schema}.tasks") == 1
        finally:
            await connection.close()


async def test_newer_data_in_redis_are_refused_and_left_alone(tmp_path: Path) -> None:
    import redis.asyncio as aioredis

    async with address("redis", tmp_path) as url:
        async with open_store(url) as store:
            await start(store)
        base, prefix = url.split("?prefix=")
        async with aioredis.from_url(base) as client:
            (schema,) = [key async for key in client.scan_iter(match="{" + prefix + "}:schema*")]
            await client.set(schema, 999)
            with pytest.raises(StoreRefused, match=r"has schema 999.*upgrade"):
                await open_store(url)
            assert await client.get(schema) == b"999"
