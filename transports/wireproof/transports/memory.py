"""The in-memory wire: two duplex lines joined in one process, for tests and for a client of an own server.

The bytes are the bytes of stdio, so what works here works on a pipe.
"""

from __future__ import annotations

import asyncio
from typing import Final

from wireproof.schemas.caller import LOCAL
from wireproof.transports.duplex import Duplex
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits, Peer
from wireproof.transports.framing import LineFramer

MEMORY_PEER: Final = Peer("memory", LOCAL)


class MemoryWire:
    """One direction of a pair: what is written here arrives at the other line, in order, bounded by its reading."""

    __slots__ = ("_bound", "_closed", "_due", "_held", "_loop", "_paused", "_size", "_writer", "other", "reader")

    def __init__(self, *, bound: int) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._bound: Final = bound
        self._held: list[bytes] = []
        self._size = 0
        self._due = False
        self._paused = False
        self._closed = False
        self._writer: Duplex | None = None
        self.reader: Duplex | None = None
        self.other: MemoryWire | None = None

    def attach(self, writer: Duplex, reader: Duplex, other: MemoryWire) -> None:
        """Name the line that writes here, the one that reads, and the wire of the way back."""
        self._writer, self.reader, self.other = writer, reader, other

    def write(self, data: bytes) -> None:
        """Take bytes for the other line."""
        if self._closed:
            return
        self._held.append(data)
        self._size += len(data)
        if self._size > self._bound and self._writer is not None:
            self._writer.pause_writing()
        self._schedule()

    def pause_reading(self) -> None:
        """Stop what comes from the other line."""
        if self.other is not None:
            self.other._paused = True

    def resume_reading(self) -> None:
        """Go on with what comes from the other line."""
        if self.other is not None:
            self.other._paused = False
            self.other._schedule()

    def close(self) -> None:
        """Deliver what is held, then end both ways."""
        self._loop.call_soon(self._end)

    def abort(self) -> None:
        """End both ways now."""
        self._held.clear()
        self._loop.call_soon(self._end)

    def _schedule(self) -> None:
        if not self._due and not self._paused:
            self._due = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._due = False
        if self._paused or not self._held or self.reader is None:
            return
        data = b"".join(self._held)
        self._held.clear()
        self._size = 0
        if self._writer is not None:
            self._writer.resume_writing()
        self.reader.data_received(data)

    def _end(self) -> None:
        self._deliver()
        for wire in (self, self.other):
            if wire is not None and not wire._closed:
                wire._closed = True
                if wire._writer is not None:
                    wire._writer.connection_lost(None)


def join(
    near: Accept,
    far: Accept,
    *,
    near_peer: Peer = MEMORY_PEER,
    far_peer: Peer = MEMORY_PEER,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Duplex, Duplex]:
    """Join two protocols in memory. `near_peer` is what `near` is told about the other side, `far_peer` likewise.

    Closing either line ends both.
    """
    one, two = MemoryWire(bound=limits.outgoing), MemoryWire(bound=limits.outgoing)
    left = Duplex(near, LineFramer(max_bytes=limits.message), peer=near_peer, limits=limits)
    right = Duplex(far, LineFramer(max_bytes=limits.message), peer=far_peer, limits=limits)
    one.attach(left, right, two)
    two.attach(right, left, one)
    left.connection_made(one)
    right.connection_made(two)
    return left, right
