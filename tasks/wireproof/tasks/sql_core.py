"""Every transaction of the SQL engines, written once and sans-I/O: a generator that yields statements and gets rows.

Knows no driver. `?` marks a parameter; a comment such as /*FOR UPDATE*/ is a clause where the dialect has it.
"""

# Every f-string here puts in column names, `?` marks or table names of this file; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks import life
from wireproof.tasks.codec import column, decode, decode_body, encode, encode_body, uncolumn
from wireproof.tasks.errors import EventsExpired, IdempotencyConflict, LeaseLost, TaskEnded, TaskNotFound, TooMany
from wireproof.tasks.following import EventPage
from wireproof.tasks.hints import READY, outbox_key, task_key, topic_key, worker_key
from wireproof.tasks.records import (
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
    Status,
    TaskRecord,
    TopicEvent,
    WorkerRow,
    evolve,
)

T = TypeVar("T")
Row: TypeAlias = Sequence[Any]
Statement: TypeAlias = tuple[str, tuple[Any, ...]]
Op: TypeAlias = Generator[Statement, Sequence[Row], T]
"""A transaction: yields statements, is sent their rows, returns its result. Raising rolls everything back."""


class RunAgain(Exception):
    """Two transactions raced in a way that only a new start resolves. The driver rolls back and runs the op again."""


_COLUMNS: Final = (
    "ref, owner, tenant, id, kind, context_id, status, version, status_at, updated_at, place, worker, not_before, "
    "attention, body, input, snapshot"
)
_BY_KEY: Final = f"SELECT {_COLUMNS} FROM tasks WHERE owner = ? AND tenant = ? AND id = ?"
_LOCKED: Final = _BY_KEY + " /*FOR UPDATE*/"
_PEEK: Final = "SELECT ref, version, status FROM tasks WHERE owner = ? AND tenant = ? AND id = ?"
_INSERT: Final = (
    "INSERT INTO tasks (owner, tenant, id, kind, context_id, status, version, status_at, updated_at, expires_at, "
    "place, worker, not_before, attention, body, input, snapshot) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING ref"
)
_UPDATE: Final = (
    "UPDATE tasks SET status = ?, version = ?, status_at = ?, updated_at = ?, expires_at = ?, place = ?, worker = ?, "
    "not_before = ?, attention = ?, body = ? WHERE ref = ?"
)
_UPDATE_WHOLE: Final = _UPDATE.replace("body = ?", "body = ?, snapshot = ?")
_HEADS: Final = (
    "SELECT o.id, t.owner, t.tenant, t.id, o.version, o.key, o.payload, o.attempt FROM outbox o "
    "JOIN tasks t ON t.ref = o.ref WHERE o.channel = ? AND o.due <= ? AND NOT EXISTS "
    "(SELECT 1 FROM outbox e WHERE e.ref = o.ref AND e.channel = o.channel AND e.key = o.key AND e.id < o.id) "
    "ORDER BY o.due LIMIT ? /*FOR UPDATE OF o SKIP LOCKED*/"
)
_SIDE_TABLES: Final = ("events", "documents", "steps", "outbox", "idempotency")


class Loaded:
    """A task row inside a transaction."""

    __slots__ = ("record", "ref")

    def __init__(self, row: Row) -> None:
        self.ref: int = row[0]
        self.record = TaskRecord(
            scope=Scope(uncolumn(row[1]), uncolumn(row[2])),
            id=row[3],
            kind=row[4],
            context_id=uncolumn(row[5]),
            status=Status(row[6]),
            version=row[7],
            status_at=row[8],
            updated_at=row[9],
            place=Place(row[10]),
            worker=row[11],
            not_before=row[12],
            attention=bool(row[13]),
            input=decode(row[15]),
            snapshot=decode(row[16]),
            **decode_body(row[14]),
        )


