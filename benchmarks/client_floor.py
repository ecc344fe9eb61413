"""What the server and the wire take alone: a driver that sends prepared bytes and reads no answer.

`python -m benchmarks.client_floor CELL TARGET` prints seconds for one operation; no client can be quicker.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.client_subject import COUNT, IN_FLIGHT, SERVER

META: Final = (
    '{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"f",'
    '"version":"1"},"io.modelcontextprotocol/clientCapabilities":{},"progressToken":%d}'
)


def message(number: int) -> bytes:
    """One encoded call."""
    params = '{"name":"add","arguments":{"a":1,"b":2},"_meta":' + META % number + "}"
    return b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":%b}' % (number, params.encode())


class Counting(asyncio.Protocol):
    """Counts the marks of whole answers."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._wanted = 0
        self._seen = 0
        self._done: asyncio.Future[None] | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Count."""
        self._seen += data.count(self._mark)
        if self._done is not None and self._seen >= self._wanted:
            self._done.set_result(None)
            self._done = None

    async def answers(self, count: int) -> None:
        """Return when so many more have come."""
        self._wanted += count
        if self._seen < self._wanted:
            self._done = asyncio.get_running_loop().create_future()
            await self._done


async def over_stdio(cell: str) -> float:
    """Calls through pipes, in one write."""
    loop = asyncio.get_running_loop()
    width = IN_FLIGHT if cell == "flight" else 1
    data = b"".join(message(number) + b"\n" for number in range(width))
    with subprocess.Popen(SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, process.stdin)
        counting = Counting(b"\n")
        reader, _ = await loop.connect_read_pipe(lambda: counting, process.stdout)
        spent = await _timed(cell, width, [(writer, data, counting, width)])
        writer.close()
        reader.close()
    return spent


async def over_http(cell: str, url: str) -> float:
    """Calls through connections of their own."""
    parts = urlsplit(url)
    body = message(1)
    fields = "content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
    names = "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: add\r\n"
    head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\n{fields}{names}content-length: {len(body)}\r\n\r\n"
    wires: list[tuple[Any, bytes, Counting, int]] = []
    for _ in range(IN_FLIGHT if cell == "flight" else 1):
        _, counting = await asyncio.get_running_loop().create_connection(
            lambda: Counting(b"HTTP/1.1 200"), parts.hostname or "", parts.port or 80
        )
        wires.append((counting.transport, head.encode() + body, counting, 1))
    spent = await _timed(cell, len(wires), wires)
    for transport, *_ in wires:
        transport.abort()
    return spent


async def _timed(cell: str, width: int, wires: list[tuple[Any, bytes, Counting, int]]) -> float:
    began = 0.0
    for number in range(100 + COUNT[cell]):
        if number == 100:
            began = perf_counter()
        for transport, data, _, _ in wires:
            transport.write(data)
        for _, _, counting, count in wires:
            await counting.answers(count)
    return (perf_counter() - began) / (COUNT[cell] * width)


if __name__ == "__main__":
    wanted, target = sys.argv[1:3]
    print(asyncio.run(over_stdio(wanted) if target == "stdio" else over_http(wanted, target)))
