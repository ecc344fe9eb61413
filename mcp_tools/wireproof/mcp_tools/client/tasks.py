"""Tasks from the client's side: a handle that polls, answers the task's questions and gives the final result.

The tasks extension of 2026-07-28 and the in-core tasks of 2025-11-25 behind one face.
Spec: extension io.modelcontextprotocol/tasks; 2025-11-25 basic/utilities/tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from wireproof.mcp_tools.client.asking import responses_to
from wireproof.mcp_tools.client.errors import ClientError, RequestRefused, ServerMisbehaved, TimedOut, ToolFailed
from wireproof.mcp_tools.client.results import CallResult, Wire
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

if TYPE_CHECKING:
    from wireproof.mcp_tools.client.client import Client

_TERMINAL: Final = {"completed", "failed", "cancelled"}
_DEFAULT_POLL_S: Final = 1.0
_SHORTEST_POLL_S: Final = 0.01
_LONGEST_POLL_S: Final = 60.0


class TaskCancelled(ClientError):
    """The task was cancelled before it had a result."""


class TaskStatus(Wire):
    """A task as the server shows it now."""

    @property
    def task_id(self) -> str:
        """Its id."""
        return self._text("taskId")

    @property
    def status(self) -> str:
        """`working`, `input_required`, `completed`, `failed` or `cancelled`."""
        return self._text("status")

    @property
    def status_message(self) -> str:
        """What the server says about the status; "" when nothing."""
        return self._text("statusMessage")

    @property
    def is_terminal(self) -> bool:
        """True when nothing will change any more."""
        return self.status in _TERMINAL

    @property
    def poll_s(self) -> float:
        """Seconds that the server wants between two looks."""
        value: JSONValue = self.wire.get("pollIntervalMs", self.wire.get("pollInterval"))
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return _DEFAULT_POLL_S
        return min(_LONGEST_POLL_S, max(_SHORTEST_POLL_S, value / 1000))


class TaskHandle:
    """One task of the server. Keep `task_id` to come back to it later with `client.task(task_id)`."""

    def __init__(self, client: Client, task_id: str, *, tool: str = "", final: JSONObject | None = None) -> None:
        self._client: Final = client
        self.task_id: Final = task_id
        self._tool: Final = tool
        self._final = final
        self._answered: Final[set[str]] = set()

    def __repr__(self) -> str:
        return f"TaskHandle({self.task_id!r})"

    async def status(self) -> TaskStatus:
        """Look once. Raises `RequestRefused` for a task that is not there or not yours."""
        return TaskStatus(await self._client.request("tasks/get", {"taskId": self.task_id}))

    async def cancel(self) -> None:
        """Ask the server to stop it; whether it does is its own decision."""
        await self._client.request("tasks/cancel", {"taskId": self.task_id})

    async def follow(self) -> AsyncGenerator[TaskStatus]:
        """Every status that differs from the one before, the terminal one last; questions are answered on the way."""
        before: TaskStatus | None = None
        while True:
            now = await self.status()
            if before is None or now != before:
                yield now
            if now.is_terminal:
                return
            before = now
            if not await self._answer(now):
                await asyncio.sleep(now.poll_s)

    async def result(self, *, timeout_s: float | None = None, raise_on_error: bool = True) -> CallResult:
        """Wait for the end and give the tool's result.

        `timeout_s`: seconds in all, None waits as long as the task lives; the task goes on when they are over. Raises
        `TimedOut`, `TaskCancelled`, `RequestRefused` (the task failed), `ToolFailed`.
        """
        result = CallResult(await self.outcome(timeout_s=timeout_s))
        if result.is_error and raise_on_error:
            raise ToolFailed(self._tool or self.task_id, result)
        return result

    async def outcome(self, *, timeout_s: float | None = None) -> JSONObject:
        """The final result as it came. Raises like `result`, but not `ToolFailed`."""
        if self._final is not None:
            return self._final
        try:
            async with asyncio.timeout(timeout_s):
                async for now in self.follow():
                    if now.is_terminal:
                        self._final = await self._end(now)
                        return self._final
        except TimeoutError:
            raise TimedOut(f"the task {self.task_id!r} goes on after {timeout_s} s: come back to it later") from None
        raise ServerMisbehaved(f"the task {self.task_id!r} has no end")

    async def _end(self, now: TaskStatus) -> JSONObject:
        if now.status == "cancelled":
            raise TaskCancelled(f"the task {self.task_id!r} was cancelled: {now.status_message or 'no reason given'}")
        connection = await self._client.connection()
        if not connection.modern:
            return await self._client.request("tasks/result", {"taskId": self.task_id})
        error: JSONValue = now.wire.get("error")
        if now.status == "failed":
            known = error if is_object(error) else {}
            code, message = known.get("code"), known.get("message")
            raise RequestRefused(
                code if isinstance(code, int) else -32603,
                message if isinstance(message, str) else now.status_message or "the task failed",
                known.get("data"),
                method="tools/call",
            )
        result: JSONValue = now.wire.get("result")
        if not is_object(result):
            raise ServerMisbehaved(f"the completed task {self.task_id!r} has no result")
        return result

    async def _answer(self, now: TaskStatus) -> bool:
        """Answer what was not answered before; True when something was sent."""
        requests: JSONValue = now.wire.get("inputRequests")
        if now.status != "input_required" or not is_object(requests):
            return False
        fresh = {key: each for key, each in requests.items() if key not in self._answered and is_object(each)}
        if not fresh:
            return False
        responses = await responses_to("tasks/get", fresh, self._client.handlers)
        await self._client.request("tasks/update", {"taskId": self.task_id, "inputResponses": responses})
        self._answered.update(fresh)
        return True


def handle_of(client: Client, created: JSONObject, *, tool: str = "") -> TaskHandle:
    """The handle of a CreateTaskResult of either revision. Raises `ServerMisbehaved`."""
    task: JSONValue = created.get("task", created)
    task_id: JSONValue = task.get("taskId") if is_object(task) else None
    if not isinstance(task_id, str):
        raise ServerMisbehaved("the server answered with a task that has no taskId")
    return TaskHandle(client, task_id, tool=tool)


async def start(client: Client, tool: str, params: JSONObject, ttl_ms: int | None) -> TaskHandle:
    """Call a tool without following its task; an answer at once makes a handle that is at its end already."""
    connection = await client.connection()
    if not connection.modern:
        params = {**params, "task": {} if ttl_ms is None else {"ttl": ttl_ms}}
    result = await client.called(tool, params)
    if result.get("resultType") == "task" or is_object(result.get("task")):
        return handle_of(client, result, tool=tool)
    return TaskHandle(client, "", tool=tool, final=result)
