"""The Redis and Valkey engine: records in hashes, logs in streams, one Lua script that commits both or nothing.

Rules run here; the script only checks that the record's revision is the one they were applied to.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import redis.asyncio as aioredis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks import life
from wireproof.tasks.codec import column, decode, decode_record, encode, uncolumn
from wireproof.tasks.errors import (
    EventsExpired,
    IdempotencyConflict,
    LeaseLost,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
    TaskEnded,
    TaskError,
    TaskNotFound,
    TooMany,
)
from wireproof.tasks.following import EventPage, Following
from wireproof.tasks.hints import Hints, outbox_key, task_key, topic_key
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
    Retention,
    Scope,
    Status,
    TaskRecord,
    TopicEvent,
    WorkerRow,
    evolve,
)
from wireproof.tasks.redis_keys import (
    FORGET_OWNER,
    PUBLISH,
    TRANSACT,
    Command,
    Keys,
    appends,
    hints_of,
    member,
    place_of,
    writes,
)
from wireproof.tasks.redis_steady import steady

_SCHEMA: Final = 1
_RACES: Final = 1000
_DEAD: Final = -1
_FIELDS: Final = ("rec", "rev", "input", "snapshot")
_FAILURES: Final = (exceptions.RedisError, OSError, TimeoutError)


def refusal(failure: BaseException) -> TaskError:
    """The typed error for what the client or the server says."""
    if isinstance(failure, exceptions.OutOfMemoryError) or "OOM" in str(failure):
        return StoreFull("redis", "the server's memory is full; raise maxmemory (policy noeviction) and retry")
    if isinstance(failure, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return StoreRefused("redis", f"{failure}; correct the address")
    return StoreUnavailable("redis", f"{type(failure).__name__}: {str(failure)[:200]}")


@contextmanager
def typed() -> Generator[None]:
    """Driver errors become ours."""
    try:
        yield
    except _FAILURES as failure:
        raise refusal(failure) from failure


class Kept(NamedTuple):
    """A record and the revision that a write must still find."""

    record: TaskRecord
    rev: str


class RedisStore(Following):
    """One prefix of one server. Made by `RedisStore.open`; closed by who opened it."""

    engine = "redis"
    durable = True
    shared = True

    def __init__(self, client: Any, prefix: str, clock: Callable[[], float] | None) -> None:
        self.hints = Hints()
        self._client, self._keys, self._clock = client, Keys(prefix), clock
        self._offset = 0.0
        self._transact = client.register_script(TRANSACT)
        self._publish = client.register_script(PUBLISH)
        self._forget_owner = client.register_script(FORGET_OWNER)
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str, *, clock: Callable[[], float] | None = None, timeout: float = 10.0) -> Self:
        """Connect; `clock` replaces the server's clock.

        Raises `StoreUnavailable` when the server is not there, `StoreRefused` for a wrong address or newer data.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        prefix = options.pop("prefix", "wireproof")
        if not prefix or "{" in prefix or "}" in prefix:
            raise StoreRefused("redis", "prefix is not empty and holds no braces")
        scheme = parts.scheme.replace("valkey", "redis")
        address = urlunsplit((scheme, parts.netloc, parts.path, urlencode(options), ""))
        try:
            client: Any = aioredis.from_url(  # pyright: ignore[reportUnknownMemberType]
                address,
                decode_responses=True,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                retry=Retry(NoBackoff(), 0),
            )
        except (ValueError, TypeError) as failure:
            raise StoreRefused("redis", f"the address cannot be read: {failure}") from failure
        pool = client.connection_pool
        pool.connection_class = steady(pool.connection_class)
        store = cls(client, prefix, clock)
        try:
            with typed():
                await store._connect()
        except TaskError:
            await store.aclose()
            raise
        return store

    async def _connect(self) -> None:
        seconds, micros = await self._client.time()
        self._offset = seconds + micros / 1e6 - time.monotonic()
        await self._client.set(self._keys.schema, _SCHEMA, nx=True)
        found = int(await self._client.get(self._keys.schema))
        if found > _SCHEMA:
            raise StoreRefused("redis", f"the data has schema {found}, this wireproof knows {_SCHEMA}; upgrade it")
        self._listening = asyncio.create_task(self._listen())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        if self.closed:
            return
        self.closed = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        self.hints.fire_all()
        with suppress(*_FAILURES):
            await self._client.aclose()

    def _now(self) -> float:
        self._check_open()
        seconds = time.monotonic() + self._offset if self._clock is None else self._clock()
        return round(seconds, 3)

    async def _listen(self) -> None:
        """One subscription, made again when it is lost; then everybody looks."""
        while True:
            with suppress(*_FAILURES):
                async with self._client.pubsub() as channel:
                    await channel.subscribe(self._keys.hints)
                    self.hints.fire_all()
                    while True:
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=5.0)
                        if message is not None:
                            self.hints.fire([message["data"]])
            await asyncio.sleep(0.2)

    # The one way to write

    async def _run(
        self, guards: Iterable[tuple[Command, str]], commands: Iterable[Command], hints: Iterable[str] = ()
    ) -> bool:
        """All commands if every guard holds; False when one does not."""
        job = {
            "guards": [{"call": call, "expected": expected} for call, expected in guards],
            "commands": list(commands),
            "hints": list(hints),
        }
        with typed():
            return bool(await self._transact(keys=[self._keys.hints], args=[encode(job)]))

    async def _load(self, scope: Scope, task_id: str) -> Kept:
        self._check_open()
        if not life.is_task_id(task_id):
            raise TaskNotFound(task_id)
        with typed():
            record, rev, input_, snapshot = await self._client.hmget(self._keys.task(scope, task_id), _FIELDS)
        if record is None:
            raise TaskNotFound(task_id)
        return Kept(decode_record(record, decode(input_), decode(snapshot)), rev)

    def _guard(self, kept: Kept) -> tuple[Command, str]:
        return ["HGET", self._keys.task(kept.record.scope, kept.record.id), "rev"], kept.rev

    async def _save(
        self,
        kept: Kept,
        record: TaskRecord,
        extra: Iterable[Command] = (),
        guards: Iterable[tuple[Command, str]] = (),
        hints: Iterable[str] = (),
    ) -> bool:
        """The record after a rule, with what belongs to the same transaction. False when it changed meanwhile."""
        commands = writes(self._keys, kept.record, record, int(kept.rev) + 1)
        told = [*(hints_of(record) if record != kept.record else ()), *hints]
        return await self._run([self._guard(kept), *guards], [*commands, *extra], told)

    async def _rewrite(self, scope: Scope, task_id: str, rule: Callable[[TaskRecord, float], TaskRecord]) -> TaskRecord:
        for _ in range(_RACES):
            kept = await self._load(scope, task_id)
            record = rule(kept.record, self._now())
            if record == kept.record or await self._save(kept, record):
                return record
        raise _crowded()

    async def _enqueue(
        self, record: TaskRecord, outbox: Sequence[Outgoing], now: float
    ) -> tuple[list[Command], list[str]]:
        """Commands and hints that put entries into the outbox; a queue that was empty gets its head due."""
        commands: list[Command] = []
        keys = self._keys
        for item in outbox:
            with typed():
                number = str(await self._client.incr(keys.delivery_count))
            queue = keys.queue(record.scope, record.id, item.channel, item.key)
            scope = map(column, record.scope)
            entry = [*scope, record.id, record.version, item.channel, column(item.key), encode(item.payload), 0, queue]
            commands.append(["HSET", keys.deliveries, number, encode(entry)])
            commands.append(["RPUSH", queue, number])
            commands.append(["SADD", keys.queues(record.scope, record.id), json.dumps([queue, item.channel])])
            commands.append(["ZADD", keys.due(item.channel), "NX", repr(now), queue])
        return commands, [outbox_key(item.channel) for item in outbox]

    async def _replayed(self, scope: Scope, key: str, fingerprint: str) -> TaskRecord | None:
        with typed():
            known = await self._client.hget(self._keys.idempotency(scope), column(key))
        if known is None:
            return None
        task_id, first = json.loads(known)
        if first != fingerprint:
            raise IdempotencyConflict(key, task_id)
        return (await self._load(scope, task_id)).record

    def _remember(
        self, scope: Scope, key: str, task_id: str, fingerprint: str
    ) -> tuple[list[tuple[Command, str]], list[Command]]:
        if not key:
            return [], []
        table, kept = self._keys.idempotency(scope), column(key)
        guard = (["HGET", table, kept], "")
        return [guard], [
            ["HSET", table, kept, json.dumps([task_id, fingerprint])],
            ["SADD", self._keys.used(scope, task_id), kept],
        ]

    # TaskStore

    async def create(self, scope: Scope, task: NewTask) -> Outcome:
        """See `TaskStore.create`."""
        for _ in range(_RACES):
            if task.idempotency_key:
                known = await self._replayed(scope, task.idempotency_key, task.fingerprint)
                if known is not None:
                    return Outcome(known, fresh=False)
            now = self._now()
            record, events, _fresh = life.born(scope, task, now)
            guards, keyed = self._remember(scope, task.idempotency_key, task.id, task.fingerprint)
            sent, told = await self._enqueue(record, task.outbox, now)
            guards.append((["HGET", self._keys.task(scope, task.id), "rev"], ""))
            commands = [*writes(self._keys, None, record, 1), *appends(self._keys, record, events), *keyed, *sent]
            if await self._run(guards, commands, [*hints_of(record), *told]):
                return Outcome(record, fresh=True)
        raise _crowded()

    async def get(self, scope: Scope, task_id: str) -> TaskRecord:
        """See `TaskStore.get`."""
        return (await self._load(scope, task_id)).record

    async def commit(
        self, scope: Scope, task_id: str, change: Change, *, expected_version: int, fence: int | None = None
    ) -> Outcome:
        """See `TaskStore.commit`."""
        key = life.outcome_key(task_id, change.idempotency_key) if change.idempotency_key else ""
        for _ in range(_RACES):
            kept = await self._load(scope, task_id)
            known = await self._replayed(scope, key, change.fingerprint) if key else None
            if known is not None:
                return Outcome(known, fresh=False)
            now = self._now()
            step = life.advance(kept.record, change, expected_version=expected_version, fence=fence, now=now)
            if not step.fresh:
                return Outcome(step.record, fresh=False)
            guards, keyed = self._remember(scope, key, task_id, change.fingerprint)
            sent, told = await self._enqueue(step.record, change.outbox, now)
            extra = [*appends(self._keys, step.record, step.events), *keyed, *sent]
            if await self._save(kept, step.record, extra, guards, told):
                return Outcome(step.record, fresh=True)
        raise _crowded()

    async def request_cancel(self, scope: Scope, task_id: str) -> TaskRecord:
        """See `TaskStore.request_cancel`."""
        return await self._rewrite(scope, task_id, life.cancel_asked)

    async def list_tasks(
        self, scope: Scope, where: Filter = Filter(), *, page_size: int = 50, after: PageToken | None = None
    ) -> Page:
        """See `TaskStore.list_tasks`; a filter other than `status_after` reads every task of the scope."""
        self._check_open()
        life.check_page_size(page_size)
        with typed():
            rows: list[tuple[str, float]] = await self._client.zrange(
                self._keys.listed(scope), "+inf", where.status_after, byscore=True, desc=True, withscores=True
            )
        position = [(score, task_id) for task_id, score in rows]
        if where.context_id or where.statuses or where.kind:
            found = [record for record in await self._records(scope, position) if _matches(record, where)]
            position = [(record.status_at, record.id) for record in found]
        rest = position if after is None else [one for one in position if one < tuple(after)]
        page = await self._records(scope, rest[:page_size])
        token = PageToken(*rest[page_size - 1]) if len(rest) > page_size else None
        return Page(page, token, len(position))

    async def _records(self, scope: Scope, position: Sequence[tuple[float, str]]) -> list[TaskRecord]:
        found: list[TaskRecord] = []
        for start in range(0, len(position), 500):
            with typed():
                async with self._client.pipeline(transaction=False) as pipe:
                    for _, task_id in position[start : start + 500]:
                        pipe.hmget(self._keys.task(scope, task_id), _FIELDS)
                    rows = await pipe.execute()
            found += [decode_record(row[0], decode(row[2]), decode(row[3])) for row in rows if row[0] is not None]
        return found

    async def delete(self, scope: Scope, task_id: str) -> None:
        """See `TaskStore.delete`."""
        for _ in range(_RACES):
            if await self._remove(await self._load(scope, task_id)):
                return
        raise _crowded()

    async def _remove(self, kept: Kept) -> bool:
        record, keys = kept.record, self._keys
        scope, name, task_id = record.scope, member(record), record.id
        with typed():
            used = await self._client.smembers(keys.used(scope, task_id))
            queues = [json.loads(text) for text in await self._client.smembers(keys.queues(scope, task_id))]
        commands: list[Command] = [["HDEL", keys.idempotency(scope), key] for key in used]
        for queue, channel in queues:
            with typed():
                numbers = await self._client.lrange(queue, 0, -1)
            commands += [["HDEL", keys.deliveries, number] for number in numbers]
            commands += [["DEL", queue], ["ZREM", keys.due(channel), queue]]
        commands.append(["ZREM", keys.listed(scope), task_id])
        commands += [
            ["ZREM", index, name] for index in (keys.ready(scope.owner), keys.expiring, keys.ended, keys.lengths)
        ]
        commands += [["SREM", keys.held(record.worker), name], ["SREM", keys.attention(record.worker), name]]
        whole = (keys.task, keys.events, keys.documents, keys.steps, keys.used, keys.queues)
        commands.append(["DEL", *(key(scope, task_id) for key in whole)])
        return await self._run([self._guard(kept)], commands, [task_key(task_id)])

    async def put_document(
        self, scope: Scope, task_id: str, collection: str, key: str, value: JSONValue, *, limit: int = 32
    ) -> None:
        """See `TaskStore.put_document`."""
        table, field = self._keys.documents(scope, task_id), json.dumps([collection, key])
        for _ in range(_RACES):
            kept = await self._load(scope, task_id)
            others = [name for name in await self.list_documents(scope, task_id, collection) if name != key]
            if len(others) >= limit:
                raise TooMany(f"{collection} documents of a task", limit)
            if await self._save(kept, kept.record, [["HSET", table, field, encode(value)]]):
                return
        raise _crowded()

    async def get_document(self, scope: Scope, task_id: str, collection: str, key: str) -> JSONValue | None:
        """See `TaskStore.get_document`."""
        return (await self.list_documents(scope, task_id, collection)).get(key)

    async def list_documents(self, scope: Scope, task_id: str, collection: str) -> dict[str, JSONValue]:
        """See `TaskStore.list_documents`."""
        await self._load(scope, task_id)
        with typed():
            rows: dict[str, str] = await self._client.hgetall(self._keys.documents(scope, task_id))
        named = sorted((json.loads(field), text) for field, text in rows.items())
        return {key: decode(text) for (name, key), text in named if name == collection}

    async def delete_document(self, scope: Scope, task_id: str, collection: str, key: str) -> bool:
        """See `TaskStore.delete_document`."""
        await self._load(scope, task_id)
        with typed():
            field = json.dumps([collection, key])
            return bool(await self._client.hdel(self._keys.documents(scope, task_id), field))

    # EventLog

    async def read_page(self, scope: Scope, task_id: str, after: int, limit: int) -> EventPage:
        """One page of a task's log, read together with its version and status."""
        self._check_open()
        if not life.is_task_id(task_id):
            raise TaskNotFound(task_id)
        with typed():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.hmget(self._keys.task(scope, task_id), ["version", "status"])
                pipe.xrange(self._keys.events(scope, task_id), min=f"{after + 1}-0", count=limit)
                (version, status), rows = await pipe.execute()
        if version is None:
            raise TaskNotFound(task_id)
        newest, ended = int(version), Status(status).is_terminal
        if after >= newest:
            return EventPage([], ended)
        events = [Event(_number(entry), decode(fields["p"]), float(fields["a"])) for entry, fields in rows]
        if not events or events[0].version != after + 1:
            raise EventsExpired(task_id, after, events[0].version if events else newest)
        return EventPage(events, ended and events[-1].version >= newest)

    async def publish(self, scope: Scope, topic: str, payload: JSONValue) -> int:
        """See `EventLog.publish`."""
        self._check_open()
        keys = [self._keys.hints, self._keys.topic_end(scope, topic), self._keys.topic(scope, topic)]
        with typed():
            return int(await self._publish(keys=keys, args=[encode(payload), topic_key(topic)]))

    async def topic_end(self, scope: Scope, topic: str) -> int:
        """See `EventLog.topic_end`."""
        self._check_open()
        with typed():
            return int(await self._client.get(self._keys.topic_end(scope, topic)) or 0)

    async def read_topic(self, scope: Scope, topic: str, after: int, limit: int) -> list[TopicEvent]:
        """One page of a topic."""
        with typed():
            rows = await self._client.xrange(self._keys.topic(scope, topic), min=f"{after + 1}-0", count=limit)
        return [TopicEvent(_number(entry), decode(fields["p"])) for entry, fields in rows]

    # WorkQueue

    async def enlist(self, worker: str, lease: float) -> None:
        """See `WorkQueue.enlist`."""
        self._check_open()
        with typed():
            await self._client.hset(self._keys.workers, worker, _worker_text(1, lease))

    async def beat(self, worker: str) -> None:
        """See `WorkQueue.beat`."""
        for _ in range(_RACES):
            text, row = await self._worker(worker)
            if await self._swap_worker(worker, text, _worker_text(row.beat + 1, row.lease)):
                return
        raise _crowded()

    async def _worker(self, worker: str) -> tuple[str, WorkerRow]:
        """Raises `LeaseLost` for a worker that is unknown or declared dead."""
        self._check_open()
        with typed():
            text: str | None = await self._client.hget(self._keys.workers, worker)
        row = None if text is None else WorkerRow(worker, *json.loads(text))
        if text is None or row is None or row.beat == _DEAD:
            raise LeaseLost(worker, 0)
        return text, row

    async def _swap_worker(self, worker: str, old: str, new: str) -> bool:
        table = self._keys.workers
        return await self._run([(["HGET", table, worker], old)], [["HSET", table, worker, new]])

    async def workers(self) -> list[WorkerRow]:
        """See `WorkQueue.workers`."""
        self._check_open()
        with typed():
            rows: dict[str, str] = await self._client.hgetall(self._keys.workers)
        return [WorkerRow(worker, *json.loads(text)) for worker, text in rows.items()]

    async def bury(self, worker: str, beat: int) -> int:
        """See `WorkQueue.bury`; marked dead first, removed last, so that a burial can be resumed."""
        with typed():
            text = await self._client.hget(self._keys.workers, worker)
        if text is None or json.loads(text)[0] != beat:
            return 0
        if beat != _DEAD and not await self._swap_worker(worker, text, _worker_text(_DEAD, json.loads(text)[1])):
            return 0
        with typed():
            held = await self._client.smembers(self._keys.held(worker))
        for name in held:
            scope, task_id, _ = place_of(name)
            with suppress(TaskNotFound):
                await self._rewrite(scope, task_id, lambda record, now: _freed(record, worker, now))
        with typed():
            await self._client.hdel(self._keys.workers, worker)
            await self._client.delete(self._keys.attention(worker))
        return len(held)

    async def claim(self, worker: str, kinds: Collection[str], *, limit: int = 1, after_owner: str = "") -> list[Lease]:
        """See `WorkQueue.claim`."""
        await self._worker(worker)
        leases: list[Lease] = []
        owner, wrapped = column(after_owner), False
        while len(leases) < limit:
            with typed():
                behind = await self._client.zrangebylex(
                    self._keys.owners, f"({owner}" if owner else "-", "+", start=0, num=1
                )
            if not behind:
                if wrapped or not owner:
                    break
                owner, wrapped = "", True
                continue
            owner = behind[0]
            lease = await self._claim_of(owner, worker, kinds)
            if lease is not None:
                leases.append(lease)
                wrapped = False
        return leases

    async def _claim_of(self, owner: str, worker: str, kinds: Collection[str]) -> Lease | None:
        ready, now = self._keys.ready(uncolumn(owner)), self._now()
        with typed():
            names = await self._client.zrangebyscore(ready, "-inf", now, start=0, num=64)
            if not names:
                await self._forget_owner(keys=[self._keys.hints, self._keys.owners, ready], args=[owner])
        for name in names:
            scope, task_id, kind = place_of(name)
            if kind not in kinds:
                continue
            with suppress(TaskNotFound):
                kept = await self._load(scope, task_id)
                record = life.claimed(kept.record, worker)
                alive = (await self._worker(worker))[0]
                guard = (["HGET", self._keys.workers, worker], alive)
                if kept.record.place == "ready" and await self._save(kept, record, (), [guard]):
                    return Lease(record, record.attempt)
        return None

    async def release(
        self, scope: Scope, task_id: str, fence: int, *, delay: float = 0.0, failed: bool = False, parked: bool = False
    ) -> TaskRecord:
        """See `WorkQueue.release`."""

        def rule(record: TaskRecord, now: float) -> TaskRecord:
            return life.released(record, fence, now, delay=delay, failed=failed, parked=parked)

        return await self._rewrite(scope, task_id, rule)

    async def attention(self, worker: str) -> list[TaskRecord]:
        """See `WorkQueue.attention`."""
        self._check_open()
        key = self._keys.attention(worker)
        with typed():
            names = await self._client.smembers(key)
        found: list[TaskRecord] = []
        for name in names:
            scope, task_id, _ = place_of(name)
            with suppress(TaskNotFound):
                kept = await self._load(scope, task_id)
                calm = evolve(kept.record, attention=False)
                if await self._save(kept, calm, [["SREM", key, name]]):
                    found.append(calm)
        return found

    async def record_step(self, scope: Scope, task_id: str, fence: int, name: str, value: JSONValue) -> JSONValue:
        """See `WorkQueue.record_step`."""
        for _ in range(_RACES):
            kept = await self._load(scope, task_id)
            if kept.record.is_terminal:
                raise TaskEnded(task_id, kept.record.status)
            life.check_fence(kept.record, fence)
            known = (await self.steps(scope, task_id)).get(name, self)
            if known is not self:
                return known
            command = ["HSET", self._keys.steps(scope, task_id), name, encode(value)]
            if await self._save(kept, kept.record, [command]):
                return value
        raise _crowded()

    async def steps(self, scope: Scope, task_id: str) -> dict[str, JSONValue]:
        """See `WorkQueue.steps`."""
        await self._load(scope, task_id)
        with typed():
            rows: dict[str, str] = await self._client.hgetall(self._keys.steps(scope, task_id))
        return {name: decode(text) for name, text in rows.items()}

    # Outbox

    async def claim_deliveries(self, channel: str, *, limit: int = 16, lease: float = 60.0) -> list[Delivery]:
        """See `Outbox.claim_deliveries`."""
        now, keys = self._now(), self._keys
        due = keys.due(channel)
        with typed():
            queues = await self._client.zrangebyscore(due, "-inf", now, start=0, num=limit)
        claimed: list[Delivery] = []
        for queue in queues:
            with typed():
                number = await self._client.lindex(queue, 0)
                text = None if number is None else await self._client.hget(keys.deliveries, number)
            if number is None or text is None:
                continue
            entry = json.loads(text)
            entry[7] += 1
            guards = [(["HGET", keys.deliveries, number], text), (["LINDEX", queue, "0"], number)]
            commands = [["HSET", keys.deliveries, number, encode(entry)], ["ZADD", due, repr(now + lease), queue]]
            if await self._run(guards, commands):
                claimed.append(_delivery(number, entry))
        return claimed

    async def _entry(self, delivery: Delivery) -> tuple[str, str] | None:
        """The stored text and queue of a claim that still stands."""
        self._check_open()
        with typed():
            text: str | None = await self._client.hget(self._keys.deliveries, delivery.id)
        if text is None:
            return None
        entry = json.loads(text)
        return (text, entry[8]) if entry[7] == delivery.attempt else None

    async def acknowledge(self, delivery: Delivery) -> bool:
        """See `Outbox.acknowledge`."""
        found = await self._entry(delivery)
        if found is None:
            return False
        text, queue = found
        keys, due = self._keys, self._keys.due(delivery.channel)
        with typed():
            following = await self._client.lindex(queue, 1)
        guards = [(["HGET", keys.deliveries, delivery.id], text), (["LINDEX", queue, "1"], following or "")]
        commands = [["HDEL", keys.deliveries, delivery.id], ["LPOP", queue]]
        commands.append(["ZREM", due, queue] if following is None else ["ZADD", due, repr(self._now()), queue])
        if await self._run(guards, commands, [outbox_key(delivery.channel)]):
            return True
        return await self.acknowledge(delivery)

    async def retry_delivery(self, delivery: Delivery, delay: float) -> bool:
        """See `Outbox.retry_delivery`."""
        found = await self._entry(delivery)
        if found is None:
            return False
        guard = (["HGET", self._keys.deliveries, delivery.id], found[0])
        due = ["ZADD", self._keys.due(delivery.channel), repr(self._now() + delay), found[1]]
        return await self._run([guard], [due])

    async def sweep(self, retention: Retention = Retention()) -> int:
        """See `Store.sweep`; at most 500 tasks of each sort at once. Topics are trimmed as they are written."""
        now, keys = self._now(), self._keys
        old = "-1" if retention.ended_age is None else repr(now - retention.ended_age)
        with typed():
            past = await self._client.zrangebyscore(keys.expiring, "-inf", now, start=0, num=500)
            past += await self._client.zrangebyscore(keys.ended, "-inf", old, start=0, num=500)
            long = await self._client.zrangebyscore(keys.lengths, f"({retention.events_kept}", "+inf", withscores=True)
            for name, version in long:
                scope, task_id, _ = place_of(name)
                oldest = f"{int(version) - retention.events_kept + 1}-0"
                await self._client.xtrim(keys.events(scope, task_id), minid=oldest, approximate=False)
        if retention.events_age is not None:
            await self._trim_by_age(now - retention.events_age)
        removed = 0
        for name in set(past):
            scope, task_id, _ = place_of(name)
            with suppress(TaskNotFound):
                removed += await self._remove(await self._load(scope, task_id))
        return removed

    async def _trim_by_age(self, oldest: float) -> None:
        with typed():
            names = await self._client.zrange(self._keys.lengths, 0, -1, withscores=True)
            for name, version in names:
                scope, task_id, _ = place_of(name)
                stream = self._keys.events(scope, task_id)
                rows = await self._client.xrange(stream, count=10_000)
                keep = [_number(entry) for entry, fields in rows if float(fields["a"]) >= oldest]
                first = min(keep, default=int(version))
                await self._client.xtrim(stream, minid=f"{first}-0", approximate=False)


def _crowded() -> StoreUnavailable:
    return StoreUnavailable("redis", f"{_RACES} writers in a row were faster; retry")


def _number(entry: str) -> int:
    return int(entry.partition("-")[0])


def _worker_text(beat: int, lease: float) -> str:
    return json.dumps([beat, lease])


def _freed(record: TaskRecord, worker: str, now: float) -> TaskRecord:
    return life.buried(record, now) if record.place == "leased" and record.worker == worker else record


def _delivery(number: str, entry: Sequence[Any]) -> Delivery:
    owner, tenant, task_id, version, channel, key, payload, attempt, _ = entry
    scope = Scope(uncolumn(owner), uncolumn(tenant))
    return Delivery(number, scope, task_id, version, channel, uncolumn(key), decode(payload), attempt)


def _matches(record: TaskRecord, where: Filter) -> bool:
    return (
        (not where.context_id or record.context_id == where.context_id)
        and (not where.statuses or record.status in where.statuses)
        and (not where.kind or record.kind == where.kind)
    )
