"""Running user code for a call: arguments, injection, time limit, questions, and every way it can end.

The one place that maps what user code does to what goes on the wire. Spec: 2026-07-28 server/tools#error-handling.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import PydanticSerializationError, to_jsonable_python

from wireproof.mcp_tools.asking import Answers, InputRequired, Question, read_responses
from wireproof.mcp_tools.call import Call
from wireproof.mcp_tools.content import Text, ToolResult, json_text, render_block, to_blocks
from wireproof.mcp_tools.context import Context
from wireproof.mcp_tools.errors import InvalidParams, ProtocolError, ToolError
from wireproof.mcp_tools.injection import Needs
from wireproof.mcp_tools.tool import Tool
from wireproof.schemas.jsonrpc import INTERNAL_ERROR, JSONObject, JSONValue, Reply, is_object
from wireproof.schemas.mcp.revisions import Revision
from wireproof.schemas.signature import ArgumentsInvalid

if TYPE_CHECKING:
    from wireproof.mcp_tools.core import Core

log = logging.getLogger("wireproof.mcp_tools")

MASKED: Final = "Internal error: the server has logged what went wrong"


class OutputInvalid(Exception):
    """A tool returned what its output schema does not allow; a defect of the tool."""


class TimeLimit(Exception):
    """A call ran longer than its author allows."""


async def call_tool(call: Call, tool: Tool, core: Core, make: type[Context[Any]] = Context) -> Reply | None:
    """Run one tool call to its end; `make` is the context that the tool gets.

    Spec: 2026-07-28 server/tools#calling-tools.
    """
    try:
        arguments = tool.validate(call.params.get("arguments") or {})
        if tool.is_async and not tool.needs and tool.timeout_s is None:
            value = await tool.function(**arguments)
        else:
            value = await run(call, core, tool.function, arguments, tool.needs, tool.is_async, tool.timeout_s, make)
        return call.complete(tool_result(tool, value, call.facts.revision))
    except ProtocolError as error:
        return error.reply(call.id)
    except Asked as asked:
        return ask_for_input(call, asked.answers, core)
    except Exception as error:
        return call.complete(failed_result(tool, error))


def failed_result(tool: Tool, error: BaseException) -> JSONObject:
    """The `isError` result for what a tool raised: its words where they are meant for a model, else masked and logged.

    Spec: 2026-07-28 server/tools#error-handling.
    """
    if isinstance(error, ArgumentsInvalid):
        text = f"Invalid arguments for tool {tool.name}: {error}"
    elif isinstance(error, ToolError):
        text = str(error)
    elif isinstance(error, TimeLimit):
        text = f"Tool {tool.name} was stopped: it ran longer than its {tool.timeout_s:g} s"
    else:
        log.error("tool %s failed; the client is told nothing but that", tool.name, exc_info=error)
        text = f"Tool {tool.name} failed. {MASKED}"
    return {"content": [{"type": "text", "text": text}], "isError": True}


async def run_masked(call: Call, core: Core, what: str, work: Callable[[], Any]) -> Reply | None:
    """Run a prompt, a resource or a completion: like a tool, but every failure is a JSON-RPC error."""
    try:
        return call.complete(await work())
    except ArgumentsInvalid as error:
        return InvalidParams(f"Invalid arguments for {what}: {error}").reply(call.id)
    except ToolError as error:
        return ProtocolError(str(error), code=INTERNAL_ERROR).reply(call.id)
    except TimeLimit:
        return ProtocolError(f"{what} was stopped: it ran too long").reply(call.id)
    except ProtocolError as error:
        return error.reply(call.id)
    except Asked as asked:
        return ask_for_input(call, asked.answers, core)
    except Exception:
        log.exception("%s failed; the client is told nothing but that", what)
        return ProtocolError(MASKED).reply(call.id)


class Asked(Exception):
    """The call has questions that only a retry can answer."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self.answers = answers


async def run(
    call: Call,
    core: Core,
    function: Callable[..., Any],
    arguments: dict[str, Any],
    needs: Needs,
    is_async: bool,
    timeout_s: float | None,
    make: type[Context[Any]] = Context,
) -> Any:
    """Call user code with what it needs. Raises `Asked`, `TimeLimit`, and whatever the function raises."""
    answers = open_answers(call, core)
    context = make(call.facts, call.out, call.id, call.progress_token, answers, core.state)
    try:
        return await run_with(context, core, function, arguments, needs, is_async, timeout_s)
    except BaseException as error:
        if answers.pending and _is_question(error):
            raise Asked(answers) from None
        raise


