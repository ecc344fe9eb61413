"""A tool server and an agent on one port: the tool server's paths are its own, everything else is the agent's."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from wireproof.transports.http import Receive, Scope, Send, live

_OF_TOOLS: Final = ("/mcp", "/sse", "/messages", "/ws", "/.well-known/oauth-protected-resource")


class Both:
    """Two applications as one; a lifespan stops both."""

    def __init__(self, tools: Any, agent: Any) -> None:
        """`Any`: ASGI applications with `stop`."""
        self._tools: Final = tools
        self._agent: Final = agent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await live(receive, send, self.stop)
            return
        path: str = scope["path"]
        is_tools = any(path == known or path.startswith(known + "/") for known in _OF_TOOLS)
        await (self._tools if is_tools else self._agent)(scope, receive, send)

    async def stop(self, *, within_s: float) -> None:
        """Stop both at the same time."""
        await asyncio.gather(self._tools.stop(within_s=within_s), self._agent.stop(within_s=within_s))
