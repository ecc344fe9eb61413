"""The rules of a task's life as pure functions: record in, record and events out, or a typed refusal.

Everything that decides about a task lives here; engines only load, call and write. No I/O, no clock.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, cast

from pydantic_core import to_json

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.errors import BadTransition, KeyReused, LeaseLost, TaskEnded, VersionConflict
from wireproof.tasks.records import (
    INTERRUPTED,
    TERMINAL,
    TRANSITIONS,
    UNCHANGED,
    Change,
    Event,
    NewTask,
    Place,
    Scope,
    Status,
    TaskRecord,
    Unchanged,
    evolve,
)

NONCES_KEPT: Final = 16
SKEW: Final = 5.0
"""Seconds by which the clocks of processes may differ without meaning that one of them was set back."""
_TASK_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")


class Step(NamedTuple):
    """What a rule decided: the record afterwards and the events that lead to it. `fresh` is False for a replay."""

    record: TaskRecord
    events: tuple[Event, ...] = ()
    fresh: bool = True


def check_page_size(page_size: int) -> None:
    """Raises ValueError outside 1 to 1000."""
    if not 1 <= page_size <= 1000:
        raise ValueError("page_size is 1 to 1000")


def outcome_key(task_id: str, change_key: str) -> str:
    """The idempotency key of a commit: unique within its task."""
    return f"{task_id}/{change_key}"


def kept(value: JSONValue, copy: Callable[[JSONValue], JSONValue]) -> JSONValue:
    """A copy of a value that is set, or UNCHANGED."""
    return value if value is UNCHANGED else copy(value)


def is_task_id(text: str) -> bool:
    """Whether a store could ever have made this id; anything else is simply not found."""
    return _TASK_ID.fullmatch(text) is not None


def digest(request: JSONValue) -> str:
    """Names a request independently of the order of its members."""
    ordered = to_json(_sorted(request))
    return hashlib.sha256(ordered).hexdigest()[:32]


def _sorted(value: JSONValue) -> JSONValue:
    if isinstance(value, Mapping):
        items = cast("Mapping[str, JSONValue]", value)
        return {key: _sorted(items[key]) for key in sorted(items)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in cast("Sequence[JSONValue]", value)]
    return value


def born(scope: Scope, new: NewTask, now: float) -> Step:
    """A new task and its first event. Raises ValueError for an id that is not 1 to 128 URL-safe characters."""
    if not scope.owner:
        raise ValueError("a task belongs to somebody: the owner of its scope is empty")
    if not is_task_id(new.id):
        raise ValueError("a task id is 1 to 128 characters of A-Z, a-z, 0-9, '.', '_', '~' and '-'")
    place = Place.READY if new.queued else Place.UNQUEUED
    record = TaskRecord(
        id=new.id,
        scope=scope,
        kind=new.kind,
        name=new.name,
        context_id=new.context_id,
        status=new.status,
        status_message=new.status_message,
        input=new.input,
        snapshot=new.snapshot,
        ttl=new.ttl,
        created_at=now,
        updated_at=now,
        status_at=now if new.status_at is None else new.status_at,
        not_before=now,
        place=Place.DONE if new.status in TERMINAL else place,
    )
    return Step(record, (Event(1, new.event, now),))


def advance(record: TaskRecord, change: Change, *, expected_version: int, fence: int | None, now: float) -> Step:
    """Apply a change. Raises `TaskEnded`, `LeaseLost`, `VersionConflict`, `BadTransition`, `KeyReused`."""
    if change.nonce and change.nonce in record.recent:
        return Step(record, fresh=False)
    if record.status in TERMINAL:
        raise TaskEnded(record.id, record.status)
    if fence is not None:
        check_fence(record, fence)
    if expected_version != record.version:
        raise VersionConflict(record.id, expected_version, record.version)
    if change.status is not None and change.status not in TRANSITIONS[record.status]:
        raise BadTransition(record.id, record.status, change.status)
    now = max(now, record.updated_at)
    after = _told(_answered(_asked(record, change), change), change)
    if change.status is None and not change.events and after == record:
        return Step(record)
    moved = change.status is not None or after.status is not record.status
    events = _numbered(record.version, change, now)
    after = evolve(
        after,
        version=events[-1].version,
        updated_at=now,
        status_at=_status_at(change, now) if moved else record.status_at,
        recent=(*record.recent, change.nonce)[-NONCES_KEPT:] if change.nonce else record.recent,
    )
    return Step(_placed(after, fence, now), events)


def _status_at(change: Change, now: float) -> float:
    return now if change.status_at is None else change.status_at


def _asked(record: TaskRecord, change: Change) -> TaskRecord:
    if not change.asks:
        return record
    pending, asked = dict(record.pending), dict(record.asked)
    for key, request in change.asks.items():
        name = digest(request)
        if asked.setdefault(key, name) != name:
            raise KeyReused(record.id, key)
        if key not in record.answers and key not in record.asked:
            pending[key] = request
    return evolve(record, pending=pending, asked=asked)


def _answered(record: TaskRecord, change: Change) -> TaskRecord:
    accepted = {key: answer for key, answer in change.answers.items() if key in record.pending}
    if not accepted:
        return record
    pending = {key: request for key, request in record.pending.items() if key not in accepted}
    resumed = not pending and change.status is None and record.status in INTERRUPTED
    return evolve(
        record,
        pending=pending,
        answers={**record.answers, **accepted},
        status=Status.WORKING if resumed else record.status,
    )


def _told(record: TaskRecord, change: Change) -> TaskRecord:
    """Set the plain fields; a status that waits for nobody supersedes what is outstanding."""
    status = record.status if change.status is None else change.status
    superseded = change.status is not None and change.status not in INTERRUPTED
    return evolve(
        record,
        status=status,
        status_message=record.status_message if change.status_message is None else change.status_message,
        snapshot=record.snapshot if change.snapshot is UNCHANGED else change.snapshot,
        result=record.result if change.result is UNCHANGED else change.result,
        error=record.error if change.error is UNCHANGED else change.error,
        reason=record.reason if change.reason is None else change.reason,
        ttl=record.ttl if isinstance(change.ttl, Unchanged) else change.ttl,
        pending={} if superseded else record.pending,
    )


def _numbered(version: int, change: Change, now: float) -> tuple[Event, ...]:
    payloads = tuple(change.events) or (None,)
    return tuple(Event(version + 1 + index, payload, now) for index, payload in enumerate(payloads))


def _placed(record: TaskRecord, fence: int | None, now: float) -> TaskRecord:
    """Where the task stands in the queue after a change; a holder that did not make it is asked to look."""
    surprised = fence is None and record.place is Place.LEASED
    if record.status in TERMINAL:
        return evolve(record, place=Place.DONE, attention=surprised, worker=record.worker if surprised else "")
    if record.place is Place.PARKED and not record.pending:
        return evolve(record, place=Place.READY, not_before=now)
    return evolve(record, attention=True) if surprised else record


def check_fence(record: TaskRecord, fence: int) -> None:
    """Raises `LeaseLost` unless `fence` is the token of the lease that stands now."""
    if record.place is not Place.LEASED or record.attempt != fence:
        raise LeaseLost(record.id, fence)


def cancel_asked(record: TaskRecord, now: float) -> TaskRecord:
    """The durable cancel flag; a task that nobody holds goes to a worker, which ends it."""
    if record.status in TERMINAL or record.cancel_requested:
        return record
    flagged = evolve(record, cancel_requested=True, attention=record.place is Place.LEASED)
    if record.place in (Place.PARKED, Place.READY):
        return evolve(flagged, place=Place.READY, not_before=min(now, record.not_before))
    return flagged


def is_due(record: TaskRecord, now: float) -> bool:
    """Whether a ready task's time has come. One that was written in the future (a clock went back) waits no more."""
    return record.not_before <= now or record.updated_at > now + SKEW


def claimed(record: TaskRecord, worker: str) -> TaskRecord:
    """A ready task in the hands of a worker, one attempt further."""
    return evolve(record, place=Place.LEASED, worker=worker, attempt=record.attempt + 1, attention=False)


def released(record: TaskRecord, fence: int, now: float, *, delay: float, failed: bool, parked: bool) -> TaskRecord:
    """A lease given back. Parking a task that has its answers already makes it ready. Raises `LeaseLost`."""
    check_fence(record, fence)
    waits = parked and record.pending and not record.cancel_requested
    return evolve(
        record,
        place=Place.PARKED if waits else Place.READY,
        worker="",
        attention=False,
        not_before=now + delay,
        failures=record.failures + failed,
    )


def buried(record: TaskRecord, now: float) -> TaskRecord:
    """A lease whose worker is dead. One that waited for its caller was not interrupted in its work."""
    waits = bool(record.pending) and not record.cancel_requested
    return evolve(
        record,
        place=Place.PARKED if waits else Place.READY,
        worker="",
        attention=False,
        not_before=now,
        interruptions=record.interruptions + (not record.pending),
    )
