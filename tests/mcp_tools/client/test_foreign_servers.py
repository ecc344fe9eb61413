"""Our client uses servers that nobody here wrote, over every wire that they have."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.foreign.environments import installed, node, npm_env, python_env
from tests.mcp_tools.client.foreign_process import free_port, running
from tests.transports.client.census import nothing_leaks
from wireproof.mcp_tools import connect
from wireproof.mcp_tools.client import Client, ConnectionFailed, Progress, RequestRefused, TimedOut, ToolFailed
from wireproof.mcp_tools.client.handlers import Form, Link
from wireproof.schemas.jsonrpc import JSONObject

pytestmark = [pytest.mark.foreign, pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAM = str(Path(__file__).with_name("foreign_server.py"))
MCP = {"mcp 2": ("mcp-2.3", ["mcp==2.3.0"]), "mcp 1": ("mcp-1", ["mcp>=1.30,<2"])}
CELLS = [
    ("mcp 2", "stdio", "2026-07-28"),
    ("mcp 2", "stdio session", "2025-11-25"),
    ("mcp 2", "http", "2026-07-28"),
    ("mcp 2", "http json", "2026-07-28"),
    ("mcp 2", "http session", "2025-11-25"),
    ("mcp 2", "sse", "2026-07-28"),
    ("mcp 1", "stdio", "2025-11-25"),
    ("mcp 1", "http", "2025-11-25"),
    ("mcp 1", "http json", "2025-11-25"),
    ("mcp 1", "sse", "2025-11-25"),
]


@asynccontextmanager
async def foreign(package: str, way: str, **options: Any) -> AsyncGenerator[Client]:
    """Our client, connected to a server made with that package."""
    python = str(installed(lambda: python_env(*MCP[package])))
    wire, _, form = way.partition(" ")
    if form == "session":
        options["mode"] = "session"
    if wire == "stdio":
        async with nothing_leaks(), connect([python, PROGRAM, "stdio"], **options) as client:
            yield client
        return
    port = free_port()
    command = [python, PROGRAM, wire, str(port), *(["json"] if form == "json" else [])]
    async with running(command, port) as origin, nothing_leaks():
        target: Any = {"type": "sse", "url": f"{origin}/sse"} if wire == "sse" else f"{origin}/mcp"
        async with connect(target, **options) as client:
            yield client


@pytest.mark.parametrize(("package", "way", "revision"), CELLS)
async def test_every_feature_of_a_python_server_works(package: str, way: str, revision: str) -> None:
    heard: list[Progress] = []
    async with foreign(package, way, elicit=fill_in) as client:
        assert client.revision == revision
        names = {tool.name for tool in await client.list_tools()}
        assert {"add", "forecast", "fail", "slow", "wait", "greet"} <= names
        assert (await client.call_tool("add", a=1, b=2)).structured == {"result": 3}
        assert (await client.call_tool("forecast", city="Oslo")).structured == {"city": "Oslo", "degrees": 7.5}
        with pytest.raises(ToolFailed, match=r"on purpose|Error executing tool"):
            await client.call_tool("fail")
        if (package, way) != ("mcp 1", "http json"):  # that server drops its question: one JSON body has no room for it
            assert (await client.call_tool("greet")).text == "hello Ada"
        answers = await asyncio.gather(*(client.call_tool("add", a=n, b=n) for n in range(16)))
        assert [answer.structured for answer in answers] == [{"result": 2 * n} for n in range(16)]
        arrived = await client.call_tool("slow", {"steps": 3}, progress=heard.append)
        assert arrived.text == "arrived"
        if way != "http json":  # nor has it for progress
            assert [each.progress for each in heard] == [1, 2, 3]
        assert [each.text for each in await client.read_resource("foreign://greeting")] == ["hello"]
        assert [each.text for each in await client.read_resource("foreign://by/Ada")] == ["hello Ada"]
        prompt = await client.get_prompt("ask_for", topic="x")
        assert "Tell me about x" in str(prompt.wire)
        with pytest.raises((RequestRefused, ToolFailed)):
            await client.call_tool("no_such_tool")


@pytest.mark.parametrize(("package", "way", "revision"), CELLS)
async def test_a_call_can_be_given_up_and_the_connection_lives(package: str, way: str, revision: str) -> None:
    async with foreign(package, way) as client:
        with pytest.raises(TimedOut):
            await client.call_tool("wait", timeout_s=0.2)
        waiting = asyncio.create_task(client.call_tool("wait"))
        await client.call_tool("add", a=1, b=1)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert (await client.call_tool("add", a=1, b=2)).structured == {"result": 3}


@pytest.mark.parametrize(("package", "way"), [("mcp 2", "stdio"), ("mcp 1", "stdio"), ("mcp 2", "http session")])
async def test_closing_while_a_call_runs_ends_it(package: str, way: str) -> None:
    async with foreign(package, way) as client:
        waiting = asyncio.create_task(client.call_tool("wait"))
        await client.call_tool("add", a=1, b=1)
        await client.aclose()
        with pytest.raises(ConnectionFailed):
            await waiting


@asynccontextmanager
async def everything(wire: str, **options: Any) -> AsyncGenerator[Client]:
    """Our client, connected to the reference server of the protocol's authors."""
    home = installed(lambda: npm_env("everything", ["@modelcontextprotocol/server-everything@2026.8.31"]))
    program = home / "node_modules" / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"
    command = [str(node()), str(program)]
    if wire == "stdio":
        async with nothing_leaks(), connect([*command, "stdio"], **options) as client:
            yield client
        return
    port = free_port()
    mode, path = ("sse", "/sse") if wire == "sse" else ("streamableHttp", "/mcp")
    env = {"PORT": str(port), "PATH": os.environ["PATH"]}
    async with running([*command, mode], port, env) as origin, nothing_leaks():
        target: Any = {"type": "sse", "url": f"{origin}{path}"} if wire == "sse" else f"{origin}{path}"
        async with connect(target, **options) as client:
            yield client


