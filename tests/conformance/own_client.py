"""Our client as `wireproof check-client` wants it: list the tools, call `add`, exit with 0 when 2 and 3 make 5."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import Any

from wireproof.mcp_tools import connect


async def fill_in(_question: Any) -> dict[str, str]:
    """Answer every question."""
    return {"name": "own"}


async def main(words: list[str]) -> int:
    """Connect to a URL, or spawn a command."""
    target = words[0] if words[0].startswith("http") else shlex.join(words)
    async with connect(target, elicit=fill_in, timeout_s=3) as client:
        await client.list_tools()
        result = await client.call_tool("add", a=2, b=3)
        return 0 if result.text == "5" else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
