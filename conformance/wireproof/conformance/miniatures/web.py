"""A minimal HTTP/1.1 server for the miniatures: one handler and one connection for each request.

Knows no protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

MAX_BODY = 4 * 1024 * 1024
HEAD_TIMEOUT = 5.0


@dataclass
class Incoming:
    """One request."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def all(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key == name.lower()]


@dataclass
class Outgoing:
    """Writes one response: whole, or as an event stream."""

    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """A whole response."""
        merged = {"content-length": str(len(body)), "connection": "close", **(headers or {})}
        await self._head(status, merged)
        self.writer.write(body)
        await self.writer.drain()

    async def start_events(self, headers: dict[str, str] | None = None) -> None:
        """The head of an event stream."""
        await self._head(200, {"content-type": "text/event-stream", "connection": "close", **(headers or {})})

    async def event(self, data: str, **fields: str) -> None:
        """One event."""
        lines = [f"{name}: {value}" for name, value in fields.items()]
        lines += [f"data: {line}" for line in data.split("\n")]
        self.writer.write(("\n".join(lines) + "\n\n").encode())
        await self.writer.drain()

    async def _head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        await self.writer.drain()


Handler = Callable[[Incoming, Outgoing], Awaitable[None]]


class Listener:
    """A listening socket on the loopback interface."""

    def __init__(self, handler: Handler, *, max_body: int = MAX_BODY, patient: bool = True) -> None:
        """Serve with this handler; not `patient` means one connection at a time."""
        self.handler = handler
        self.max_body = max_body
        self.turn = None if patient else asyncio.Lock()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> None:
        """Listen on this port, any free one by default."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop and close what is open."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            async with self.turn or contextlib.nullcontext():
                await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_TIMEOUT):
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("utf-8", "replace").split("\r\n")
            method, path, _ = first.split(" ", 2)
            parted = (line.partition(":") for line in lines if line)
            headers = [(name.strip().lower(), value.strip()) for name, _, value in parted]
            request = Incoming(method, path, headers)
            length = int(request.get("content-length") or 0)
            out = Outgoing(writer)
            if length > self.max_body:
                await out.send(413)
                return
            request.body = await reader.readexactly(length)
        watching = asyncio.create_task(_watch(reader, out.gone))
        try:
            await self.handler(request, out)
        finally:
            watching.cancel()


async def _watch(reader: asyncio.StreamReader, gone: asyncio.Event) -> None:
    with contextlib.suppress(ConnectionError):
        await reader.read()
    gone.set()
