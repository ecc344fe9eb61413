"""One HTTP/1.1 connection of a client, and a response on it: h11 speaks the protocol, this moves its bytes.

Knows no JSON-RPC and no pool. Spec: RFC 9112.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final, TypeAlias

import h11

from wireproof.transports.client.carrier import BadAnswer, CarrierLost, Unreachable

MAX_HEAD: Final = 100 * 1024
"""Bytes of the head of one response."""
_HIGH: Final = 256 * 1024
_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))

Lost: TypeAlias = Callable[[str], CarrierLost]
"""Makes the error for a connection that broke, from what happened."""


class HTTPConnection(asyncio.Protocol):
    """One socket. One request at a time: `begin`, `head`, the body through `next_chunk`, then `ready` again or over."""

    def __init__(self) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._h11: Final = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._transport: asyncio.Transport | None = None
        self._held: list[bytes] = []
        self._size = 0
        self._ended = False
        self._paused = False
        self._reader: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None

    # -- the request and its answer -----------------------------------------------------------------------------

    async def begin(self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes | None) -> None:
        """Send a request; head and body leave together. Raises `Unreachable` for headers that are not valid."""
        speak = self._h11
        try:
            data = speak.send(h11.Request(method=method, target=target, headers=headers)) or b""
            if body:
                data += speak.send(h11.Data(data=body)) or b""
            data += speak.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError as error:
            raise Unreachable("a header of the request is not valid: names and values hold no line break") from error
        if self._transport is not None:  # a server that hung up may have said why
            self._transport.write(data)
        while self._writable is not None and not self._held:
            await asyncio.wait([self._writable, self._more()], return_when=asyncio.FIRST_COMPLETED)

    async def head(self, lost: Lost) -> h11.Response:
        """The head of the response. Raises `BadAnswer` and what `lost` makes."""
        while True:
            event = self._event()
            if isinstance(event, h11.Response):
                return event
            if event is h11.NEED_DATA:
                data = await self._read()
                if not data:
                    raise lost("the server closed the connection before its answer")
                self._h11.receive_data(data)
            elif not isinstance(event, h11.InformationalResponse):
                raise lost("the server closed the connection before its answer")

    async def next_chunk(self, lost: Lost) -> bytes | None:
        """The next part of the body; None at its end. Raises `BadAnswer` and what `lost` makes."""
        cut = False
        while True:
            try:
                event = self._event()
            except BadAnswer:
                if cut:
                    raise lost("the connection broke off inside an answer") from None
                raise
            if isinstance(event, h11.Data):
                return bytes(event.data)
            if event is not h11.NEED_DATA:
                return None
            data = await self._read()
            cut = not data
            self._h11.receive_data(data)

    def _event(self) -> object:
        try:
            return self._h11.next_event()
        except h11.RemoteProtocolError as error:
            raise BadAnswer(f"the server's answer is no HTTP response ({str(error)[:80]})") from error

    def ready(self) -> bool:
        """Begin anew when the exchange is over on both sides; False when this connection can serve no other."""
        speak = self._h11
        if self.is_over() or speak.our_state is not h11.DONE or speak.their_state is not h11.DONE:
            return False
        speak.start_next_cycle()
        return True

    def is_over(self) -> bool:
        """Whether the peer has hung up, or spoken unasked."""
        return self._ended or bool(self._held)

    # -- bytes --------------------------------------------------------------------------------------------------

    async def _read(self) -> bytes:
        while not self._held:
            if self._ended:
                return b""
            await self._more()
        data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        self._size = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def _more(self) -> asyncio.Future[None]:
        if self._reader is None or self._reader.done():
            self._reader = self._loop.create_future()
        return self._reader

    def connection_made(self, transport: Any) -> None:
        """`Any`: asyncio types it as BaseTransport, which lacks the methods."""
        self._transport = transport
        found = transport.get_extra_info("socket")
        if found is not None:
            _keep_alive(found)

    def data_received(self, data: bytes) -> None:
        """Hold what comes, within bounds."""
        self._held.append(data)
        self._size += len(data)
        if self._size > _HIGH and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The peer sends no more."""
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._ended = True
        self._transport = None
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The peer does not read."""
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """The peer reads again."""
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def abort(self) -> None:
        """Close now: nothing is owed to a peer whose answer is read, or not wanted."""
        self._ended = True
        if self._transport is not None:
            self._transport.abort()
        self._wake()


class Incoming:
    """One response whose body comes in chunks. Close it, read or not; only a whole one frees its connection."""

    def __init__(
        self, connection: HTTPConnection, head: h11.Response, lost: Lost, done: Callable[[HTTPConnection], None]
    ) -> None:
        """`done` takes the connection back."""
        self._connection: Final = connection
        self._head: Final = head
        self._lost: Final = lost
        self._done: Final = done
        self._closed = False
        self.left_open = False
        """True when somebody else goes on reading and will close it."""
        self.status: Final = head.status_code

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The header fields, names in lower case."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head.headers]

    def header(self, name: str) -> str | None:
        """The values of that field, joined by commas; None when there is none. `name` is lower case."""
        wanted = name.encode("latin-1")
        found = [value.decode("latin-1") for key, value in self._head.headers if key == wanted]
        return ", ".join(found) if found else None

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The body. Raises `CarrierLost` when it breaks off, `BadAnswer` when it is no HTTP."""
        while (chunk := await self._connection.next_chunk(self._lost)) is not None:
            yield chunk

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises `BadAnswer` beyond `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        while (chunk := await self._connection.next_chunk(self._lost)) is not None:
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                raise BadAnswer(f"the server's answer is longer than {limit} bytes")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def start_of_body(self, limit: int) -> bytes:
        """At most `limit` bytes of the body, whatever becomes of the rest."""
        kept = b""
        with contextlib.suppress(CarrierLost, BadAnswer):
            while len(kept) < limit and (chunk := await self._connection.next_chunk(self._lost)) is not None:
                kept += chunk
        return kept[:limit]

    async def aclose(self) -> None:
        """Let go of the response; its connection is kept when the body was read to its end."""
        if not self._closed:
            self._closed = True
            self._done(self._connection)


def _keep_alive(found: socket.socket) -> None:
    """Notice a peer that vanished while a stream is open."""
    with contextlib.suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE:
            if hasattr(socket, name):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
