"""The main job on real input: the official client of the PyPI package `mcp` uses our server, in both eras."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import mcp_types as types
import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.sse import sse_client

from tests.mcp_tools.listening import EVERYTHING, served

STDIO = StdioServerParameters(command=sys.executable, args=["-m", "wireproof.cli", "run", str(EVERYTHING)])
WAYS = ["stdio modern", "stdio session", "http modern", "http session", "sse session"]
MODES = {"modern": "auto", "session": "legacy"}


async def on_elicit(context: Any, params: Any) -> types.ElicitResult:
    """Fill every field in."""
    filled: dict[str, Any] = {}
    for name, part in params.requested_schema["properties"].items():
        filled[name] = _value(part)
    return types.ElicitResult(action="accept", content=filled)


def _value(part: dict[str, Any]) -> Any:
    if part.get("type") == "array":
        items = part["items"]
        return [items["enum"][0] if "enum" in items else items["anyOf"][0]["const"]]
    if "enum" in part:
        return part["enum"][0]
    if "oneOf" in part:
        return part["oneOf"][0]["const"]
    return {"string": "Ada", "integer": 3, "number": 4, "boolean": True}[part["type"]]


async def on_sample(context: Any, params: Any) -> types.CreateMessageResult:
    """Say the capital."""
    content = types.TextContent(type="text", text="Paris")
    return types.CreateMessageResult(role="assistant", content=content, model="test")


async def on_roots(context: Any) -> types.ListRootsResult:
    """One root."""
    return types.ListRootsResult(roots=[types.Root(uri="file:///here", name="here")])


@asynccontextmanager
async def official(way: str) -> AsyncGenerator[tuple[Client, list[Any]]]:
    """The official client, connected that way, and the log messages it got."""
    wire, era = way.split()
    logged: list[Any] = []

    async def on_log(params: Any) -> None:
        logged.append(params.data)

    async with AsyncExitStack() as stack:
        target: Any = STDIO
        if wire != "stdio":
            origin = stack.enter_context(served())
            target = f"{origin}/mcp" if wire == "http" else sse_client(f"{origin}/sse")
        client = await stack.enter_async_context(
            Client(
                target,
                mode=MODES[era],  # type: ignore[arg-type]
                elicitation_callback=on_elicit,
                sampling_callback=on_sample,
                list_roots_callback=on_roots,
                logging_callback=on_log,
            )
        )
        yield client, logged


def text_of(result: Any) -> str:
    return str(result.content[0].text)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", WAYS)
async def test_the_official_client_uses_every_feature(way: str) -> None:
    async with official(way) as (client, logged):
        tools = (await client.list_tools()).tools
        assert tools[0].name == "test_simple_text"
        assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}
        assert (await client.call_tool("test_error_handling", {})).is_error
        kinds = [block.type for block in (await client.call_tool("test_multiple_content_types", {})).content]
        assert kinds == ["text", "image", "resource"]

        progress: list[float] = []

        async def on_progress(done: float, total: float | None, message: str | None) -> None:
            progress.append(done)

        await client.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
        assert progress == [0, 50, 100]

        assert "Ada" in text_of(await client.call_tool("test_elicitation", {"message": "Who?"}))
        assert "accept" in text_of(await client.call_tool("test_elicitation_sep1330_enums", {}))
        assert "Paris" in text_of(await client.call_tool("test_sampling", {"prompt": "Capital?"}))
        assert "file:///here" in text_of(await client.call_tool("test_input_required_result_list_roots", {}))
        assert "Ada" in text_of(await client.call_tool("test_input_required_result_multi_round", {}))
        assert "1 roots" in text_of(await client.call_tool("test_input_required_result_multiple_inputs", {}))

        resources = (await client.list_resources()).resources
        assert str(resources[0].uri) == "test://static-text"
        templates = (await client.list_resource_templates()).resource_templates
        assert templates[0].uri_template == "test://template/{id}/data"
        read = await client.read_resource("test://template/12/data")
        assert '"id":"12"' in read.contents[0].text  # type: ignore[union-attr]

        prompts = (await client.list_prompts()).prompts
        assert "test_prompt_with_arguments" in [prompt.name for prompt in prompts]
        prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "x", "arg2": "y"})
        assert "arg1='x'" in prompt.messages[0].content.text  # type: ignore[union-attr]
        reference = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
        completed = await client.complete(reference, {"name": "arg1", "value": "te"})
        assert completed.completion.values == ["test", "testing", "tested"]

        if way.endswith("session"):
            await client.set_logging_level("debug")
            await client.call_tool("test_tool_with_logging", {})
            assert "Tool execution started" in logged


@pytest.mark.filterwarnings("ignore")
async def test_the_official_client_hears_of_changes_while_it_listens() -> None:
    async with official("stdio modern") as (client, _):
        async with client.listen(tools_list_changed=True) as events:
            await client.call_tool("test_trigger_tool_change", {})
            event = await anext(aiter(events))
        assert "tool" in type(event).__name__.lower()
