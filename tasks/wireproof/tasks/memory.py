"""The engine without a file: for tests, and for servers whose tasks may end with the process. One event loop, no locks.

Values are copied on their way in; treat what is read as frozen. Tasks that ended and are read no more shrink to bytes,
which take little room and nothing of the garbage collector's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Self

from pydantic_core import from_json, to_json

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks import life
from wireproof.tasks.errors import EventsExpired, IdempotencyConflict, LeaseLost, TaskEnded, TaskNotFound, TooMany
from wireproof.tasks.following import EventPage, Following
from wireproof.tasks.hints import READY, Hints, outbox_key, task_key, topic_key, worker_key
from wireproof.tasks.records import (
    UNCHANGED,
    Change,
    Delivery,
    Event,
    Filter,
    Lease,
    NewTask,
    Outcome,
    Outgoing,
    Page,
    PageToken,
    Place,
    Retention,
    Scope,
    TaskRecord,
    TopicEvent,
    WorkerRow,
    evolve,
)

Key = tuple[Scope, str]
_LARGE: Final = ("input", "snapshot", "pending", "answers", "asked", "result", "error")
_UNPACKED: Final = 512
"""Tasks that ended and are kept ready to be read, those touched last."""


def _copy(value: JSONValue) -> JSONValue:
    return from_json(to_json(value))


@dataclass(slots=True)
class _Life:
    """All that belongs to one task."""

    record: TaskRecord
    events: list[Event] = field(default_factory=list[Event])
    documents: dict[tuple[str, str], JSONValue] = field(default_factory=dict[tuple[str, str], JSONValue])
    steps: dict[str, JSONValue] = field(default_factory=dict[str, JSONValue])
    packed: bytes = b""

    def pack(self) -> None:
        """Keep what is large as bytes. The record stays, without it, for the indexes."""
        large = {name: getattr(self.record, name) for name in _LARGE}
        self.packed = to_json([large, [(event.version, event.payload, event.at) for event in self.events]])
        self.record, self.events = evolve(self.record, **dict.fromkeys(_LARGE)), []

    def unpack(self) -> None:
        """Take it up again."""
        large, events = from_json(self.packed)
        self.record, self.events, self.packed = evolve(self.record, **large), [Event(*item) for item in events], b""


@dataclass(slots=True)
class _Entry:
    """One outbox entry and when it may be claimed next."""

    delivery: Delivery
    due: float


class MemoryStore(Following):
    """Everything in this process. `clock` gives seconds since the epoch."""

    engine = "memory"
    durable = False
    shared = False

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.hints = Hints()
        self._clock = clock
        self._lives: dict[Key, _Life] = {}
        self._keys: dict[tuple[Scope, str], tuple[str, str]] = {}
        self._topics: dict[Key, tuple[int, list[TopicEvent]]] = {}
        self._ready: dict[Key, None] = {}
        self._surprised: dict[Key, None] = {}
        self._ended: dict[Key, None] = {}
        self._workers: dict[str, WorkerRow] = {}
        self._outbox: dict[int, _Entry] = {}
        self._deliveries = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """See `Store.aclose`; the tasks are gone with it."""
        self.closed = True
        self.hints.fire_all()

    def _now(self) -> float:
        self._check_open()
        return round(self._clock(), 3)

    def _life(self, scope: Scope, task_id: str) -> _Life:
        self._check_open()
        try:
            kept = self._lives[scope, task_id]
        except KeyError:
            raise TaskNotFound(task_id) from None
        if kept.packed:
            kept.unpack()
            self._will_pack((scope, task_id))
        return kept

    def _will_pack(self, key: Key) -> None:
        """Pack the task that ended and was touched longest ago, in place of this one."""
        self._ended[key] = None
        if len(self._ended) > _UNPACKED:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            kept = self._lives[oldest]
            if not kept.record.attention:
                kept.pack()

    def _replayed(self, scope: Scope, key: str, fingerprint: str) -> TaskRecord | None:
        known = self._keys.get((scope, key))
        if known is None or (scope, known[0]) not in self._lives:
            return None
        if known[1] != fingerprint:
            raise IdempotencyConflict(key, known[0])
        return self._life(scope, known[0]).record

    def _enqueue(self, record: TaskRecord, outbox: Iterable[Outgoing], now: float) -> None:
        for item in outbox:
            self._deliveries += 1
            delivery = Delivery(
                str(self._deliveries),
                record.scope,
                record.id,
                record.version,
                item.channel,
                item.key,
                _copy(item.payload),
                0,
            )
            self._outbox[self._deliveries] = _Entry(delivery, now)
            self.hints.fire([outbox_key(item.channel)])

    def _hint(self, record: TaskRecord) -> None:
        """After every change of a record: keep the indexes, wake who waits."""
        key, keys = (record.scope, record.id), [task_key(record.id)]
        if record.place is Place.READY:
            self._ready[key] = None
            keys.append(READY)
        else:
            self._ready.pop(key, None)
        if record.attention:
            self._surprised[key] = None
            keys.append(worker_key(record.worker))
        elif record.place is Place.DONE:
            self._will_pack(key)
        self.hints.fire(keys)

    # TaskStore

    async def create(self, scope: Scope, task: NewTask) -> Outcome:
        """See `TaskStore.create`."""
        now = self._now()
        if task.idempotency_key:
            known = self._replayed(scope, task.idempotency_key, task.fingerprint)
            if known is not None:
                return Outcome(known, fresh=False)
            self._keys[scope, task.idempotency_key] = (task.id, task.fingerprint)
        own = _copy([task.input, task.snapshot, task.event])
        step = life.born(scope, evolve(task, input=own[0], snapshot=own[1], event=own[2]), now)
        self._lives[scope, task.id] = _Life(step.record, list(step.events))
        self._enqueue(step.record, task.outbox, now)
        self._hint(step.record)
        return Outcome(step.record, fresh=True)

    async def get(self, scope: Scope, task_id: str) -> TaskRecord:
        """See `TaskStore.get`."""
        return self._life(scope, task_id).record

    async def commit(
        self, scope: Scope, task_id: str, change: Change, *, expected_version: int, fence: int | None = None
    ) -> Outcome:
        """See `TaskStore.commit`."""
        now = self._now()
        kept = self._life(scope, task_id)
        key = life.outcome_key(task_id, change.idempotency_key)
        if change.idempotency_key:
            known = self._replayed(scope, key, change.fingerprint)
            if known is not None:
                return Outcome(known, fresh=False)
        step = life.advance(kept.record, _stored(change), expected_version=expected_version, fence=fence, now=now)
        if not step.fresh:
            return Outcome(step.record, fresh=False)
        if change.idempotency_key:
            self._keys[scope, key] = (task_id, change.fingerprint)
        kept.record = step.record
        kept.events.extend(step.events)
        self._enqueue(step.record, change.outbox, now)
        self._hint(step.record)
        return Outcome(step.record, fresh=True)

    async def request_cancel(self, scope: Scope, task_id: str) -> TaskRecord:
        """See `TaskStore.request_cancel`."""
        now = self._now()
        kept = self._life(scope, task_id)
        kept.record = life.cancel_asked(kept.record, now)
        self._hint(kept.record)
        return kept.record

    async def list_tasks(
        self, scope: Scope, where: Filter = Filter(), *, page_size: int = 50, after: PageToken | None = None
    ) -> Page:
        """See `TaskStore.list_tasks`."""
        self._check_open()
        life.check_page_size(page_size)
        mine = [kept.record for (owner, _), kept in self._lives.items() if owner == scope]
        found = sorted((record for record in mine if _matches(record, where)), key=_position, reverse=True)
        rest = found if after is None else [record for record in found if _position(record) < after]
        page = [self._life(scope, record.id).record for record in rest[:page_size]]
        token = PageToken(*_position(page[-1])) if len(rest) > page_size else None
        return Page(page, token, len(found))

    async def delete(self, scope: Scope, task_id: str) -> None:
        """See `TaskStore.delete`."""
        self._life(scope, task_id)
        self._remove((scope, task_id))

    def _remove(self, key: Key) -> None:
        del self._lives[key]
        self._ready.pop(key, None)
        self._surprised.pop(key, None)
        self._ended.pop(key, None)
        scope, task_id = key
        if self._keys:
            self._keys = {k: v for k, v in self._keys.items() if k[0] != scope or v[0] != task_id}
        if self._outbox:
            self._outbox = {
                number: entry
                for number, entry in self._outbox.items()
                if (entry.delivery.scope, entry.delivery.task_id) != key
            }
        self.hints.fire([task_key(task_id)])

    async def put_document(
        self, scope: Scope, task_id: str, collection: str, key: str, value: JSONValue, *, limit: int = 32
    ) -> None:
        """See `TaskStore.put_document`."""
        documents = self._life(scope, task_id).documents
        count = sum(1 for name, _ in documents if name == collection)
        if (collection, key) not in documents and count >= limit:
            raise TooMany(f"{collection} documents of a task", limit)
        documents[collection, key] = _copy(value)

    async def get_document(self, scope: Scope, task_id: str, collection: str, key: str) -> JSONValue | None:
        """See `TaskStore.get_document`."""
        return self._life(scope, task_id).documents.get((collection, key))

    async def list_documents(self, scope: Scope, task_id: str, collection: str) -> dict[str, JSONValue]:
        """See `TaskStore.list_documents`."""
        documents = self._life(scope, task_id).documents
        return {key: documents[name, key] for name, key in sorted(documents) if name == collection}

    async def delete_document(self, scope: Scope, task_id: str, collection: str, key: str) -> bool:
        """See `TaskStore.delete_document`."""
        documents = self._life(scope, task_id).documents
        return documents.pop((collection, key), self) is not self

    # EventLog

    async def read_page(self, scope: Scope, task_id: str, after: int, limit: int) -> EventPage:
        """One page of a task's log."""
        kept = self._life(scope, task_id)
        oldest = kept.events[0].version
        if after + 1 < oldest:
            raise EventsExpired(task_id, after, oldest)
        start = max(0, after + 1 - oldest)
        events = kept.events[start : start + limit]
        last = events[-1].version if events else after
        return EventPage(events, kept.record.is_terminal and last >= kept.record.version)

    async def publish(self, scope: Scope, topic: str, payload: JSONValue) -> int:
        """See `EventLog.publish`."""
        self._check_open()
        seq, entries = self._topics.get((scope, topic), (0, []))
        entries.append(TopicEvent(seq + 1, _copy(payload)))
        self._topics[scope, topic] = (seq + 1, entries)
        self.hints.fire([topic_key(topic)])
        return seq + 1

    async def topic_end(self, scope: Scope, topic: str) -> int:
        """See `EventLog.topic_end`."""
        self._check_open()
        return self._topics.get((scope, topic), (0, []))[0]

    async def read_topic(self, scope: Scope, topic: str, after: int, limit: int) -> list[TopicEvent]:
        """One page of a topic."""
        entries = self._topics.get((scope, topic), (0, []))[1]
        if not entries:
            return []
        start = max(0, after + 1 - entries[0].seq)
        return entries[start : start + limit]

    # WorkQueue

    async def enlist(self, worker: str, lease: float) -> None:
        """See `WorkQueue.enlist`."""
        self._check_open()
        self._workers[worker] = WorkerRow(worker, 1, lease)

    async def beat(self, worker: str) -> None:
        """See `WorkQueue.beat`."""
        self._check_open()
        row = self._workers.get(worker)
        if row is None:
            raise LeaseLost(worker, 0)
        self._workers[worker] = replace(row, beat=row.beat + 1)

    async def workers(self) -> list[WorkerRow]:
        """See `WorkQueue.workers`."""
        self._check_open()
        return list(self._workers.values())

    async def bury(self, worker: str, beat: int) -> int:
        """See `WorkQueue.bury`."""
        now = self._now()
        row = self._workers.get(worker)
        if row is None or row.beat != beat:
            return 0
        del self._workers[worker]
        held = [kept for kept in self._lives.values() if kept.record.worker == worker and _is_leased(kept)]
        for kept in held:
            kept.record = life.buried(kept.record, now)
            self._hint(kept.record)
        return len(held)

    async def claim(self, worker: str, kinds: Collection[str], *, limit: int = 1, after_owner: str = "") -> list[Lease]:
        """See `WorkQueue.claim`."""
        now = self._now()
        if worker not in self._workers:
            raise LeaseLost(worker, 0)
        waiting: dict[str, list[_Life]] = {}
        for kept in (self._lives[key] for key in self._ready):
            if _is_ready(kept.record, kinds, now):
                waiting.setdefault(kept.record.scope.owner, []).append(kept)
        for lives in waiting.values():
            lives.sort(key=lambda kept: kept.record.not_before)
            lives.reverse()  # the oldest is taken from the end
        leases: list[Lease] = []
        owner = after_owner
        while waiting and len(leases) < limit:
            owner = min((name for name in waiting if name > owner), default=None) or min(waiting)
            chosen = waiting[owner].pop()
            if not waiting[owner]:
                del waiting[owner]
            chosen.record = life.claimed(chosen.record, worker)
            self._ready.pop((chosen.record.scope, chosen.record.id), None)
            leases.append(Lease(chosen.record, chosen.record.attempt))
        return leases

    async def release(
        self, scope: Scope, task_id: str, fence: int, *, delay: float = 0.0, failed: bool = False, parked: bool = False
    ) -> TaskRecord:
        """See `WorkQueue.release`."""
        now = self._now()
        kept = self._life(scope, task_id)
        kept.record = life.released(kept.record, fence, now, delay=delay, failed=failed, parked=parked)
        self._hint(kept.record)
        return kept.record

    async def attention(self, worker: str) -> list[TaskRecord]:
        """See `WorkQueue.attention`."""
        self._check_open()
        surprised = [self._lives[key] for key in self._surprised]
        found = [kept for kept in surprised if kept.record.attention and kept.record.worker == worker]
        for kept in found:
            kept.record = evolve(kept.record, attention=False)
        self._surprised = {(kept.record.scope, kept.record.id): None for kept in surprised if kept.record.attention}
        return [kept.record for kept in found]

    async def record_step(self, scope: Scope, task_id: str, fence: int, name: str, value: JSONValue) -> JSONValue:
        """See `WorkQueue.record_step`."""
        kept = self._life(scope, task_id)
        if kept.record.is_terminal:
            raise TaskEnded(task_id, kept.record.status)
        life.check_fence(kept.record, fence)
        return kept.steps.setdefault(name, _copy(value))

    async def steps(self, scope: Scope, task_id: str) -> dict[str, JSONValue]:
        """See `WorkQueue.steps`."""
        return dict(self._life(scope, task_id).steps)

    # Outbox

    async def claim_deliveries(self, channel: str, *, limit: int = 16, lease: float = 60.0) -> list[Delivery]:
        """See `Outbox.claim_deliveries`."""
        now = self._now()
        seen: set[tuple[Scope, str, str]] = set()
        claimed: list[Delivery] = []
        for entry in self._outbox.values():
            one = entry.delivery
            receiver = (one.scope, one.task_id, one.key)
            if one.channel != channel or receiver in seen:
                continue
            seen.add(receiver)
            if entry.due <= now and len(claimed) < limit:
                entry.delivery = replace(one, attempt=one.attempt + 1)
                entry.due = now + lease
                claimed.append(entry.delivery)
        return claimed

    def _claimed(self, delivery: Delivery) -> _Entry | None:
        self._check_open()
        entry = self._outbox.get(int(delivery.id))
        return entry if entry is not None and entry.delivery.attempt == delivery.attempt else None

    async def acknowledge(self, delivery: Delivery) -> bool:
        """See `Outbox.acknowledge`."""
        if self._claimed(delivery) is None:
            return False
        del self._outbox[int(delivery.id)]
        self.hints.fire([outbox_key(delivery.channel)])
        return True

    async def retry_delivery(self, delivery: Delivery, delay: float) -> bool:
        """See `Outbox.retry_delivery`."""
        entry = self._claimed(delivery)
        if entry is None:
            return False
        entry.due = self._now() + delay
        return True

    async def sweep(self, retention: Retention = Retention()) -> int:
        """See `Store.sweep`."""
        now = self._now()
        gone = [key for key, kept in self._lives.items() if _is_past(kept.record, retention, now)]
        for key in gone:
            self._remove(key)
        old = 0.0 if retention.events_age is None else now - retention.events_age
        for kept in self._lives.values():
            newest = kept.record.version
            if kept.packed and newest <= retention.events_kept and kept.record.created_at >= old:
                continue
            if kept.packed:
                kept.unpack()
                self._will_pack((kept.record.scope, kept.record.id))
            floor = newest - retention.events_kept
            kept.events = [e for e in kept.events if e.version == newest or (e.version > floor and e.at >= old)]
        for key, (seq, entries) in self._topics.items():
            self._topics[key] = (seq, [entry for entry in entries if entry.seq > seq - retention.topic_kept])
        return len(gone)


