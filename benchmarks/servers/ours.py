"""The tool `add`, for `wireproof run`; with 100 more tools when the environment says so."""

from __future__ import annotations

import os

from wireproof.mcp_tools import ToolServer

server = ToolServer("bench")


@server.tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


for number in range(int(os.environ.get("BENCH_TOOLS", "0"))):

    @server.tool(name=f"tool-{number}")
    async def more(text: str, count: int = 1, tags: list[str] | None = None) -> str:
        """Repeat a text."""
        return f"{text * count}{tags}"
