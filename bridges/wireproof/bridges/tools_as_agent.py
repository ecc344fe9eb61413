"""A tool server as an agent: each tool is a skill, each call a task.

The arguments are the message's data part, or its text where the tool has a single text. Progress is told as status, a
form as a question (`input-required`), the result as one artifact. The tool sees the agent's caller as its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final

from wireproof.a2a import Agent, Turn
from wireproof.a2a.errors import A2AError, Kind
from wireproof.a2a.turn import ArtifactUpdate
from wireproof.bridges.results import artifact_parts
from wireproof.mcp_tools import ToolServer, connect
from wireproof.mcp_tools.client.errors import ClientError, ToolFailed
from wireproof.mcp_tools.client.handlers import Cancelled, Declined, Form, Link
from wireproof.mcp_tools.client.results import Progress
from wireproof.schemas import json_schema
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

FOREVER_S: Final = 10.0**9
"""A task ends by its own limits, never by the client's in between."""
_YES: Final = frozenset({"yes", "y", "true", "ok", "1"})
_NO: Final = frozenset({"no", "n", "false", "0"})
_DECLINED: Final = frozenset({"decline", "declined", "refuse"})
_CANCELLED: Final = frozenset({"cancel", "cancelled", "abort"})


def agent_of(
    server: ToolServer[Any],
    *,
    name: str | None = None,
    description: str | None = None,
    tools: Sequence[str] | None = None,
    time_limit: float | None = None,
    **options: Any,
) -> Agent:
    """An agent whose skills are the server's tools, those that it has now.

    `tools` names the ones to show, None for all. `time_limit` in seconds bounds each call. `options` are `Agent`'s own
    (`store`, `keyring`, `security_schemes` …). With more than one tool a message names its own in
    `metadata.skillId`. Raises `ValueError` for a tool that is not there.
    """
    chosen = list(server.core.tools) if tools is None else [_known(server, tool) for tool in tools]
    only = chosen[0].name if len(chosen) == 1 else ""

    def select(_: JSONObject) -> str:
        if not only:
            text = f"Name the tool in metadata.skillId: one of {', '.join(tool.name for tool in chosen)}"
            raise A2AError(Kind.INVALID_PARAMS, text)
        return only

    info: JSONObject = server.core.info
    agent = Agent(
        name or str(info.get("title") or server.name),
        description=description or str(info.get("description") or server.core.instructions or f"The tools of {name}."),
        version=str(info.get("version", "0.0.0")),
        select=select,
        **options,
    )
    for tool in chosen:
        definition: JSONObject = tool.definition
        agent.add_skill(
            _skill(server, tool.name, definition.get("inputSchema", {})),
            id=tool.name,
            name=str(definition.get("title") or tool.name),
            description=str(definition.get("description") or f"The tool {tool.name}."),
            tags=["tool"],
            input_modes=["application/json", "text/plain"],
            output_modes=["application/json", "text/plain"],
            task=True,
            time_limit=time_limit,
        )
    return agent


def _known(server: ToolServer[Any], name: str) -> Any:
    tool = server.core.tools.get(name)
    if tool is None:
        raise ValueError(f"the server has no tool {name!r}")
    return tool


def _skill(server: ToolServer[Any], tool: str, schema: JSONObject) -> Callable[[Turn], Awaitable[None]]:
    async def run(turn: Turn) -> None:
        arguments = _arguments(turn, schema)

        limits: Any = {"timeout_s": FOREVER_S, "max_timeout_s": FOREVER_S}
        asking = connect(server, principal=turn.principal, elicit=_asker(turn), **limits)
        try:
            async with asking as client, aclosing(client.stream_tool(tool, arguments)) as events:
                async for event in events:
                    if isinstance(event, Progress):
                        await turn.emit(turn.status(event.message or None, metadata=_how_far(event)))
                    else:
                        await turn.emit(ArtifactUpdate(artifact_parts(event.wire), "result", tool))
        except ToolFailed as failed:
            await turn.emit(turn.fail(failed.result.text or f"The tool {tool} failed."))
        except ClientError as error:
            await turn.emit(turn.fail(str(error)))

    return run


def _how_far(told: Progress) -> JSONObject:
    return {"progress": told.progress, **({} if told.total is None else {"total": told.total})}


def _arguments(turn: Turn, schema: JSONObject) -> dict[str, JSONValue]:
    """The data part, or the text as the only text that the tool takes."""
    if is_object(turn.data):
        return turn.data
    name = _only_text(schema)
    return {name: turn.text} if name and turn.text else {}


def _only_text(schema: JSONObject) -> str:
    properties: JSONValue = schema.get("properties")
    texts = [k for k, v in properties.items() if is_object(v) and v.get("type") == "string"] if properties else []
    return texts[0] if len(texts) == 1 else ""


def _asker(turn: Turn) -> Callable[[Form | Link], Awaitable[JSONObject | None]]:
    """Put the server's questions to the agent's caller."""

    async def ask(question: Form | Link) -> JSONObject | None:
        if isinstance(question, Link):
            reply = await turn.ask(f"{question.message}\n{question.url}")
            _unless_refused(str(reply))
            return None
        validate, said = json_schema.compile(question.schema).validate, question.message
        while True:
            reply = await turn.ask(said, {"requestedSchema": question.schema})
            if not is_object(reply.data):
                _unless_refused(str(reply))
            answer = reply.data if is_object(reply.data) else _read_text(str(reply).strip(), question)
            wrong = validate(answer)
            if not wrong:
                return answer
            said = f"{question.message}\n(The answer did not fit: {wrong[0]})"

    return ask


def _unless_refused(text: str) -> None:
    word = text.strip().lower()
    if word in _DECLINED:
        raise Declined
    if word in _CANCELLED:
        raise Cancelled


def _read_text(text: str, form: Form) -> JSONObject:
    """A plain text as the answer to a form: the value of its one field that has no default; the rest keep theirs."""
    properties: dict[str, JSONObject] = form.schema.get("properties", {})
    open_ = [name for name in properties if name not in form.defaults] or list(properties)
    wanted: JSONValue = form.schema.get("required")
    needed = [name for name in open_ if is_array(wanted) and name in wanted] or open_
    if len(needed) != 1:
        return dict(form.defaults)
    field = properties[needed[0]]
    return {**form.defaults, needed[0]: _value(text, str(field.get("type", "string")))}


def _value(text: str, kind: str) -> JSONValue:
    """The text as the field's type; what does not fit stays text, and the server asks again."""
    if kind == "boolean" and text.lower() in _YES | _NO:
        return text.lower() in _YES
    if kind in ("integer", "number"):
        try:
            return int(text) if kind == "integer" else float(text)
        except ValueError:
            return text
    return text
