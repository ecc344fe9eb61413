"""One SQLite file that is full, locked, damaged, newer, or cannot be written: told exactly, and nothing lost."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.tasks.test_runner import ME, QUICK, end, kind, start
from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.errors import StoreBusy, StoreFull, StoreRefused
from wireproof.tasks.kinds import TaskContext
from wireproof.tasks.opening import open_store
from wireproof.tasks.records import Change, NewTask, Status, TaskRecord
from wireproof.tasks.runner import Runner
from wireproof.tasks.sqlite import SqliteOptions, SqliteStore

HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
database.execute("ROLLBACK")
print("free", flush=True)
sys.stdin.readline()
"""
BIG = {"text": "x" * 60_000}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


async def test_a_full_disk_refuses_the_write_keeps_all_before_and_takes_writes_again_when_there_is_room(
    file: Path,
) -> None:
    kept: list[TaskRecord] = []
    async with await SqliteStore.open(file, SqliteOptions(max_pages=160)) as store:
        with pytest.raises(StoreFull, match="free space and retry"):
            await _fill(store, kept)
        assert 1 < len(kept) < 100
        assert {(await store.get(ME, task.id)).id for task in kept} == {task.id for task in kept}
        await store.delete(ME, kept.pop().id)
        kept.append(await start(store, input=BIG))
    async with open_store(f"sqlite:///{file}") as again:
        page = await again.list_tasks(ME, page_size=100)
        assert {task.id for task in page.records} == {task.id for task in kept}


async def test_a_write_refused_for_want_of_room_takes_no_other_with_it(file: Path) -> None:
    async with await SqliteStore.open(file, SqliteOptions(max_pages=160)) as store:
        small = await start(store)
        outcomes = await asyncio.gather(
            *(start(store, input={"text": "x" * 400_000}) for _ in range(3)),
            store.commit(ME, small.id, Change(events=({"n": 1},)), expected_version=small.version),
            return_exceptions=True,
        )
        assert any(isinstance(outcome, StoreFull) for outcome in outcomes[:3])
        assert not isinstance(outcomes[3], BaseException)
        assert (await store.get(ME, small.id)).version == small.version + 1


async def test_a_file_held_by_another_process_is_busy_for_a_bounded_time_and_free_after(file: Path) -> None:
    async with await SqliteStore.open(file, SqliteOptions(lock_timeout=0.1)) as store:
        task = await start(store)
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(StoreBusy, match="another process holds the database"):
                await asyncio.wait_for(start(store), 5)
            assert (await store.get(ME, task.id)).id == task.id  # readers do not wait for a writer
            holder.stdin.write("\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "free\n"
            assert (await start(store)).version == 1


async def test_a_newer_file_is_refused_and_left_as_it_is(file: Path) -> None:
    async with open_store(f"sqlite:///{file}") as store:
        await start(store)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 999")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = file.read_bytes()
    with pytest.raises(StoreRefused, match=r"has schema 999.*upgrade wireproof or name another file"):
        await open_store(f"sqlite:///{file}")
    assert file.read_bytes() == before


@pytest.mark.parametrize("place", ["header", "middle", "cut"])
async def test_a_damaged_file_is_refused_and_never_made_anew(file: Path, place: str) -> None:
    async with open_store(f"sqlite:///{file}") as store:
        for _ in range(30):
            await start(store, input=BIG)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = file.read_bytes()
    damaged = {
        "header": b"\x00" * 100 + whole[100:],
        "middle": whole[:8192] + b"\xff" * 65536 + whole[8192 + 65536 :],
        "cut": whole[: len(whole) // 2],
    }[place]
    file.write_bytes(damaged)
    with pytest.raises(StoreRefused):
        await open_store(f"sqlite:///{file}")
    assert file.read_bytes() == damaged


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_moves_an_hour_takes_no_lease_and_repeats_no_work(file: Path, hours: int) -> None:
    moved = [1_800_000_000.0]
    attempts, begun, go_on = [], asyncio.Event(), asyncio.Event()

    async def run(task: TaskContext) -> JSONValue:
        attempts.append(task.attempt)
        begun.set()
        await go_on.wait()
        return task.attempt

    async with await SqliteStore.open(file, clock=lambda: moved[0]) as store:
        first = await start(store)
        async with Runner(store, kind(run), QUICK), Runner(store, kind(run), QUICK):
            await asyncio.wait_for(begun.wait(), 10)
            moved[0] += hours * 3600
            later = [await start(store) for _ in range(3)]
            await asyncio.wait_for(_beats(store), 10)
            go_on.set()
            ended = [await end(store, task) for task in (first, *later)]
        assert [(task.status, task.attempt) for task in ended] == [(Status.COMPLETED, 1)] * 4
    assert attempts == [1] * 4


async def _fill(store: SqliteStore, kept: list[TaskRecord]) -> None:
    for _ in range(100):
        kept.append(await start(store, input=BIG))


async def _beats(store: SqliteStore) -> None:
    """Until every worker beat three more times."""
    since = {row.id: row.beat for row in await store.workers()}
    with store.watch_work() as watch:
        while any(row.beat < since.get(row.id, 0) + 3 for row in await store.workers()):
            await watch.wait(0.05)


async def test_a_task_created_before_the_clock_went_back_can_be_worked_on(file: Path) -> None:
    moved = [1_800_000_000.0]

    async def run(_: TaskContext) -> JSONValue:
        return "done"

    async with await SqliteStore.open(file, clock=lambda: moved[0]) as store:
        task = (await store.create(ME, NewTask(kind="k", name="work"))).record
        moved[0] -= 3600
        async with Runner(store, kind(run), QUICK):
            assert (await end(store, task)).result == "done"
