"""A remote agent as tools: each skill is a tool whose call is a message, and the task it makes is followed to its end.

The agent's status becomes progress, its questions become forms, its artifacts the result. When the call is cancelled,
so is the task.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final

from wireproof.a2a.client import ClientError, RemoteAgent, TaskHandle, connect
from wireproof.a2a.client.views import ArtifactUpdate, Event, Message, StatusUpdate, Task
from wireproof.bridges.results import block_of_part
from wireproof.mcp_tools import Context, Text, ToolError, ToolResult, ToolServer
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_ANSWER: Final[JSONObject] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "description": "What the agent asks for"}},
    "required": ["answer"],
}
_FLAT: Final = frozenset({"string", "number", "integer", "boolean"})
_INPUT: Final[JSONObject] = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "description": "What to ask of the agent, in words"},
        "data": {"type": "object", "description": "Structured input, where the skill takes it"},
        "context_id": {"type": "string", "description": "The conversation to go on with, from an earlier result"},
    },
    "anyOf": [{"required": ["message"]}, {"required": ["data"]}],
    "additionalProperties": False,
}
_OUTPUT: Final[JSONObject] = {
    "type": "object",
    "properties": {
        "state": {"type": "string"},
        "taskId": {"type": "string"},
        "contextId": {"type": "string"},
        "data": {"type": "array"},
    },
    "required": ["state"],
}


def tools_of(target: Any, *, name: str = "agent", prefix: str = "", **options: Any) -> ToolServer[RemoteAgent]:
    """A tool server whose tools are the skills of an agent: a URL, a card, or an `Agent` in this process.

    The agent is connected to while the server runs, and its card is read then. `name` is the server's, `prefix` stands
    before every tool's name. `options` are those of `wireproof.a2a.connect` (`auth`, `headers`, `trust` …).
    """

    @asynccontextmanager
    async def connected(server: ToolServer[Any]) -> AsyncGenerator[RemoteAgent]:
        async with connect(target, **options) as agent:
            added = [_add(server, skill, prefix) for skill in agent.card["skills"]]
            try:
                yield agent
            finally:
                for tool in added:
                    server.remove_tool(tool)

    return ToolServer(name, lifespan=connected)


def _add(server: ToolServer[Any], skill: JSONObject, prefix: str) -> str:
    name = (prefix + _NAME.sub("-", str(skill["id"])))[:128]

    async def call(
        context: Context[RemoteAgent],
        message: str | None = None,
        data: dict[str, Any] | None = None,
        context_id: str | None = None,
    ) -> ToolResult:
        return await _Call(context, skill).run(message, data, context_id)

    described = [str(skill.get("description", "")), *(f"Example: {each}" for each in skill.get("examples", ()))]
    server.add_tool(
        call,
        name=name,
        title=str(skill.get("name") or name),
        description="\n".join(line for line in described if line),
        input_schema=_INPUT,
        output_schema=_OUTPUT,
    )
    return name


class _Call:
    """One call: a message, and what comes of it."""

    def __init__(self, context: Context[RemoteAgent], skill: JSONObject) -> None:
        self._context: Final = context
        self._agent: Final = context.state
        self._skill: Final = skill
        self._told = 0

    async def run(self, message: str | None, data: JSONObject | None, context_id: str | None) -> ToolResult:
        """Send, follow, ask and send again, to the end. Raises `ToolError`."""
        parts = [part for part in (message, data) if part is not None]
        given: dict[str, Any] = {"skill": str(self._skill["id"]), "context_id": context_id or ""}
        try:
            task = await self._sent(0, parts, given)
            number = 0
            while isinstance(task, Task) and task.is_interrupted:
                number += 1
                answer = await self._asked(task, number)
                task = await self._sent(number, [answer], {"task_id": task.id})
        except ClientError as error:
            raise ToolError(str(error)) from error
        return self._result(task)

    async def _sent(self, number: int, parts: list[Any], options: dict[str, Any]) -> Task | Message:
        """Send a message once over all rounds of this call, and follow what comes of it."""
        opened: list[AsyncGenerator[Event, None]] = []

        async def send(_: str) -> JSONValue:
            events = self._agent.stream(parts, **options)
            opened.append(events)
            first = await anext(events)
            await self._tell(first)
            if isinstance(first, Message):
                return {"message": first.wire}
            return {"task": first.id if isinstance(first, Task) else first.task_id}

        try:
            sent: Any = await self._context.step(f"message-{number}", send)
            if "message" in sent:
                return Message(sent["message"])
            handle = self._agent.task(sent["task"])
            return await self._followed(handle, opened.pop() if opened else handle.follow())
        finally:
            for events in opened:
                await events.aclose()

    async def _followed(self, handle: TaskHandle, follow: AsyncGenerator[Event, None]) -> Task:
        try:
            async with aclosing(follow) as events:
                async for event in events:
                    await self._tell(event)
                    if getattr(event, "is_interrupted", False):
                        break
            return await handle.get()
        except asyncio.CancelledError:  # the call is given up, and with it its task
            with suppress(ClientError):
                await handle.cancel()
            raise

    async def _tell(self, event: Event) -> None:
        said = ""
        if isinstance(event, StatusUpdate):
            said = event.text
        elif isinstance(event, ArtifactUpdate):
            said = event.text[:200]
        if said:
            self._told += 1
            await self._context.progress(self._told, message=said)

    async def _asked(self, task: Task, number: int) -> Any:
        question = task.message.text if task.message is not None else "The agent asks for input."
        if task.state == "TASK_STATE_AUTH_REQUIRED":
            raise ToolError(f"The agent asks for authorization: {question}")
        form = _form(None if task.message is None else task.message.data)
        answer = await self._context.elicit(question, form or _ANSWER, key=f"{task.id}-{number}")
        if not answer.accepted:
            with suppress(ClientError):
                await self._agent.task(task.id).cancel()
            raise ToolError(f"The user did not answer: {question}")
        given: Any = answer.data
        return given if form else given["answer"]

    def _result(self, done: Task | Message) -> ToolResult:
        if isinstance(done, Message):
            parts, facts = done.wire.get("parts", []), {"state": "TASK_STATE_COMPLETED", "contextId": done.context_id}
        else:
            parts = [part for artifact in done.wire.get("artifacts", ()) for part in artifact["parts"]]
            facts = {"state": done.state, "taskId": done.id, "contextId": done.context_id}
        last = "" if isinstance(done, Message) or done.message is None else done.message.text
        if facts["state"] != "TASK_STATE_COMPLETED":
            raise ToolError(last or f"The agent ended the task as {facts['state']}")
        blocks = [block for part in parts if (block := block_of_part(part)) is not None]
        data = [part["data"] for part in parts if "data" in part]
        structured = {key: value for key, value in facts.items() if value} | ({"data": data} if data else {})
        return ToolResult(blocks or ([Text(last)] if last else []), structured=structured)


def _form(data: JSONValue) -> JSONObject | None:
    """The schema that a question brings, when it is a form that MCP can show."""
    schema: JSONValue = data.get("requestedSchema") if is_object(data) else None
    fields: JSONValue = schema.get("properties") if is_object(schema) else None
    if not is_object(fields) or not all(is_object(each) and each.get("type") in _FLAT for each in fields.values()):
        return None
    return schema if is_object(schema) else None
