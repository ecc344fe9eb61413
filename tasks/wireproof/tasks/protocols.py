"""The seams of durable work: what a store, a log and a queue must do, whatever engine is behind them.

One engine usually implements all of them (`Store`). No method here works without a scope, except what workers claim.
Every method may raise `StoreUnavailable`; the engine stays usable and works again once its server is back.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.hints import Watch
from wireproof.tasks.records import (
    Change,
    Delivery,
    Event,
    Filter,
    Lease,
    NewTask,
    Outcome,
    Page,
    PageToken,
    Retention,
    Scope,
    TaskRecord,
    TopicEvent,
    WorkerRow,
)


@runtime_checkable
class TaskStore(Protocol):
    """Tasks and the small documents attached to them, keyed by owner and tenant."""

    async def create(self, scope: Scope, task: NewTask) -> Outcome:
        """Write a new task and its first event; durable and readable by everyone when this returns.

        Raises `IdempotencyConflict` when the key was used with another fingerprint.
        """
        ...

    async def get(self, scope: Scope, task_id: str) -> TaskRecord:
        """The task and, in its `version`, the cursor to tail after, in one read. Raises `TaskNotFound`."""
        ...

    async def commit(
        self, scope: Scope, task_id: str, change: Change, *, expected_version: int, fence: int | None = None
    ) -> Outcome:
        """Write snapshot, events, answers and outbox entries in one transaction; returns the record after it.

        `fence` is the token of the lease that the caller works under; None for a caller that is no worker.
        Raises `TaskNotFound`, `TaskEnded`, `VersionConflict`, `LeaseLost`, `BadTransition`, `KeyReused`,
        `IdempotencyConflict`. Whatever it raises except `StoreUnavailable`, nothing was written.
        """
        ...

    async def request_cancel(self, scope: Scope, task_id: str) -> TaskRecord:
        """Set the durable cancel flag and hint at the worker; a task that nobody holds goes to a worker to end it.

        An ended task is returned as it is. The version does not change. Raises `TaskNotFound`.
        """
        ...

    async def list_tasks(
        self, scope: Scope, where: Filter = ..., *, page_size: int = 50, after: PageToken | None = None
    ) -> Page:
        """One keyset page; `page_size` is 1 to 1000."""
        ...

    async def delete(self, scope: Scope, task_id: str) -> None:
        """Remove the task with its events, documents and outbox entries. Raises `TaskNotFound`."""
        ...

    async def put_document(
        self, scope: Scope, task_id: str, collection: str, key: str, value: JSONValue, *, limit: int = 32
    ) -> None:
        """Write one small document of a task (a push configuration), replacing the one with the same key.

        Raises `TaskNotFound`, and `TooMany` when the collection would exceed `limit` documents.
        """
        ...

    async def get_document(self, scope: Scope, task_id: str, collection: str, key: str) -> JSONValue | None:
        """The document or None. Raises `TaskNotFound`."""
        ...

    async def list_documents(self, scope: Scope, task_id: str, collection: str) -> dict[str, JSONValue]:
        """All documents of a collection by key, in order of their keys. Raises `TaskNotFound`."""
        ...

    async def delete_document(self, scope: Scope, task_id: str, collection: str, key: str) -> bool:
        """Remove one; True when it was there. Raises `TaskNotFound`."""
        ...


@runtime_checkable
class EventLog(Protocol):
    """What happened, in order: per task with dense versions, per topic with dense numbers."""

    async def read_events(self, scope: Scope, task_id: str, *, after: int, limit: int = 100) -> list[Event]:
        """Events with a version above `after`, in order. Raises `TaskNotFound`, `EventsExpired`."""
        ...

    def tail(self, scope: Scope, task_id: str, *, after: int) -> AsyncGenerator[Event, None]:
        """Every event above `after`, once, in order, waiting for more; ends after the last one of an ended task.

        A slow reader never slows a writer: it reads from the log at its own pace. Close it with `aclose()`.
        Raises `TaskNotFound` (also when the task is removed meanwhile) and `EventsExpired`.
        """
        ...

    def watch_task(self, task_id: str) -> AbstractContextManager[Watch]:
        """Be woken when the task may have changed: enter it, then read, then wait. Only a hint."""
        ...

    async def publish(self, scope: Scope, topic: str, payload: JSONValue) -> int:
        """Append to a topic that other processes tail; returns its number. `BROADCAST` is the scope of all."""
        ...

    async def topic_end(self, scope: Scope, topic: str) -> int:
        """The number of the newest entry, 0 when there is none: the cursor to start a tail at "from now on"."""
        ...

    def tail_topic(self, scope: Scope, topic: str, *, after: int) -> AsyncGenerator[TopicEvent, None]:
        """Every retained entry above `after`, in order, waiting for ever. A gap in `seq` means retention took some."""
        ...


@runtime_checkable
class WorkQueue(Protocol):
    """Who works on what. Scopes come out of claims here; they do not go in."""

    async def enlist(self, worker: str, lease: float) -> None:
        """Make a worker known (a fresh id each time) before it claims; `lease` is in seconds."""
        ...

    async def beat(self, worker: str) -> None:
        """Heartbeat for every lease of the worker at once. Raises `LeaseLost` when it was buried meanwhile."""
        ...

    async def workers(self) -> list[WorkerRow]:
        """All workers that the store knows."""
        ...

    async def bury(self, worker: str, beat: int) -> int:
        """Declare a worker dead if its beat is still `beat`; its tasks can be claimed again. Returns how many."""
        ...

    async def claim(self, worker: str, kinds: Collection[str], *, limit: int = 1, after_owner: str = "") -> list[Lease]:
        """Take up to `limit` ready tasks, owners in turn starting behind `after_owner`, oldest first within one.

        Each claim makes `attempt` one higher; that is the fencing token.
        """
        ...

    async def release(
        self, scope: Scope, task_id: str, fence: int, *, delay: float = 0.0, failed: bool = False, parked: bool = False
    ) -> TaskRecord:
        """Give a lease back: to be claimed again after `delay` seconds, or `parked` until its answers are there.

        `failed` counts the attempt as a failure. Raises `LeaseLost`, `TaskNotFound`.
        """
        ...

    async def attention(self, worker: str) -> list[TaskRecord]:
        """Tasks held by the worker that someone else changed (cancel, answers, end) since the last call."""
        ...

    def watch_work(self) -> AbstractContextManager[Watch]:
        """Be woken when there may be work: enter it, then claim, then wait. Only a hint."""
        ...

    def watch_attention(self, worker: str) -> AbstractContextManager[Watch]:
        """Be woken when there may be attention for this worker: enter it, then ask, then wait. Only a hint."""
        ...

    async def record_step(self, scope: Scope, task_id: str, fence: int, name: str, value: JSONValue) -> JSONValue:
        """Record a step's result once; a name recorded before keeps and returns its first value.

        Raises `LeaseLost`, `TaskNotFound`, `TaskEnded`.
        """
        ...

    async def steps(self, scope: Scope, task_id: str) -> Mapping[str, JSONValue]:
        """All recorded steps of a task by name. Raises `TaskNotFound`."""
        ...


@runtime_checkable
class Outbox(Protocol):
    """Deliveries that were enqueued by commits, worked by any process."""

    async def claim_deliveries(self, channel: str, *, limit: int = 16, lease: float = 60.0) -> list[Delivery]:
        """Take deliveries that are due; only the oldest of each (task, key), so that order holds per receiver.

        Not acknowledged within `lease` seconds, they can be claimed again, with a higher `attempt`.
        """
        ...

    async def acknowledge(self, delivery: Delivery) -> bool:
        """Done, or given up: remove it. False when this claim was taken over meanwhile."""
        ...

    async def retry_delivery(self, delivery: Delivery, delay: float) -> bool:
        """Not delivered: due again after `delay` seconds. False when this claim was taken over meanwhile."""
        ...

    def watch_deliveries(self, channel: str) -> AbstractContextManager[Watch]:
        """Be woken when there may be a due delivery. Enter it, then claim, then wait: a hint only."""
        ...


@runtime_checkable
class Store(TaskStore, EventLog, WorkQueue, Outbox, Protocol):
    """An engine that does everything. Opened by `open_store(url)`; the opener closes it."""

    @property
    def engine(self) -> str:
        """`memory`, `sqlite`, `postgresql`, `redis`."""
        ...

    @property
    def durable(self) -> bool:
        """Whether tasks outlive the process."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other machines can work on the same store; then sealing keys must be shared, too."""
        ...

    async def sweep(self, retention: Retention = ...) -> int:
        """Remove what is past its time; returns the number of tasks removed. Any process may call it."""
        ...

    async def aclose(self) -> None:
        """Close; idempotent. Waiting tails end with `StoreUnavailable`."""
        ...
