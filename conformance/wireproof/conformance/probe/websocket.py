"""A raw WebSocket client (RFC 6455): the handshake with any headers, frames one by one. Knows no protocol above it."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from dataclasses import dataclass

from wireproof.conformance.probe.http import Headers, HttpBroken, Response, Url, connect, encode_request, send_on

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass(slots=True)
class WebSocket:
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    response: Response

    async def send(self, data: bytes, *, opcode: int = TEXT, timeout: float = 20.0) -> None:
        """Send one masked frame."""
        self.writer.write(encode_frame(opcode, data))
        async with asyncio.timeout(timeout):
            await self.writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        """The next whole message as (opcode, payload); (CLOSE, payload) at the end. Answers pings."""
        whole = b""
        kind = 0
        while True:
            try:
                final, opcode, payload = await self._frame()
            except (asyncio.IncompleteReadError, ConnectionError):
                return CLOSE, b""
            if opcode == PING:
                await self.send(payload, opcode=PONG)
            elif opcode == CLOSE:
                return CLOSE, payload
            elif opcode != PONG:
                kind = opcode or kind
                whole += payload
                if final:
                    return kind, whole

    async def _frame(self) -> tuple[bool, int, bytes]:
        first, second = await self.reader.readexactly(2)
        length = second & 127
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        payload = await self.reader.readexactly(length)
        return bool(first & 128), first & 15, payload

    async def close(self) -> None:
        """Close the connection."""
        self.writer.close()


def encode_frame(opcode: int, data: bytes) -> bytes:
    """A final masked frame, as a client sends it."""
    size = len(data)
    if size < 126:
        head = struct.pack("!BB", 128 | opcode, 128 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 128 | opcode, 128 | 126, size)
    else:
        head = struct.pack("!BBQ", 128 | opcode, 128 | 127, size)
    mask = os.urandom(4)
    key = int.from_bytes(mask * (size // 4 + 1), "big") >> (8 * (4 - size % 4))
    masked = (int.from_bytes(data, "big") ^ key).to_bytes(size, "big") if size else b""
    return head + mask + masked


async def open_websocket(
    url: str, *, headers: Headers | None = None, subprotocol: str | None = "mcp", timeout: float = 5.0
) -> WebSocket:
    """The opening handshake. Raises OSError, TimeoutError, and HttpBroken when the answer is not 101."""
    target = Url.parse(url)
    sent: Headers = [
        ("Host", target.authority),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
        ("Sec-WebSocket-Version", "13"),
    ]
    if subprotocol:
        sent.append(("Sec-WebSocket-Protocol", subprotocol))
    sent += headers or []
    reader, writer = await connect(target, timeout=timeout)
    stream = await send_on(reader, writer, encode_request("GET", target.path, sent, b""), timeout=timeout)
    if stream.response.status != 101:
        await stream.close()
        raise HttpBroken(f"the WebSocket handshake was answered with {stream.response.status}")
    return WebSocket(reader, writer, stream.response)
