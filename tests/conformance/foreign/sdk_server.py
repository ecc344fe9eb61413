"""A tool server written with the official SDK: on stdio, or on HTTP with a port as its argument."""

import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("sdk-server")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


@server.tool()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Hello {name}"


@server.resource("memo://today")
def today() -> str:
    """A memo."""
    return "Nothing to do."


@server.prompt()
def review(code: str) -> str:
    """Review code."""
    return f"Review this: {code}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
