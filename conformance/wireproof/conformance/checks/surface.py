"""Smaller promises of the features: names by their case, lists for all, embedded resources, levels of logs."""

from __future__ import annotations

import json
from typing import Final, cast

from wireproof.conformance.checks.tools import need_base64
from wireproof.conformance.ledger import DUPLEX, LEGACY, MODERN, ON_HTTP
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.http_talk import HttpTalk
from wireproof.conformance.probe.talk import META, short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list, as_object, at
from wireproof.conformance.verdict import Broken, NotHere, PeerGone
from wireproof.schemas.jsonrpc import JSONObject

LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


@check("tools.names.case", shows=["mcp.tools.names.case"], area="tools", revisions=MODERN | {"2025-11-25"})
async def a_tool_name_in_another_case_is_another_tool(cell: Cell) -> None:
    names = {str(tool.get("name")) for tool in await cell.tools()}
    tool = await cell.quick_tool(may_fail=True)
    other = str(tool["name"]).swapcase()
    if other in names or other == tool["name"]:
        raise NotHere("The name has no other case, or both are tools.")
    params: JSONObject = {"name": other, "arguments": cell.arguments_for(tool)}
    answer = await (await cell.talk()).request("tools/call", params)
    result = as_object(answer.message).get("result")
    if result is not None and not as_object(result).get("isError"):
        raise Broken(f"There is no tool {other!r}, and it was called: {answer.describe()}")


@check("tools.embedded", shows=["mcp.tools.embedded-resources"], area="tools", limit=20)
async def a_server_that_embeds_resources_declares_them(cell: Cell) -> None:
    talk = await cell.talk()
    for tool in (await cell.callable_tools())[:20]:
        result = as_object(as_object((await cell.call(talk, tool)).message).get("result"))
        if any(as_object(item).get("type") == "resource" for item in as_list(result.get("content"))):
            if "resources" not in cell.capabilities:
                raise Broken(f"{tool['name']} embeds a resource, and the capability resources is not declared.")
            return
    raise NotHere("No callable tool embeds a resource.")


@check("prompts.binary", shows=["mcp.prompts.binary"], area="prompts", limit=20)
async def pictures_in_prompts_are_base64(cell: Cell) -> None:
    talk = await cell.talk()
    seen = False
    for prompt in (await cell.prompts())[:20]:
        wanted = [str(as_object(item).get("name")) for item in as_list(prompt.get("arguments"))]
        params: JSONObject = {"name": prompt["name"], "arguments": dict.fromkeys(wanted, "text")}
        result = as_object(as_object((await talk.request("prompts/get", params)).message).get("result"))
        for message in as_list(result.get("messages")):
            content = as_object(as_object(message).get("content"))
            if content.get("type") not in {"image", "audio"}:
                continue
            seen = True
            need_base64(content.get("data"), f"the {content['type']} of the prompt {prompt['name']}")
            if "/" not in str(content.get("mimeType")):
                raise Broken(f"A picture or sound of the prompt {prompt['name']} has no media type: {short(content)}")
    if not seen:
        raise NotHere("No prompt has a picture or a sound.")


async def _same(cell: Cell, method: str, member: str) -> None:
    cell.need(member)
    here = (await (await cell.talk()).request(method)).result.get(member)
    async with cell.own() as other:
        there = (await other.request(method, timeout=20)).result.get(member)
    if here != there:
        raise Broken(f"Two connections got different {member}: {short(here)} and {short(there)}")


@check("prompts.same", shows=["mcp.prompts.list.same-for-all"], area="prompts", revisions=MODERN)
async def the_prompt_list_is_the_same_on_another_connection(cell: Cell) -> None:
    await _same(cell, "prompts/list", "prompts")


@check("resources.same", shows=["mcp.resources.list.same-for-all"], area="resources", revisions=MODERN)
async def the_resource_list_is_the_same_on_another_connection(cell: Cell) -> None:
    await _same(cell, "resources/list", "resources")


@check("logging.filter", shows=["mcp.logging.filter"], area="logging", revisions=MODERN, limit=20)
async def only_the_asked_level_and_above_is_logged(cell: Cell) -> None:
    talk = await cell.talk()
    loud: list[JSONObject] = []
    for tool in (await cell.callable_tools())[:20]:
        answer = await cell.call(talk, tool, meta={f"{META}logLevel": "debug"})
        if any(message.get("method") == "notifications/message" for message in answer.before):
            loud.append(tool)
    if not loud:
        raise NotHere("No callable tool logs.")
    for tool in loud[:3]:
        answer = await cell.call(talk, tool, meta={f"{META}logLevel": "emergency"})
        for message in answer.before:
            level = at(message, "params", "level")
            if message.get("method") == "notifications/message" and level != "emergency":
                raise Broken(f"{tool['name']} logged at {level}, and only emergency was asked for.")


@check("logging.level.modern", shows=["mcp.logging.level.modern"], area="logging", revisions=MODERN)
async def a_request_with_an_unknown_log_level_is_refused(cell: Cell) -> None:
    cell.need("logging")
    tool = await cell.quick_tool(may_fail=True)
    answer = await cell.call(await cell.talk(), tool, meta={f"{META}logLevel": "no-such-level"})
    if answer.code != -32602:
        raise Broken(f"A request with the logLevel no-such-level was answered with {answer.describe()}")