class Transaction:
    """The operations, each to be run by a driver in one database transaction.

    `now` is in seconds since the epoch; `hints` collects who is to be woken after the commit.
    """

    def __init__(self, now: float, hints: set[str]) -> None:
        self.now = round(now, 3)
        self.hints = hints

    def _load(self, scope: Scope, task_id: str, *, lock: bool) -> Op[Loaded]:
        if not life.is_task_id(task_id):
            raise TaskNotFound(task_id)
        rows = yield (_LOCKED if lock else _BY_KEY), (column(scope.owner), column(scope.tenant), task_id)
        if not rows:
            raise TaskNotFound(task_id)
        return Loaded(rows[0])

    def _write(self, loaded: Loaded, record: TaskRecord) -> Op[None]:
        if record.version == loaded.record.version and record == loaded.record:
            return
        fields = (
            record.status,
            record.version,
            record.status_at,
            record.updated_at,
            record.expires_at,
            record.place,
            record.worker,
            record.not_before,
            int(record.attention),
            encode_body(record),
        )
        if record.snapshot is loaded.record.snapshot:
            yield _UPDATE, (*fields, loaded.ref)
        else:
            yield _UPDATE_WHOLE, (*fields, encode(record.snapshot), loaded.ref)
        if record.version != loaded.record.version:
            self.hints.add(task_key(record.id))
        self._hint(record)

    def _hint(self, record: TaskRecord) -> None:
        if record.place is Place.READY:
            self.hints.add(READY)
        if record.attention:
            self.hints.add(worker_key(record.worker))

    def _append(self, ref: int, events: Iterable[Event]) -> Op[None]:
        rows = [(ref, event.version, event.at, encode(event.payload)) for event in events]
        yield from _insert("events (ref, version, at, payload)", rows)

    def _enqueue(self, ref: int, version: int, outbox: Iterable[Outgoing]) -> Op[None]:
        rows = [(ref, version, item.channel, column(item.key), encode(item.payload), 0, self.now) for item in outbox]
        yield from _insert("outbox (ref, version, channel, key, payload, attempt, due)", rows)
        self.hints.update(outbox_key(row[2]) for row in rows)

    def _replayed(self, scope: Scope, key: str, fingerprint: str) -> Op[TaskRecord | None]:
        rows = yield (
            "SELECT task_id, fingerprint FROM idempotency WHERE owner = ? AND tenant = ? AND key = ?",
            (column(scope.owner), column(scope.tenant), column(key)),
        )
        if not rows:
            return None
        if rows[0][1] != column(fingerprint):
            raise IdempotencyConflict(key, rows[0][0])
        return (yield from self._load(scope, rows[0][0], lock=False)).record

    def _remember(self, scope: Scope, key: str, task_id: str, fingerprint: str, ref: int) -> Op[None]:
        rows = yield (
            (
                "INSERT INTO idempotency (owner, tenant, key, task_id, fingerprint, ref) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING RETURNING ref"
            ),
            (column(scope.owner), column(scope.tenant), column(key), task_id, column(fingerprint), ref),
        )
        if not rows:
            raise RunAgain

    def create(self, scope: Scope, task: NewTask) -> Op[Outcome]:
        """See `TaskStore.create`."""
        if task.idempotency_key:
            known = yield from self._replayed(scope, task.idempotency_key, task.fingerprint)
            if known is not None:
                return Outcome(known, fresh=False)
        record, events, _ = life.born(scope, task, self.now)
        rows = yield (
            _INSERT,
            (
                column(scope.owner),
                column(scope.tenant),
                record.id,
                record.kind,
                column(record.context_id),
                record.status,
                record.version,
                record.status_at,
                record.updated_at,
                record.expires_at,
                record.place,
                record.worker,
                record.not_before,
                0,
                encode_body(record),
                encode(record.input),
                encode(record.snapshot),
            ),
        )
        ref = rows[0][0]
        if task.idempotency_key:
            yield from self._remember(scope, task.idempotency_key, record.id, task.fingerprint, ref)
        yield from self._append(ref, events)
        yield from self._enqueue(ref, record.version, task.outbox)
        if record.place is Place.READY:
            self.hints.add(READY)  # nobody waits for the task itself yet
        return Outcome(record, fresh=True)

    def get(self, scope: Scope, task_id: str) -> Op[TaskRecord]:
        """See `TaskStore.get`."""
        return (yield from self._load(scope, task_id, lock=False)).record

    def commit(
        self, scope: Scope, task_id: str, change: Change, expected_version: int, fence: int | None
    ) -> Op[Outcome]:
        """See `TaskStore.commit`."""
        loaded = yield from self._load(scope, task_id, lock=True)
        key = life.outcome_key(task_id, change.idempotency_key)
        if change.idempotency_key:
            known = yield from self._replayed(scope, key, change.fingerprint)
            if known is not None:
                return Outcome(known, fresh=False)
        step = life.advance(loaded.record, change, expected_version=expected_version, fence=fence, now=self.now)
        if not step.fresh:
            return Outcome(step.record, fresh=False)
        if change.idempotency_key:
            yield from self._remember(scope, key, task_id, change.fingerprint, loaded.ref)
        yield from self._write(loaded, step.record)
        yield from self._append(loaded.ref, step.events)
        yield from self._enqueue(loaded.ref, step.record.version, change.outbox)
        return Outcome(step.record, fresh=True)

    def rewrite(self, scope: Scope, task_id: str, rule: Callable[[TaskRecord, float], TaskRecord]) -> Op[TaskRecord]:
        """Apply a rule that appends no event (cancel flag, release)."""
        loaded = yield from self._load(scope, task_id, lock=True)
        record = rule(loaded.record, self.now)
        yield from self._write(loaded, record)
        return record

    def list_tasks(self, scope: Scope, where: Filter, page_size: int, after: PageToken | None) -> Op[Page]:
        """See `TaskStore.list_tasks`."""
        clause, values = _where(scope, where)
        total = (yield f"SELECT count(*) FROM tasks WHERE {clause}", values)[0][0]
        if after is not None:
            clause, values = clause + " AND (status_at, id) < (?, ?)", (*values, after.status_at, column(after.id))
        order = "ORDER BY status_at DESC, id DESC LIMIT ?"
        rows = yield f"SELECT {_COLUMNS} FROM tasks WHERE {clause} {order}", (*values, page_size + 1)
        records = [Loaded(row).record for row in rows[:page_size]]
        last = records[-1] if len(rows) > page_size else None
        return Page(records, None if last is None else PageToken(last.status_at, last.id), total)

    def delete(self, scope: Scope, task_id: str) -> Op[None]:
        """See `TaskStore.delete`."""
        loaded = yield from self._load(scope, task_id, lock=True)
        yield from self._remove([loaded.ref])
        self.hints.add(task_key(task_id))

    def _remove(self, refs: Sequence[int]) -> Op[None]:
        marks = _marks(refs)
        for table in (*_SIDE_TABLES, "tasks"):
            yield f"DELETE FROM {table} WHERE ref IN ({marks})", tuple(refs)

    def put_document(
        self, scope: Scope, task_id: str, collection: str, key: str, value: JSONValue, limit: int
    ) -> Op[None]:
        """See `TaskStore.put_document`."""
        loaded = yield from self._load(scope, task_id, lock=True)
        rows = yield (
            "SELECT count(*) FROM documents WHERE ref = ? AND collection = ? AND key <> ?",
            (loaded.ref, collection, column(key)),
        )
        if rows[0][0] >= limit:
            raise TooMany(f"{collection} documents of a task", limit)
        yield (
            (
                "INSERT INTO documents (ref, collection, key, value) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (ref, collection, key) DO UPDATE SET value = excluded.value"
            ),
            (loaded.ref, collection, column(key), encode(value)),
        )

    def get_document(self, scope: Scope, task_id: str, collection: str, key: str) -> Op[JSONValue | None]:
        """See `TaskStore.get_document`."""
        loaded = yield from self._load(scope, task_id, lock=False)
        rows = yield (
            "SELECT value FROM documents WHERE ref = ? AND collection = ? AND key = ?",
            (loaded.ref, collection, column(key)),
        )
        return decode(rows[0][0]) if rows else None

    def list_documents(self, scope: Scope, task_id: str, collection: str) -> Op[dict[str, JSONValue]]:
        """See `TaskStore.list_documents`."""
        loaded = yield from self._load(scope, task_id, lock=False)
        rows = yield "SELECT key, value FROM documents WHERE ref = ? AND collection = ?", (loaded.ref, collection)
        found = {uncolumn(key): decode(value) for key, value in rows}
        return {key: found[key] for key in sorted(found)}

    def delete_document(self, scope: Scope, task_id: str, collection: str, key: str) -> Op[bool]:
        """See `TaskStore.delete_document`."""
        loaded = yield from self._load(scope, task_id, lock=True)
        rows = yield (
            "DELETE FROM documents WHERE ref = ? AND collection = ? AND key = ? RETURNING ref",
            (loaded.ref, collection, column(key)),
        )
        return bool(rows)

    def read_page(self, scope: Scope, task_id: str, after: int, limit: int) -> Op[EventPage]:
        """One page of a task's log; the log is read after the record, so `ended` is never told too early."""
        if not life.is_task_id(task_id):
            raise TaskNotFound(task_id)
        heads = yield _PEEK, (column(scope.owner), column(scope.tenant), task_id)
        if not heads:
            raise TaskNotFound(task_id)
        ref, newest, ended = heads[0][0], heads[0][1], Status(heads[0][2]).is_terminal
        if after >= newest:
            return EventPage([], ended)
        rows = yield (
            "SELECT version, payload, at FROM events WHERE ref = ? AND version > ? ORDER BY version LIMIT ?",
            (ref, after, limit),
        )
        if not rows or rows[0][0] != after + 1:
            raise EventsExpired(task_id, after, rows[0][0] if rows else newest)
        events = [Event(version, decode(payload), at) for version, payload, at in rows]
        return EventPage(events, ended and events[-1].version >= newest)

    def publish(self, scope: Scope, topic: str, payload: JSONValue) -> Op[int]:
        """See `EventLog.publish`."""
        key = (column(scope.owner), column(scope.tenant), column(topic))
        rows = yield (
            (
                "INSERT INTO topic_ends (owner, tenant, topic, seq) VALUES (?, ?, ?, 1) "
                "ON CONFLICT (owner, tenant, topic) DO UPDATE SET seq = topic_ends.seq + 1 RETURNING seq"
            ),
            key,
        )
        seq: int = rows[0][0]
        yield (
            "INSERT INTO topics (owner, tenant, topic, seq, payload) VALUES (?, ?, ?, ?, ?)",
            (*key, seq, encode(payload)),
        )
        self.hints.add(topic_key(topic))
        return seq

    def topic_end(self, scope: Scope, topic: str) -> Op[int]:
        """See `EventLog.topic_end`."""
        key = (column(scope.owner), column(scope.tenant), column(topic))
        rows = yield "SELECT seq FROM topic_ends WHERE owner = ? AND tenant = ? AND topic = ?", key
        return rows[0][0] if rows else 0

    def read_topic(self, scope: Scope, topic: str, after: int, limit: int) -> Op[list[TopicEvent]]:
        """One page of a topic."""
        key = (column(scope.owner), column(scope.tenant), column(topic))
        rows = yield (
            (
                "SELECT seq, payload FROM topics WHERE owner = ? AND tenant = ? AND topic = ? AND seq > ? "
                "ORDER BY seq LIMIT ?"
            ),
            (*key, after, limit),
        )
        return [TopicEvent(seq, decode(payload)) for seq, payload in rows]

    def enlist(self, worker: str, lease: float) -> Op[None]:
        """See `WorkQueue.enlist`."""
        yield "INSERT INTO workers (id, beat, lease) VALUES (?, 1, ?)", (worker, lease)

    def beat(self, worker: str) -> Op[None]:
        """See `WorkQueue.beat`."""
        if not (yield "UPDATE workers SET beat = beat + 1 WHERE id = ? RETURNING id", (worker,)):
            raise LeaseLost(worker, 0)

    def workers(self) -> Op[list[WorkerRow]]:
        """See `WorkQueue.workers`."""
        rows = yield "SELECT id, beat, lease FROM workers", ()
        return [WorkerRow(*row) for row in rows]

    def bury(self, worker: str, beat: int) -> Op[int]:
        """See `WorkQueue.bury`."""
        if not (yield "DELETE FROM workers WHERE id = ? AND beat = ? RETURNING id", (worker, beat)):
            return 0
        held = f"SELECT {_COLUMNS} FROM tasks WHERE worker = ? AND worker <> '' AND place = 'leased' /*FOR UPDATE*/"
        rows = yield held, (worker,)
        for loaded in map(Loaded, rows):
            yield from self._write(loaded, life.buried(loaded.record, self.now))
        return len(rows)

    def claim(self, worker: str, kinds: Collection[str], limit: int, after_owner: str) -> Op[list[Lease]]:
        """See `WorkQueue.claim`."""
        if not (yield "SELECT id FROM workers WHERE id = ? /*FOR KEY SHARE*/", (worker,)):
            raise LeaseLost(worker, 0)
        ready = (
            f"SELECT {_COLUMNS} FROM tasks WHERE place = 'ready' AND owner > ? AND kind IN ({_marks(kinds)}) "
            "AND (not_before <= ? OR updated_at > ?) ORDER BY owner, not_before LIMIT 1 /*FOR UPDATE SKIP LOCKED*/"
        )
        leases: list[Lease] = []
        owner = column(after_owner)
        while len(leases) < limit:
            rows = yield ready, (owner, *kinds, self.now, self.now + life.SKEW)  # see `life.is_due`
            if not rows and owner:
                owner = ""  # the round begins again
                continue
            if not rows:
                break
            loaded = Loaded(rows[0])
            owner = rows[0][1]
            record = life.claimed(loaded.record, worker)
            yield from self._write(loaded, record)
            leases.append(Lease(record, record.attempt))
        return leases

    def attention(self, worker: str) -> Op[list[TaskRecord]]:
        """See `WorkQueue.attention`."""
        flagged = f"SELECT {_COLUMNS} FROM tasks WHERE worker = ? AND worker <> '' AND attention = 1"
        rows = yield flagged + " /*FOR UPDATE SKIP LOCKED*/", (worker,)
        if not rows:
            return []
        yield f"UPDATE tasks SET attention = 0 WHERE ref IN ({_marks(rows)})", tuple(row[0] for row in rows)
        return [evolve(Loaded(row).record, attention=False) for row in rows]

    def record_step(self, scope: Scope, task_id: str, fence: int, name: str, value: JSONValue) -> Op[JSONValue]:
        """See `WorkQueue.record_step`."""
        loaded = yield from self._load(scope, task_id, lock=True)
        if loaded.record.is_terminal:
            raise TaskEnded(task_id, loaded.record.status)
        life.check_fence(loaded.record, fence)
        rows = yield "SELECT value FROM steps WHERE ref = ? AND name = ?", (loaded.ref, column(name))
        if rows:
            return decode(rows[0][0])
        yield "INSERT INTO steps (ref, name, value) VALUES (?, ?, ?)", (loaded.ref, column(name), encode(value))
        return value

    def steps(self, scope: Scope, task_id: str) -> Op[dict[str, JSONValue]]:
        """See `WorkQueue.steps`."""
        loaded = yield from self._load(scope, task_id, lock=False)
        rows = yield "SELECT name, value FROM steps WHERE ref = ?", (loaded.ref,)
        return {uncolumn(name): decode(value) for name, value in rows}

    def claim_deliveries(self, channel: str, limit: int, lease: float) -> Op[list[Delivery]]:
        """See `Outbox.claim_deliveries`."""
        rows = yield _HEADS, (channel, self.now, limit)
        if not rows:
            return []
        yield (
            f"UPDATE outbox SET attempt = attempt + 1, due = ? WHERE id IN ({_marks(rows)})",
            (self.now + lease, *(row[0] for row in rows)),
        )
        return [
            Delivery(
                id=str(row[0]),
                scope=Scope(uncolumn(row[1]), uncolumn(row[2])),
                task_id=row[3],
                version=row[4],
                channel=channel,
                key=uncolumn(row[5]),
                payload=decode(row[6]),
                attempt=row[7] + 1,
            )
            for row in rows
        ]

    def acknowledge(self, delivery: Delivery) -> Op[bool]:
        """See `Outbox.acknowledge`."""
        claim = (int(delivery.id), delivery.attempt)
        self.hints.add(outbox_key(delivery.channel))
        return bool((yield "DELETE FROM outbox WHERE id = ? AND attempt = ? RETURNING id", claim))

    def retry_delivery(self, delivery: Delivery, delay: float) -> Op[bool]:
        """See `Outbox.retry_delivery`."""
        values = (self.now + delay, int(delivery.id), delivery.attempt)
        return bool((yield "UPDATE outbox SET due = ? WHERE id = ? AND attempt = ? RETURNING id", values))

    def sweep(self, retention: Retention) -> Op[int]:
        """See `Store.sweep`; at most 500 tasks in one transaction."""
        old = -1.0 if retention.ended_age is None else self.now - retention.ended_age
        rows = yield (
            (
                "SELECT ref, id FROM tasks WHERE expires_at <= ? OR (place = 'done' AND updated_at <= ?) LIMIT 500 "
                "/*FOR UPDATE SKIP LOCKED*/"
            ),
            (self.now, old),
        )
        if rows:
            yield from self._remove([row[0] for row in rows])
            self.hints.update(task_key(row[1]) for row in rows)
        newest = "(SELECT t.version FROM tasks t WHERE t.ref = events.ref)"
        yield (
            f"DELETE FROM events WHERE ref IN (SELECT ref FROM tasks WHERE version > ?) AND version <= {newest} - ?",
            (retention.events_kept, retention.events_kept),
        )
        if retention.events_age is not None:
            yield f"DELETE FROM events WHERE at < ? AND version < {newest}", (self.now - retention.events_age,)
        yield (
            (
                "DELETE FROM topics WHERE seq <= (SELECT e.seq FROM topic_ends e WHERE e.owner = topics.owner "
                "AND e.tenant = topics.tenant AND e.topic = topics.topic) - ?"
            ),
            (retention.topic_kept,),
        )
        return len(rows)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def _insert(table: str, rows: Sequence[tuple[Any, ...]]) -> Op[None]:
    """One INSERT for up to a hundred rows."""
    for start in range(0, len(rows), 100):
        part = rows[start : start + 100]
        values = ", ".join(f"({_marks(row)})" for row in part)
        yield f"INSERT INTO {table} VALUES {values}", tuple(value for row in part for value in row)


def _where(scope: Scope, where: Filter) -> Statement:
    clauses, values = ["owner = ?", "tenant = ?"], [column(scope.owner), column(scope.tenant)]
    if where.context_id:
        clauses.append("context_id = ?")
        values.append(column(where.context_id))
    if where.kind:
        clauses.append("kind = ?")
        values.append(where.kind)
    if where.statuses:
        clauses.append(f"status IN ({_marks(where.statuses)})")
        values.extend(where.statuses)
    return " AND ".join(clauses) + " AND status_at >= ?", (*values, where.status_after)