async def run_with(
    context: Context[Any],
    core: Core,
    function: Callable[..., Any],
    arguments: dict[str, Any],
    needs: Needs,
    is_async: bool,
    timeout_s: float | None,
) -> Any:
    """Call user code with this context. Raises `TimeLimit` and whatever the function raises."""
    async with AsyncExitStack() as stack:
        if timeout_s is not None:
            stack.enter_context(_Limit(timeout_s))
        if needs:
            arguments = arguments | await needs.fill(context, stack)  # the caller's own stay what they were
        async with asyncio.timeout(timeout_s):
            if is_async:
                return await function(**arguments)
            return await core.workers.run(function, **arguments)


class _Limit:
    """Turns the end of an `asyncio.timeout` into `TimeLimit`, apart from a TimeoutError that user code raised."""

    def __init__(self, timeout_s: float) -> None:
        self._until = asyncio.get_running_loop().time() + timeout_s

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TimeoutError) and asyncio.get_running_loop().time() >= self._until:
            raise TimeLimit from None


def _is_question(error: BaseException) -> bool:
    if isinstance(error, InputRequired):
        return True
    group: Any = error
    return isinstance(error, BaseExceptionGroup) and not _others(group)


def _others(group: BaseExceptionGroup[Any]) -> bool:
    """Whether a group holds anything but questions."""
    return group.split(InputRequired)[1] is not None


# -- questions --------------------------------------------------------------------------------------------------


def open_answers(call: Call, core: Core) -> Answers:
    """The record of answers that this call starts with. Raises `InvalidParams` for a bad `requestState`."""
    if not call.facts.modern:

        async def ask(question: Question) -> JSONObject:
            return await call.endpoint.ask_client(question, call)

        return Answers(live=ask)
    state: JSONValue = call.params.get("requestState")
    given, steps = ({}, {}) if state is None else core.open_state(call, state)
    given.update(read_responses(call.params))
    return Answers(given, steps=steps)


def ask_for_input(call: Call, answers: Answers, core: Core) -> Reply:
    """End this round with an `InputRequiredResult`. Spec: 2026-07-28 basic/patterns/mrtr."""
    requests = {key: question.wire() for key, question in answers.pending.items()}
    state = core.seal_state(call, answers)
    return call.complete({"resultType": "input_required", "inputRequests": requests, "requestState": state})


# -- results ----------------------------------------------------------------------------------------------------


def tool_result(tool: Tool, value: Any, revision: Revision) -> JSONObject:
    """The CallToolResult of a returned value, for that revision. Raises `OutputInvalid`."""
    if isinstance(value, ToolResult):
        return _explicit_result(tool, value, revision)
    if tool.output is not None:
        try:
            structured = tool.output.dump(value)
        except ArgumentsInvalid as error:
            raise OutputInvalid(f"the value of tool {tool.name} does not fit its output schema: {error}") from None
        shown = structured["result"] if tool.output.wrapped else structured
        result: JSONObject = {"content": [{"type": "text", "text": json_text(shown)}], "isError": False}
        if revision >= Revision.V2025_06_18:
            result["structuredContent"] = structured
        return result
    blocks = to_blocks(value)
    if blocks is not None:
        return {"content": [render_block(block, revision) for block in blocks], "isError": False}
    if value is None:
        return {"content": [], "isError": False}
    return {"content": [Text(json_text(_jsonable(value))).wire()], "isError": False}


def _explicit_result(tool: Tool, value: ToolResult, revision: Revision) -> JSONObject:
    blocks = [block.wire() for block in value.content]
    result: JSONObject = {"isError": value.is_error}
    if value.structured is not None:
        structured: JSONValue = _jsonable(value.structured)
        if tool.output is not None and not value.is_error:
            try:
                structured = tool.output.dump(value.structured)
            except ArgumentsInvalid as error:
                raise OutputInvalid(f"the result of tool {tool.name} does not fit its output schema: {error}") from None
        if revision >= Revision.V2025_06_18 and (is_object(structured) or revision.is_modern):
            result["structuredContent"] = structured
        if not blocks:
            blocks = [Text(json_text(structured)).wire()]
    result["content"] = [render_block(block, revision) for block in blocks]
    if value.meta:
        result["_meta"] = dict(value.meta)
    return result


def _jsonable(value: Any) -> JSONValue:
    try:
        return to_jsonable_python(value, by_alias=True, inf_nan_mode="null")
    except PydanticSerializationError as error:
        raise OutputInvalid(f"a returned {type(value).__name__} has no JSON form") from error
