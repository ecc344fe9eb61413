"""A `Wire` for duplex lines over ASGI: holds what the line writes until its connection has sent it.

Knows neither SSE nor WebSocket, only an awaitable that sends one chunk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from wireproof.schemas.jsonrpc import Outcome, decode
from wireproof.transports.duplex import Duplex
from wireproof.transports.event_stream import KEEP_ALIVE_S
from wireproof.transports.exchange import LineClosed
from wireproof.transports.framing import Decoder


class WholeFramer:
    """Each piece of input is one message, or was read already; `wrap` makes chunks of what goes out."""

    __slots__ = ("_decode", "_max", "_ready", "_wrap")

    def __init__(self, *, max_bytes: int, wrap: Callable[[bytes], bytes], decoder: Decoder = decode) -> None:
        self._max: Final = max_bytes
        self._decode: Final = decoder
        self._wrap: Final = wrap
        self._ready: list[Outcome] = []

    def put(self, outcome: Outcome) -> None:
        """The next `feed` gives this outcome."""
        self._ready.append(outcome)

    def feed(self, data: bytes) -> list[Outcome]:
        """One whole message, unless outcomes were put."""
        ready, self._ready = self._ready, []
        return ready or [self._decode(data, max_bytes=self._max)]

    def end(self) -> list[Outcome]:
        """Nothing is ever left over."""
        return []

    def frame(self, message: bytes) -> bytes:
        """Wrap one encoded message for the way out."""
        return self._wrap(message)


class HeldWire:
    """Holds about `bound` bytes: beyond, the line pauses its senders (block), and cuts a peer who never reads."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], *, bound: int, idle: bytes | None = None) -> None:
        """`send` sends one chunk; `idle` is sent when nothing else was for 15 s."""
        self._send: Final = send
        self._bound: Final = bound
        self._idle: Final = idle
        self._line: Duplex | None = None
        self._held: Final[deque[bytes]] = deque()
        self._size = 0
        self._paused = False
        self._closing = False
        self._cut = False
        self._more: asyncio.Future[None] | None = None
        self._reading: asyncio.Future[None] | None = None
        self._task: asyncio.Task[Any] | None = None

    @property
    def is_cut(self) -> bool:
        """True when it ended without sending what it held."""
        return self._cut

    def attach(self, line: Duplex) -> None:
        """Become the wire of that line."""
        self._line = line
        line.connection_made(self)

    def write(self, data: bytes) -> None:
        """Take a chunk."""
        if self._closing or self._cut:
            return
        self._held.append(data)
        self._size += len(data)
        if self._size > self._bound and not self._paused and self._line is not None:
            self._paused = True
            self._line.pause_writing()
        self._wake()

    def pause_reading(self) -> None:
        """Let `may_read` wait."""
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_future()

    def resume_reading(self) -> None:
        """Let `may_read` pass."""
        if self._reading is not None:
            self._reading.set_result(None)
            self._reading = None

    async def may_read(self) -> None:
        """Return when the line takes input. Cancel-safe."""
        while self._reading is not None:
            await asyncio.shield(self._reading)

    def close(self) -> None:
        """Send what is held, then end."""
        self._closing = True
        self._wake()

    def abort(self) -> None:
        """End now."""
        if not self._cut:
            self._cut = True
            if self._task is not None:
                self._task.cancel()

    async def run(self) -> None:
        """Send until the end, in the task that owns the connection; then the line hears that it is lost."""
        self._task = asyncio.current_task()
        try:
            while not self._cut and await self._send_next():
                pass
        except asyncio.CancelledError:
            if not self._cut or self._task is None:
                raise
            self._task.uncancel()
        except LineClosed:
            self._cut = True
        finally:
            self._task = None
            self.resume_reading()
            if self._line is not None:
                self._line.connection_lost(None)

    async def _send_next(self) -> bool:
        if self._held:
            chunk = self._held.popleft()
            await self._send(chunk)
            self._size -= len(chunk)
            if self._paused and self._size <= self._bound // 2 and self._line is not None:
                self._paused = False
                self._line.resume_writing()
            return True
        if self._closing:
            return False
        self._more = asyncio.get_running_loop().create_future()
        if self._idle is None:
            await self._more
            return True
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                await self._more
        except TimeoutError:
            await self._send(self._idle)
        return True

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)
