"""The clients work on uvloop as they do on asyncio's own loop: every transport once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from wireproof.a2a import Agent
from wireproof.a2a import connect as connect_agent
from wireproof.mcp_tools import ToolServer, connect
from wireproof.mcp_tools.client.errors import TimedOut
from wireproof.transports.serve import listening
from wireproof.transports.sockets import listening_tcp, listening_unix

WEATHER = Path(__file__).parents[3] / "examples" / "weather.py"


def make_server() -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("uv")

    @server.tool
    async def double(n: int) -> int:
        """Twice as much."""
        return 2 * n

    return server


@asynccontextmanager
async def reached(kind: str, server: ToolServer[Any], folder: Path) -> AsyncGenerator[Any]:
    if kind == "memory":
        yield server
    elif kind in ("http", "sse", "ws"):
        app: Any = server.asgi()
        async with listening(app) as url:
            yield {"http": f"{url}/mcp", "sse": f"{url}/sse", "ws": f"{url.replace('http', 'ws')}/ws"}[kind]
    elif kind == "unix":
        async with server.running(), listening_unix(server.accept, folder / "s") as path:
            yield f"unix://{path}"
    else:
        async with server.running(), listening_tcp(server.accept) as (host, port):
            yield f"tcp://{host}:{port}"


@pytest.mark.parametrize("kind", ["memory", "http", "sse", "ws", "unix", "tcp"])
def test_a_tool_is_called(kind: str, tmp_path: Path) -> None:
    async def main() -> str:
        async with reached(kind, make_server(), tmp_path) as target, connect(target) as client:
            return (await client.call_tool("double", n=21)).text

    assert uvloop.run(main()) == "42"


def test_a_server_is_spawned_and_ended() -> None:
    async def main() -> int:
        async with connect(WEATHER) as client:
            return len(await client.list_tools())

    assert uvloop.run(main()) == 2


def test_an_opening_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    silent = tmp_path / "silent.py"
    silent.write_text("import sys\nsys.stdin.read()\n")

    async def main() -> None:
        with pytest.raises(TimedOut):
            async with connect(silent, connect_timeout_s=0.2):
                pass

    uvloop.run(main())


def test_an_agent_is_called_over_http() -> None:
    agent = Agent("uv", store="memory://")

    @agent.skill(tags=["x"])
    def shout(text: str) -> str:
        """Shout."""
        return text.upper()

    async def main() -> Any:
        async with listening(agent.asgi()) as url, connect_agent(url) as client:
            return await client.send("hi")

    assert uvloop.run(main()).text == "HI"