def _stored(change: Change) -> Change:
    """The change with values of its own, copied at once."""
    set_ = {name: value for name in _OPEN if (value := getattr(change, name)) is not UNCHANGED}
    return evolve(
        change, **_copy({"events": list(change.events), "asks": change.asks, "answers": change.answers, **set_})
    )


_OPEN: Final = ("snapshot", "result", "error")
"""The fields of a change that hold values of the layer above."""


def _matches(record: TaskRecord, where: Filter) -> bool:
    return (
        (not where.context_id or record.context_id == where.context_id)
        and (not where.statuses or record.status in where.statuses)
        and (not where.kind or record.kind == where.kind)
        and record.status_at >= where.status_after
    )


def _position(record: TaskRecord) -> tuple[float, str]:
    return (record.status_at, record.id)


def _is_leased(kept: _Life) -> bool:
    return kept.record.place is Place.LEASED


def _is_ready(record: TaskRecord, kinds: Collection[str], now: float) -> bool:
    return record.place is Place.READY and record.kind in kinds and life.is_due(record, now)


def _is_past(record: TaskRecord, retention: Retention, now: float) -> bool:
    if record.expires_at is not None and record.expires_at <= now:
        return True
    age = retention.ended_age
    return age is not None and record.is_terminal and record.updated_at <= now - age
