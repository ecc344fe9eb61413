"""A round-robin TCP proxy: each connection goes to the next replica that takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


class RoundRobin:
    """`ports` may lose members while it runs."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports
        self._next = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection."""
        try:
            far_reader, far_writer = await self._far()
        except OSError:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            far_writer.transport.abort()
            writer.transport.abort()

    async def _far(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the next replica that lives. Raises `OSError` when none does."""
        for _ in self.ports[1:]:
            self._next += 1
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", self.ports[self._next % len(self.ports)])
        self._next += 1
        return await asyncio.open_connection("127.0.0.1", self.ports[self._next % len(self.ports)])

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def proxied(ports: list[int]) -> AsyncGenerator[tuple[str, RoundRobin]]:
    """The proxy's URL, and the proxy."""
    robin = RoundRobin(ports)
    server = await asyncio.start_server(robin.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", robin
    finally:
        server.close()
