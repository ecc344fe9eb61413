"""The one ingress guard of every HTTP-born listener: `Host`, `Origin`, header and body bounds, media types, deadlines.

Knows no message. No listener can be made without one, and no option of it turns a check off.
Spec: MCP 2026-07-28 basic/transports/streamable-http, Security & Endpoint; RFC 6454; RFC 9110 sections 7.2 and 15.5.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Coroutine, Iterable
from dataclasses import dataclass
from types import CoroutineType
from typing import Any, Final, cast

from wireproof.schemas.jsonrpc import MAX_MESSAGE
from wireproof.transports.first_step import Rest
from wireproof.transports.http import CLOSE, JSON, ASGIApp, Event, Fields, Receive, Scope, Send, problem, respond

MAX_HEADERS: Final = 100
MAX_HEADER_BYTES: Final = 32 * 1024
READ_S: Final = 30.0
_REMEMBERED: Final = 1024

_HOST: Final = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
_ORIGIN: Final = re.compile(r"(https?)://(.+)", re.DOTALL)
_LOOPBACK: Final = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]")
_OPAQUE: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s@]+")
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
_ONCE: Final = (
    b"host",
    b"origin",
    b"content-type",
    b"content-length",
    b"content-encoding",
    b"mcp-session-id",
    b"last-event-id",
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that goes no further, and the answer to it. `close`: the connection must not be used again."""

    status: int
    message: str
    close: bool = False

    async def answer(self, send: Send) -> None:
        """Send this refusal as an HTTP response."""
        await respond(send, self.status, problem(self.message), (JSON, CLOSE) if self.close else (JSON,))


