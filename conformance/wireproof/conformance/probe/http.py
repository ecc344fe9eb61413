"""A raw HTTP/1.1 client: exactly the bytes that it is told to send, one connection for each.

Every wait is bounded. Knows no protocol above HTTP and server-sent events.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from wireproof.schemas.jsonrpc import JSONValue

MAX_BODY: Final = 64 * 1024 * 1024
Headers = list[tuple[str, str]]


class HttpBroken(ConnectionError):
    """What came back is no HTTP/1.1 response, or it ended in the middle."""


@dataclass(slots=True)
class Url:
    """A URL taken apart as far as a client needs it."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> Url:
        """Take a http, https, ws or wss URL apart."""
        parts = urlsplit(text)
        secure = parts.scheme in {"https", "wss"}
        path = parts.path or "/"
        if parts.query:
            path += f"?{parts.query}"
        return cls(parts.scheme, parts.hostname or "localhost", parts.port or (443 if secure else 80), path)

    @property
    def authority(self) -> str:
        """What `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in {80, 443} else f"{host}:{self.port}"


@dataclass(slots=True)
class Event:
    """One server-sent event."""

    data: str
    event: str = "message"
    id: str | None = None
    retry: str | None = None


@dataclass(slots=True)
class Response:
    """The head of a response and, for a plain one, its body."""

    status: int
    headers: Headers
    body: bytes = b""
    raw_head: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, None when it is absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @property
    def media_type(self) -> str:
        """The media type, lower case, without parameters."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    def json(self) -> JSONValue:
        """The body as JSON, None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(slots=True)
class Stream:
    """An open connection after the head of a response was read."""

    response: Response
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _pending: bytes = b""
    _done: bool = False
    _events: list[Event] = field(default_factory=list[Event])

    async def read_some(self) -> bytes:
        """The next bytes of the body, b"" at its end."""
        if self._done:
            return b""
        if "chunked" in (self.response.header("transfer-encoding") or "").lower():
            return await self._read_chunk()
        length = self.response.header("content-length")
        if length is not None:
            data = await self.reader.readexactly(int(length)) if int(length) else b""
            self._done = True
            return data
        data = await self.reader.read(65536)
        self._done = not data
        return data

    async def _read_chunk(self) -> bytes:
        size_line = await self.reader.readline()
        try:
            size = int(size_line.partition(b";")[0].strip(), 16)
        except ValueError:
            if not size_line:
                self._done = True
                return b""
            raise HttpBroken(f"a chunk size that is none: {size_line[:40]!r}") from None
        data = await self.reader.readexactly(size) if size else b""
        await self.reader.readline()
        self._done = size == 0
        return data

    async def read_body(self) -> bytes:
        """All of the body, at most MAX_BODY bytes."""
        parts = bytearray()
        while chunk := await self.read_some():
            parts += chunk
            if len(parts) > MAX_BODY:
                raise HttpBroken(f"a body of more than {MAX_BODY} bytes")
        return bytes(parts)

    async def next_event(self) -> Event | None:
        """The next server-sent event, None at the end of the stream."""
        while not self._events:
            chunk = await self.read_some()
            if not chunk:
                return None
            self._pending += chunk
            *blocks, self._pending = self._pending.replace(b"\r\n", b"\n").split(b"\n\n")
            self._events.extend(event for block in blocks if (event := parse_event(block)) is not None)
        return self._events.pop(0)

    async def close(self) -> None:
        """Close the connection."""
        self.writer.close()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                await self.writer.wait_closed()


def parse_event(block: bytes) -> Event | None:
    """One event from its lines; None for a comment."""
    data: list[str] = []
    event = Event("")
    seen = False
    for line in block.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name:
            continue
        seen = True
        if name == "data":
            data.append(value)
        elif name == "event":
            event.event = value
        elif name == "id":
            event.id = value
        elif name == "retry":
            event.retry = value
    event.data = "\n".join(data)
    return event if seen else None


async def connect(url: Url, *, timeout: float = 5.0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket to a URL. Raises OSError or TimeoutError."""
    context = ssl.create_default_context() if url.scheme in {"https", "wss"} else None
    async with asyncio.timeout(timeout):
        return await asyncio.open_connection(url.host, url.port, ssl=context, limit=MAX_BODY)


def encode_request(method: str, path: str, headers: Headers, body: bytes) -> bytes:
    """The bytes of a request. Header values go out as they are, latin-1 or UTF-8."""
    lines = [f"{method} {path} HTTP/1.1".encode()]
    lines += [f"{name}: {value}".encode("utf-8", "surrogatepass") for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def open_stream(
    url: str, method: str, headers: Headers, body: bytes = b"", *, timeout: float = 10.0, host: str | None = None
) -> Stream:
    """Send one request and read the head of the response.

    Adds `Host`, `Content-Length` and `Connection: close` unless they are given. Raises OSError, TimeoutError and
    HttpBroken.
    """
    target = Url.parse(url)
    given = {name.lower() for name, _ in headers}
    sent: Headers = [] if "host" in given else [("Host", host if host is not None else target.authority)]
    sent += headers
    if "content-length" not in given and "transfer-encoding" not in given and (body or method in {"POST", "PUT"}):
        sent.append(("Content-Length", str(len(body))))
    if "connection" not in given:
        sent.append(("Connection", "close"))
    reader, writer = await connect(target, timeout=timeout)
    return await send_on(reader, writer, encode_request(method, target.path, sent, body), timeout=timeout)


async def send_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes, *, timeout: float = 10.0
) -> Stream:
    """Send raw bytes on an open socket and read the head of a response."""
    try:
        async with asyncio.timeout(timeout):
            # A server may answer and close before it has read everything: the answer still counts.
            with contextlib.suppress(ConnectionError):
                writer.write(data)
                await writer.drain()
            response = await _read_head(reader)
    except BaseException:
        writer.close()
        raise
    return Stream(response, reader, writer)


async def _read_head(reader: asyncio.StreamReader) -> Response:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise HttpBroken("the connection closed without a response") from error
    except asyncio.LimitOverrunError as error:
        raise HttpBroken("a response head without an end") from error
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise HttpBroken(f"no HTTP status line: {first[:60]!r}")
    if parts[1] == "100":
        return await _read_head(reader)
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Response(int(parts[1]), headers, raw_head=head)


async def fetch(
    url: str, method: str, headers: Headers, body: bytes = b"", *, timeout: float = 10.0, host: str | None = None
) -> Response:
    """One request and its whole response. Raises OSError, TimeoutError and HttpBroken."""
    stream = await open_stream(url, method, headers, body, timeout=timeout, host=host)
    try:
        async with asyncio.timeout(timeout):
            if stream.response.status not in {204, 304} and method != "HEAD":
                with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                    stream.response.body = await stream.read_body()
    finally:
        await stream.close()
    return stream.response
