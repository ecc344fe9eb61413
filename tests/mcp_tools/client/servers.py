"""A tool server that has what the client's tests need."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from wireproof.mcp_tools import Context, ToolError, ToolServer


@dataclass
class Day:
    """One day of a forecast."""

    day: date
    high: float
    note: str | None = None


class Name(BaseModel):
    """Asked of the user."""

    name: str
    size: Annotated[int, Field(ge=1)] = 3


def make_server() -> ToolServer[None]:
    """A fresh server with its own state."""
    server = ToolServer("tests")
    gates: dict[str, asyncio.Event] = {}
    cancelled: list[str] = []

    @server.tool
    def forecast(city: str, days: int = 1) -> list[Day]:
        """The weather of the next days."""
        return [Day(date(2026, 11, 23 + count), 4.5, city) for count in range(days)]

    @server.tool
    def best(city: str) -> Day:
        """The best day."""
        return Day(date(2026, 11, 23), 9.0, city)

    @server.tool
    def fails() -> str:
        """Fail in an anticipated way."""
        raise ToolError("the sensor is off")

    @server.tool
    async def counts(ctx: Context, to: int = 3) -> int:
        """Report progress."""
        for step in range(to):
            await ctx.progress(step + 1, to, f"step {step + 1}")
        return to

    @server.tool
    async def waits(ctx: Context, key: str) -> str:
        """Wait until `opens` is called with the same key, or be cancelled."""
        await ctx.progress(0)
        try:
            await gates.setdefault(key, asyncio.Event()).wait()
        except asyncio.CancelledError:
            cancelled.append(key)
            raise
        return key

    @server.tool
    async def opens(key: str) -> str:
        """Let `waits` go on."""
        gates.setdefault(key, asyncio.Event()).set()
        return key

    @server.tool
    async def was_cancelled() -> list[str]:
        """Which waits were cancelled."""
        return cancelled

    @server.tool
    async def greets(ctx: Context) -> str:
        """Ask for a name."""
        answer = await ctx.elicit("Who are you?", Name)
        return f"{answer.action} {answer.data.name} {answer.data.size}" if answer.data else answer.action

    @server.tool
    async def thinks(ctx: Context) -> str:
        """Ask the client's model."""
        answer = await ctx.sample("Say something", max_tokens=5)
        return str(answer["content"]["text"])

    @server.tool
    async def looks(ctx: Context) -> list[str]:
        """Ask for the roots."""
        return [root["uri"] for root in await ctx.roots()]

    @server.tool
    async def logs(ctx: Context) -> str:
        """Write log messages of two levels."""
        await ctx.log("debug", "small")
        await ctx.log("error", {"code": 7})
        return "logged"

    @server.tool
    def region(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
        """Has an argument that travels as a header."""
        return region

    @server.tool
    def grows() -> str:
        """Add a tool."""
        server.add_tool(best, name=f"best-{len(gates)}-again")
        return "grown"

    @server.resource("file:///notes.txt", mime_type="text/plain")
    def notes() -> str:
        """Notes."""
        return "remember"

    @server.resource("bytes://{name}")
    def blob(name: str) -> bytes:
        """Bytes by name."""
        return name.encode()

    @server.tool
    def touches() -> str:
        """Change the notes."""
        server.resource_updated("file:///notes.txt")
        return "touched"

    @server.prompt
    def ask(topic: str) -> str:
        """A question about a topic."""
        return f"What is {topic}?"

    @server.completer("ask", "topic")
    def topics(value: str) -> list[str]:
        return [topic for topic in ("rain", "rail", "sun") if topic.startswith(value)]

    return server


server = make_server()
