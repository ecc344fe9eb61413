"""One measurement of one client, in a process of its own: `python -m benchmarks.client_subject WHO CELL TARGET`.

WHO is `ours` or `mcp`. CELL is connect, call or flight. TARGET is memory, stdio, own or a URL. `own` gives `mcp` a
server made with `mcp`; every other target is our server for both. Prints seconds for one operation.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import perf_counter
from typing import Any, Final

from wireproof.mcp_tools import ToolServer

COUNT: Final = {"connect": 150, "call": 1500, "flight": 60}
IN_FLIGHT: Final = 32
SERVER: Final = [sys.executable, "-m", "benchmarks.client_server"]

Call = Callable[[], Awaitable[object]]


def make_server() -> ToolServer[Any]:
    """The server of every cell."""
    server: ToolServer[Any] = ToolServer("bench")

    @server.tool
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return server


def ours(target: str) -> Callable[[], AbstractAsyncContextManager[Call]]:
    """How our client connects; each use is a connection."""
    from wireproof.mcp_tools import connect

    server = make_server()

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Call]:
        what: Any = server if target in ("memory", "own") else SERVER if target == "stdio" else target
        async with connect(what) as client:
            yield lambda: client.call_tool("add", a=1, b=2)

    return opened


def theirs(target: str) -> Callable[[], AbstractAsyncContextManager[Call]]:
    """How the client of `mcp` connects."""
    from mcp import StdioServerParameters
    from mcp.client import Client

    server = make_server()

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Call]:
        what: Any = target
        if target == "memory":
            what = _joined(server)
        elif target == "own":
            what = _foreign()
        elif target == "stdio":
            what = StdioServerParameters(command=SERVER[0], args=SERVER[1:])
        async with Client(what) as client:
            yield lambda: client.call_tool("add", {"a": 1, "b": 2})

    return opened


def _foreign() -> Any:
    """A server made with `mcp`; making one turns its logging on, so it is made for its own cells alone."""
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("bench", log_level="ERROR")

    @server.tool()
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return server


@asynccontextmanager
async def _joined(server: ToolServer[Any]) -> AsyncGenerator[Any]:
    """Our server in this process behind the streams that the client of `mcp` takes."""
    import anyio
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    from wireproof.transports.duplex import Duplex
    from wireproof.transports.framing import LineFramer
    from wireproof.transports.memory import MEMORY_PEER

    to_client, from_server = anyio.create_memory_object_stream[Any](1000)
    to_server, from_client = anyio.create_memory_object_stream[Any](1000)

    class Wire:
        """What the server writes becomes messages."""

        def write(self, data: bytes) -> None:
            for line in data.splitlines():
                to_client.send_nowait(SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False)))

        def pause_reading(self) -> None: ...
        def resume_reading(self) -> None: ...
        def close(self) -> None: ...
        def abort(self) -> None: ...

    async def forward() -> None:
        async for message in from_client:
            line.data_received(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")

    async with server.running(), anyio.create_task_group() as group:
        line = Duplex(server.accept, LineFramer(), peer=MEMORY_PEER)
        line.connection_made(Wire())
        group.start_soon(forward)
        yield from_server, to_server
        group.cancel_scope.cancel()
        line.connection_lost(None)
        for stream in (to_client, from_server, to_server, from_client):
            stream.close()


async def measure(cell: str, opened: Callable[[], AbstractAsyncContextManager[Call]]) -> float:
    """Seconds for one operation of the cell."""
    count = COUNT[cell]
    if cell == "connect":
        for _ in range(10):
            await _connect_and_call(opened)
        began = perf_counter()
        for _ in range(count):
            await _connect_and_call(opened)
        return (perf_counter() - began) / count
    async with opened() as call:
        for _ in range(100):
            await call()
        if cell == "call":
            began = perf_counter()
            for _ in range(count):
                await call()
            return (perf_counter() - began) / count
        await asyncio.gather(*(call() for _ in range(IN_FLIGHT)))
        began = perf_counter()
        for _ in range(count):
            await asyncio.gather(*(call() for _ in range(IN_FLIGHT)))
        return (perf_counter() - began) / (count * IN_FLIGHT)


async def _connect_and_call(opened: Callable[[], AbstractAsyncContextManager[Call]]) -> None:
    async with opened() as call:
        await call()


def main() -> None:
    """Measure once."""
    who, cell, target = sys.argv[1:4]
    print(asyncio.run(measure(cell, (ours if who == "ours" else theirs)(target))))


if __name__ == "__main__":
    main()
