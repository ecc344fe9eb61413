"""The main job in one go: spawn a tool server, call it over stdio; serve it over HTTP, call it there.

`make demo`
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from wireproof.mcp_tools import connect
from wireproof.transports.serve import listening

WEATHER = Path(__file__).with_name("weather.py")


async def main() -> None:
    """Print what the tool answers on both transports."""
    async with connect(str(WEATHER)) as client:
        names = ", ".join(tool.name for tool in await client.list_tools())
        result = await client.call_tool("forecast", city="Oslo")
        print(f"stdio  {WEATHER.name} offers {names}")
        print(f"stdio  forecast(city='Oslo') -> {result.structured}")

    from weather import server

    async with listening(server.asgi(), port=0) as origin, connect(f"{origin}/mcp") as client:
        result = await client.call_tool("forecast", city="Rome", days=2)
        print(f"http   {origin}/mcp")
        print(f"http   forecast(city='Rome', days=2) -> {result.structured}")


if __name__ == "__main__":
    asyncio.run(main())
