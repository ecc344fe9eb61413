"""The tasks extension of 2026-07-28: which calls become tasks, tasks/get, tasks/update, tasks/cancel, notifications.

Spec: SEP-2663 (io.modelcontextprotocol/tasks).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

from wireproof.mcp_tools.asking import read_responses
from wireproof.mcp_tools.call import Call
from wireproof.mcp_tools.calls import call_tool, failed_result
from wireproof.mcp_tools.context import Context
from wireproof.mcp_tools.errors import InvalidParams, MissingClientCapability, ProtocolError
from wireproof.mcp_tools.subscriptions import Listener
from wireproof.mcp_tools.tasks.engine import TaskEngine
from wireproof.mcp_tools.tasks.options import TaskOptions
from wireproof.mcp_tools.tasks.stored import poll_of
from wireproof.mcp_tools.tasks.wire import CHANGED, EXTENSION, detailed, task
from wireproof.mcp_tools.tool import Tool
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, Reply, is_array
from wireproof.schemas.signature import ArgumentsInvalid
from wireproof.transports.exchange import Answer


class BecomeTask(BaseException):
    """Unwinds a call that wants to go on as a task. Not an `Exception`, so that user code does not catch it."""

    def __init__(self, given: dict[str, JSONObject]) -> None:
        super().__init__()
        self.given = given


class Deferring(Context[Any]):
    """The context of a call that may become a task."""

    __slots__ = ()

    async def become_task(self) -> None:
        """See `Context.become_task`."""
        raise BecomeTask(self._answers.given)


class ModernTasks:
    """The extension's part of a server."""

    def __init__(self, engine: TaskEngine) -> None:
        self._engine: Final = engine

    # -- tools/call ---------------------------------------------------------------------------------------------

    def intercept(self, call: Call, tool: Tool, options: TaskOptions) -> Answer | None:
        """Make a task of this call, or None to run it in place. Raises `MissingClientCapability`."""
        if not call.facts.supports("extensions", EXTENSION):
            if options.support == "required":
                raise _missing()
            return None
        if not options.makes_tasks:
            return None
        return self._deferred(call, tool) if options.deferred else self._at_once(call, tool)

    async def _at_once(self, call: Call, tool: Tool) -> Reply:
        try:
            given = read_responses(call.params)
            tool.validate(call.params.get("arguments") or {})  # what cannot run needs no task
            return await self._make(call, tool, given)
        except ArgumentsInvalid as error:
            return call.complete(failed_result(tool, error))
        except ProtocolError as error:
            return error.reply(call.id)

    async def _deferred(self, call: Call, tool: Tool) -> Reply | None:
        try:
            try:
                return await call_tool(call, tool, self._engine.core, Deferring)
            except (BecomeTask, BaseExceptionGroup) as error:
                becoming = _first(error)
                if becoming is None:
                    return call.complete(failed_result(tool, error))
                return await self._make(call, tool, becoming.given)
        except ProtocolError as error:
            return error.reply(call.id)

    async def _make(self, call: Call, tool: Tool, given: dict[str, JSONObject]) -> Reply:
        assert tool.task is not None
        record = await self._engine.create(call, tool, given, tool.task.ttl_s)
        return call.complete({"resultType": "task", **task(record, tool.task.poll_s)})

    # -- methods ------------------------------------------------------------------------------------------------

    def get(self, call: Call) -> Answer:
        """tasks/get."""
        return _answered(call, self._get(call))

    def update(self, call: Call) -> Answer:
        """tasks/update."""
        return _answered(call, self._update(call))

    def cancel(self, call: Call) -> Answer:
        """tasks/cancel."""
        return _answered(call, self._cancel(call))

    async def _get(self, call: Call) -> JSONObject:
        record = await self._engine.read(call.facts.principal, call.params.get("taskId"))
        return detailed(record, poll_of(record.input))

    async def _update(self, call: Call) -> JSONObject:
        if "inputResponses" not in call.params:
            raise InvalidParams("Invalid params: inputResponses must be an object")
        answers = read_responses(call.params)
        await self._engine.answer(call.facts.principal, call.params.get("taskId"), answers)
        return {}

    async def _cancel(self, call: Call) -> JSONObject:
        await self._engine.ask_to_cancel(call.facts.principal, call.params.get("taskId"))
        return {}

    # -- subscriptions/listen -----------------------------------------------------------------------------------

    @asynccontextmanager
    async def listen(
        self, call: Call, wanted: JSONObject, agreed: JSONObject, listener: Listener
    ) -> AsyncGenerator[None]:
        """Tell the listener how its tasks are, first as they are now and then as they become."""
        ids = _task_ids(call, wanted)
        if ids is None:
            yield
            return
        known: list[JSONValue] = []
        for id_ in ids:
            try:
                known.append((await self._engine.read(call.facts.principal, id_)).id)
            except InvalidParams:
                continue  # absent and another's look the same: not agreed to
        agreed["taskIds"] = known
        followers = [asyncio.create_task(self._follow(call, id_, listener)) for id_ in known]
        try:
            yield
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)

    async def _follow(self, call: Call, task_id: JSONValue, listener: Listener) -> None:
        try:
            async with aclosing(self._engine.follow(call.facts.principal, task_id)) as records:
                async for record in records:
                    listener.tell(CHANGED, detailed(record, poll_of(record.input)))
        except ProtocolError:
            return  # removed: there is nothing more to tell


def _answered(call: Call, work: Coroutine[Any, Any, JSONObject]) -> Answer:
    if not call.facts.supports("extensions", EXTENSION):
        work.close()
        raise _missing()
    return _reply(call, work)


async def _reply(call: Call, work: Coroutine[Any, Any, JSONObject]) -> Reply:
    try:
        return call.complete(await work)
    except ProtocolError as error:
        return error.reply(call.id)


def _first(error: BecomeTask | BaseExceptionGroup[BaseException]) -> BecomeTask | None:
    """The wish in it; None when there is anything else in a group."""
    if isinstance(error, BecomeTask):
        return error
    wishes, others = error.split(BecomeTask)
    while isinstance(wishes, BaseExceptionGroup) and others is None:
        if isinstance(wishes.exceptions[0], BecomeTask):
            return wishes.exceptions[0]
        wishes = wishes.exceptions[0]
    return None


def _missing() -> MissingClientCapability:
    return MissingClientCapability({"extensions": {EXTENSION: {}}})


def _task_ids(call: Call, wanted: JSONObject) -> list[str] | None:
    ids: JSONValue = wanted.get("taskIds")
    if ids is None:
        return None
    if not call.facts.supports("extensions", EXTENSION):
        raise _missing()
    most = call.endpoint.core.settings.max_uris
    if not is_array(ids) or len(ids) > most or not all(isinstance(id_, str) for id_ in ids):
        raise InvalidParams(f"Invalid params: taskIds must be an array of at most {most} strings")
    return list(dict.fromkeys(ids))
