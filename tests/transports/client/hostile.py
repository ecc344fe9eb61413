"""Raw servers that answer with whatever a test wants: no HTTP library stands between."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = bytes | Callable[["Raw"], Awaitable[None]]


class Raw:
    """One connection of a raw server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> tuple[str, dict[str, str], bytes] | None:
        """The next request: its first line, headers and body; None at the end."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.rstrip().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(fields.get("content-length", "0")))
        return first, fields, body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Return when the client has hung up."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            return


class Hostile:
    """A server that gives one answer after another, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        raw = Raw(reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (request := await raw.request()) is not None:
                self.seen.append(request)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if isinstance(answer, bytes):
                    await raw.send(answer)
                    if b"content-length" not in answer.lower() and b"chunked" not in answer.lower():
                        break
                else:
                    await answer(raw)
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Hostile]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


def http(status: str, body: bytes = b"", *, type_: str = "application/json", fields: str = "") -> bytes:
    """A whole response."""
    named = f"content-type: {type_}\r\n" if type_ else ""
    return f"HTTP/1.1 {status}\r\n{named}{fields}content-length: {len(body)}\r\n\r\n".encode() + body


def stream(*events: str, fields: str = "") -> bytes:
    """The head of an event stream that ends with the connection, and its first events."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{fields}connection: close\r\n\r\n"
    return head.encode() + "".join(events).encode()


def event(data: str, **fields: str) -> str:
    """One event."""
    return "".join(f"{name}: {value}\n" for name, value in fields.items()) + f"data: {data}\n\n"


def result(id_: object, value: object = None) -> str:
    """A result message."""
    return json.dumps({"jsonrpc": "2.0", "id": id_, "result": value or {}})
