"""GetTask, CancelTask and SubscribeToTask. Spec: A2A 1.0 sections 3.1.3, 3.1.5, 3.1.6."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from wireproof.a2a import documents
from wireproof.a2a.caller import Caller
from wireproof.a2a.errors import A2AError, Kind, invalid, task_not_found
from wireproof.schemas.jsonrpc import JSONObject, is_object
from wireproof.tasks.errors import EventsExpired, StoreBusy, StoreUnavailable, TaskNotFound
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import Status, TaskRecord

_CANCEL_WITHIN_S: Final = 10.0


class TaskOperations:
    """What concerns one task that exists."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store

    async def get(self, request: JSONObject, caller: Caller) -> JSONObject:
        """GetTask."""
        length = history_length(request)
        record = await find(self._store, caller, request["id"])
        return documents.shown(record.snapshot["task"], history_length=length)

    async def cancel(self, request: JSONObject, caller: Caller) -> JSONObject:
        """CancelTask: asked for, then waited for; a second cancel of a canceled task finds it canceled."""
        record = await find(self._store, caller, request["id"])
        if record.is_terminal and record.status is not Status.CANCELED:
            raise A2AError(Kind.TASK_NOT_CANCELABLE, metadata={"taskId": record.id, "state": _state(record)})
        if not record.is_terminal:
            try:
                record = await self._store.request_cancel(caller.scope, record.id)
                record = await self._ended(caller, record)
            except TaskNotFound:
                raise task_not_found(request["id"]) from None
            if record.is_terminal and record.status is not Status.CANCELED:  # it ended by itself meanwhile
                raise A2AError(Kind.TASK_NOT_CANCELABLE, metadata={"taskId": record.id, "state": _state(record)})
        task: JSONObject = record.snapshot["task"]
        return task

    async def _ended(self, caller: Caller, record: TaskRecord) -> TaskRecord:
        """The task when its work has stopped, or as it is after `_CANCEL_WITHIN_S`."""
        try:
            async with (
                asyncio.timeout(_CANCEL_WITHIN_S),
                aclosing(self._store.tail(caller.scope, record.id, after=record.version)) as events,
            ):
                async for _ in events:
                    pass
        except TimeoutError:
            pass
        return await self._store.get(caller.scope, record.id)

    async def subscribe(self, request: JSONObject, caller: Caller) -> AsyncGenerator[JSONObject, None]:
        """SubscribeToTask: the task as it is, then every later event once, in order."""
        record = await find(self._store, caller, request["id"])
        if record.is_terminal:
            raise A2AError(
                Kind.UNSUPPORTED_OPERATION,
                "The task has ended: get it instead",
                metadata={"taskId": record.id, "state": _state(record)},
            )
        return follow(self._store, caller, record)


async def find(store: Store, caller: Caller, task_id: str) -> TaskRecord:
    """The caller's task. Raises `A2AError` for one that is not there or not his, without telling which."""
    try:
        return await store.get(caller.scope, task_id)
    except TaskNotFound:
        raise task_not_found(task_id) from None


async def follow(
    store: Store, caller: Caller, record: TaskRecord, *, until_asked: bool = False, length: int | None = None
) -> AsyncGenerator[JSONObject, None]:
    """The snapshot, then the events after it, to the end of the task; with `until_asked` also to its first question."""
    yield {"task": documents.shown(record.snapshot["task"], history_length=length)}
    if until_asked and record.status is Status.INPUT_REQUIRED:
        return
    try:
        async with aclosing(store.tail(caller.scope, record.id, after=record.version)) as events:
            async for event in events:
                if not is_object(event.payload):
                    continue
                yield event.payload
                if until_asked and asks(event.payload):
                    return
    except TaskNotFound:
        raise task_not_found(record.id) from None
    except EventsExpired:
        text = "This reader is too far behind: older events are gone; get the task and subscribe again"
        raise A2AError(Kind.UNAVAILABLE, text, metadata={"taskId": record.id}) from None
    except (StoreUnavailable, StoreBusy):
        raise A2AError(Kind.UNAVAILABLE) from None


def asks(event: JSONObject) -> bool:
    """Whether an event says that the caller is asked."""
    update = event.get("statusUpdate")
    return is_object(update) and update["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"


def history_length(request: JSONObject) -> int | None:
    """The length that a request or its configuration wants. Raises `A2AError` for a negative one."""
    length: int | None = request.get("historyLength")
    if length is not None and length < 0:
        raise invalid("historyLength", "must not be negative")
    return length


def _state(record: TaskRecord) -> str:
    return documents.STATES[record.status]
