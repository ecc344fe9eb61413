"""A server that a test kills: its tasks go on in the next process. The ledger is the file named by LEDGER."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from wireproof.mcp_tools import Context, TaskOptions, Text, ToolServer
from wireproof.tasks.kinds import Retry

server: ToolServer[Any] = ToolServer("durable")


class Name(BaseModel):
    name: str


async def enter(key: str) -> str:
    """One row in the ledger."""
    path = Path(os.environ["LEDGER"])
    with path.open("a") as ledger:
        ledger.write(f"{key}\n")
    return key


@server.tool(task=True)
async def resumed(ctx: Context[Any]) -> int:
    """Hang in the first attempt; say which attempt it is."""
    await ctx.step("once", enter)
    await ctx.progress(ctx.attempt, message=f"attempt {ctx.attempt}")
    if ctx.attempt == 1:
        await asyncio.Event().wait()
    return ctx.attempt


@server.tool(task=TaskOptions(retry=Retry(interruptions=0)))
async def once(ctx: Context[Any]) -> int:
    """May not be started again."""
    await ctx.progress(1, message="attempt 1")
    await asyncio.Event().wait()
    return 1


@server.tool(task=True)
async def asks(ctx: Context[Any]) -> Text:
    """Ask twice."""
    first = await ctx.elicit("First?", Name)
    second = await ctx.elicit("Second?", Name)
    return Text(f"{first.data.name} {second.data.name}")


@server.tool(task=True)
async def walk(ctx: Context[Any], steps: int = 5) -> list[str]:
    """Take some steps, each with its row in the ledger."""
    keys = []
    for number in range(steps):
        keys.append(await ctx.step(str(number), enter))
        await asyncio.sleep(0.1)
    return keys
