"""Whatever callers, workers and undertakers do in whatever order, a task's life keeps its rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.errors import BadTransition, KeyReused, LeaseLost, TaskEnded, VersionConflict
from wireproof.tasks.memory import MemoryStore
from wireproof.tasks.records import TRANSITIONS, Change, Event, NewTask, Place, Scope, Status, TaskRecord

T = TypeVar("T")

ME = Scope("issuer|me|")
KEYS = st.sampled_from(["a", "b", "c"])
STATUSES = st.sampled_from([*4 * [None, Status.WORKING, Status.INPUT_REQUIRED], *Status])
LIVE = st.sampled_from([None, Status.WORKING, Status.INPUT_REQUIRED])


class Life(RuleBasedStateMachine):
    """One task; the model is what was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = MemoryStore()
        new = NewTask(kind="k", name="n", event="born")
        self.last: TaskRecord = self.wait(self.store.create(ME, new)).record
        self.wait(self.store.enlist("w0", 1.0))
        self.workers = 1
        self.events: list[JSONValue] = ["born"]
        self.answers: dict[str, JSONValue] = {}
        self.asked: dict[str, JSONValue] = {}
        self.ended: TaskRecord | None = None

    def wait(self, call: Awaitable[T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(call, 5))

    def read(self) -> TaskRecord:
        return self.wait(self.store.get(ME, self.last.id))

    def commit(self, change: Change, *, late: int = 0, fence: int | None = None) -> None:
        """A commit is refused with the first reason that holds, and then writes nothing."""
        before = self.read()
        expected, due = before.version - late, self.due(before, change, late, fence)
        if due is not None:
            with pytest.raises(due):
                self.wait(self.store.commit(ME, before.id, change, expected_version=expected, fence=fence))
            assert self.read() == before
            return
        after = self.wait(self.store.commit(ME, before.id, change, expected_version=expected, fence=fence)).record
        written = after.version - before.version
        self.events += list(change.events) or [None] * written
        assert written in (0, max(1, len(change.events)))
        for key, value in change.asks.items():
            self.asked.setdefault(key, value)
        self.answers |= {key: value for key, value in change.answers.items() if key in before.pending}

    def due(self, before: TaskRecord, change: Change, late: int, fence: int | None) -> type[Exception] | None:
        if self.ended is not None:
            return TaskEnded
        if fence is not None and (fence != before.attempt or before.place is not Place.LEASED):
            return LeaseLost
        if late:
            return VersionConflict
        if change.status is not None and change.status not in TRANSITIONS[before.status]:
            return BadTransition
        reused = any(self.asked.get(key, value) != value for key, value in change.asks.items())
        return KeyReused if reused else None

    @rule(status=STATUSES, events=st.lists(st.integers(0, 9), max_size=3), late=st.sampled_from([0, 0, 0, 1]))
    def a_caller_changes_it(self, status: Status | None, events: list[int], late: int) -> None:
        self.commit(Change(status=status, events=events), late=late)

    @rule(status=STATUSES, behind=st.sampled_from([0, 0, 1, 2]), late=st.sampled_from([0, 0, 0, 1]))
    def a_holder_new_or_old_changes_it(self, status: Status | None, behind: int, late: int) -> None:
        self.commit(Change(status=status, events=["held"]), late=late, fence=self.last.attempt - behind)

    @rule(key=KEYS, request=st.sampled_from([1, 1, 1, 2]), status=LIVE)
    def the_holder_asks(self, key: str, request: int, status: Status | None) -> None:
        self.commit(Change(status=status, asks={key: request}), fence=self.last.attempt)

    @rule(key=KEYS, value=st.integers(0, 9))
    def a_caller_answers(self, key: str, value: int) -> None:
        self.commit(Change(answers={key: value}))

    @rule()
    def a_caller_cancels(self) -> None:
        after = self.wait(self.store.request_cancel(ME, self.last.id))
        assert after.cancel_requested or self.ended is not None

    @rule()
    def a_worker_claims(self) -> None:
        before = self.read()
        leases = self.wait(self.store.claim(f"w{self.workers - 1}", ["k"]))
        assert bool(leases) == (before.place is Place.READY)
        for lease in leases:
            assert lease.fence == lease.record.attempt == before.attempt + 1

    @rule(behind=st.sampled_from([0, 0, 1]), parked=st.booleans(), failed=st.booleans())
    def a_holder_new_or_old_gives_it_back(self, behind: int, parked: bool, failed: bool) -> None:
        before = self.read()
        holds = before.place is Place.LEASED and not behind
        try:
            self.wait(self.store.release(ME, before.id, before.attempt - behind, parked=parked, failed=failed))
        except LeaseLost:
            assert not holds
        else:
            assert holds

    @rule()
    def its_worker_dies(self) -> None:
        (row,) = self.wait(self.store.workers())
        held = self.read().place is Place.LEASED
        assert self.wait(self.store.bury(row.id, row.beat)) == held
        self.wait(self.store.enlist(f"w{self.workers}", 1.0))
        self.workers += 1

    @invariant()
    def the_rules_hold(self) -> None:
        record, before = self.read(), self.last
        assert self.ended is None or record == self.ended
        assert record.version >= before.version
        assert record.attempt >= before.attempt
        assert record.answers == self.answers
        assert not set(record.pending) & set(record.answers)
        assert set(record.pending) <= set(self.asked)
        assert (record.place is Place.DONE) == record.is_terminal
        assert record.place is not Place.PARKED or (record.pending and not record.cancel_requested)
        log: list[Event] = self.wait(self.store.read_events(ME, record.id, after=0, limit=1000))
        assert [event.version for event in log] == list(range(1, record.version + 1))
        assert [event.payload for event in log] == self.events
        self.last = record
        if record.is_terminal:
            self.ended = record

    def teardown(self) -> None:
        self.wait(self.store.aclose())
        self.loop.close()


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True)
TestLife = Life.TestCase
