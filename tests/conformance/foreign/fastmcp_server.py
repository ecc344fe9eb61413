"""A tool server written with FastMCP: on stdio, or on HTTP with a port as its argument."""

import sys

from fastmcp import FastMCP

server = FastMCP("fastmcp-server")


@server.tool
def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


@server.resource("memo://today")
def today() -> str:
    """A memo."""
    return "Nothing to do."


@server.prompt
def review(code: str) -> str:
    """Review code."""
    return f"Review this: {code}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
    else:
        server.run(show_banner=False)