def fill_in(question: Form | Link) -> JSONObject:
    """Answer a form with a name and what it shows at first."""
    assert isinstance(question, Form)
    return {**question.defaults, "name": "Ada"}


def say_paris(params: JSONObject) -> str:
    """Answer every model request."""
    return "Paris"


@pytest.mark.parametrize("wire", ["stdio", "http", "sse"])
async def test_every_feature_of_the_reference_server_works(wire: str) -> None:
    heard: list[Progress] = []
    options: dict[str, Any] = {
        "elicit": fill_in,
        "sample": say_paris,
        "roots": ["file:///here"],
    }
    async with everything(wire, **options) as client:
        assert client.revision == "2025-11-25"
        assert client.server_info["name"]
        assert (await client.call_tool("echo", message="hi")).text == "Echo: hi"
        assert "5" in (await client.call_tool("get-sum", a=2, b=3)).text
        weather = await client.call_tool("get-structured-content", location="Chicago")
        assert weather.structured == {"temperature": 36, "conditions": "Light rain / drizzle", "humidity": 82}
        arguments = {"duration": 0.1, "steps": 4}
        await client.call_tool("trigger-long-running-operation", arguments, progress=heard.append)
        assert [(each.progress, each.total) for each in heard] == [(1, 4), (2, 4), (3, 4), (4, 4)]
        assert "Paris" in (await client.call_tool("trigger-sampling-request", prompt="capital?")).text
        assert "Ada" in (await client.call_tool("trigger-elicitation-request")).text
        assert "file:///here" in (await client.call_tool("get-roots-list")).text
        assert len(await client.list_resources()) > 0
        assert len(await client.list_prompts()) > 0
        first = (await client.list_resources())[0]
        assert len(await client.read_resource(first.uri)) > 0
        await client.ping()
        with pytest.raises((RequestRefused, ToolFailed)):
            await client.call_tool("get-sum", a="two", b=3)
