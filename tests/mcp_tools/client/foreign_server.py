"""A server made with the PyPI package `mcp`, 1.x or 2.x: `foreign_server.py stdio`, or `WIRE PORT [json]`."""

import sys

try:
    from mcp.server.mcpserver import Context, MCPServer

    MODERN = True
except ImportError:
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as MCPServer

    MODERN = False
from pydantic import BaseModel

WIRE = sys.argv[1]
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 0
JSON = "json" in sys.argv
server = MCPServer("foreign") if MODERN else MCPServer("foreign", port=PORT, json_response=JSON)


class Weather(BaseModel):
    """What a forecast says."""

    city: str
    degrees: float


class Name(BaseModel):
    """What is asked of the user."""

    name: str = "nobody"


@server.tool()
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def forecast(city: str) -> Weather:
    """Tell the weather."""
    return Weather(city=city, degrees=7.5)


@server.tool()
def fail() -> str:
    """Fail on purpose."""
    raise ValueError("on purpose")


@server.tool()
async def slow(steps: int, ctx: Context) -> str:
    """Report progress on the way."""
    for step in range(steps):
        await ctx.report_progress(step + 1, steps)
    return "arrived"


@server.tool()
async def wait() -> str:
    """Never answer."""
    import anyio

    await anyio.sleep(3600)
    return "never"


@server.resource("foreign://greeting")
def greeting() -> str:
    """A text."""
    return "hello"


@server.resource("foreign://by/{name}")
def by_name(name: str) -> str:
    """A text with a name."""
    return f"hello {name}"


@server.prompt()
def ask_for(topic: str) -> str:
    """A prompt."""
    return f"Tell me about {topic}"


if MODERN:
    from typing import Annotated

    from mcp.server.mcpserver import AcceptedElicitation, Elicit, ElicitationResult, Resolve

    async def asked() -> Elicit[Name]:
        """Ask for a name."""
        return Elicit("Who are you?", Name)

    @server.tool()
    async def greet(who: Annotated[ElicitationResult[Name], Resolve(asked)]) -> str:
        """Greet who answers."""
        return f"hello {who.data.name}" if isinstance(who, AcceptedElicitation) else "hello stranger"

else:

    @server.tool()
    async def greet(ctx: Context) -> str:
        """Greet who answers."""
        result = await ctx.elicit("Who are you?", Name)
        return f"hello {result.data.name}" if result.action == "accept" else "hello stranger"


if WIRE == "stdio":
    server.run()
elif MODERN:
    server.run("sse" if WIRE == "sse" else "streamable-http", port=PORT, **({"json_response": JSON} if JSON else {}))
else:
    server.run("sse" if WIRE == "sse" else "streamable-http")