@check(
    "http.header.param.absent",
    shows=["mcp.http.header.param.absent"],
    area="http",
    transports=ON_HTTP,
    revisions=MODERN,
)
async def an_argument_that_is_not_there_needs_no_header(cell: Cell) -> None:
    talk = cast("HttpTalk", await cell.talk())
    for tool in await cell.callable_tools():
        schema = as_object(tool.get("inputSchema"))
        needed = as_list(schema.get("required"))
        mirrored = [
            name for name, field in as_object(schema.get("properties")).items() if "x-mcp-header" in as_object(field)
        ]
        if not mirrored or set(mirrored) & set(map(str, needed)):
            continue
        arguments = {name: value for name, value in cell.arguments_for(tool).items() if name not in mirrored}
        answer = await talk.request("tools/call", {"name": tool["name"], "arguments": arguments})
        if answer.code == -32020:
            raise Broken(f"Without its argument the header was wanted still: {answer.describe()}")
        return
    raise NotHere("No callable tool mirrors an optional argument into a header.")


@check("http.header.numeric", shows=["mcp.http.header.numeric"], area="http", transports=ON_HTTP, revisions=MODERN)
async def integers_in_headers_are_compared_as_numbers(cell: Cell) -> None:
    talk = cast("HttpTalk", await cell.talk())
    for tool in await cell.callable_tools():
        for name, field in as_object(at(tool, "inputSchema", "properties")).items():
            header = as_object(field).get("x-mcp-header")
            if header is None or as_object(field).get("type") != "integer":
                continue
            arguments = {**cell.arguments_for(tool), name: 42}
            message = talk.build("tools/call", {"name": tool["name"], "arguments": arguments})
            headers = [*talk.headers(message), (f"Mcp-Param-{header}", "42.0")]
            answer = await talk.post(json.dumps(message).encode(), headers, expect=message["id"])
            if answer.error is not None:
                raise Broken(
                    f"The argument 42 and its header 42.0 are one number, and were refused: {answer.describe()}"
                )
            return
    raise NotHere("No callable tool mirrors an integer into a header.")


@check("version.extension.fallback", shows=["mcp.version.extension.fallback"], area="versions", revisions=MODERN)
async def an_extension_that_is_unknown_changes_nothing(cell: Cell) -> None:
    unknown: JSONObject = {"extensions": {"com.example.wireproof/unknown": {"version": 1}}}
    talk = await cell.talk()
    method = "tools/list" if "tools" in cell.capabilities else "server/discover"
    answer = await talk.request(method, capabilities=unknown)
    if answer.message is None or answer.error is not None:
        raise Broken(f"A client with an extension that nobody knows was answered with {answer.describe()}")


@check("version.listed", shows=["mcp.discover.versions-true"], area="versions", revisions=MODERN, limit=30)
async def every_version_that_discovery_lists_is_served(cell: Cell) -> None:
    listed = as_list(as_object(as_object(cell.opening.message).get("result")).get("supportedVersions"))
    for version in map(str, listed):
        if version >= "2026-07-28":
            talk = await cell.talk()
            answer = await talk.request("server/discover", meta={f"{META}protocolVersion": version})
            if version != cell.revision and answer.code in {-32022, -32020}:
                raise Broken(f"Discovery lists {version}, and a request in it is refused: {answer.describe()}")
            continue
        async with cell.older(version) as old:
            opened = await old.handshake()
            got = at(opened.message, "result", "protocolVersion")
            if got != version:
                raise Broken(f"Discovery lists {version}, and initialize with it was answered with {short(got)}.")


@check("version.latest", shows=["mcp.lifecycle.version.latest"], area="versions", revisions=LEGACY, limit=20)
async def an_unknown_version_is_answered_with_the_latest_that_is_supported(cell: Cell) -> None:
    offered = await _negotiated(cell, "1900-01-01")
    for newer in sorted(revision for revision in LEGACY if revision > offered):
        if await _negotiated(cell, newer) == newer:
            raise Broken(f"For an unknown version {offered} was offered, and {newer} is supported, too.")


async def _negotiated(cell: Cell, version: str) -> str:
    async with cell.own(handshake=False) as talk:
        params: JSONObject = {
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": {"name": "x", "version": "1"},
        }
        return str((await talk.request("initialize", params, timeout=20)).result.get("protocolVersion"))


@check("cancel.late", shows=["mcp.cancel.races"], area="cancellation", transports=DUPLEX)
async def a_cancellation_that_comes_after_the_answer_does_no_harm(cell: Cell) -> None:
    method = "server/discover" if cell.is_modern else "ping"
    async with cell.own() as talk:
        for number in range(5):
            await talk.request(method, id_=f"done-{number}", timeout=20)
            try:
                await talk.notify("notifications/cancelled", {"requestId": f"done-{number}"})
                alive = await talk.alive()
            except PeerGone as gone:
                raise Broken("The server ended on a cancellation that came after the answer.") from gone
            if not alive:
                raise Broken("After a late cancellation no good request was answered any more.")
