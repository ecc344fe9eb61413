"""The tool `add` with the PyPI package `mcp`, run by the Python of its own environment: stdio, or HTTP on a port."""

from __future__ import annotations

import os
import sys

from mcp.server import MCPServer

server = MCPServer("bench")


@server.tool()
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


for number in range(int(os.environ.get("BENCH_TOOLS", "0"))):

    @server.tool(name=f"tool-{number}")
    async def more(text: str, count: int = 1, tags: list[str] | None = None) -> str:
        """Repeat a text."""
        return f"{text * count}{tags}"


if len(sys.argv) > 1:
    import uvicorn

    uvicorn.run(server.streamable_http_app(), port=int(sys.argv[1]), log_level="error", access_log=False)
else:
    server.run()
