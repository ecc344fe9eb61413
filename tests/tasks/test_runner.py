"""How tasks are run: bounded, fair, fenced, stopped, retried, resumed, and asked."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.tasks.conftest import POSTGRES, REDIS, drop_prefix, drop_schema, need
from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.errors import IdempotencyConflict, LeaseLost, VersionConflict
from wireproof.tasks.kinds import Kind, Retry, TaskContext
from wireproof.tasks.opening import open_store
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import Change, NewTask, Retention, Scope, Status, TaskRecord
from wireproof.tasks.runner import Runner, RunnerOptions

ME, YOU = Scope("issuer|me|"), Scope("issuer|you|")
PATIENCE = 10.0
QUICK = RunnerOptions(workers=2, lease=1.0, poll=0.05, sweep=0.05, drain=1.0)

Run = Callable[[TaskContext], Awaitable[JSONValue]]


@asynccontextmanager
async def address(engine: str, folder: Path) -> AsyncGenerator[str]:
    """A store of its own."""
    name = f"t_{secrets.token_hex(6)}"
    if engine == "postgres":
        need("PostgreSQL", 5432)
        yield f"{POSTGRES}?schema={name}"
        await drop_schema(name)
    elif engine == "redis":
        need("Redis", 6379)
        yield f"{REDIS}?prefix={name}"
        await drop_prefix(name)
    else:
        yield "memory://" if engine == "memory" else f"sqlite:///{folder}/tasks.db"


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with address(request.param, tmp_path) as url, open_store(url) as opened:
        yield opened


async def start(store: Store, scope: Scope = ME, **fields: object) -> TaskRecord:
    new = NewTask(**{"kind": "k", "name": "work", **fields})  # type: ignore[arg-type]
    return (await store.create(scope, new)).record


async def until(store: Store, record: TaskRecord, true: Callable[[TaskRecord], bool]) -> TaskRecord:
    """The task once something is true of it."""
    async with asyncio.timeout(PATIENCE):
        with store.watch_task(record.id) as watch:
            while not true(found := await store.get(record.scope, record.id)):
                await watch.wait(0.2)
    return found


async def end(store: Store, record: TaskRecord) -> TaskRecord:
    return await until(store, record, lambda found: found.is_terminal)


async def answer(store: Store, record: TaskRecord, **answers: JSONValue) -> None:
    while True:
        asked = await until(store, record, lambda found: set(answers) <= set(found.pending))
        with suppress(VersionConflict):
            await store.commit(record.scope, record.id, Change(answers=answers), expected_version=asked.version)
            return


async def soon(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.005)


def kind(run: Run, **fields: object) -> list[Kind]:
    return [Kind(name="k", run=run, **fields)]  # type: ignore[arg-type]


async def test_no_more_functions_run_at_once_than_there_are_workers(store: Store) -> None:
    now, most = 0, 0

    async def run(_: TaskContext) -> JSONValue:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0.005)
        now -= 1
        return None

    tasks = [await start(store) for _ in range(12)]
    async with Runner(store, kind(run), QUICK):
        assert {(await end(store, task)).status for task in tasks} == {Status.COMPLETED}
    assert most == QUICK.workers


async def test_an_owner_with_few_tasks_does_not_wait_behind_one_with_many(store: Store) -> None:
    order: list[str] = []

    async def run(task: TaskContext) -> JSONValue:
        order.append(task.scope.owner)
        return None

    many = [await start(store) for _ in range(40)]
    few = [await start(store, YOU) for _ in range(3)]
    async with Runner(store, kind(run), QUICK):
        for task in (*few, *many):
            await end(store, task)
    assert max(index for index, owner in enumerate(order) if owner == YOU.owner) < 10


async def test_the_store_fences_off_a_holder_whose_lease_was_taken_over(store: Store) -> None:
    task = await start(store)
    await store.enlist("stale", 1.0)
    (old,) = await store.claim("stale", ["k"])
    (row,) = await store.workers()
    assert await store.bury("stale", row.beat) == 1
    await store.enlist("new", 1.0)
    (new,) = await store.claim("new", ["k"])
    assert new.fence > old.fence
    late = Change(status=Status.COMPLETED)
    for call in (
        store.commit(ME, task.id, late, expected_version=new.record.version, fence=old.fence),
        store.record_step(ME, task.id, old.fence, "s", 1),
        store.release(ME, task.id, old.fence),
    ):
        with pytest.raises(LeaseLost):
            await call
    await store.commit(ME, task.id, late, expected_version=new.record.version, fence=new.fence)


async def test_a_runner_taken_for_dead_stops_its_code_and_works_on_under_a_new_name(store: Store) -> None:
    attempts: list[int] = []

    async def run(task: TaskContext) -> JSONValue:
        attempts.append(task.attempt)
        if task.attempt == 1:
            await asyncio.Event().wait()
        return task.attempt

    task = await start(store)
    async with Runner(store, kind(run), QUICK) as runner:
        await soon(lambda: attempts == [1])
        lost = runner.worker
        row = next(row for row in await store.workers() if row.id == lost)
        while not await store.bury(lost, row.beat):
            row = next(row for row in await store.workers() if row.id == lost)
        assert (await end(store, task)).result == 2
        assert runner.worker != lost
        await soon(lambda: runner.running == 0)


async def test_a_cancellation_reaches_running_code_within_100_ms(store: Store) -> None:
    running, reached = asyncio.Event(), asyncio.Event()

    async def run(_: TaskContext) -> JSONValue:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            reached.set()
        return None

    patient = RunnerOptions(workers=1, poll=5.0)
    task = await start(store)
    async with Runner(store, kind(run), patient):
        await asyncio.wait_for(running.wait(), PATIENCE)
        since = time.monotonic()
        await store.request_cancel(ME, task.id)
        await asyncio.wait_for(reached.wait(), PATIENCE)
        assert time.monotonic() - since < 0.1
        ended = await end(store, task)
    assert (ended.status, ended.reason) == (Status.CANCELED, "canceled")


async def test_a_time_limit_counts_running_and_not_waiting_for_answers(store: Store) -> None:
    async def run(task: TaskContext) -> JSONValue:
        if task.record.name == "waits":
            return await task.ask("q", 1)
        await asyncio.Event().wait()
        return None

    async with Runner(store, kind(run, time_limit=0.2), QUICK):
        waits, slow = await start(store, name="waits"), await start(store)
        ended = await end(store, slow)
        assert (ended.status, ended.reason) == (Status.FAILED, "time_limit")
        await end(store, await start(store))
        await answer(store, waits, q="late")
        assert (await end(store, waits)).result == "late"


async def test_a_failed_attempt_is_repeated_as_often_as_the_policy_says(store: Store) -> None:
    async def run(task: TaskContext) -> JSONValue:
        if task.record.name == "heals" and task.attempt == 3:
            return task.attempt
        raise ValueError("secret")

    async with Runner(store, kind(run, retry=Retry(failures=3, delay=0.01)), QUICK):
        heals, never = await start(store, name="heals"), await start(store)
        assert (await end(store, heals)).result == 3
        ended = await end(store, never)
    assert (ended.status, ended.reason, ended.attempt) == (Status.FAILED, "error", 3)
    assert "secret" not in str(ended.error)


async def test_an_idempotency_key_runs_its_task_once(store: Store) -> None:
    ran: list[str] = []

    async def run(task: TaskContext) -> JSONValue:
        ran.append(task.record.id)
        return None

    async with Runner(store, kind(run), QUICK):
        tasks = {(await start(store, idempotency_key="x", fingerprint="f")).id for _ in range(5)}
        task = await start(store, idempotency_key="x", fingerprint="f")
        await end(store, task)
        with pytest.raises(IdempotencyConflict):
            await start(store, idempotency_key="x", fingerprint="g")
    assert ran == [task.id] == list(tasks)


@pytest.mark.parametrize("resumes", [True, False])
async def test_a_task_whose_runner_closed_is_resumed_or_fails_as_interrupted(store: Store, resumes: bool) -> None:
    running = asyncio.Event()

    async def run(task: TaskContext) -> JSONValue:
        running.set()
        if task.attempt == 1:
            await asyncio.Event().wait()
        return task.attempt

    retry = Retry(interruptions=3 if resumes else 0)
    stops = RunnerOptions(workers=1, poll=0.05, drain=0.05)
    task = await start(store)
    async with Runner(store, kind(run, retry=retry), stops):
        await asyncio.wait_for(running.wait(), PATIENCE)
    async with Runner(store, kind(run, retry=retry), stops):
        ended = await end(store, task)
    wanted = (Status.COMPLETED, 2, "") if resumes else (Status.FAILED, None, "interrupted")
    assert (ended.status, ended.result, ended.reason) == wanted


async def test_a_question_is_asked_once_and_its_answer_replayed_after_a_restart(store: Store) -> None:
    reached = asyncio.Event()

    async def run(task: TaskContext) -> JSONValue:
        got = await task.ask("q", {"text": "?"})
        reached.set()
        if task.attempt == 2:
            await asyncio.Event().wait()
        return got

    stops = RunnerOptions(workers=1, poll=0.05, drain=0.05)
    task = await start(store)
    async with Runner(store, kind(run), stops):
        asked = await until(store, task, lambda found: bool(found.pending))
    await answer(store, task, q="yes")
    async with Runner(store, kind(run), stops):
        await asyncio.wait_for(reached.wait(), PATIENCE)
    async with Runner(store, kind(run), stops):
        ended = await end(store, task)
    assert (ended.result, ended.attempt, ended.asked) == ("yes", 3, asked.asked)


async def test_waiting_for_an_answer_takes_no_worker(store: Store) -> None:
    async def run(task: TaskContext) -> JSONValue:
        return await task.ask("q", 1) if task.record.name == "waits" else "done"

    async with Runner(store, kind(run), QUICK):
        waiting = [await start(store, name="waits") for _ in range(3 * QUICK.workers)]
        for task in waiting:
            await until(store, task, lambda found: bool(found.pending))
        assert (await end(store, await start(store))).result == "done"


async def test_an_answered_branch_that_ended_takes_no_worker_while_others_wait(store: Store) -> None:
    woken = asyncio.Event()

    async def run(task: TaskContext) -> JSONValue:
        if task.record.name == "plain":
            return "done"

        async def first() -> JSONValue:
            got = await task.ask("a", 1)
            woken.set()
            return got

        return list(await asyncio.gather(first(), task.ask("b", 2)))

    async with Runner(store, kind(run), RunnerOptions(workers=1, poll=0.05)):
        both = await start(store)
        await answer(store, both, a="A")
        await asyncio.wait_for(woken.wait(), PATIENCE)
        assert (await end(store, await start(store, name="plain"))).result == "done"
        await answer(store, both, b="B")
        assert (await end(store, both)).result == ["A", "B"]
        for plain in [await start(store, name="plain") for _ in range(3)]:
            assert (await end(store, plain)).result == "done"


@pytest.mark.parametrize("way", ["delete", "ttl"])
async def test_the_code_of_a_task_that_was_removed_is_stopped(store: Store, way: str) -> None:
    running, stopped = asyncio.Event(), asyncio.Event()

    async def run(_: TaskContext) -> JSONValue:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return None

    async with Runner(store, kind(run), QUICK) as runner:
        task = await start(store, ttl=0.3 if way == "ttl" else None)
        await asyncio.wait_for(running.wait(), PATIENCE)
        if way == "delete":
            await store.delete(ME, task.id)
        await asyncio.wait_for(stopped.wait(), PATIENCE)
        await soon(lambda: runner.running == 0)
    assert await store.sweep(Retention()) == 0


@pytest.mark.parametrize("engine", ["sqlite", "postgres", "redis"])
async def test_an_answer_and_a_cancellation_reach_a_runner_on_another_handle_by_hints(
    engine: str, tmp_path: Path
) -> None:
    working, stopped = asyncio.Event(), asyncio.Event()

    async def run(task: TaskContext) -> JSONValue:
        await task.ask("q", 1)
        working.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return None

    patient = RunnerOptions(workers=1, poll=5.0)
    async with (
        address(engine, tmp_path) as url,
        open_store(url) as here,
        open_store(url) as there,
        Runner(here, kind(run), patient),
    ):
        task = await start(there)
        await answer(there, task, q="go")
        await asyncio.wait_for(working.wait(), 2.0)
        since = time.monotonic()
        await there.request_cancel(ME, task.id)
        await asyncio.wait_for(stopped.wait(), 2.0)
        assert time.monotonic() - since < 0.1
        assert (await end(there, task)).status is Status.CANCELED
