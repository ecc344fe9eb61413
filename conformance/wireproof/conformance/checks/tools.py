"""Tools: their list, their schemas, what a call gives and what it refuses."""

from __future__ import annotations

import base64
import re

from wireproof.conformance.inputs import wrong
from wireproof.conformance.ledger import MODERN, SINCE_0618
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.oracle import result_problem, schema_problem, value_problem
from wireproof.conformance.probe.talk import short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list, as_object
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

TOOLS = "tools"
SINCE_1125 = MODERN | {"2025-11-25"}
TOKEN = re.compile(r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$")
URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]*$")


async def fits(cell: Cell, method: str, result: JSONObject) -> None:
    """Raise unless the result fits the wire schema of its method."""
    problem = result_problem(method, cell.revision, result)
    if problem:
        raise Broken(f"The result of {method} does not fit its schema at {problem}. It was {short(result)}")


@check("tools.list.shape", shows=["mcp.tools.list"], area=TOOLS)
async def the_tool_list_fits_its_schema(cell: Cell) -> None:
    cell.need("tools")
    await fits(cell, "tools/list", (await (await cell.talk()).request("tools/list")).result)


@check("tools.declared", shows=["mcp.tools.capability"], area=TOOLS)
async def tools_are_declared_when_they_are_listed(cell: Cell) -> None:
    if "tools" in cell.capabilities:
        return
    answer = await (await cell.talk()).request("tools/list")
    listed = as_object(as_object(answer.message).get("result")).get("tools")
    if listed:
        raise Broken(f"tools/list answers with {len(listed)} tools, but the capability tools is not declared.")
    raise NotHere("The server has no tools.")


@check(
    "tools.unique", shows=["mcp.tools.names.unique"], area=TOOLS, depends_on=["tools.list.shape"], revisions=SINCE_1125
)
async def tool_names_are_unique(cell: Cell) -> None:
    names = [str(tool.get("name")) for tool in await cell.tools()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Broken(f"These names come twice: {', '.join(twice)}")


@check("tools.names", shows=["mcp.tools.names.form"], area=TOOLS, depends_on=["tools.list.shape"], revisions=SINCE_1125)
async def tool_names_have_1_to_128_plain_characters(cell: Cell) -> None:
    for tool in await cell.tools():
        if not re.fullmatch(r"[A-Za-z0-9_.\-]{1,128}", str(tool.get("name"))):
            raise Broken(f"The name {short(tool.get('name'))} has other characters, or more than 128.")


@check("tools.input-schema.object", shows=["mcp.tools.input-schema"], area=TOOLS)
async def every_input_schema_describes_an_object(cell: Cell) -> None:
    cell.need("tools")
    result = (await (await cell.talk()).request("tools/list")).result
    for tool in as_list(result.get("tools")):
        schema = tool.get("inputSchema")
        if not is_object(schema) or schema.get("type") != "object":
            raise Broken(f"The inputSchema of {tool.get('name')} is not of type object: {short(schema)}")


@check("tools.schemas.valid", shows=["mcp.base.schema.valid"], area=TOOLS, revisions=SINCE_0618)
async def every_schema_of_a_tool_is_valid_in_its_dialect(cell: Cell) -> None:
    for tool in await cell.tools():
        for key in ("inputSchema", "outputSchema"):
            problem = schema_problem(tool[key]) if key in tool else ""
            if problem:
                raise Broken(f"The {key} of {tool.get('name')} is no valid JSON Schema: {problem}")


@check("tools.order", shows=["mcp.tools.order"], area=TOOLS, revisions=MODERN)
async def the_tool_list_has_the_same_order_each_time(cell: Cell) -> None:
    cell.need("tools")
    talk = await cell.talk()
    orders: list[list[JSONValue]] = []
    for _ in range(3):
        page = as_list((await talk.request("tools/list")).result.get("tools"))
        orders.append([tool.get("name") for tool in page])
    if orders[0] != orders[1] or orders[1] != orders[2]:
        raise Broken(f"Three lists in a row differ in order: {short(orders)}")


@check("tools.header-annotations", shows=["mcp.tools.x-mcp-header"], area=TOOLS, revisions=MODERN)
async def header_annotations_keep_their_rules(cell: Cell) -> None:
    seen = False
    for tool in await cell.tools():
        names: list[str] = []
        for path, schema in _annotated(tool.get("inputSchema"), ()):
            seen = True
            value = schema["x-mcp-header"]
            if not isinstance(value, str) or not TOKEN.match(value):
                raise Broken(f"{tool['name']}: the x-mcp-header {short(value)} is no header token.")
            if any(step != "properties" for step in path[::2]):
                raise Broken(f"{tool['name']}: x-mcp-header at {'/'.join(path)} is not reachable by properties alone.")
            if schema.get("type") not in {"string", "integer", "boolean"}:
                raise Broken(f"{tool['name']}: x-mcp-header stands on the type {short(schema.get('type'))}.")
            names.append(value.lower())
        if len(names) != len(set(names)):
            raise Broken(f"{tool['name']}: two x-mcp-header values are equal.")
    if not seen:
        raise NotHere("No tool has an x-mcp-header annotation.")


def _annotated(schema: JSONValue, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], JSONObject]]:
    found: list[tuple[tuple[str, ...], JSONObject]] = []
    if is_array(schema):
        for number, item in enumerate(schema):
            found += _annotated(item, (*path, str(number)))
    if is_object(schema):
        if "x-mcp-header" in schema and (len(path) < 2 or path[-1] != "properties"):
            found.append((path, schema))
        for key, value in schema.items():
            found += _annotated(value, (*path, key))
    return found


