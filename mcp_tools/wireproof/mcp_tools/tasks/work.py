"""Running a tool inside a task: the context it gets, its questions, and every way it can end.

Knows one attempt at one task; knows no wire.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from wireproof.mcp_tools.asking import Answers, Question
from wireproof.mcp_tools.calls import MASKED, failed_result, run_with, tool_result
from wireproof.mcp_tools.context import Context, Level
from wireproof.mcp_tools.errors import InvalidParams, ProtocolError, ToolError
from wireproof.mcp_tools.facts import LOG_LEVELS
from wireproof.mcp_tools.tasks.stored import StoredCall, load_call
from wireproof.mcp_tools.tasks.wire import RELATED
from wireproof.mcp_tools.tool import Tool
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.schemas.signature import ArgumentsInvalid
from wireproof.tasks import Change, Status, TaskError, TaskRecord
from wireproof.tasks.kinds import Kind, Retry, TaskContext
from wireproof.transports.exchange import LineClosed, Peer

if TYPE_CHECKING:
    from wireproof.mcp_tools.tasks.engine import TaskEngine

log = logging.getLogger("wireproof.mcp_tools")

T = TypeVar("T")
REFUSED: Final = "io.wireproof/refused"
"""The key of an answer that says: the client refused the question. Its value is for the tool to read."""
_STATUS_EVERY_S: Final = 0.2


class Work:
    """The kinds of one server's tasks: a common one, and one for each tool with a time limit or retries of its own."""

    def __init__(self, engine: TaskEngine) -> None:
        self._engine: Final = engine
        self._common: Final = self._kind(engine.family, None, Retry())

    def kinds(self) -> list[Kind]:
        """What a runner of this server works on."""
        tools = [tool for tool in self._engine.core.tools if tool.task is not None]
        return [self._common, *(kind for kind in map(self.kind_of, tools) if kind is not self._common)]

    def kind_of(self, tool: Tool) -> Kind:
        """The kind of a tool's tasks."""
        retry = tool.task.retry if tool.task is not None else None
        if retry is None and tool.timeout_s is None:
            return self._common
        return self._kind(f"{self._engine.family}/{tool.name}", tool.timeout_s, retry or Retry())

    def _kind(self, name: str, time_limit: float | None, retry: Retry) -> Kind:
        return Kind(name=name, run=self._run, present=present, explain=explain, retry=retry, time_limit=time_limit)

    async def _run(self, task: TaskContext) -> JSONValue:
        """One attempt: the CallToolResult, or the end of the task as failed with a JSON-RPC error."""
        tool = self._engine.core.tools.get(task.record.name)
        try:
            if tool is None:
                raise InvalidParams(f"Unknown tool: {task.record.name}")
            return await self._within_ttl(task, tool, load_call(task.record.input))
        except ProtocolError as error:
            failure = _failed(error)
            await task.revise(lambda _: failure)
            return None

    async def _within_ttl(self, task: TaskContext, tool: Tool, stored: StoredCall) -> JSONValue:
        """Run until the task may be removed, and no longer. Raises `ProtocolError`."""
        until = task.record.expires_at
        limit = asyncio.timeout(None if until is None else max(0.0, until - time.time()))
        try:
            async with limit:
                return await self._call(task, tool, stored)
        except TimeoutError:
            if limit.expired():
                raise ProtocolError("The task did not end within its ttl", data={"reason": "ttl"}) from None
            raise

    async def _call(self, task: TaskContext, tool: Tool, stored: StoredCall) -> JSONObject:
        core = self._engine.core
        line = StatusLine(task)
        context = InTask(self._engine, task, stored, line)
        try:
            arguments = tool.validate(stored.arguments)
            value = await run_with(context, core, tool.function, arguments, tool.needs, tool.is_async, None)
            return tool_result(tool, value, stored.facts.revision)
        except (ArgumentsInvalid, ToolError) as error:
            return failed_result(tool, error)
        finally:
            await line.close()


