"""What a store, a queue or a runner can refuse, as types with data.

Knows neither protocol; each protocol maps these in its own error table.
"""

from __future__ import annotations

from dataclasses import dataclass


class TaskError(Exception):
    """Root of everything that this room raises on purpose."""


@dataclass(eq=False)
class TaskNotFound(TaskError):
    """No such task for this owner. Absent and "not yours" are the same error, on purpose."""

    task_id: str

    def __str__(self) -> str:
        return f"No task {self.task_id[:64]!r} here for this owner."


@dataclass(eq=False)
class VersionConflict(TaskError):
    """The task moved on since it was read: read it again and decide again."""

    task_id: str
    expected: int
    actual: int

    def __str__(self) -> str:
        return f"Task {self.task_id} is at version {self.actual}, not at {self.expected}; read it again and retry."


@dataclass(eq=False)
class TaskEnded(TaskError):
    """The task reached a terminal status, and the first terminal status is for ever."""

    task_id: str
    status: str

    def __str__(self) -> str:
        return f"Task {self.task_id} ended as {self.status} and cannot change any more."


@dataclass(eq=False)
class BadTransition(TaskError):
    """The status table has no arrow from `current` to `wanted`."""

    task_id: str
    current: str
    wanted: str

    def __str__(self) -> str:
        return f"Task {self.task_id} cannot go from {self.current} to {self.wanted}."


@dataclass(eq=False)
class LeaseLost(TaskError):
    """The fencing token is stale: another worker owns the task now. Stop the work; nothing was written."""

    task_id: str
    fence: int

    def __str__(self) -> str:
        return f"Attempt {self.fence} of task {self.task_id} no longer holds its lease; stop and drop its work."


@dataclass(eq=False)
class KeyReused(TaskError):
    """An input key was asked before in this task's life, for another request."""

    task_id: str
    key: str

    def __str__(self) -> str:
        return f"Task {self.task_id} already asked with the key {self.key[:64]!r}; a key is good for one request only."


@dataclass(eq=False)
class AskSuperseded(TaskError):
    """The question went away unanswered: the layer above moved the task on without it."""

    task_id: str
    key: str

    def __str__(self) -> str:
        return f"Task {self.task_id} moved on without an answer to {self.key[:64]!r}."


@dataclass(eq=False)
class IdempotencyConflict(TaskError):
    """The idempotency key was used before with other content (another fingerprint)."""

    key: str
    task_id: str

    def __str__(self) -> str:
        return f"The key {self.key[:64]!r} was used before with other content (task {self.task_id}); use a new key."


@dataclass(eq=False)
class EventsExpired(TaskError):
    """Events after `after` are partly gone by retention; resynchronise from the snapshot, then tail from it."""

    task_id: str
    after: int
    oldest: int

    def __str__(self) -> str:
        return (
            f"Events after {self.after} of {self.task_id} start at {self.oldest}; read the snapshot and tail from it."
        )


@dataclass(eq=False)
class TooMany(TaskError):
    """A bound was reached. `what` names it."""

    what: str
    limit: int

    def __str__(self) -> str:
        return f"At most {self.limit} {self.what}; delete one or raise the limit."


@dataclass(eq=False)
class StoreUnavailable(TaskError):
    """The store cannot be reached or does not answer now. Nothing is known about the call's effect; retry later."""

    engine: str
    detail: str

    def __str__(self) -> str:
        return f"The {self.engine} store is not available: {self.detail}"


class StoreBusy(StoreUnavailable):
    """Another process held the database longer than the lock timeout. Nothing was written."""


class StoreFull(StoreUnavailable):
    """The disk or the configured memory is full. Nothing was written."""


@dataclass(eq=False)
class StoreRefused(TaskError):
    """The store cannot be used as it is: corrupt, of a newer schema, a wrong address, a missing extra. Do not retry."""

    engine: str
    detail: str

    def __str__(self) -> str:
        return f"The {self.engine} store cannot be used: {self.detail}"