class Guard:
    """What may come in. Loopback names always pass as `Host`; every other name must be listed.

    `allowed_hosts`: names, with a port to bind them to it (`api.example`, `api.example:8443`).
    `allowed_origins`: origins beside the server's own (`https://app.example`); a request without `Origin` passes.
    `max_body` in bytes, `max_headers` fields, `max_header_bytes` of all names and values, `read_s` seconds for a body.
    """

    def __init__(
        self,
        *,
        allowed_hosts: Iterable[str] = (),
        allowed_origins: Iterable[str] = (),
        max_body: int = MAX_MESSAGE,
        max_headers: int = MAX_HEADERS,
        max_header_bytes: int = MAX_HEADER_BYTES,
        read_s: float = READ_S,
    ) -> None:
        """Raises `ValueError` for an entry that is no host or no origin; there is no wildcard."""
        self._hosts: Final = frozenset(_entry(host) for host in allowed_hosts)
        self._origins: Final = frozenset(_listed_origin(origin) for origin in allowed_origins)
        self.max_body: Final = max_body
        self._max_headers: Final = max_headers
        self._max_header_bytes: Final = max_header_bytes
        self._read_s: Final = read_s
        self._passed: Final[set[tuple[bytes | None, bytes | None]]] = set()

    def admit(self, scope: Scope) -> Fields | Refused:
        """Check the head of a request or of a WebSocket handshake; give its fields by name, or the refusal."""
        pairs: list[tuple[bytes, bytes]] = scope["headers"]
        if len(pairs) > self._max_headers:
            return Refused(431, f"More than {self._max_headers} header fields", close=True)
        fields = dict(pairs)
        if sum(map(len, fields)) + sum(map(len, fields.values())) > self._max_header_bytes:
            return Refused(431, f"Header fields of more than {self._max_header_bytes} bytes", close=True)
        if len(fields) != len(pairs):
            repeated = self._repeated(pairs)
            if repeated is not None:
                return repeated
        key = (fields.get(b"host"), fields.get(b"origin"))
        if key in self._passed:
            return fields
        refused = self._check_names(*key)
        if refused is not None:
            return refused
        if len(self._passed) < _REMEMBERED:
            self._passed.add(key)
        return fields

    def _repeated(self, pairs: list[tuple[bytes, bytes]]) -> Refused | None:
        names = [name for name, _ in pairs]
        if sum(len(name) + len(value) for name, value in pairs) > self._max_header_bytes:
            return Refused(431, f"Header fields of more than {self._max_header_bytes} bytes", close=True)
        for name in _ONCE:
            if names.count(name) > 1:
                status = 403 if name == b"origin" else 400
                return Refused(status, f"More than one {name.decode()} header: send exactly one", close=True)
        return None

    def _check_names(self, host: bytes | None, origin: bytes | None) -> Refused | None:
        found = _HOST.fullmatch(_text(host))
        if found is None:
            return Refused(400, "The Host header is missing or no host name: send the name that this server listens on")
        name, port = found.group(1), found.group(2)
        is_loopback = _LOOPBACK.fullmatch(name) is not None
        if not is_loopback and name not in self._hosts and f"{name}:{port}" not in self._hosts:
            return Refused(
                403,
                f"Host {_shorten(_text(host))!r} is not served here. If it is yours, start the server with "
                f"allowed_hosts=[{_shorten(name)!r}]",
            )
        if origin is None or self._is_same(_text(origin), name, port, is_loopback=is_loopback):
            return None
        return Refused(
            403,
            f"Origin {_shorten(_text(origin))!r} may not call this server. If it is yours, start the server with "
            f"allowed_origins=[{_shorten(_text(origin))!r}]",
        )

    def _is_same(self, origin: str, host: str, port: str | None, *, is_loopback: bool) -> bool:
        """True for a listed origin and for the server's own: the same name and port as `Host`."""
        if origin in self._origins:
            return True
        found = _ORIGIN.fullmatch(origin)
        where = _HOST.fullmatch(found.group(2)) if found is not None else None
        if found is None or where is None:
            return False
        default = _DEFAULT_PORT[found.group(1)]
        same_name = where.group(1) == host or (is_loopback and _LOOPBACK.fullmatch(where.group(1)) is not None)
        return same_name and int(where.group(2) or default) == int(port or default)

    async def read_body(self, fields: Fields, receive: Receive) -> bytes | Refused:
        """The whole body within its bounds, or the refusal. An empty refusal status 0 means that the peer left."""
        encoding = fields.get(b"content-encoding")
        if encoding is not None and encoding.lower() != b"identity":
            return Refused(415, "A content-encoding is not taken: send the body as it is", close=True)
        length = fields.get(b"content-length")
        if length is not None and (len(length) > 18 or not length.isdigit() or int(length) > self.max_body):
            return self._too_large()
        first = receive()
        arriving: Awaitable[Event] = first
        if isinstance(first, CoroutineType):
            rest: Rest[Event] = Rest(cast("Coroutine[Any, Any, Event]", first))
            event = rest.result
            if event is not None and event["type"] == "http.request" and not event.get("more_body", False):
                body: bytes = event.get("body", b"")
                return body if len(body) <= self.max_body else self._too_large()
            arriving = rest if event is None else _given(event)
        try:
            async with asyncio.timeout(self._read_s):
                return await self._read(arriving, receive)
        except TimeoutError:
            return Refused(408, f"The body did not arrive within {self._read_s:g} s", close=True)

    async def _read(self, arriving: Awaitable[Event], receive: Receive) -> bytes | Refused:
        parts: list[bytes] = []
        size = 0
        while True:
            event = await arriving
            if event["type"] == "http.disconnect":
                return GONE
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            if size > self.max_body:
                return self._too_large()
            if not event.get("more_body", False):
                return b"".join(parts)
            arriving = receive()

    def _too_large(self) -> Refused:
        return Refused(413, f"A body of more than {self.max_body} bytes", close=True)


GONE: Final = Refused(0, "the peer left")
"""What reading a body gives when nobody is there to answer."""


