"""The server that both clients drive: over stdio, or over HTTP with `--http` (its URL is printed)."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from benchmarks.client_subject import make_server
from wireproof.transports.serve import listening


async def main() -> None:
    """Serve until terminated."""
    app: Any = make_server().asgi()
    async with listening(app, port=0) as origin:
        print(f"{origin}/mcp", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    if "--http" in sys.argv:
        asyncio.run(main())
    else:
        make_server().run()
