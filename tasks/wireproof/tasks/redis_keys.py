"""The Redis engine's keys, and what a change of a record writes to its indexes. Pure: commands out, no connection.

All keys share one hash tag, so that one script may touch them all, also on a cluster.
"""

from __future__ import annotations

import json
from typing import Final, TypeAlias

from wireproof.tasks.codec import column, encode, encode_record
from wireproof.tasks.hints import READY, task_key, worker_key
from wireproof.tasks.records import Event, Place, Scope, TaskRecord

Command: TypeAlias = list[str]

EVENTS_AT_MOST: Final = 100_000
"""Bound of a task's stream at commit; `sweep` trims to the retention."""

TRANSACT: Final = """
local job = cjson.decode(ARGV[1])
for _, guard in ipairs(job.guards) do
  local found = redis.call(unpack(guard.call))
  if (found or '') ~= guard.expected then return 0 end
end
for _, command in ipairs(job.commands) do redis.call(unpack(command)) end
for _, hint in ipairs(job.hints) do redis.call('PUBLISH', KEYS[1], hint) end
return 1
"""
"""Run all commands if every guard finds what is expected; then tell the hints."""

PUBLISH: Final = """
local seq = redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', '100000', seq .. '-0', 'p', ARGV[1])
redis.call('PUBLISH', KEYS[1], ARGV[2])
return seq
"""

FORGET_OWNER: Final = """
if redis.call('ZCARD', KEYS[3]) == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end
return 1
"""


class Keys:
    """Names of everything under one prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = "{" + prefix + "}:"
        self.hints = self._prefix + "hints"
        self.owners = self._prefix + "owners"
        self.workers = self._prefix + "workers"
        self.expiring = self._prefix + "expiring"
        self.ended = self._prefix + "ended"
        self.lengths = self._prefix + "lengths"
        self.schema = self._prefix + "schema"
        self.deliveries = self._prefix + "deliveries"
        self.delivery_count = self._prefix + "delivery_count"

    def _of(self, kind: str, *parts: str) -> str:
        return f"{self._prefix}{kind}:{json.dumps(parts)}"

    def task(self, scope: Scope, task_id: str) -> str:
        """Hash: the record, its revision, input and snapshot."""
        return self._of("task", *scope, task_id)

    def events(self, scope: Scope, task_id: str) -> str:
        """Stream: entry n-0 is version n."""
        return self._of("events", *scope, task_id)

    def documents(self, scope: Scope, task_id: str) -> str:
        """Hash: [collection, key] to value."""
        return self._of("documents", *scope, task_id)

    def steps(self, scope: Scope, task_id: str) -> str:
        """Hash: step name to value."""
        return self._of("steps", *scope, task_id)

    def used(self, scope: Scope, task_id: str) -> str:
        """Set: the idempotency keys that lead to a task."""
        return self._of("used", *scope, task_id)

    def queues(self, scope: Scope, task_id: str) -> str:
        """Set: the outbox queues of a task."""
        return self._of("queues", *scope, task_id)

    def queue(self, scope: Scope, task_id: str, channel: str, key: str) -> str:
        """List: deliveries of one receiver, oldest first."""
        return self._of("queue", *scope, task_id, channel, key)

    def due(self, channel: str) -> str:
        """Sorted set: the first delivery of each queue by when it is due."""
        return self._of("due", channel)

    def listed(self, scope: Scope) -> str:
        """Sorted set: a scope's tasks by `status_at`."""
        return self._of("listed", *scope)

    def idempotency(self, scope: Scope) -> str:
        """Hash: key to [task, fingerprint]."""
        return self._of("idempotency", *scope)

    def ready(self, owner: str) -> str:
        """Sorted set: an owner's ready tasks by `not_before`."""
        return self._of("ready", owner)

    def held(self, worker: str) -> str:
        """Set: tasks leased by a worker."""
        return self._of("held", worker)

    def attention(self, worker: str) -> str:
        """Set: tasks that a worker should look at."""
        return self._of("attention", worker)

    def topic(self, scope: Scope, topic: str) -> str:
        """Stream: entry n-0 is number n."""
        return self._of("topic", *scope, topic)

    def topic_end(self, scope: Scope, topic: str) -> str:
        """Counter: the number of the newest entry."""
        return self._of("topic_end", *scope, topic)


def member(record: TaskRecord) -> str:
    """A task as member of an index."""
    return json.dumps([*record.scope, record.id, record.kind])


def place_of(text: str) -> tuple[Scope, str, str]:
    """Scope, id and kind of a member."""
    owner, tenant, task_id, kind = json.loads(text)
    return Scope(owner, tenant), task_id, kind


def writes(keys: Keys, before: TaskRecord | None, after: TaskRecord, rev: int) -> list[Command]:
    """The record and every index that a change from `before` touches."""
    key = keys.task(after.scope, after.id)
    fields = ["rec", encode_record(after), "rev", str(rev), "version", str(after.version), "status", after.status]
    if before is None:
        fields += ["input", encode(after.input)]
    if before is None or after.snapshot is not before.snapshot:
        fields += ["snapshot", encode(after.snapshot)]
    commands: list[Command] = [["HSET", key, *fields]]
    if before is None or before.status_at != after.status_at:
        commands.append(["ZADD", keys.listed(after.scope), repr(after.status_at), after.id])
    commands += _queued(keys, before, after)
    commands += _timed(keys, before, after)
    return commands


def _queued(keys: Keys, before: TaskRecord | None, after: TaskRecord) -> list[Command]:
    name, owner = member(after), after.scope.owner
    commands: list[Command] = []
    if before is not None and before.place is Place.READY and after.place is not Place.READY:
        commands.append(["ZREM", keys.ready(owner), name])
    if after.place is Place.READY:
        commands.append(["ZADD", keys.ready(owner), repr(after.not_before), name])
        commands.append(["ZADD", keys.owners, "0", column(owner)])
    if before is not None and before.place is Place.LEASED and after.place is not Place.LEASED:
        commands.append(["SREM", keys.held(before.worker), name])
    if after.place is Place.LEASED:
        commands.append(["SADD", keys.held(after.worker), name])
    if after.attention:
        commands.append(["SADD", keys.attention(after.worker), name])
    return commands


def _timed(keys: Keys, before: TaskRecord | None, after: TaskRecord) -> list[Command]:
    name = member(after)
    commands: list[Command] = []
    if after.expires_at is not None:
        commands.append(["ZADD", keys.expiring, repr(after.expires_at), name])
    elif before is not None and before.expires_at is not None:
        commands.append(["ZREM", keys.expiring, name])
    if after.is_terminal:
        commands.append(["ZADD", keys.ended, repr(after.updated_at), name])
    if before is None or before.version != after.version:
        commands.append(["ZADD", keys.lengths, str(after.version), name])
    return commands


def appends(keys: Keys, record: TaskRecord, events: tuple[Event, ...]) -> list[Command]:
    """The events as stream entries whose ids are their versions."""
    key = keys.events(record.scope, record.id)
    bound = ["MAXLEN", "~", str(EVENTS_AT_MOST)]
    return [["XADD", key, *bound, f"{e.version}-0", "p", encode(e.payload), "a", repr(e.at)] for e in events]


def hints_of(record: TaskRecord) -> list[str]:
    """Whom a change wakes."""
    told = [task_key(record.id)]
    if record.place is Place.READY:
        told.append(READY)
    if record.attention:
        told.append(worker_key(record.worker))
    return told
