"""stdio: the wire of a server that a host spawned.

The real descriptors 0 and 1 are moved away while serving, so stray prints, child processes and C code write to
stderr and can never corrupt the wire. Owns the signals and the exit.

Spec: MCP 2026-07-28 basic/transports/stdio.
"""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import IO, Any, Final, Protocol

from wireproof.schemas.caller import LOCAL
from wireproof.transports.duplex import Duplex
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits, Peer
from wireproof.transports.framing import Framer, LineFramer

STOP_WITHIN_S: Final = 2.0
"""Seconds that running answers get after SIGTERM or SIGINT."""
STDIO_PEER: Final = Peer("stdio", LOCAL)


class MakeFramer(Protocol):
    """How the stream is cut; A2A brings its own."""

    def __call__(self, *, max_bytes: int) -> Framer:
        """Make a framer for messages of at most `max_bytes` bytes."""
        ...


@contextmanager
def claimed_descriptors() -> Generator[tuple[int, int]]:
    """Move the wire to private descriptors; fd 0 reads nothing and fd 1 is stderr until the end."""
    sys.stdout.flush()
    wire_in, wire_out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    try:
        yield wire_in, wire_out
    finally:
        sys.stdout.flush()
        os.dup2(wire_in, 0)
        os.dup2(wire_out, 1)
        os.close(wire_in)
        os.close(wire_out)


async def serve_stdio(
    accept: Accept,
    *,
    limits: Limits = DEFAULT_LIMITS,
    make_framer: MakeFramer = LineFramer,
    stop_within_s: float = STOP_WITHIN_S,
    descriptors: tuple[int, int] | None = None,
) -> None:
    """Serve one connection on this process's stdin and stdout until the peer closes it or a signal comes.

    End of input: accepted calls still get their answers within `limits.drain_s`, then this returns. The first SIGTERM
    or SIGINT ends open streams properly within `stop_within_s` seconds; the second ends the process at once.
    `descriptors` is what `claimed_descriptors` gave, when the caller had to claim them earlier.
    """
    claim = claimed_descriptors() if descriptors is None else nullcontext(descriptors)
    with claim as (wire_in, wire_out):
        line = Duplex(accept, make_framer(max_bytes=limits.message), peer=STDIO_PEER, limits=limits)
        wire = await _PipeWire.open(line, wire_in, wire_out, limits)
        with _signals(line, stop_within_s):
            await line.wait_closed()
        wire.release()


class _PipeWire:
    """Two pipes as one wire. Regular files, which no event loop can poll, are read by a thread and written at once."""

    def __init__(self, line: Duplex) -> None:
        self._line: Final = line
        self._reader: asyncio.ReadTransport | _FileReader | None = None
        self._writer: asyncio.WriteTransport | None = None
        self._out: int = -1
        self._blocking: list[tuple[int, bool]] = []

    @classmethod
    async def open(cls, line: Duplex, wire_in: int, wire_out: int, limits: Limits) -> _PipeWire:
        self = cls(line)
        self._out = wire_out
        self._blocking = [(fd, os.get_blocking(fd)) for fd in (wire_in, wire_out)]
        loop = asyncio.get_running_loop()
        line.connection_made(self)
        if _can_poll(wire_out):
            writer, _ = await loop.connect_write_pipe(lambda: _Writing(self), _private(wire_out, "wb"))
            writer.set_write_buffer_limits(high=limits.outgoing)
            self._writer = writer
        if _can_poll(wire_in):
            reader, _ = await loop.connect_read_pipe(lambda: _Reading(line), _private(wire_in, "rb"))
            self._reader = reader
        else:
            self._reader = _FileReader(line, os.dup(wire_in))
        return self

    def write(self, data: bytes) -> None:
        if self._writer is not None:
            self._writer.write(data)
            return
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._out, view) :]
        except OSError:
            self.abort()

    def pause_reading(self) -> None:
        if self._reader is not None:
            self._reader.pause_reading()

    def resume_reading(self) -> None:
        if self._reader is not None:
            self._reader.resume_reading()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._writer is None:
            asyncio.get_running_loop().call_soon(self._line.connection_lost, None)
        else:
            self._writer.close()  # the line hears of it once the buffer is out

    def abort(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._writer is None:
            asyncio.get_running_loop().call_soon(self._line.connection_lost, None)
        else:
            self._writer.abort()

    def lost(self, exc: Exception | None) -> None:
        """The write side is gone, and with it the connection."""
        if self._reader is not None:
            self._reader.close()
        self._line.connection_lost(exc)

    def release(self) -> None:
        """Give the descriptors back as they were; they may be a terminal that a shell goes on using."""
        for fd, blocking in self._blocking:
            os.set_blocking(fd, blocking)

    def pause_writing(self) -> None:
        self._line.pause_writing()

    def resume_writing(self) -> None:
        self._line.resume_writing()


class _Reading(asyncio.Protocol):
    def __init__(self, line: Duplex) -> None:
        self._line: Final = line

    def data_received(self, data: bytes) -> None:
        self._line.data_received(data)

    def eof_received(self) -> bool:
        return self._line.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._line.eof_received()


class _Writing(asyncio.BaseProtocol):
    def __init__(self, wire: _PipeWire) -> None:
        self._wire: Final = wire

    def pause_writing(self) -> None:
        self._wire.pause_writing()

    def resume_writing(self) -> None:
        self._wire.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wire.lost(exc)


class _FileReader:
    """Reads a descriptor that cannot be polled, in a thread of its own, one chunk ahead at most."""

    def __init__(self, line: Duplex, fd: int) -> None:
        self._line: Final = line
        self._fd: Final = fd
        self._loop: Final = asyncio.get_running_loop()
        self._go: Final = threading.Event()
        self._closed = False
        self._go.set()
        threading.Thread(target=self._read, name="wireproof-stdin", daemon=True).start()

    def _read(self) -> None:
        while True:
            self._go.wait()
            if self._closed:
                os.close(self._fd)
                return
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                data = b""
            handed = asyncio.run_coroutine_threadsafe(self._hand(data), self._loop)
            try:
                handed.result()
            except Exception:  # the loop is gone, and with it the reader's purpose
                return
            if not data:
                os.close(self._fd)
                return

    async def _hand(self, data: bytes) -> None:
        if data:
            self._line.data_received(data)
        else:
            self._line.eof_received()

    def pause_reading(self) -> None:
        self._go.clear()

    def resume_reading(self) -> None:
        self._go.set()

    def close(self) -> None:
        self._closed = True
        self._go.set()


def _can_poll(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)


def _private(fd: int, mode: str) -> IO[Any]:
    return os.fdopen(os.dup(fd), mode, buffering=0)


@contextmanager
def _signals(line: Duplex, within_s: float) -> Generator[None]:
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []

    def stop(number: int) -> None:
        if stopping:
            os._exit(128 + number)
        stopping.append(loop.create_task(line.stop(within_s=within_s)))

    numbers = (signal.SIGTERM, signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if main:
        for number in numbers:
            loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        if main:
            for number in numbers:
                loop.remove_signal_handler(number)
