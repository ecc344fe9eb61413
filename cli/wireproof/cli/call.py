"""`wireproof call`: one call of a tool from the shell, on whatever the target speaks."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

if TYPE_CHECKING:
    from wireproof.mcp_tools.client import CallResult, Client

OK, FAILED, USAGE, UNREACHABLE, TOOL_FAILED = 0, 1, 2, 4, 5


class BadArguments(ValueError):
    """Arguments that cannot be read; the message says how to write them."""


def call(options: argparse.Namespace) -> int:
    """Run the verb. Exit codes: 0 good, 2 wrong call, 4 unreachable, 5 the tool failed, 1 anything else."""
    from wireproof.mcp_tools.client import ClientError, ConnectionFailed, ToolFailed

    try:
        return asyncio.run(_call_either(options))
    except BadArguments as error:
        print(f"wireproof: {error}", file=sys.stderr)
        return USAGE
    except ToolFailed as error:
        print(f"wireproof: the tool failed: {error}", file=sys.stderr)
        return TOOL_FAILED
    except ConnectionFailed as error:
        print(f"wireproof: {error}", file=sys.stderr)
        return UNREACHABLE
    except ClientError as error:
        print(f"wireproof: {error}", file=sys.stderr)
        return FAILED


async def _call_either(options: argparse.Namespace) -> int:
    from wireproof.cli.call_agent import call_agent, is_agent

    if options.words and await is_agent(options.target):
        return await call_agent(options)
    return await _call(options)


async def _call(options: argparse.Namespace) -> int:
    from wireproof.mcp_tools import connect

    as_json = options.output == "json" or (options.output is None and not sys.stdout.isatty())
    async with connect(options.target, timeout_s=options.timeout) as client:
        if not options.words:
            _show_tools(await client.list_tools(), as_json=as_json)
            return OK
        name, *pairs = options.words
        arguments = read_arguments(pairs, options.json, await _schema_of(client, name))
        result = await client.call_tool(name, arguments)
        _show_result(result, as_json=as_json)
        return OK


async def _schema_of(client: Client, name: str) -> JSONObject:
    tools = await client.list_tools()
    for tool in tools:
        if tool.name == name:
            return tool.input_schema
    from difflib import get_close_matches

    close = get_close_matches(name, [tool.name for tool in tools], n=1)
    hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(tool.name for tool in tools[:20])}"
    raise BadArguments(f"there is no tool {name!r}: {hint}")


def read_arguments(pairs: list[str], given: str | None, schema: JSONObject) -> JSONObject:
    """The arguments of `name=value` words and of `--json`. Raises `BadArguments`.

    A value is read as JSON where the schema wants no string; a string stays as it stands.
    """
    arguments: JSONObject = {}
    if given is not None:
        text = Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
        try:
            parsed: JSONValue = json.loads(text)
        except ValueError as error:
            raise BadArguments(f"--json holds no JSON: {error}") from error
        if not is_object(parsed):
            raise BadArguments("--json must hold an object")
        arguments.update(parsed)
    properties = schema.get("properties", {})
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadArguments(f"{pair!r} is no NAME=VALUE")
        arguments[name] = _read_value(value, properties.get(name, {}))
    return arguments


def _read_value(text: str, schema: JSONObject) -> JSONValue:
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _show_tools(tools: list[Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([tool.wire for tool in tools], ensure_ascii=False))
        return
    for tool in tools:
        first_line = (tool.description or "").partition("\n")[0]
        print(f"{tool.name}  {first_line}".rstrip())


def _show_result(result: CallResult, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result.wire, ensure_ascii=False))
        return
    for block in result.content:
        if block.type == "text":
            print(block.text)
        else:
            print(json.dumps(block.wire, ensure_ascii=False))
