"""A TCP relay between an engine and its server that a test shuts, opens, or freezes in the middle of an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Gate:
    """Relays until it is shut. A connection for which `freezes` becomes true passes nothing on any more."""

    def __init__(self, host: str, port: int) -> None:
        self._far = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = True
        self.freezes: Callable[[bytes], bool] = lambda _: False
        self.frozen = asyncio.Event()

    def shut(self) -> None:
        """Cut every connection, and each new one."""
        self._open = False
        for writer in list(self._writers):
            writer.transport.abort()

    def open(self) -> None:
        """Let new connections through again."""
        self._open = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection."""
        if not self._open:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._far)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(self._there(reader, far_writer), self._back(far_reader, writer))
        finally:
            for end in (writer, far_writer):
                self._writers.discard(end)
                end.transport.abort()

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
                if self.freezes(data):
                    self.frozen.set()
                    await asyncio.Event().wait()
        writer.transport.abort()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def gated(url: str, port: int) -> AsyncGenerator[tuple[str, Gate]]:
    """The address of a server behind a gate, and the gate; `port` is the server's usual one."""
    parts = urlsplit(url)
    gate = Gate(parts.hostname or "127.0.0.1", parts.port or port)
    listener = await asyncio.start_server(gate.serve, "127.0.0.1", 0)
    login, at, _ = parts.netloc.rpartition("@")
    place = f"{login}{at}127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield urlunsplit(parts._replace(netloc=place)), gate
    finally:
        gate.shut()
        listener.close()
