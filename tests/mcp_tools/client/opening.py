"""The test server behind every wire, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.mcp_tools.client.servers import make_server
from wireproof.mcp_tools import connect
from wireproof.mcp_tools.client import Client
from wireproof.transports.serve import listening

FILE = Path(__file__).with_name("servers.py")
SESSION = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
REVISIONS = (*SESSION, "2026-07-28")
WIRES = ("memory", "stdio", "http", "websocket")
CELLS = [(wire, revision) for wire in WIRES for revision in REVISIONS] + [("sse", "2024-11-05")]


@asynccontextmanager
async def opened(wire: str, mode: Any = "auto", **options: Any) -> AsyncGenerator[Client]:
    """A client of a fresh test server over that wire."""
    if wire == "memory":
        async with connect(make_server(), mode=mode, **options) as client:
            yield client
    elif wire == "stdio":
        async with connect(FILE, mode=mode, **options) as client:
            yield client
    else:
        path = {"http": "/mcp", "sse": "/sse", "websocket": "/ws"}[wire]
        async with listening(make_server().asgi(), port=0) as origin:
            base = origin.replace("http", "ws", 1) if wire == "websocket" else origin
            target: Any = {"type": "sse", "url": f"{base}{path}"} if wire == "sse" else f"{base}{path}"
            async with connect(target, mode=mode, **options) as client:
                yield client
