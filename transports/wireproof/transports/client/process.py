"""One spawned process: its three pipes, the moment of its death, and the end of its process group.

Knows no message. Spec: MCP 2026-07-28 basic/transports/stdio, Shutdown (close stdin, TERM, KILL).
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import IO, Final, Protocol

STDIN_CLOSED_S: Final = 2.0
"""Seconds that a server gets to exit by itself once its stdin is closed."""
TERM_S: Final = 2.0
"""Seconds that the tree gets after TERM."""
KILL_S: Final = 1.0
"""Seconds to wait for a killed tree; the kernel owes it, whatever it is doing."""
TAIL: Final = 8 * 1024
"""Bytes of stderr that are kept."""
_GROUP_POLL_S: Final = 0.02


class Events(Protocol):
    """Who hears of the process."""

    def output(self, data: bytes) -> None:
        """Bytes of stdout."""
        ...

    def output_ended(self) -> None:
        """The end of stdout, while the process may still live."""
        ...

    def pause_writing(self) -> None:
        """The process does not read."""
        ...

    def resume_writing(self) -> None:
        """It reads again."""
        ...

    def exited(self, code: int) -> None:
        """It is dead, all its output was given; negative: the signal. Called once."""
        ...


class Tail:
    """The last `TAIL` bytes of a stderr, passed on where wanted."""

    def __init__(self, *, pass_on: bool) -> None:
        self._pass_on: Final = pass_on
        self._decode: Final = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = b""

    def take(self, data: bytes) -> None:
        """Take the next bytes."""
        self._kept = (self._kept + data)[-TAIL:]
        if self._pass_on:
            with contextlib.suppress(OSError, ValueError):  # a closed stderr of ours is no reason to fail
                sys.stderr.write(self._decode.decode(data))
                sys.stderr.flush()

    def text(self) -> str:
        """What is kept."""
        return self._kept.decode("utf-8", "replace")


class ChildProcess:
    """Owns a process that leads its own group. If nobody ends it, it is killed with this object, or at exit."""

    def __init__(self, process: subprocess.Popen[bytes], tail: Tail) -> None:
        self._process: Final = process
        self._loop: Final = asyncio.get_running_loop()
        self._events: Events | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._stdout: asyncio.ReadTransport | None = None
        self._stderr: asyncio.ReadTransport | None = None
        self._pidfd = -1
        self._dead: Final[asyncio.Future[None]] = self._loop.create_future()
        self._orphan: Final = weakref.finalize(self, _kill_group, process)
        self.tail: Final = tail
        self.code: int | None = None
        self.ending = False

    @property
    def pid(self) -> int:
        """The process id, and the id of its group."""
        return self._process.pid

    async def attach(self, events: Events, *, high: int) -> None:
        """Start to read, and to watch for its death. `high` is the bound of bytes that it has not read yet."""
        self._events = events
        loop = self._loop
        stdin, stdout, stderr = (
            _known(pipe) for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        self._stdin, _ = await loop.connect_write_pipe(lambda: _Input(events, self._unwritable), stdin)
        self._stdin.set_write_buffer_limits(high=high)
        self._stderr, _ = await loop.connect_read_pipe(lambda: _Diagnostics(self.tail), stderr)
        self._stdout, _ = await loop.connect_read_pipe(lambda: _Output(events), stdout)
        self._watch()

    def _watch(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self.pid) if sys.platform == "linux" else -1
        except OSError:  # an old kernel, or a sandbox
            self._pidfd = -1
        if self._pidfd >= 0:
            self._loop.add_reader(self._pidfd, self._exited)
        else:
            threading.Thread(target=self._wait, name="wireproof-child", daemon=True).start()

    def _wait(self) -> None:
        self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is gone
            self._loop.call_soon_threadsafe(self._exited)

    def _exited(self) -> None:
        if self.code is not None:
            return
        self._unwatch()
        self.code = self._process.wait()  # it is dead already: this reaps it
        if self._events is not None:
            _drain(self._process.stderr, self.tail.take)
            _drain(self._process.stdout, self._events.output)
            self._events.exited(self.code)
        if not self._dead.done():
            self._dead.set_result(None)

    def _unwatch(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def write(self, data: bytes) -> None:
        """Write to its stdin; beyond the bound `Events.pause_writing` is called."""
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(data)

    def _unwritable(self) -> None:
        self._stdin = None

    def pause_reading(self) -> None:
        """Leave its output unread."""
        if self._stdout is not None and not self.ending:
            self._stdout.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self._stdout is not None and not self.ending:
            self._stdout.resume_reading()

    async def end(self) -> None:
        """End the process and its group: close stdin, TERM, KILL; each wait bounded. Cancelled: kill at once."""
        self.ending = True
        try:
            if self._stdin is not None:
                self._stdin.close()
            if self.code is None:
                await self._died_within(STDIN_CLOSED_S)
            if self._signal(signal.SIGTERM):
                await self._gone_within(TERM_S)
            if False:  # the leader is ours to reap; the others are the system's
                await self._died_within(KILL_S)
        finally:
            self.kill()

    async def _died_within(self, seconds: float) -> None:
        await asyncio.wait([self._dead], timeout=seconds)

    async def _gone_within(self, seconds: float) -> None:
        """Wait until the group is empty; only the leader's death can be waited for, the rest is asked for."""
        until = self._loop.time() + seconds
        if self.code is None:
            await self._died_within(seconds)
        while self._signal(0) and self._loop.time() < until:  # noqa: ASYNC110 - nothing tells of a group's end
            await asyncio.sleep(_GROUP_POLL_S)

    def _signal(self, number: int) -> bool:
        """Signal the group; False when nobody is left in it."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # macOS, when only zombies are left
            return False
        return True

    def kill(self) -> None:
        """Kill the group and reap the child now, and let go of everything. Does nothing the second time."""
        if self._orphan.detach() is None:
            return
        self.ending = True
        self._signal(signal.SIGKILL)
        if self.code is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(KILL_S)
                self._exited()
        self._unwatch()
        if self._stdin is not None:
            self._stdin.abort()
        for reader in (self._stdout, self._stderr):
            if reader is not None:
                reader.close()
        if self._stderr is None or self._stdout is None:  # it was never attached in full
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # uvloop has closed the one that it was about to take
                        pipe.close()


class _Input(asyncio.BaseProtocol):
    def __init__(self, events: Events, gone: Callable[[], None]) -> None:
        self._events: Final = events
        self._gone: Final = gone

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()

    def pause_writing(self) -> None:
        self._events.pause_writing()

    def resume_writing(self) -> None:
        self._events.resume_writing()


class _Output(asyncio.Protocol):
    def __init__(self, events: Events) -> None:
        self.data_received = events.output  # type: ignore[method-assign]
        self._events: Final = events

    def eof_received(self) -> None:
        self._events.output_ended()


class _Diagnostics(asyncio.Protocol):
    def __init__(self, tail: Tail) -> None:
        self._tail: Final = tail

    def data_received(self, data: bytes) -> None:
        self._tail.take(data)


def _known(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("the process was spawned without pipes")
    return pipe


def _drain(pipe: IO[bytes] | None, take: Callable[[bytes], None]) -> None:
    """Read what a dead process left in a pipe; a grandchild may hold its other end open."""
    if pipe is None or pipe.closed:
        return
    with contextlib.suppress(OSError, ValueError):
        while data := os.read(pipe.fileno(), 65536):
            take(data)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """The last resort for a child that nobody ended."""
    with contextlib.suppress(OSError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(KILL_S)