@check("tools.call.shape", shows=["mcp.tools.call"], area=TOOLS)
async def a_tool_called_with_generated_arguments_gives_a_result_thatfits(cell: Cell) -> None:
    talk = await cell.talk()
    for tool in (await cell.callable_tools())[:8]:
        answer = await cell.call(talk, tool)
        if answer.message is None:
            raise Broken(f"tools/call of {tool['name']} was not answered within 6 s.")
        result = answer.message.get("result")
        if is_object(result) and result.get("resultType", "complete") == "complete":
            await fits(cell, "tools/call", result)


@check("tools.structured", shows=["mcp.tools.structured"], area=TOOLS, revisions=SINCE_0618)
async def structured_content_fits_the_output_schema(cell: Cell) -> None:
    talk = await cell.talk()
    seen = False
    for tool in [tool for tool in await cell.callable_tools() if "outputSchema" in tool][:8]:
        result = as_object((await cell.call(talk, tool)).message).get("result")
        if not is_object(result) or result.get("isError") or result.get("resultType", "complete") != "complete":
            continue
        seen = True
        if "structuredContent" not in result:
            raise Broken(f"{tool['name']} has an outputSchema and answered without structuredContent: {short(result)}")
        problem = value_problem(tool["outputSchema"], result["structuredContent"])
        if problem:
            raise Broken(f"The structuredContent of {tool['name']} does not fit its outputSchema: {problem}")
    if not seen:
        raise NotHere("No callable tool with an outputSchema gave a result.")


@check("tools.structured.text", shows=["mcp.tools.structured.text"], area=TOOLS, revisions=SINCE_0618)
async def structured_content_also_comes_as_text(cell: Cell) -> None:
    talk = await cell.talk()
    for tool in [tool for tool in await cell.callable_tools() if "outputSchema" in tool][:4]:
        result = as_object(as_object((await cell.call(talk, tool)).message).get("result"))
        if "structuredContent" in result and not any(
            is_object(block) and block.get("type") == "text" for block in as_list(result.get("content"))
        ):
            raise Broken(f"{tool['name']} gave structuredContent without a text block: {short(result)}")


@check("tools.binary", shows=["mcp.content.base64"], area=TOOLS)
async def binary_content_is_base64_with_a_media_type(cell: Cell) -> None:
    talk = await cell.talk()
    seen = False
    for tool in (await cell.callable_tools())[:12]:
        answer = await cell.call(talk, tool)
        result = as_object(answer.message).get("result")
        for block in as_list(result.get("content")) if is_object(result) else []:
            if is_object(block) and block.get("type") in {"image", "audio"}:
                seen = True
                need_base64(block.get("data"), f"the {block['type']} of {tool['name']}")
                if not isinstance(block.get("mimeType"), str):
                    raise Broken(f"The {block['type']} of {tool['name']} has no mimeType.")
    if not seen:
        raise NotHere("No callable tool gave an image or audio.")


def need_base64(value: JSONValue, what: str) -> None:
    """Raise unless the value is base64."""
    try:
        base64.b64decode(str(value), validate=True)
    except ValueError:
        raise Broken(f"{what[0].upper()}{what[1:]} is no base64: {short(value, 60)}") from None


@check("tools.unknown", shows=["mcp.tools.unknown"], area=TOOLS)
async def an_unknown_tool_is_refused(cell: Cell) -> None:
    cell.need("tools")
    answer = await (await cell.talk()).request("tools/call", {"name": "no_such_tool_here", "arguments": {}})
    if answer.error is None:
        raise Broken(f"A call of a tool that does not exist was answered with {answer.describe()}, not with an error.")


@check("tools.call.no-name", shows=["mcp.tools.call.params"], area=TOOLS)
async def a_call_without_a_name_is_refused(cell: Cell) -> None:
    cell.need("tools")
    talk = await cell.talk()
    answer = await talk.request("tools/call", {"arguments": {}})
    if answer.error is None:
        raise Broken(f"tools/call without a name was answered with {answer.describe()}, not with an error.")


@check("tools.validation", shows=["mcp.tools.validate-inputs"], area=TOOLS)
async def arguments_that_break_the_schema_are_refused(cell: Cell) -> None:
    talk = await cell.talk()
    seen = False
    for tool in (await cell.callable_tools())[:8]:
        for what, arguments in wrong(tool.get("inputSchema")):
            if not value_problem(tool.get("inputSchema"), arguments):
                continue
            seen = True
            answer = await talk.request("tools/call", {"name": tool["name"], "arguments": arguments})
            result = as_object(answer.message).get("result")
            if is_object(result) and not result.get("isError"):
                raise Broken(f"{tool['name']} was called {what} and answered as if it were fine: {short(result)}")
    if not seen:
        raise NotHere("No callable tool has a schema that refuses anything.")
