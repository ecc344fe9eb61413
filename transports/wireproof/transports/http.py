"""The small parts that every HTTP-born transport shares: ASGI's types, answers, paths and the seam to authentication.

Knows no JSON-RPC method and no session. Spec: ASGI 3.0 (HTTP and lifespan).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final, Protocol, TypeAlias

from pydantic_core import to_json

from wireproof.schemas.caller import ANONYMOUS, Principal
from wireproof.schemas.jsonrpc import INVALID_REQUEST, JSONValue
from wireproof.transports.exchange import Headers

Scope: TypeAlias = MutableMapping[str, Any]
"""ASGI's connection scope; its values are open by its own definition."""
Event: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Fields: TypeAlias = dict[bytes, bytes]
"""Header fields by lower-case name; those that decide anything are known to stand once."""

JSON: Final = (b"content-type", b"application/json")
CLOSE: Final = (b"connection", b"close")
STREAM_HEADERS: Final = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)


class Challenge(Protocol):
    """The answer to a caller who may not pass."""

    @property
    def status(self) -> int:
        """The HTTP status: 400, 401, 403 or 503."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Header fields to send as they stand."""
        ...

    @property
    def error(self) -> str:
        """The OAuth error code; may be empty."""
        ...

    @property
    def description(self) -> str:
        """What the caller may read."""
        ...


class Gate(Protocol):
    """Decides who sends a request and what he may do; `wireproof.auth.Gate` is one."""

    async def authenticate(
        self, headers: Iterable[tuple[str, str]], *, method: str, url: str, tls: Mapping[str, object] | None = None
    ) -> Principal | Challenge:
        """Who sends this request, or the challenge to answer with. `tls`: what the server tells of the connection."""
        ...

    def permit(self, principal: Principal, scopes: Iterable[str]) -> Challenge | None:
        """None when the principal may do what needs these scopes."""
        ...


async def respond(send: Send, status: int, body: bytes = b"", headers: Iterable[tuple[bytes, bytes]] = (JSON,)) -> None:
    """Answer with a whole body."""
    fields = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def problem(message: str, code: int = INVALID_REQUEST, data: JSONValue = None) -> bytes:
    """A JSON-RPC error without an id, for a refusal that belongs to no message (Streamable HTTP, security)."""
    error: dict[str, JSONValue] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return to_json({"jsonrpc": "2.0", "error": error})


async def refuse_by(challenge: Challenge, send: Send) -> None:
    """Answer with a challenge of the gate."""
    body = to_json({"error": challenge.error or "unauthorized", "error_description": challenge.description})
    fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in challenge.headers]
    await respond(send, challenge.status, body, (JSON, *fields))


async def identify(gate: Gate | None, scope: Scope, headers: Headers) -> Principal | Challenge:
    """The caller of this request; anonymous where no gate stands."""
    if gate is None:
        return ANONYMOUS
    query: bytes = scope.get("query_string", b"")
    url = scope["path"] + ("?" + query.decode("latin-1") if query else "")
    extensions: dict[str, Any] = scope.get("extensions") or {}
    tls: Mapping[str, object] | None = extensions.get("tls")
    method: str = scope.get("method", "GET")
    if tls is None:
        return await gate.authenticate(headers, method=method, url=url)
    return await gate.authenticate(headers, method=method, url=url, tls=tls)


def address(scope: Scope) -> str:
    """Who is at the other end of the socket, for logs."""
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else ""


class Stoppable(Protocol):
    """An ASGI app that holds streams open and can end them."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        ...

    async def stop(self, *, within_s: float) -> None:
        """End every open stream properly; what is left after `within_s` seconds is cut."""
        ...


class Paths:
    """ASGI apps by exact path; anything else is 404. Stops its apps when the server's lifespan ends."""

    def __init__(self, apps: Mapping[str, Stoppable]) -> None:
        """`apps` maps a path such as `/mcp` to its app."""
        self._apps: Final = dict(apps)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await live(receive, send, self.stop)
            return
        app = self._apps.get(scope["path"]) or self._apps.get(scope["path"].rstrip("/"))
        if app is not None:
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await respond(send, 404, problem(f"Not found. This server answers at {', '.join(self._apps)}"))
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def stop(self, *, within_s: float) -> None:
        """Stop every app, all at the same time."""
        await asyncio.gather(*(app.stop(within_s=within_s) for app in set(self._apps.values())))


class Stop(Protocol):
    """How an app ends."""

    async def __call__(self, *, within_s: float) -> None:
        """End within that many seconds."""
        ...


LIFESPAN_STOP_S: Final = 2.0


async def live(receive: Receive, send: Send, stop: Stop) -> None:
    """Answer a lifespan scope: nothing to start, everything to stop."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await stop(within_s=LIFESPAN_STOP_S)
            await send({"type": "lifespan.shutdown.complete"})
            return


class Watch:
    """Tells when the peer of a request is gone. Starts late, so that quick answers never pay for it."""

    __slots__ = ("_due", "_receive", "_task", "_tell", "gone")

    def __init__(self, receive: Receive, gone: Callable[[], None], *, after_s: float = 0.02) -> None:
        """`receive` must have given the whole body; `gone` is called once when the peer disconnects."""
        self._receive: Final = receive
        self._tell: Final = gone
        self.gone = False
        self._task: asyncio.Task[None] | None = None
        self._due: Final = asyncio.get_running_loop().call_later(after_s, self._start)

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._task = None
        self.gone = True
        self._tell()

    def stop(self) -> None:
        """Watch no longer."""
        self._due.cancel()
        if self._task is not None:
            self._task.cancel()
            self._task = None
