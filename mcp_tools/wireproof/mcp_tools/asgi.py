"""The ASGI form of a tool server: `/mcp`, `/sse`, `/ws` and the protected resource metadata, behind one guard.

Raw ASGI without a framework. It mounts into any application: the server's lifespan starts with the first request, or
with the host's lifespan where the host passes it on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json

from wireproof.mcp_tools.http_dialect import MCPDialect
from wireproof.transports.exchange import Accept
from wireproof.transports.guard import Guard, Refused
from wireproof.transports.http import ASGIApp, Receive, Scope, Send, problem, respond
from wireproof.transports.legacy_sse import LegacySSE
from wireproof.transports.sessions import SessionLimits
from wireproof.transports.streamable_http import StreamableHTTP
from wireproof.transports.websocket import WebSocketListener

if TYPE_CHECKING:
    from wireproof.auth.gate import Gate
    from wireproof.mcp_tools.server import ToolServer

SUBPROTOCOL: Final = "mcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How a tool server shows itself over HTTP.

    `allowed_hosts` and `allowed_origins` are let in besides loopback names. `gate` decides who may call; without it
    every caller is anonymous. The paths may be moved; None leaves a transport out.
    """

    allowed_hosts: Iterable[str] = ()
    allowed_origins: Iterable[str] = ()
    gate: Gate | None = None
    sessions: SessionLimits | None = None
    mcp_path: str | None = "/mcp"
    sse_path: str | None = "/sse"
    messages_path: str = "/messages"
    websocket_path: str | None = "/ws"


class ToolServerApp:
    """The application; `stop` ends what is open, and a host's lifespan may do the same."""

    def __init__(self, server: ToolServer[Any], options: ServeOptions) -> None:
        limits = server.limits
        self._server: Final = server
        self._guard: Final = Guard(
            allowed_hosts=options.allowed_hosts, allowed_origins=options.allowed_origins, max_body=limits.message
        )
        self._gate: Final = options.gate
        self._routes: Final[dict[str, Any]] = {}
        self._stoppables: Final[list[Any]] = []
        accept: Final[Accept] = server.accept
        dialect = MCPDialect(server.core)
        common: dict[str, Any] = {"guard": self._guard, "gate": options.gate, "limits": limits}
        if options.mcp_path is not None:
            self._add(StreamableHTTP(accept, dialect, sessions=options.sessions, **common), options.mcp_path)
        if options.sse_path is not None:
            legacy = LegacySSE(
                accept, dialect, messages_path=options.messages_path, sessions=options.sessions, **common
            )
            self._add(legacy, options.sse_path, options.messages_path)
        if options.websocket_path is not None:
            listener = WebSocketListener(accept, subprotocols=(SUBPROTOCOL,), **common)
            self._add(listener, options.websocket_path)
        self._held: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._end: asyncio.Event | None = None

    def _add(self, app: Any, *paths: str) -> None:
        self._stoppables.append(app)
        for path in paths:
            self._routes[path] = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if not self._is_up():
            await self._start()
        path = route_path(scope)
        app = self._routes.get(path)
        if app is not None:
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await self._other(path, scope, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def stop(self, *, within_s: float) -> None:
        """End open streams properly within that many seconds, then the server's lifespan."""
        await asyncio.gather(*(app.stop(within_s=within_s) for app in self._stoppables))
        held, self._held = self._held, None
        if held is not None and self._end is not None:
            self._end.set()
            await held

    async def _other(self, path: str, scope: Scope, send: Send) -> None:
        admitted = self._guard.admit(scope)
        if isinstance(admitted, Refused):
            await admitted.answer(send)
        elif self._gate is not None and scope["method"] == "GET" and path in self._gate.resource.paths:
            await respond(send, 200, to_json(self._gate.resource.document))
        else:
            known = ", ".join(self._routes)
            await respond(send, 404, problem(f"Nothing is served at {path[:100]}; there is {known}"))

    def _is_up(self) -> bool:
        held, ready = self._held, self._ready
        return not (held is None or held.done() or ready is None or not ready.done() or ready.exception())

    async def _start(self) -> None:
        if self._held is None or self._held.done():
            loop = asyncio.get_running_loop()
            self._ready, self._end = loop.create_future(), asyncio.Event()
            self._held = loop.create_task(self._hold(self._ready, self._end), name="wireproof-lifespan")
        if self._ready is not None and not (self._ready.done() and self._ready.exception() is None):
            await asyncio.shield(self._ready)

    async def _hold(self, ready: asyncio.Future[None], end: asyncio.Event) -> None:
        """Own the lifespan: opened and closed in one task, whichever task asked for it."""
        try:
            async with self._server.running():
                ready.set_result(None)
                await end.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop(within_s=2.0)
        await send({"type": "lifespan.shutdown.complete"})


def route_path(scope: Scope) -> str:
    """The path below the mount point, without a trailing slash."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :]
    return path.rstrip("/") or "/"


def make_asgi(server: ToolServer[Any], options: ServeOptions | None) -> ASGIApp:
    """The application of a server."""
    return ToolServerApp(server, options or ServeOptions())
