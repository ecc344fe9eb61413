"""The tasks of 2025-11-25: calls with `task`, tasks/get, tasks/result, tasks/list, tasks/cancel, status notifications.

Spec: 2025-11-25 basic/utilities/tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Final

from wireproof.auth.sealing import Opened, bind
from wireproof.mcp_tools.call import Call
from wireproof.mcp_tools.errors import InvalidParams, MethodNotFound, ProtocolError
from wireproof.mcp_tools.facts import Facts
from wireproof.mcp_tools.tasks.engine import TaskEngine
from wireproof.mcp_tools.tasks.options import TaskOptions
from wireproof.mcp_tools.tasks.questions import Questions
from wireproof.mcp_tools.tasks.stored import poll_of
from wireproof.mcp_tools.tasks.wire import CHANGED_IN_SESSION, payload, session_task
from wireproof.mcp_tools.tool import Tool
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, Reply, encode_result, is_object
from wireproof.schemas.mcp.revisions import Revision
from wireproof.tasks import PageToken, TaskRecord
from wireproof.transports.exchange import Answer

REVISION: Final = Revision.V2025_11_25
"""The only session revision with tasks."""
_PAGE: Final = 50
_CURSOR_S: Final = 24 * 3600.0
_AFTER_THE_ANSWER_S: Final = 0.02


class SessionTasks:
    """The part of a server for clients of 2025-11-25."""

    def __init__(self, engine: TaskEngine) -> None:
        self._engine: Final = engine
        self._questions: Final = Questions(engine)

    def capabilities(self, facts: Facts) -> JSONObject:
        """What `initialize` declares. Callers that nobody vouches for share one name, so they get no list.

        Spec: 2025-11-25 basic/utilities/tasks#task-isolation-and-access-control.
        """
        if facts.revision is not REVISION:
            return {}
        tasks: JSONObject = {"cancel": {}, "requests": {"tools": {"call": {}}}}
        if not facts.principal.is_anonymous:
            tasks["list"] = {}
        return {"tasks": tasks}

    # -- tools/call ---------------------------------------------------------------------------------------------

    def intercept(self, call: Call, tool: Tool, options: TaskOptions | None) -> Answer | None:
        """Make a task of this call, or None to run it in place. Raises `MethodNotFound`."""
        wanted: JSONValue = call.params.get("task") if call.facts.revision is REVISION else None
        if wanted is None:
            if options is not None and options.support == "required":
                raise MethodNotFound(f"Tool {tool.name} runs only as a task: call it with `task`")
            return None
        if options is None or not options.makes_tasks:
            raise MethodNotFound(f"Tool {tool.name} cannot run as a task: call it without `task`")
        return self._make(call, tool, _ttl(wanted, options.ttl_s))

    async def _make(self, call: Call, tool: Tool, ttl_s: float | None) -> Reply:
        try:
            record = await self._engine.create(call, tool, {}, ttl_s)
        except ProtocolError as error:
            return error.reply(call.id)
        call.endpoint.follow(self._tell(call, record))
        return Reply(encode_result(call.id, {"task": session_task(record, poll_of(record.input))}))

    async def _tell(self, call: Call, made: TaskRecord) -> None:
        """Notify the session of every change, until the task has ended or the session is gone."""
        endpoint, tellers = call.endpoint, self._engine.tellers
        tellers[made.id] = endpoint.tell
        try:
            await asyncio.sleep(_AFTER_THE_ANSWER_S)  # the client should know the id before it hears of it
            async with aclosing(self._engine.follow(call.facts.principal, made.id)) as records:
                async for record in records:
                    if record.version > made.version:
                        await endpoint.tell(CHANGED_IN_SESSION, session_task(record, poll_of(record.input)))
        except ProtocolError:
            return  # removed: there is nothing more to tell
        finally:
            tellers.pop(made.id, None)

    # -- methods ------------------------------------------------------------------------------------------------

    def get(self, call: Call) -> Answer:
        """tasks/get."""
        return _answered(call, self._get)

    def result(self, call: Call) -> Answer:
        """tasks/result."""
        return _answered(call, self._result)

    def cancel(self, call: Call) -> Answer:
        """tasks/cancel."""
        return _answered(call, self._cancel)

    def list(self, call: Call) -> Answer:
        """tasks/list."""
        if call.facts.principal.is_anonymous:
            raise MethodNotFound("Method not found: tasks/list is for callers that are known")
        return _answered(call, self._list)

    async def _get(self, call: Call) -> JSONObject:
        record = await self._engine.read(call.facts.principal, call.params.get("taskId"))
        return session_task(record, poll_of(record.input))

    async def _result(self, call: Call) -> JSONObject:
        """Wait for the end, and ask the client on this stream what the task wants to know meanwhile."""
        async with self._asking(call) as ask, aclosing(self._follow(call)) as records:
            async for record in records:
                if record.is_terminal:
                    return payload(record)
                ask(record)
        raise ProtocolError("Internal error: the task ended without a result")

    def _follow(self, call: Call) -> AsyncGenerator[TaskRecord, None]:
        return self._engine.follow(call.facts.principal, call.params.get("taskId"))

    @asynccontextmanager
    async def _asking(self, call: Call) -> AsyncGenerator[Callable[[TaskRecord], None]]:
        asker = self._questions.asker(call)
        try:
            yield asker.ask
        finally:
            await asker.aclose()

    async def _cancel(self, call: Call) -> JSONObject:
        owner, task_id = call.facts.principal, call.params.get("taskId")
        record = await self._engine.cancel(owner, task_id)
        if record is None:
            ended = await self._get(call)
            raise InvalidParams(f"Invalid params: the task has ended already, as {ended['status']}")
        return session_task(record, poll_of(record.input))

    async def _list(self, call: Call) -> JSONObject:
        facts = call.facts
        seal = self._engine.core.seal("tasks", _CURSOR_S)
        cursor: JSONValue = call.params.get("cursor")
        after: PageToken | None = None
        if cursor is not None:
            opened = seal.open(str(cursor), owner=facts.principal.key, binding=bind("tasks/list"))
            if not isinstance(opened, Opened):
                raise InvalidParams("Invalid params: the cursor is not one of this list; start again without it")
            after = PageToken(*opened.value)
        page = await self._engine.page(facts.principal, self._engine.core.settings.page_size or _PAGE, after)
        result: JSONObject = {"tasks": [session_task(record, poll_of(record.input)) for record in page.records]}
        if page.next is not None:
            position: JSONValue = list(page.next)
            result["nextCursor"] = seal.seal(position, owner=facts.principal.key, binding=bind("tasks/list"))
        return result


def _answered(call: Call, work: Callable[[Call], Awaitable[JSONObject]]) -> Answer:
    if call.facts.revision is not REVISION:
        raise MethodNotFound(f"Method not found: {call.method}")
    return _reply(call, work)


async def _reply(call: Call, work: Callable[[Call], Awaitable[JSONObject]]) -> Reply:
    try:
        return Reply(encode_result(call.id, await work(call)))
    except ProtocolError as error:
        return error.reply(call.id)


def _ttl(wanted: JSONValue, longest: float | None) -> float | None:
    """The seconds that a task lives: what the client asks for, at most what the tool allows."""
    if not is_object(wanted):
        raise InvalidParams("Invalid params: task must be an object")
    asked: JSONValue = wanted.get("ttl")
    if asked is None:
        return longest
    if isinstance(asked, bool) or not isinstance(asked, int | float) or not 0 < asked < 1e13:
        raise InvalidParams("Invalid params: task.ttl is a positive number of milliseconds")
    return asked / 1000 if longest is None else min(asked / 1000, longest)
