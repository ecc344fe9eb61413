"""HTTP/1.1 connections to one origin, kept and reused: the driver under the HTTP carriers.

h11 speaks HTTP (`http_connection`); httpx2's own layers cost more than the exchange. httpx2 reads URLs and makes the
TLS context. Knows no JSON-RPC. Spec: RFC 9112.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from wireproof.transports.client.carrier import CarrierLost, Unreachable
from wireproof.transports.client.http_connection import HTTPConnection, Incoming

CONNECT_S: Final = 10.0
"""Seconds to reach the server, TLS included."""
IDLE_S: Final = 4.0
"""Seconds after which an unused connection is not used again: servers drop theirs from 5 s on."""
MAX_CONNECTIONS: Final = 256
"""Connections to one origin at once; more requests wait for one of them."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go: the origin, and the target on it."""

    secure: bool
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[bool, str, int]:
        """Scheme, host and port."""
        return self.secure, self.host, self.port

    @property
    def url(self) -> str:
        """The URL as text."""
        return f"{'https' if self.secure else 'http'}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    def relative(self, reference: str) -> Endpoint:
        """What a reference means, seen from here. Raises `Unreachable` when it is no http URL."""
        try:
            return endpoint_of(str(httpx2.URL(self.url).join(reference)))
        except httpx2.InvalidURL as error:
            raise Unreachable(f"the server names {reference[:80]!r}, which is no URL") from error


def endpoint_of(url: str) -> Endpoint:
    """Read a URL strictly. Raises `Unreachable` when it is none that can be used."""
    try:
        read = httpx2.URL(url)
        host = read.raw_host.decode("ascii")
    except (httpx2.InvalidURL, TypeError, UnicodeError) as error:
        raise Unreachable(f"{url[:80]!r} is no URL") from error
    if read.scheme not in ("http", "https") or not host:
        raise Unreachable(f"{url[:80]!r} is no http or https URL")
    if read.userinfo:
        raise Unreachable("the URL holds a password: send credentials as a header, or give `auth`")
    secure = read.scheme == "https"
    return Endpoint(secure, host.strip("[]"), read.port or (443 if secure else 80), read.raw_path.decode("ascii"))


class HTTPPool:
    """The connections to one origin. Cancel-safe; `aclose` ends those in use too."""

    def __init__(self, endpoint: Endpoint, *, trust: ssl.SSLContext | None = None) -> None:
        """`trust` replaces the system's certificates."""
        self._endpoint: Final = endpoint
        self._trust = trust
        self._authority: Final = endpoint.authority.encode("ascii")
        self._idle: Final[list[tuple[HTTPConnection, float]]] = []
        self._open: Final[set[HTTPConnection]] = set()
        self._dialling = 0
        self._waiting: Final[deque[asyncio.Future[None]]] = deque()
        self._closed = False

    async def send(
        self, method: str, target: str, fields: Sequence[tuple[str, str]], body: bytes | None = None
    ) -> Incoming:
        """Send one request and wait for the head of its response. Raises `CarrierError`.

        `fields` come without Host and Content-Length. Never sent twice: what a dropped connection did is unknown.
        """
        connection = await self._connection()
        headers = [(b"host", self._authority)]
        headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        if body is not None:
            headers.append((b"content-length", b"%d" % len(body)))
        try:
            await connection.begin(method, target, headers, body)
            return Incoming(connection, await connection.head(self.lost), self.lost, self.give_back)
        except BaseException:
            self._drop(connection)
            raise

    def lost(self, what: str) -> CarrierLost:
        """The error for a connection that broke."""
        if self._closed:
            return CarrierLost("the connection was closed by this side")
        return CarrierLost(f"{what}: the request may have been carried out, ask again if that does no harm")

    async def _connection(self) -> HTTPConnection:
        while True:
            if self._closed:
                raise CarrierLost("the connection is closed: connect again")
            while self._idle:
                connection, since = self._idle.pop()
                if time.monotonic() - since < IDLE_S and not connection.is_over():
                    return connection
                self._drop(connection)
            if len(self._open) + self._dialling < MAX_CONNECTIONS:
                return await self._dial()
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()  # the turn was given and not taken
                raise

    async def _dial(self) -> HTTPConnection:
        self._dialling += 1
        try:
            if self._endpoint.secure and self._trust is None:
                self._trust = httpx2.create_ssl_context()
            connection = await _open(self._endpoint, self._trust if self._endpoint.secure else None)
        finally:
            self._dialling -= 1
        self._open.add(connection)
        if self._closed:
            self._drop(connection)
            raise CarrierLost("the connection was closed by this side")
        return connection

    def give_back(self, connection: HTTPConnection) -> None:
        """A response is done with: keep its connection when it can serve another request."""
        if not self._closed and connection.ready():
            self._idle.append((connection, time.monotonic()))
            self._wake()
        else:
            self._drop(connection)

    def _drop(self, connection: HTTPConnection) -> None:
        self._open.discard(connection)
        connection.abort()
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    async def aclose(self) -> None:
        """Close every connection; requests that run raise `CarrierLost`."""
        self._closed = True
        self._idle.clear()
        for connection in list(self._open):
            self._drop(connection)
        while self._waiting:
            self._wake()
        await asyncio.sleep(0)  # the sockets close in the next turn of the loop


async def _open(endpoint: Endpoint, context: ssl.SSLContext | None) -> HTTPConnection:
    where = f"{endpoint.host} port {endpoint.port}"
    loop = asyncio.get_running_loop()
    # uvloop knows no such option: it tries the addresses in turn
    options: dict[str, Any] = (
        {"happy_eyeballs_delay": _staggered(endpoint)} if isinstance(loop, asyncio.BaseEventLoop) else {}
    )
    if context is not None:
        options["server_hostname"] = endpoint.host
    try:
        async with asyncio.timeout(CONNECT_S):
            _, connection = await loop.create_connection(
                HTTPConnection,
                endpoint.host,
                endpoint.port,
                ssl=context,
                **options,
            )
    except TimeoutError as error:
        raise Unreachable(f"{where} could not be reached within {CONNECT_S:g} s: check the address") from error
    except ssl.SSLError as error:
        raise Unreachable(f"{where} has no TLS that can be trusted: {error.reason or 'handshake failed'}") from error
    except socket.gaierror as error:
        raise Unreachable(f"the name {endpoint.host} has no address: check its spelling") from error
    except OSError as error:
        reason = error.strerror if isinstance(error, ConnectionRefusedError) else "no connection"
        raise Unreachable(f"{where} cannot be reached ({reason}): is the server running?") from error
    return connection


def _staggered(endpoint: Endpoint) -> float | None:
    """RFC 8305 races addresses; a literal address has no rival."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(endpoint.host)
        return None
    return 0.25
