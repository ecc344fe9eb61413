"""The faces of a SQL engine: each method hands one transaction to the driver. Knows no database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import TypeVar

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks import life
from wireproof.tasks.following import EventPage, Following
from wireproof.tasks.records import (
    Change,
    Delivery,
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
from wireproof.tasks.sql_core import Op, Transaction

T = TypeVar("T")


class SqlStore(Following, ABC):
    """All protocols over `_write` and `_read`, which run one op in one transaction."""

    @abstractmethod
    async def _write(self, op: Callable[[Transaction], Op[T]]) -> T: ...

    @abstractmethod
    async def _read(self, op: Callable[[Transaction], Op[T]]) -> T: ...

    # TaskStore

    async def create(self, scope: Scope, task: NewTask) -> Outcome:
        """See `TaskStore.create`."""
        return await self._write(lambda tx: tx.create(scope, task))

    async def get(self, scope: Scope, task_id: str) -> TaskRecord:
        """See `TaskStore.get`."""
        return await self._read(lambda tx: tx.get(scope, task_id))

    async def commit(
        self, scope: Scope, task_id: str, change: Change, *, expected_version: int, fence: int | None = None
    ) -> Outcome:
        """See `TaskStore.commit`."""
        outcome = await self._write(lambda tx: tx.commit(scope, task_id, change, expected_version, fence))
        if outcome.record.is_terminal:
            self.hints.tell_end(outcome.record)
        return outcome

    async def request_cancel(self, scope: Scope, task_id: str) -> TaskRecord:
        """See `TaskStore.request_cancel`."""
        return await self._write(lambda tx: tx.rewrite(scope, task_id, life.cancel_asked))

    async def list_tasks(
        self, scope: Scope, where: Filter = Filter(), *, page_size: int = 50, after: PageToken | None = None
    ) -> Page:
        """See `TaskStore.list_tasks`."""
        life.check_page_size(page_size)
        return await self._read(lambda tx: tx.list_tasks(scope, where, page_size, after))

    async def delete(self, scope: Scope, task_id: str) -> None:
        """See `TaskStore.delete`."""
        await self._write(lambda tx: tx.delete(scope, task_id))

    async def put_document(
        self, scope: Scope, task_id: str, collection: str, key: str, value: JSONValue, *, limit: int = 32
    ) -> None:
        """See `TaskStore.put_document`."""
        await self._write(lambda tx: tx.put_document(scope, task_id, collection, key, value, limit))

    async def get_document(self, scope: Scope, task_id: str, collection: str, key: str) -> JSONValue | None:
        """See `TaskStore.get_document`."""
        return await self._read(lambda tx: tx.get_document(scope, task_id, collection, key))

    async def list_documents(self, scope: Scope, task_id: str, collection: str) -> dict[str, JSONValue]:
        """See `TaskStore.list_documents`."""
        return await self._read(lambda tx: tx.list_documents(scope, task_id, collection))

    async def delete_document(self, scope: Scope, task_id: str, collection: str, key: str) -> bool:
        """See `TaskStore.delete_document`."""
        return await self._write(lambda tx: tx.delete_document(scope, task_id, collection, key))

    # EventLog

    async def read_page(self, scope: Scope, task_id: str, after: int, limit: int) -> EventPage:
        """One page of a task's log."""
        return await self._read(lambda tx: tx.read_page(scope, task_id, after, limit))

    async def publish(self, scope: Scope, topic: str, payload: JSONValue) -> int:
        """See `EventLog.publish`."""
        return await self._write(lambda tx: tx.publish(scope, topic, payload))

    async def topic_end(self, scope: Scope, topic: str) -> int:
        """See `EventLog.topic_end`."""
        return await self._read(lambda tx: tx.topic_end(scope, topic))

    async def read_topic(self, scope: Scope, topic: str, after: int, limit: int) -> list[TopicEvent]:
        """One page of a topic."""
        return await self._read(lambda tx: tx.read_topic(scope, topic, after, limit))

    # WorkQueue

    async def enlist(self, worker: str, lease: float) -> None:
        """See `WorkQueue.enlist`."""
        await self._write(lambda tx: tx.enlist(worker, lease))

    async def beat(self, worker: str) -> None:
        """See `WorkQueue.beat`."""
        await self._write(lambda tx: tx.beat(worker))

    async def workers(self) -> list[WorkerRow]:
        """See `WorkQueue.workers`."""
        return await self._read(lambda tx: tx.workers())

    async def bury(self, worker: str, beat: int) -> int:
        """See `WorkQueue.bury`."""
        return await self._write(lambda tx: tx.bury(worker, beat))

    async def claim(self, worker: str, kinds: Collection[str], *, limit: int = 1, after_owner: str = "") -> list[Lease]:
        """See `WorkQueue.claim`."""
        return await self._write(lambda tx: tx.claim(worker, kinds, limit, after_owner))

    async def release(
        self, scope: Scope, task_id: str, fence: int, *, delay: float = 0.0, failed: bool = False, parked: bool = False
    ) -> TaskRecord:
        """See `WorkQueue.release`."""

        def rule(record: TaskRecord, now: float) -> TaskRecord:
            return life.released(record, fence, now, delay=delay, failed=failed, parked=parked)

        return await self._write(lambda tx: tx.rewrite(scope, task_id, rule))

    async def attention(self, worker: str) -> list[TaskRecord]:
        """See `WorkQueue.attention`."""
        return await self._write(lambda tx: tx.attention(worker))

    async def record_step(self, scope: Scope, task_id: str, fence: int, name: str, value: JSONValue) -> JSONValue:
        """See `WorkQueue.record_step`."""
        return await self._write(lambda tx: tx.record_step(scope, task_id, fence, name, value))

    async def steps(self, scope: Scope, task_id: str) -> dict[str, JSONValue]:
        """See `WorkQueue.steps`."""
        return await self._read(lambda tx: tx.steps(scope, task_id))

    # Outbox

    async def claim_deliveries(self, channel: str, *, limit: int = 16, lease: float = 60.0) -> list[Delivery]:
        """See `Outbox.claim_deliveries`."""
        return await self._write(lambda tx: tx.claim_deliveries(channel, limit, lease))

    async def acknowledge(self, delivery: Delivery) -> bool:
        """See `Outbox.acknowledge`."""
        return await self._write(lambda tx: tx.acknowledge(delivery))

    async def retry_delivery(self, delivery: Delivery, delay: float) -> bool:
        """See `Outbox.retry_delivery`."""
        return await self._write(lambda tx: tx.retry_delivery(delivery, delay))

    async def sweep(self, retention: Retention = Retention()) -> int:
        """See `Store.sweep`."""
        return await self._write(lambda tx: tx.sweep(retention))
