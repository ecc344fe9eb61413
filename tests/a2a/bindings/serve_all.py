"""Serve the conversationalist over HTTP with WebSocket and over gRPC; prints the two ports as one line of JSON."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.a2a.bindings.conversationalist import agent
from wireproof.a2a.bindings.grpc.server import serving
from wireproof.a2a.bindings.http import HTTPOptions
from wireproof.a2a.card import GRPC, Interface
from wireproof.transports.serve import listening


async def main() -> None:
    """Serve until stdin ends."""
    agent.allow_loopback_webhooks()
    async with serving(agent.core) as grpc_port:
        address = f"127.0.0.1:{grpc_port}"
        interfaces = tuple(Interface(url=address, binding=GRPC, version=each) for each in ("1.0", "0.3"))
        app = agent.asgi(HTTPOptions(websocket=True, interfaces=interfaces))
        async with listening(app) as url:
            print(json.dumps({"url": url, "grpc": address}), flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
