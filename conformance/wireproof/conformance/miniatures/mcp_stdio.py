"""The miniature tool server on stdio. `python -m wireproof.conformance.miniatures.mcp_stdio [WRONG]`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from typing import Any

from wireproof.conformance.miniatures.faults import JSON
from wireproof.conformance.miniatures.mcp_peer import Peer, Session
from wireproof.schemas.jsonrpc import is_array

LIMIT = 64 * 1024 * 1024


class Pipe:
    """Reads lines, answers each in a task of its own, ends when the input ends and the answers are out."""

    def __init__(self, wrong: str) -> None:
        """Be wrong in this one way."""
        self.wrong = wrong
        self.peer = Peer(wrong)
        self.session = Session()
        self.tasks: set[asyncio.Task[None]] = set()
        self.leak: list[bytes] = []

    def write(self, message: Any) -> None:
        """Write one line."""
        for item in message if is_array(message) else [message]:
            item.pop("_status", None)
        text = json.dumps(message)
        if self.wrong == "pretty" and '"content"' in text:
            text = json.dumps(message, indent=1)
        if self.wrong == "drops-when-full" and not select.select([], [1], [], 0)[1]:
            return
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    async def emit(self, message: JSON) -> None:
        """Write a notification."""
        self.write(message)

    async def answer(self, line: bytes) -> None:
        """Answer one line."""
        if self.wrong == "drops-on-eof":
            await asyncio.sleep(0.05)
        reply = await self.peer.take(line, self.session, self.emit)
        if reply is not None:
            self.write(reply)

    def spoil(self, line: bytes) -> bool:
        """Do what a wrong stdio peer does with a line; True when it is done with it."""
        if self.wrong == "dies-on-bad-utf8":
            line.decode()
        if self.wrong == "dies-on-deep" and b"[" * 2000 in line:
            os._exit(3)
        if self.wrong == "dies-on-large" and len(line) > 65536:
            os._exit(3)
        if self.wrong == "chatty" and b"tools/call" in line:
            sys.stdout.write("calling a tool\n")
            sys.stdout.flush()
        if self.wrong == "leaks":
            self.leak.append(bytes(60_000))
        if self.wrong == "leaks-files":
            os.dup(0)
        if self.wrong == "dies-on-flood":
            self.leak.append(b"")
            if len(self.leak) > 1000:
                os._exit(4)
        return self.wrong == "mute"

    async def serve(self) -> None:
        """Serve until end of file or SIGTERM."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, self._terminate, stopping)
        reader = asyncio.StreamReader(limit=LIMIT)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        if self.wrong == "stderr-latin":
            sys.stderr.buffer.write(b"caf\xe9\n")
            sys.stderr.flush()
        if self.wrong == "banner":
            sys.stdout.write("Server started!\n")
            sys.stdout.flush()
        if self.wrong == "orphans":
            subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: ASYNC220, S607
        reading = asyncio.create_task(self._read(reader))
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait({reading, waiting}, return_when=asyncio.FIRST_COMPLETED)
        for task in (reading, waiting):
            task.cancel()
        self.peer.closing = True
        for ended in list(self.session.streams.values()):
            ended.set()
        if self.wrong != "drops-on-eof" and self.tasks:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.wrong == "stays-on-eof" and not stopping.is_set():
            threading.Event().wait(60)

    def _terminate(self, stopping: asyncio.Event) -> None:
        if self.wrong == "ignores-term" or (self.wrong == "term-waits-streams" and self.session.streams):
            return
        stopping.set()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if self.spoil(line):
                continue
            task = asyncio.create_task(self.answer(line))
            self.tasks.add(task)
            task.add_done_callback(self._finished)
            await asyncio.sleep(0)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and isinstance(task.exception(), SystemExit):
            os._exit(1)


def main() -> None:
    """Serve on the pipes of this process."""
    asyncio.run(Pipe(sys.argv[1] if len(sys.argv) > 1 else "").serve())
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
