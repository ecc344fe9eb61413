"""A small server for tests over HTTP; served by a process of its own, or made in the test's."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from pydantic import Field

from wireproof.mcp_tools import Context, ToolServer

ENDED = asyncio.Event()


def make_server() -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("http")

    @server.tool
    async def hello(
        region: Annotated[str | None, Field(json_schema_extra={"x-mcp-header": "Region", "type": "string"})] = None,
        count: Annotated[int | None, Field(json_schema_extra={"x-mcp-header": "Count", "type": "integer"})] = None,
    ) -> str:
        return f"hello {region} {count}"

    @server.tool
    async def forever(ctx: Context[Any]) -> str:
        await ctx.progress(1)
        try:
            await asyncio.Event().wait()
        finally:
            ENDED.set()
        return "never"

    return server


server = make_server()