class InTask(Context[Any]):
    """The context of a tool that runs as a task: what it says goes into the task, its questions wait there."""

    __slots__ = ("_engine", "_line", "_task")

    def __init__(self, engine: TaskEngine, task: TaskContext, stored: StoredCall, line: StatusLine) -> None:
        answers = TaskAnswers(task, stored.given)
        super().__init__(stored.facts, _NOWHERE, stored.request_id, stored.token, answers, engine.core.state)
        self._engine: Final = engine
        self._task: Final = task
        self._line: Final = line

    @property
    def task_id(self) -> str | None:
        """See `Context.task_id`."""
        return self._task.record.id

    @property
    def attempt(self) -> int:
        """See `Context.attempt`."""
        return self._task.attempt

    async def step(self, name: str, run: Callable[[str], Awaitable[T]]) -> T:
        """See `Context.step`."""
        return await self._task.step(name, run)

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Report progress as the task's `statusMessage`, and to a session that gave a token. See `Context.progress`.

        The newest report is written at most five times a second.
        """
        if self._last_progress is not None and progress <= self._last_progress:
            return
        counted = f"{progress:g}" if total is None else f"{progress:g} of {total:g}"
        self._line.show(message or counted)
        if self._token is None:
            self._last_progress = progress
        else:
            await super().progress(progress, total, message)

    async def log(self, level: Level, data: JSONValue, *, logger: str | None = None) -> None:
        """Send to the session that made the task, while it is here; SEP-2663 has no log messages of tasks."""
        if LOG_LEVELS.index(level) >= self.facts.log_level:
            await super().log(level, data, logger=logger)

    async def _notify(self, method: str, params: JSONObject) -> None:
        tell = self._engine.tellers.get(self._task.record.id)
        if tell is not None:
            await tell(method, {**params, "_meta": {RELATED: {"taskId": self._task.record.id}}})


class TaskAnswers(Answers):
    """Questions of a task: asked in the store, answered by `tasks/update`, remembered for every later attempt."""

    __slots__ = ("_asking", "_lock", "_task")

    def __init__(self, task: TaskContext, given: dict[str, JSONObject]) -> None:
        super().__init__(given)
        self._task: Final = task
        self._asking: dict[str, JSONValue] = {}
        self._lock: Final = asyncio.Lock()

    async def ask(self, question: Question, *, key: str | None = None, again: bool = False) -> JSONObject:
        """See `Answers.ask`. Questions that are asked at once wait together. Raises `ToolError` for a refusal.

        A key is good for one request in a task's life, so asking again takes a key of its own.
        """
        name = self.name(question, key)
        if again:
            name = f"{name}.again"
        elif name in self.given:
            return self.given[name]
        request = question.wire()
        if name not in self._task.record.asked:
            await self._announce(name, request)
        answer = await self._task.ask(name, request)
        if not is_object(answer):
            raise ToolError("The client answered with something that is no result")
        if REFUSED in answer:
            raise ToolError(str(answer[REFUSED]))
        return answer

    async def _announce(self, name: str, request: JSONObject) -> None:
        if name in self._asking:
            raise ValueError(f"two questions of one call have the key {name!r}: give each its own `key`")
        self._asking[name] = request
        await asyncio.sleep(0)  # lets the other branches of a gather ask theirs
        async with self._lock:
            asks, self._asking = self._asking, {}
            if asks:
                await self._task.revise(lambda _: Change(status=Status.INPUT_REQUIRED, asks=asks))


class StatusLine:
    """Writes what a tool says of itself into its task: the newest, and not too often."""

    def __init__(self, task: TaskContext) -> None:
        self._task: Final = task
        self._text = ""
        self._writing: asyncio.Task[None] | None = None

    def show(self, text: str) -> None:
        """Let `text` be the status message soon."""
        self._text = text
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def close(self) -> None:
        """Write nothing more."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        written = ""
        with suppress(TaskError):  # a task that is lost or ended stops its code by itself
            while self._text != written:
                written = self._text
                await self._task.emit(message=written)
                await asyncio.sleep(_STATUS_EVERY_S)


class Nowhere:
    """The outlet of a call whose request is long answered."""

    @property
    def peer(self) -> Peer:
        """Nobody in particular."""
        return Peer("none")

    async def send(self, data: bytes) -> None:
        """Always raises `LineClosed`."""
        raise LineClosed("the request of a task has been answered")


_NOWHERE: Final = Nowhere()


def present(record: TaskRecord, change: Change) -> Change:
    """What the engine ends, in a tool's words: a time limit is a tool error; old progress is not a last word."""
    if change.reason == "time_limit":
        text = f"Tool {record.name} was stopped: it ran longer than its time limit"
        result: JSONObject = {"content": [{"type": "text", "text": text}], "isError": True}
        return Change(status=Status.COMPLETED, result=result, reason=change.reason, status_message="")
    if change.status is not None and change.status.is_terminal and change.status_message is None:
        message = "The task was cancelled by request." if change.status is Status.CANCELED else ""
        return replace(change, status_message=message)
    return change


def explain(record: TaskRecord, _failure: BaseException) -> Change:
    """A stranger's exception is told as a tool error that says no more; the runner has logged it."""
    text = f"Tool {record.name} failed. {MASKED}"
    result: JSONObject = {"content": [{"type": "text", "text": text}], "isError": True}
    return Change(status=Status.COMPLETED, result=result, reason="error")


def _failed(error: ProtocolError) -> Change:
    told: JSONObject = {"code": error.wire_code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    return Change(status=Status.FAILED, error=told, reason="error", status_message=error.message[:500])
