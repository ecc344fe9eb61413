"""A webhook on a real socket: keeps what it is sent, answers as late and as badly as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Webhook:
    """`statuses` are answered in turn, then 200; each answer comes `slow_s` after its request."""

    url: str = ""
    slow_s: float = 0.0
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    serving: list[Any] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def has(self, count: int, within_s: float = 15.0) -> list[tuple[dict[str, str], Any]]:
        """What came, when it is so many."""
        async with asyncio.timeout(within_s), self.came:
            await self.came.wait_for(lambda: len(self.got) >= count)
        return self.got

    async def until(self, word: str, within_s: float = 15.0) -> list[tuple[dict[str, str], Any]]:
        """What came, when the newest of it holds the word."""
        async with asyncio.timeout(within_s), self.came:
            await self.came.wait_for(lambda: bool(self.got) and word in json.dumps(self.got[-1][1]))
        return self.got

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.append((asyncio.current_task(), writer))
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:]) if name}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        async with self.came:
            self.got.append(({":line": head[0], **headers}, body))
            self.came.notify_all()
        await asyncio.sleep(self.slow_s)
        status = self.statuses.pop(0) if self.statuses else 200
        writer.write(f"HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def webhook(**options: Any) -> AsyncGenerator[Webhook]:
    """A webhook that listens while the block runs."""
    hook = Webhook(**options)
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    hook.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield hook
    finally:
        server.close()
        for task, writer in hook.serving:
            task.cancel()
            await asyncio.wait([task])
            writer.transport.abort()
        await asyncio.sleep(0)