class Guarded:
    """Any ASGI app behind a guard: its HTTP requests and WebSocket handshakes, with bodies bounded as they are read."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        """`app` sees only what `guard` admits."""
        self._app: Final = app
        self._guard: Final = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        admitted = self._guard.admit(scope)
        if isinstance(admitted, Refused):
            await (admitted.answer(send) if scope["type"] == "http" else refuse_upgrade(admitted, scope, receive, send))
        elif scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD", "DELETE", "OPTIONS"):
            await self._app(scope, receive, send)
        else:
            body = await self._guard.read_body(admitted, receive)
            if not isinstance(body, Refused):
                await self._app(scope, _once(body, receive), send)
            elif body is not GONE:
                await body.answer(send)


async def _given(event: Event) -> Event:
    return event


def _once(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body which was read already, then what comes after it."""
    events: list[Event] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Event:
        return events.pop() if events else await receive()

    return again


async def refuse_upgrade(
    refused: Refused, scope: Scope, receive: Receive, send: Send, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Refuse a WebSocket handshake before it is accepted: the status with its reason where the server can say it."""
    await receive()  # websocket.connect
    if "websocket.http.response" in (scope.get("extensions") or {}):
        body = problem(refused.message)
        fields = [JSON, (b"content-length", b"%d" % len(body)), *headers]
        await send({"type": "websocket.http.response.start", "status": refused.status, "headers": fields})
        await send({"type": "websocket.http.response.body", "body": body, "more_body": False})
    else:
        await send({"type": "websocket.close", "code": 1008})


class MediaTypes:
    """What a body may be and what an answer may be, from two header fields; each value is judged once."""

    def __init__(self, content: Iterable[str] = ("application/json",), *, both: bool = True) -> None:
        """`both`: the sender must accept JSON and an event stream (MCP); else either is enough."""
        self._content: Final = frozenset(name.lower() for name in content)
        self._both: Final = both
        self._good: Final[set[tuple[bytes | None, bytes | None]]] = set()

    def check(self, fields: Fields) -> Refused | None:
        """Refuse a body of another type (415) or a sender who cannot read the answer (406)."""
        key = (fields.get(b"content-type"), fields.get(b"accept"))
        if key in self._good:
            return None
        content = _text(key[0]).partition(";")[0].strip()
        if content not in self._content:
            return Refused(415, f"Content-Type must be {' or '.join(sorted(self._content))}", close=True)
        accepted = accepted_types(key[1])
        fits = [takes(accepted, name) for name in (*sorted(self._content), "text/event-stream")]
        if not ((any(fits[:-1]) and fits[-1]) if self._both else any(fits)):
            return Refused(406, "Accept must list both application/json and text/event-stream", close=True)
        if len(self._good) < _REMEMBERED:
            self._good.add(key)
        return None


def accepted_types(accept: bytes | None) -> frozenset[str]:
    """The media ranges of an `Accept` value whose quality is not zero; everything when it is absent."""
    if accept is None:
        return frozenset(("*/*",))
    ranges: set[str] = set()
    for item in _text(accept).split(","):
        name, _, parameters = item.partition(";")
        if not re.search(r"(?:^|;)\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)", parameters):
            ranges.add(name.strip())
    return frozenset(ranges)


def takes(accepted: frozenset[str], name: str) -> bool:
    """True when one of the ranges covers this media type."""
    return name in accepted or "*/*" in accepted or f"{name.partition('/')[0]}/*" in accepted


def _entry(host: str) -> str:
    entry = host.strip().lower()
    if _HOST.fullmatch(entry) is None:
        raise ValueError(f"allowed_hosts: {host!r} is no host name; write 'api.example' or 'api.example:8443'")
    return entry


def _listed_origin(origin: str) -> str:
    entry = origin.strip().lower().rstrip("/")
    if _OPAQUE.fullmatch(entry) is None or "*" in entry:
        raise ValueError(f"allowed_origins: {origin!r} is no origin; write 'https://app.example' without a path")
    return entry


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("latin-1").lower()


def _shorten(text: str, limit: int = 100) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
