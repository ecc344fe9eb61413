"""The contract of a store as tests that any engine can run: subclass `StoreContract` and give it a `stores` fixture.

The fixture yields a function that opens one more handle on the same, at first empty, store; it closes what it opened.
Needs pytest with asyncio tests enabled (`asyncio_mode = "auto"`); knows no engine.

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def stores(self) -> AsyncIterator[Opener]: ...
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, TypeAlias

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.errors import (
    BadTransition,
    EventsExpired,
    IdempotencyConflict,
    KeyReused,
    LeaseLost,
    StoreUnavailable,
    TaskEnded,
    TaskError,
    TaskNotFound,
    TooMany,
    VersionConflict,
)
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import (
    BROADCAST,
    TERMINAL,
    TRANSITIONS,
    Change,
    Event,
    Filter,
    NewTask,
    Outgoing,
    PageToken,
    Place,
    Retention,
    Scope,
    Status,
    TaskRecord,
)

Opener: TypeAlias = Callable[[], Awaitable[Store]]
"""Opens one more handle on the store under test."""

ME: Final = Scope("issuer|me|", "acme")
OTHER: Final = Scope("issuer|you|", "acme")
ELSEWHERE: Final = Scope("issuer|me|", "umbrella")
HARD_TEXT: Final = "a\x00b\x01\u2028'\"\\|{}é漢\U0001f600"
PATIENCE: Final = 10.0


async def refused(call: Awaitable[object], kind: type[TaskError]) -> TaskError:
    """The error of exactly this kind that the call must end with."""
    try:
        await call
    except kind as failure:
        if not str(failure):
            raise AssertionError(f"{kind.__name__} says nothing") from failure
        return failure
    raise AssertionError(f"nothing was refused; {kind.__name__} was due")


async def start(store: Store, scope: Scope = ME, **fields: object) -> TaskRecord:
    """One new task."""
    new = NewTask(**{"kind": "demo", "name": "work", **fields})  # type: ignore[arg-type]
    return (await store.create(scope, new)).record


async def move(store: Store, record: TaskRecord, fence: int | None = None, **fields: object) -> TaskRecord:
    """One commit on top of a record."""
    change = Change(**fields)  # type: ignore[arg-type]
    outcome = await store.commit(record.scope, record.id, change, expected_version=record.version, fence=fence)
    return outcome.record


async def gather(store: Store, record: TaskRecord, after: int, count: int) -> list[Event]:
    """The next `count` events of a tail."""
    found: list[Event] = []
    async with asyncio.timeout(PATIENCE), aclosing(store.tail(record.scope, record.id, after=after)) as tail:
        async for event in tail:
            found.append(event)
            if len(found) == count:
                break
    return found


class StoreContract:
    """What every engine promises."""

    # Tasks

    async def test_a_created_task_reads_back_whole_from_another_handle(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        made = await start(
            store, context_id="c", input={"a": [1, None, "é"]}, snapshot={"s": 1.5}, event={"e": True}, ttl=60.0
        )
        assert made.version == 1
        assert made.status is Status.SUBMITTED
        assert await other.get(ME, made.id) == made
        assert await gather(other, made, 0, 1) == [Event(1, {"e": True}, made.created_at)]

    async def test_ids_are_unguessable_and_unique(self, stores: Opener) -> None:
        store = await stores()
        ids = {(await start(store)).id for _ in range(50)}
        assert len(ids) == 50
        assert all(len(task_id) >= 27 for task_id in ids)

    async def test_a_task_of_another_owner_or_tenant_is_not_found_by_any_method(self, stores: Opener) -> None:
        store = await stores()
        made = await start(store)
        await store.put_document(ME, made.id, "push", "k", 1)
        for scope in (OTHER, ELSEWHERE):
            for call in (
                store.get(scope, made.id),
                store.commit(scope, made.id, Change(status=Status.WORKING), expected_version=1),
                store.request_cancel(scope, made.id),
                store.delete(scope, made.id),
                store.put_document(scope, made.id, "push", "k", 2),
                store.get_document(scope, made.id, "push", "k"),
                store.list_documents(scope, made.id, "push"),
                store.delete_document(scope, made.id, "push", "k"),
                store.read_events(scope, made.id, after=0),
                store.steps(scope, made.id),
            ):
                failure = await refused(call, TaskNotFound)
                assert failure.args == TaskNotFound(made.id).args
            assert (await store.list_tasks(scope)).records == []
        assert await store.get(ME, made.id) == made

    async def test_malformed_ids_are_simply_not_found(self, stores: Opener) -> None:
        store = await stores()
        for task_id in ("", "nope", "a" * 129, "a\x00b", "../x", "\ud800", "%", "' OR 1=1 --"):
            await refused(store.get(ME, task_id), TaskNotFound)
            await refused(store.request_cancel(ME, task_id), TaskNotFound)

    async def test_names_with_any_character_keep_tasks_apart(self, stores: Opener) -> None:
        store = await stores()
        names = ("a\x00b", "a\\u0000b", "\x01a", '\x01"a"', "a|b", "", HARD_TEXT, "\ud800")
        for name in names:
            await start(store, Scope("o" + name, name), context_id=name, idempotency_key="k" + name)
        for name in names:
            page = await store.list_tasks(Scope("o" + name, name))
            assert [record.context_id for record in page.records] == [name]
            assert page.records[0].scope == Scope("o" + name, name)

    async def test_an_idempotency_key_finds_the_first_task_and_refuses_other_content(self, stores: Opener) -> None:
        store = await stores()
        new = NewTask(kind="demo", name="work", idempotency_key="once", fingerprint="f")
        first = await store.create(ME, new)
        again = await store.create(ME, NewTask(kind="demo", name="work", idempotency_key="once", fingerprint="f"))
        assert first.fresh
        assert again == (first.record, False)
        changed = NewTask(kind="demo", name="work", idempotency_key="once", fingerprint="g")
        await refused(store.create(ME, changed), IdempotencyConflict)
        assert (await store.create(OTHER, NewTask(kind="demo", name="work", idempotency_key="once"))).fresh

    async def test_of_many_creates_with_one_key_exactly_one_is_fresh(self, stores: Opener) -> None:
        handles = [await stores(), await stores()]
        new = [NewTask(kind="demo", name="work", idempotency_key="race") for _ in range(10)]
        outcomes = await asyncio.gather(*(handles[n % 2].create(ME, task) for n, task in enumerate(new)))
        assert [outcome.fresh for outcome in outcomes].count(True) == 1
        assert len({outcome.record.id for outcome in outcomes}) == 1

    # Commits

    async def test_a_commit_writes_snapshot_and_events_at_dense_versions(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        made = await start(store, event="born")
        done = await move(store, made, status=Status.WORKING, snapshot={"n": 1}, events=["a", "b"])
        assert done.version == 3
        assert await other.get(ME, made.id) == done
        events = await gather(other, made, 0, 3)
        assert [(event.version, event.payload) for event in events] == [(1, "born"), (2, "a"), (3, "b")]

    async def test_a_visible_change_without_an_event_appends_an_empty_one(self, stores: Opener) -> None:
        store = await stores()
        made = await start(store)
        done = await move(store, made, status_message="half way")
        assert done.version == 2
        assert (await gather(store, made, 1, 1))[0].payload is None

    async def test_a_change_of_nothing_moves_nothing(self, stores: Opener) -> None:
        store = await stores()
        made = await start(store)
        assert await move(store, made, answers={"never asked": 1}) == made

    async def test_a_commit_at_an_old_version_is_a_conflict_and_writes_nothing(self, stores: Opener) -> None:
        store = await stores()
        made = await start(store)
        now = await move(store, made, events=["one"])
        failure = await refused(move(store, made, events=["two"]), VersionConflict)
        assert isinstance(failure, VersionConflict)
        assert (failure.expected, failure.actual) == (1, 2)
        assert await store.get(ME, made.id) == now

    async def test_of_concurrent_commits_at_one_version_exactly_one_wins(self, stores: Opener) -> None:
        handles = [await stores(), await stores()]
        made = await start(handles[0])
        calls = (move(handles[n % 2], made, events=[n]) for n in range(8))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(outcome, TaskRecord) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, VersionConflict) for outcome in outcomes) == 7

    async def test_the_status_table_is_kept(self, stores: Opener) -> None:
        store = await stores()
        for status, allowed in TRANSITIONS.items():
            for wanted in Status:
                made = await start(store)
                if status is not Status.SUBMITTED:
                    made = await move(store, made, status=status)
                kind = TaskEnded if status in TERMINAL else BadTransition
                if wanted in allowed:
                    assert (await move(store, made, status=wanted)).status is wanted
                else:
                    await refused(move(store, made, status=wanted), kind)

    async def test_the_first_terminal_status_is_for_ever(self, stores: Opener) -> None:
        store = await stores()
        ended = await move(store, await start(store), status=Status.COMPLETED, result={"x": 1})
        changes: tuple[dict[str, Any], ...] = (
            {"status": Status.FAILED},
            {"events": ["late"]},
            {"answers": {"k": 1}},
            {"snapshot": 2},
        )
        for fields in changes:
            await refused(move(store, ended, **fields), TaskEnded)
        assert await store.request_cancel(ME, ended.id) == ended
        assert await store.get(ME, ended.id) == ended

    async def test_a_repeated_nonce_is_a_replay_and_adds_no_event(self, stores: Opener) -> None:
        store = await stores()
        made = await start(store)
        change = Change(status=Status.WORKING, events=["x"], nonce="n1")
        first = await store.commit(ME, made.id, change, expected_version=1)
        again = await store.commit(ME, made.id, change, expected_version=1)
        assert (first.fresh, again.fresh) == (True, False)
        assert again.record.version == 2

    async def test_a_repeated_message_key_is_a_replay_and_other_content_is_refused(self, stores: Opener) -> None:
        store = await stores()
        made = await start(store)
        change = Change(status=Status.WORKING, events=["x"], idempotency_key="message 1", fingerprint="f")
        assert (await store.commit(ME, made.id, change, expected_version=1)).fresh
        assert not (await store.commit(ME, made.id, change, expected_version=1)).fresh
        other = Change(events=["y"], idempotency_key="message 1", fingerprint="g")
        await refused(store.commit(ME, made.id, other, expected_version=2), IdempotencyConflict)
        assert (await store.get(ME, made.id)).version == 2

    # Inputs

    async def test_the_last_answer_sends_the_task_back_to_work_and_keeps_the_answers(self, stores: Opener) -> None:
        store = await stores()
        made = await start(store, queued=False)
        asked = await move(store, made, status=Status.INPUT_REQUIRED, asks={"a": {"q": 1}, "b": {"q": 2}})
        assert asked.pending == {"a": {"q": 1}, "b": {"q": 2}}
        half = await move(store, asked, answers={"a": "yes", "unknown": "no"})
        assert (half.status, half.pending, half.answers) == (Status.INPUT_REQUIRED, {"b": {"q": 2}}, {"a": "yes"})
        whole = await move(store, half, answers={"a": "changed my mind", "b": [2]})
        assert (whole.status, whole.pending, whole.answers) == (Status.WORKING, {}, {"a": "yes", "b": [2]})
        assert await store.get(ME, made.id) == whole

    async def test_an_input_key_names_one_request_for_the_whole_life(self, stores: Opener) -> None:
        store = await stores()
        made = await move(store, await start(store), status=Status.INPUT_REQUIRED, asks={"a": {"q": 1, "r": 2}})
        await refused(move(store, made, asks={"a": {"q": 2}}), KeyReused)
        answered = await move(store, made, answers={"a": 1})
        await refused(move(store, answered, asks={"a": {"q": 2}}), KeyReused)
        again = await move(store, answered, asks={"a": {"r": 2, "q": 1}})
        assert again.pending == {}
        assert again.answers == {"a": 1}

    # Listing

    async def test_listing_pages_through_every_task_once_newest_first(self, stores: Opener) -> None:
        store = await stores()
        for number in range(23):
            await start(store, context_id=f"c{number % 2}")
        await start(store, OTHER)
        seen: list[TaskRecord] = []
        after: PageToken | None = None
        while True:
            page = await store.list_tasks(ME, page_size=5, after=after)
            assert page.total == 23
            seen += page.records
            after = page.next
            if after is None:
                break
        assert len({record.id for record in seen}) == len(seen) == 23
        position = [(record.status_at, record.id) for record in seen]
        assert position == sorted(position, reverse=True)

    async def test_listing_filters_by_context_status_kind_and_time(self, stores: Opener) -> None:
        store = await stores()
        one = await start(store, context_id="x")
        two = await move(store, await start(store, context_id="x"), status=Status.WORKING)
        three = await start(store, kind="special", context_id="y")

        async def ids(**fields: object) -> set[str]:
            page = await store.list_tasks(ME, Filter(**fields))  # type: ignore[arg-type]
            assert page.total == len(page.records)
            return {record.id for record in page.records}

        assert await ids(context_id="x") == {one.id, two.id}
        assert await ids(statuses=frozenset({Status.WORKING})) == {two.id}
        assert await ids(context_id="x", statuses=frozenset({Status.SUBMITTED})) == {one.id}
        assert await ids(kind="special") == {three.id}
        assert await ids(status_after=three.status_at + 1) == set()
        assert one.id in await ids(status_after=one.status_at)

    # Log

    async def test_a_tail_on_another_handle_gets_each_version_once_in_order_and_ends(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        record = await start(store)

        async def follow() -> list[int]:
            async with asyncio.timeout(PATIENCE):
                return [event.version async for event in other.tail(ME, record.id, after=0)]

        followers = [asyncio.create_task(follow()) for _ in range(3)]
        for number in range(40):
            record = await move(store, record, status=Status.WORKING, events=[number])
        record = await move(store, record, status=Status.COMPLETED)
        for versions in await asyncio.gather(*followers):
            assert versions == list(range(1, record.version + 1))

    async def test_a_tail_from_a_cursor_repeats_nothing_and_misses_nothing(self, stores: Opener) -> None:
        store = await stores()
        record = await start(store)
        for number in range(250):
            record = await move(store, record, events=[number])
        assert [event.version for event in await gather(store, record, 7, 244)] == list(range(8, 252))
        assert [event.payload for event in await store.read_events(ME, record.id, after=249, limit=1)] == [248]

    async def test_a_tail_of_an_ended_task_ends_at_once(self, stores: Opener) -> None:
        store = await stores()
        record = await move(store, await start(store), status=Status.COMPLETED)
        async with asyncio.timeout(PATIENCE):
            assert [event async for event in store.tail(ME, record.id, after=record.version)] == []

    async def test_a_tail_of_a_deleted_task_ends_with_not_found(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        record = await start(store)
        waiting = asyncio.create_task(gather(other, record, 1, 1))
        await asyncio.sleep(0)
        await store.delete(ME, record.id)
        await refused(waiting, TaskNotFound)

    async def test_events_gone_by_retention_are_told_not_skipped(self, stores: Opener) -> None:
        store = await stores()
        record = await start(store)
        for number in range(10):
            record = await move(store, record, events=[number])
        await store.sweep(Retention(events_kept=3))
        failure = await refused(store.read_events(ME, record.id, after=2), EventsExpired)
        assert isinstance(failure, EventsExpired)
        assert failure.oldest == 9
        assert [event.version for event in await store.read_events(ME, record.id, after=8)] == [9, 10, 11]

    async def test_a_topic_reaches_every_handle_in_order(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        assert await other.topic_end(BROADCAST, "tools") == 0

        async def follow() -> list[tuple[int, JSONValue]]:
            found: list[tuple[int, JSONValue]] = []
            async with asyncio.timeout(PATIENCE), aclosing(other.tail_topic(BROADCAST, "tools", after=0)) as tail:
                async for entry in tail:
                    found.append((entry.seq, entry.payload))
                    if len(found) == 3:
                        break
            return found

        follower = asyncio.create_task(follow())
        for payload in ("a", {"b": 1}, None):
            await store.publish(BROADCAST, "tools", payload)
        await store.publish(ME, "tools", "another scope")
        assert await follower == [(1, "a"), (2, {"b": 1}), (3, None)]
        assert await store.topic_end(BROADCAST, "tools") == 3

    async def test_sweep_removes_expired_and_long_ended_tasks_only(self, stores: Opener) -> None:
        store = await stores()
        expired = await start(store, ttl=0.0, idempotency_key="k")
        ended = await move(store, await start(store), status=Status.COMPLETED)
        alive = await start(store, ttl=3600.0)
        assert await store.sweep(Retention(ended_age=3600.0)) == 1
        await refused(store.get(ME, expired.id), TaskNotFound)
        assert await store.sweep(Retention(ended_age=0.0)) == 1
        await refused(store.get(ME, ended.id), TaskNotFound)
        assert await store.get(ME, alive.id) == alive
        assert (await store.create(ME, NewTask(kind="demo", name="work", idempotency_key="k"))).fresh

    async def test_a_deleted_task_is_gone_with_all_that_belongs_to_it(self, stores: Opener) -> None:
        store = await stores()
        out = Outgoing(channel="push", key="k", payload=1)
        made = await start(store, outbox=[out], idempotency_key="k")
        await store.delete(ME, made.id)
        await refused(store.get(ME, made.id), TaskNotFound)
        assert (await store.list_tasks(ME)).total == 0
        assert await store.claim_deliveries("push") == []
        await store.enlist("w", 5.0)
        assert await store.claim("w", ["demo"]) == []
        assert (await store.create(ME, NewTask(kind="demo", name="work", idempotency_key="k"))).fresh

    # Documents

    async def test_documents_are_kept_per_task_and_collection_up_to_a_limit(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        made = await start(store)
        for key in ("b", "a", HARD_TEXT):
            await store.put_document(ME, made.id, "push", key, {"url": key}, limit=3)
        await store.put_document(ME, made.id, "push", "a", {"url": "new"}, limit=3)
        await store.put_document(ME, made.id, "notes", "a", 1)
        await refused(store.put_document(ME, made.id, "push", "c", 1, limit=3), TooMany)
        found = await other.list_documents(ME, made.id, "push")
        assert found == {HARD_TEXT: {"url": HARD_TEXT}, "a": {"url": "new"}, "b": {"url": "b"}}
        assert list(found) == sorted(found)
        assert await other.get_document(ME, made.id, "push", "a") == {"url": "new"}
        assert await other.get_document(ME, made.id, "push", "zzz") is None
        assert await other.delete_document(ME, made.id, "push", "a")
        assert not await other.delete_document(ME, made.id, "push", "a")
        assert (await other.get(ME, made.id)).version == made.version

    # Queue

    async def test_each_ready_task_is_claimed_once(self, stores: Opener) -> None:
        handles = [await stores(), await stores()]
        ids = {(await start(handles[0])).id for _ in range(20)}
        for number, handle in enumerate(handles):
            await handle.enlist(f"w{number}", 5.0)
        rounds = await asyncio.gather(*(handles[n % 2].claim(f"w{n % 2}", ["demo"], limit=5) for n in range(6)))
        claimed = [lease.record.id for leases in rounds for lease in leases]
        assert len(claimed) == 20
        assert set(claimed) == ids

    async def test_a_claim_takes_owners_in_turn(self, stores: Opener) -> None:
        store = await stores()
        for owner, count in (("a", 5), ("b", 1), ("c", 2)):
            for _ in range(count):
                await start(store, Scope(owner))
        await store.enlist("w", 5.0)
        leases = await store.claim("w", ["demo"], limit=8, after_owner="a")
        assert [lease.record.scope.owner for lease in leases] == ["b", "c", "a", "c", "a", "a", "a", "a"]

    async def test_only_asked_kinds_and_queued_tasks_are_claimed(self, stores: Opener) -> None:
        store = await stores()
        await start(store, kind="other")
        await start(store, queued=False)
        mine = await start(store)
        await store.enlist("w", 5.0)
        assert [lease.record.id for lease in await store.claim("w", ["demo"], limit=5)] == [mine.id]

    async def test_an_unknown_worker_can_neither_claim_nor_beat(self, stores: Opener) -> None:
        store = await stores()
        await start(store)
        await refused(store.claim("nobody", ["demo"]), LeaseLost)
        await refused(store.beat("nobody"), LeaseLost)

    async def test_a_stale_holder_is_fenced_off_by_the_store(self, stores: Opener) -> None:
        store = await stores()
        await start(store)
        await store.enlist("slow", 5.0)
        (stale,) = await store.claim("slow", ["demo"])
        assert stale.fence == stale.record.attempt == 1
        (row,) = await store.workers()
        assert await store.bury("slow", row.beat) == 1
        await store.enlist("fast", 5.0)
        (lease,) = await store.claim("fast", ["demo"])
        assert (lease.fence, lease.record.interruptions) == (2, 1)
        task_id, version = stale.record.id, lease.record.version
        change = Change(status=Status.COMPLETED)
        for call in (
            store.commit(ME, task_id, change, expected_version=version, fence=stale.fence),
            store.record_step(ME, task_id, stale.fence, "s", 1),
            store.release(ME, task_id, stale.fence),
            store.beat("slow"),
            store.claim("slow", ["demo"]),
        ):
            await refused(call, LeaseLost)
        done = await store.commit(ME, task_id, change, expected_version=version, fence=lease.fence)
        assert done.record.place is Place.DONE

    async def test_a_worker_that_beat_meanwhile_is_not_buried(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        await start(store)
        await store.enlist("w", 5.0)
        (lease,) = await store.claim("w", ["demo"])
        (row,) = await other.workers()
        await store.beat("w")
        assert await other.bury("w", row.beat) == 0
        assert (await move(store, lease.record, fence=lease.fence, status=Status.COMPLETED)).is_terminal

    async def test_a_released_task_is_claimed_again_after_its_delay(self, stores: Opener) -> None:
        store = await stores()
        await start(store)
        await store.enlist("w", 5.0)
        (lease,) = await store.claim("w", ["demo"])
        back = await store.release(ME, lease.record.id, lease.fence, delay=3600.0, failed=True)
        assert back.failures == 1
        assert await store.claim("w", ["demo"]) == []
        await start(store)
        (other,) = await store.claim("w", ["demo"])
        await store.release(ME, other.record.id, other.fence)
        (again,) = await store.claim("w", ["demo"])
        assert (again.record.id, again.fence) == (other.record.id, 2)

    async def test_a_parked_task_is_claimed_only_when_answered(self, stores: Opener) -> None:
        store = await stores()
        await start(store)
        await store.enlist("w", 5.0)
        (lease,) = await store.claim("w", ["demo"])
        asked = await move(store, lease.record, fence=1, status=Status.INPUT_REQUIRED, asks={"k": 1})
        parked = await store.release(ME, asked.id, 1, parked=True)
        assert parked.place is Place.PARKED
        assert await store.claim("w", ["demo"]) == []
        await move(store, parked, answers={"k": "v"})
        (again,) = await store.claim("w", ["demo"])
        assert (again.fence, again.record.answers) == (2, {"k": "v"})

    async def test_parking_a_task_that_was_answered_meanwhile_makes_it_ready(self, stores: Opener) -> None:
        store = await stores()
        await start(store)
        await store.enlist("w", 5.0)
        (lease,) = await store.claim("w", ["demo"])
        asked = await move(store, lease.record, fence=1, status=Status.INPUT_REQUIRED, asks={"k": 1})
        await move(store, asked, answers={"k": "v"})
        assert (await store.release(ME, asked.id, 1, parked=True)).place is Place.READY

    async def test_a_dead_workers_waiting_task_stays_parked_and_is_not_counted_interrupted(
        self, stores: Opener
    ) -> None:
        store = await stores()
        await start(store)
        await store.enlist("w", 5.0)
        (lease,) = await store.claim("w", ["demo"])
        await move(store, lease.record, fence=1, status=Status.INPUT_REQUIRED, asks={"k": 1})
        await store.bury("w", 1)
        record = await store.get(ME, lease.record.id)
        assert (record.place, record.interruptions) == (Place.PARKED, 0)

    async def test_cancel_and_answers_of_others_draw_the_holders_attention_once(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        await start(store)
        await store.enlist("w", 5.0)
        (lease,) = await store.claim("w", ["demo"])
        assert await store.attention("w") == []
        async with asyncio.timeout(PATIENCE):
            with store.watch_attention("w") as watch:
                await other.request_cancel(ME, lease.record.id)
                while not (found := await store.attention("w")):
                    await watch.wait(PATIENCE)
        assert [(record.id, record.cancel_requested) for record in found] == [(lease.record.id, True)]
        assert await store.attention("w") == []
        await move(other, found[0], status=Status.CANCELED)
        (ended,) = await store.attention("w")
        assert ended.status is Status.CANCELED

    async def test_a_cancel_of_a_waiting_task_sends_it_to_a_worker(self, stores: Opener) -> None:
        store = await stores()
        await start(store)
        await store.enlist("w", 5.0)
        (lease,) = await store.claim("w", ["demo"])
        await move(store, lease.record, fence=1, status=Status.INPUT_REQUIRED, asks={"k": 1})
        await store.release(ME, lease.record.id, 1, parked=True)
        await store.request_cancel(ME, lease.record.id)
        (again,) = await store.claim("w", ["demo"])
        assert again.record.cancel_requested

    async def test_new_work_wakes_a_waiting_worker_on_another_handle(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        await other.enlist("w", 5.0)
        async with asyncio.timeout(PATIENCE):
            with other.watch_work() as watch:
                assert await other.claim("w", ["demo"]) == []
                await start(store)
                while not await other.claim("w", ["demo"]):
                    assert await watch.wait(PATIENCE)

    async def test_a_step_keeps_its_first_value(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        await start(store)
        await store.enlist("w", 5.0)
        (lease,) = await store.claim("w", ["demo"])
        task_id = lease.record.id
        assert await store.record_step(ME, task_id, 1, "s", {"v": 1}) == {"v": 1}
        assert await store.record_step(ME, task_id, 1, "s", {"v": 2}) == {"v": 1}
        assert await store.record_step(ME, task_id, 1, HARD_TEXT, None) is None
        assert await other.steps(ME, task_id) == {"s": {"v": 1}, HARD_TEXT: None}
        await move(store, lease.record, fence=1, status=Status.COMPLETED)
        await refused(store.record_step(ME, task_id, 1, "t", 1), TaskEnded)

    # Outbox

    async def test_an_outbox_entry_is_enqueued_with_its_commit_and_only_with_it(self, stores: Opener) -> None:
        store = await stores()
        made = await start(store)
        out = Outgoing(channel="push", key="k", payload={"n": 1})
        await refused(
            store.commit(ME, made.id, Change(events=["x"], outbox=[out]), expected_version=9), VersionConflict
        )
        assert await store.claim_deliveries("push") == []
        await move(store, made, events=["x"], outbox=[out])
        (delivery,) = await store.claim_deliveries("push")
        assert (delivery.scope, delivery.task_id, delivery.version) == (ME, made.id, 2)
        assert (delivery.key, delivery.payload, delivery.attempt) == ("k", {"n": 1}, 1)
        assert await store.claim_deliveries("other") == []

    async def test_deliveries_to_one_receiver_keep_their_order(self, stores: Opener) -> None:
        store = await stores()
        record = await start(store)
        for number in range(3):
            out = [Outgoing(channel="push", key=key, payload=[key, number]) for key in ("a", "b")]
            record = await move(store, record, events=[number], outbox=out)
        got: list[JSONValue] = []
        for _ in range(3):
            deliveries = await store.claim_deliveries("push")
            assert {delivery.key for delivery in deliveries} == {"a", "b"}
            assert await store.claim_deliveries("push") == []
            got += [delivery.payload for delivery in deliveries]
            for delivery in deliveries:
                assert await store.acknowledge(delivery)
        assert sorted(got) == [[key, number] for key in ("a", "b") for number in range(3)]
        assert await store.claim_deliveries("push") == []

    async def test_an_unacknowledged_delivery_comes_again_and_the_old_claim_is_void(self, stores: Opener) -> None:
        store, other = await stores(), await stores()
        await start(store, outbox=[Outgoing(channel="push", key="k", payload=1)])
        (lost,) = await store.claim_deliveries("push", lease=0.0)
        (again,) = await other.claim_deliveries("push", lease=60.0)
        assert (again.id, again.attempt) == (lost.id, 2)
        assert not await store.acknowledge(lost)
        assert not await store.retry_delivery(lost, 0.0)
        assert await other.retry_delivery(again, 3600.0)
        assert await store.claim_deliveries("push") == []

    # Ends

    async def test_a_closed_store_says_so(self, stores: Opener) -> None:
        store = await stores()
        record = await start(store)
        waiting = asyncio.create_task(gather(store, record, 1, 1))
        await asyncio.sleep(0)
        await store.aclose()
        await store.aclose()
        await refused(waiting, StoreUnavailable)
        await refused(store.get(ME, record.id), StoreUnavailable)
        await refused(start(store), StoreUnavailable)
