"""A tool server written with the official SDK 1.x: on stdio, or on HTTP with a port as its argument."""

import sys

from mcp.server.fastmcp import FastMCP

server = FastMCP("sdk1-server", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)


@server.tool()
def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


@server.resource("memo://today")
def today() -> str:
    """A memo."""
    return "Nothing to do."


@server.prompt()
def review(code: str) -> str:
    """Review code."""
    return f"Review this: {code}"


if __name__ == "__main__":
    server.run(transport="streamable-http" if len(sys.argv) > 1 else "stdio")
