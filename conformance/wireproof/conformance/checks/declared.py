"""What a server says of itself and keeps: capabilities, extensions, reserved names, and who may be asked what."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Final

from wireproof.conformance.ledger import DUPLEX, LEGACY, MODERN, ON_HTTP, ON_STDIO
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.duplex_talk import StdioTalk
from wireproof.conformance.probe.http_talk import HttpTalk
from wireproof.conformance.probe.talk import META, Answer, DuplexTalk, short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list, as_object
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject

AREA: Final = "declared"
EARLY_OK: Final = {"ping"}
KNOWN_META: Final = {
    f"{META}{name}"
    for name in ("protocolVersion", "clientInfo", "clientCapabilities", "serverInfo", "subscriptionId", "logLevel")
} | {f"{META}related-task", f"{META}tasks", f"{META}ui", f"{META}skills"}
RESERVED: Final = re.compile(r"^(?:[a-z0-9-]+\.)*(?:modelcontextprotocol|mcp)(?:\.[a-z0-9-]+)?/", re.IGNORECASE)
PREFIXED: Final = re.compile(
    r"^[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?/[A-Za-z0-9](?:[A-Za-z0-9._\-]*[A-Za-z0-9])?$"
)
EVERYTHING: Final[JSONObject] = {"elicitation": {}, "sampling": {}, "roots": {}}


async def _undeclared(cell: Cell, capability: str, method: str, params: JSONObject | None = None) -> Answer:
    """The answer of a method whose capability is not declared. Returns only when it is not; a pass when it is."""
    answer = await (await cell.talk()).request(method, params)
    if answer.error is not None or answer.message is None:
        raise NotHere(f"The server has no {capability}.")
    return answer


@check("declared.resources", shows=["mcp.resources.capability"], area=AREA)
async def resources_are_declared_when_they_are_listed(cell: Cell) -> None:
    if "resources" in cell.capabilities:
        return
    found = as_list(as_object((await _undeclared(cell, "resources", "resources/list")).result).get("resources"))
    if found:
        raise Broken(f"resources/list answers with {len(found)} resources, and the capability is not declared.")


@check("declared.prompts", shows=["mcp.prompts.capability"], area=AREA)
async def prompts_are_declared_when_they_are_listed(cell: Cell) -> None:
    if "prompts" in cell.capabilities:
        return
    found = as_list(as_object((await _undeclared(cell, "prompts", "prompts/list")).result).get("prompts"))
    if found:
        raise Broken(f"prompts/list answers with {len(found)} prompts, and the capability is not declared.")


@check(
    "declared.completions", shows=["mcp.completion.capability"], area=AREA, revisions=MODERN | LEGACY - {"2024-11-05"}
)
async def completions_are_declared_when_they_are_given(cell: Cell) -> None:
    if "completions" in cell.capabilities:
        return
    prompts = await cell.prompts()
    name = prompts[0]["name"] if prompts else "none"
    params = {"ref": {"type": "ref/prompt", "name": name}, "argument": {"name": "a", "value": ""}}
    answer = await _undeclared(cell, "completions", "completion/complete", params)
    if as_list(as_object(answer.result.get("completion")).get("values")):
        raise Broken(f"completion/complete answers, and the capability is not declared: {answer.describe()}")


@check("declared.logging", shows=["mcp.logging.capability"], area=AREA, revisions=LEGACY)
async def logging_is_declared_when_messages_are_logged(cell: Cell) -> None:
    if "logging" in cell.capabilities:
        return
    talk = await cell.talk()
    for tool in (await cell.callable_tools())[:6]:
        answer = await cell.call(talk, tool)
        if any(message.get("method") == "notifications/message" for message in answer.before):
            raise Broken(f"{tool['name']} logs, and the capability logging is not declared.")
    raise NotHere("The server does not log.")


@check("declared.extensions", shows=["mcp.base.extension.prefix"], area=AREA, revisions=MODERN)
async def extensions_have_a_prefix_of_their_own(cell: Cell) -> None:
    names = list(as_object(cell.capabilities.get("extensions")))
    if not names:
        raise NotHere("The server declares no extension.")
    for name in names:
        if not PREFIXED.match(name):
            raise Broken(f"The extension {name!r} has no prefix.")


@check("declared.meta", shows=["mcp.base.meta.reserved"], area=AREA, revisions=MODERN)
async def reserved_names_in_meta_are_those_that_exist(cell: Cell) -> None:
    talk = await cell.talk()
    methods = ["server/discover"]
    methods += [f"{name}/list" for name in ("tools", "prompts", "resources") if name in cell.capabilities]
    for method in methods:
        for key in as_object((await talk.request(method)).result.get("_meta")):
            if RESERVED.match(key) and key not in KNOWN_META:
                raise Broken(f"The result of {method} has the reserved name {key!r}, which MCP does not define.")


@check("declared.list.same", shows=["mcp.tools.list.same-for-all"], area=AREA, revisions=MODERN)
async def the_tool_list_is_the_same_on_another_connection(cell: Cell) -> None:
    cell.need("tools")
    here = (await (await cell.talk()).request("tools/list")).result.get("tools")
    async with cell.own() as other:
        there = (await other.request("tools/list", timeout=20)).result.get("tools")
    if here != there:
        raise Broken(f"Two connections got different tools: {short(here)} and {short(there)}")


@check("declared.asks.modern", shows=["mcp.mrtr.methods"], area=AREA, revisions=MODERN)
async def only_calls_prompts_and_reads_may_ask(cell: Cell) -> None:
    talk = await cell.talk()
    methods = ["server/discover"]
    methods += [f"{name}/list" for name in ("tools", "prompts", "resources") if name in cell.capabilities]
    for method in methods:
        answer = await talk.request(method, capabilities=EVERYTHING)
        if as_object(as_object(answer.message).get("result")).get("resultType") == "input_required":
            raise Broken(f"{method} asks for input: {answer.describe()}")


@check("declared.asks.legacy", shows=["mcp.lifecycle.negotiated-only"], area=AREA, revisions=LEGACY)
async def a_client_that_declared_nothing_is_asked_nothing(cell: Cell) -> None:
    async with cell.own() as talk:
        for tool in (await cell.callable_tools())[:12]:
            await cell.call(talk, tool)
        wanted = [message.get("method") for message in talk.asked if message.get("method") != "ping"]
        if wanted:
            raise Broken(f"A client that declared no capability was asked for {wanted[0]}.")


@check(
    "declared.asks.early",
    shows=["mcp.lifecycle.server.before-initialized"],
    area=AREA,
    revisions=LEGACY,
    transports=DUPLEX,
)
async def nothing_is_asked_before_initialized(cell: Cell) -> None:
    async with cell.own(handshake=False) as talk:
        params: JSONObject = {
            "protocolVersion": cell.revision,
            "capabilities": EVERYTHING if cell.revision > "2025-03-26" else {"sampling": {}, "roots": {}},
            "clientInfo": {"name": "x", "version": "1"},
        }
        await talk.request("initialize", params, timeout=20)
        await talk.request("ping")
        early = [message.get("method") for message in talk.asked if message.get("method") not in EARLY_OK]
        if early:
            raise Broken(f"Before notifications/initialized the server asked for {early[0]}.")


@check("declared.cancels", shows=["mcp.cancel.server-only-listen"], area=AREA, revisions=MODERN)
async def the_server_cancels_no_request_of_the_client(cell: Cell) -> None:
    talk = await cell.talk()
    for tool in (await cell.callable_tools())[:6]:
        answer = await cell.call(talk, tool)
        if any(message.get("method") == "notifications/cancelled" for message in answer.before):
            raise Broken(f"The server sent notifications/cancelled for a call of {tool['name']}.")


@check("declared.related", shows=["mcp.http.stream.related"], area=AREA, revisions=MODERN, transports=ON_HTTP)
async def a_response_stream_has_only_what_belongs_to_its_request(cell: Cell) -> None:
    talk = await cell.talk()
    for tool in (await cell.callable_tools())[:6]:
        answer = await cell.call(talk, tool)
        for message in answer.before:
            if str(message.get("method")).endswith(("/list_changed", "/updated")):
                raise Broken(f"The stream of a call of {tool['name']} carried {message['method']}.")


@check("declared.last-event-id", shows=["mcp.http.last-event-id"], area=AREA, revisions=MODERN, transports=ON_HTTP)
async def a_last_event_id_on_a_modern_request_is_ignored(cell: Cell) -> None:
    talk = await cell.talk()
    assert isinstance(talk, HttpTalk)
    message = talk.build("server/discover")
    headers = [*talk.headers(message), ("Last-Event-ID", "41")]
    answer = await talk.post(json.dumps(message).encode(), headers, expect=message["id"])
    if answer.message is None or "result" not in answer.message:
        raise Broken(f"A modern request with a Last-Event-ID was answered with {answer.describe()}")


@check("declared.stderr", shows=["mcp.stdio.utf8-stderr"], area=AREA, transports=ON_STDIO)
async def what_goes_to_stderr_is_utf8(cell: Cell) -> None:
    async with cell.own() as talk:
        assert isinstance(talk, StdioTalk)
        await talk.request("no/such/method")
        await talk.raw(b"{nope", expect=None)
        talk.child.end_input()
        await talk.child.wait(2)
        await asyncio.sleep(0)
        try:
            bytes(talk.child.stderr).decode()
        except UnicodeDecodeError as error:
            raise Broken(
                f"stderr holds bytes that are no UTF-8: {error.object[error.start : error.start + 8]!r}"
            ) from None


@check("declared.completion.validate", shows=["mcp.completion.validate"], area=AREA)
async def a_completion_that_does_not_fit_its_schema_is_refused(cell: Cell) -> None:
    if cell.revision > "2024-11-05":
        cell.need("completions")
    talk = await cell.talk()
    for params in ({}, {"ref": "x", "argument": 1}, {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {}}):
        answer = await talk.request("completion/complete", params)
        if answer.code == -32601:
            raise NotHere("The server has no completions.")
        if answer.error is None:
            raise Broken(f"completion/complete with {short(params)} was answered with {answer.describe()}")


@check("declared.legacy-hint", shows=["mcp.version.legacy-hint"], area=AREA, revisions=MODERN)
async def a_modern_only_server_tells_an_old_client_its_versions(cell: Cell) -> None:
    async with cell.own() as talk:
        params: JSONObject = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "x", "version": "1"},
        }
        message: JSONObject = {"jsonrpc": "2.0", "id": talk.next_id(), "method": "initialize", "params": params}
        if isinstance(talk, DuplexTalk):
            answer = await talk.send(message, timeout=20)
        else:
            assert isinstance(talk, HttpTalk)
            plain = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
            answer = await talk.post(json.dumps(message).encode(), [*plain, *talk.authorization], expect=message["id"])
        if answer.message is not None and "result" in answer.message:
            raise NotHere("The server takes initialize: it is not modern only.")
        text = json.dumps(answer.error) if answer.error is not None else ""
        if cell.revision not in text:
            raise Broken(f"initialize was refused without naming {cell.revision}: {answer.describe()}")


@check("declared.extra-answers", shows=["mcp.mrtr.extra-answers"], area=AREA, revisions=MODERN)
async def answers_that_nobody_asked_for_are_ignored(cell: Cell) -> None:
    talk = await cell.talk()
    tool = await cell.quick_tool(may_fail=True)
    extra: JSONObject = {"nobody-asked": {"action": "decline"}}
    params = {"name": tool["name"], "arguments": cell.arguments_for(tool), "inputResponses": extra}
    answer = await talk.request("tools/call", params)
    if answer.message is None or "result" not in answer.message:
        raise Broken(f"A call with an answer that nobody asked for was answered with {answer.describe()}")
