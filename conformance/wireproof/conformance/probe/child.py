"""A target that is a child process: its own process group, pipes, kept stderr, and an end that always comes.

Knows no protocol; moves bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Final

from wireproof.conformance.shapes import as_object

KEEP_STDERR: Final = 65536
LINE_LIMIT: Final = 64 * 1024 * 1024
SEND_LIMIT: Final = 20.0


class Child:
    """A spawned target. Only this object signals and reaps it."""

    def __init__(self, process: asyncio.subprocess.Process, command: list[str]) -> None:
        """Wrap a started process; use `spawn`."""
        self.command = command
        self.process = process
        self.group = process.pid
        self.stderr = bytearray()
        self._stderr_task = asyncio.create_task(self._keep_stderr())

    @classmethod
    async def spawn(cls, command: list[str], *, cwd: str | None = None, env: dict[str, str] | None = None) -> Child:
        """Start the command in a process group of its own. Raises OSError when it cannot be started."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LINE_LIMIT,
            cwd=cwd,
            env={**os.environ, **as_object(env)},
        )
        return cls(process, command)

    async def _keep_stderr(self) -> None:
        stream = self.process.stderr
        assert stream is not None
        while chunk := await stream.read(8192):
            self.stderr += chunk
            if len(self.stderr) > KEEP_STDERR:
                del self.stderr[: len(self.stderr) - KEEP_STDERR]

    async def write(self, data: bytes, *, timeout: float = SEND_LIMIT) -> None:
        """Write to its stdin. Raises ConnectionError when the pipe is gone, TimeoutError when it does not read."""
        stdin = self.process.stdin
        assert stdin is not None
        stdin.write(data)
        async with asyncio.timeout(timeout):
            await stdin.drain()

    async def read_line(self) -> bytes:
        """The next line of its stdout, b"" at the end."""
        stdout = self.process.stdout
        assert stdout is not None
        try:
            return await stdout.readline()
        except ValueError:
            return b""

    def pause(self) -> None:
        """Read nothing more of its stdout until `resume`, so that its pipe fills up."""
        _output(self.process).pause_reading()

    def resume(self) -> None:
        """Read its stdout again."""
        _output(self.process).resume_reading()

    def end_input(self) -> None:
        """Close its stdin."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def signal(self, number: int) -> None:
        """Signal the process itself, as a supervisor would."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def wait(self, timeout: float) -> int | None:
        """Its exit status, or None when it still runs after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                return await self.process.wait()
        except TimeoutError:
            return None

    def members(self) -> list[int]:
        """Process ids that are still in its session, itself left out (Linux; empty elsewhere)."""
        found: list[int] = []
        with contextlib.suppress(OSError):
            pids = (name for name in os.listdir("/proc") if name.isdigit() and int(name) != self.group)  # noqa: PTH208
            found = [int(name) for name in pids if _session_of(name) == self.group]
        return found

    def resident_bytes(self) -> int:
        """Resident memory of the process (Linux; 0 elsewhere)."""
        return self._status("VmRSS:") * 1024

    def open_files(self) -> int:
        """Open file descriptors of the process (Linux; 0 elsewhere)."""
        with contextlib.suppress(OSError):
            return len(os.listdir(f"/proc/{self.group}/fd"))  # noqa: PTH208
        return 0

    def _status(self, field: str) -> int:
        with contextlib.suppress(OSError), open(f"/proc/{self.group}/status", encoding="ascii") as lines:  # noqa: PTH123
            for line in lines:
                if line.startswith(field):
                    return int(line.split()[1])
        return 0

    async def close(self) -> None:
        """End it: stdin, a short wait, then SIGKILL to the whole group. Always returns; nothing of it is left."""
        self.end_input()
        try:
            if self.process.returncode is None:
                await self.wait(0.15)
        finally:
            # Also when this wait is cancelled: nothing that was started may stay.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.group, signal.SIGKILL)
            self._stderr_task.cancel()
            _pipes(self.process).close()  # first: asyncio reports no death while there is output that nobody reads
            if self.process.returncode is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.shield(asyncio.wait_for(self.process.wait(), 5))
        with contextlib.suppress(asyncio.CancelledError):
            await self._stderr_task


def _output(process: asyncio.subprocess.Process) -> asyncio.ReadTransport:
    """The transport of its stdout; asyncio's StreamReader would go on reading ahead for megabytes."""
    found = _pipes(process).get_pipe_transport(1)
    assert isinstance(found, asyncio.ReadTransport)
    return found


def _pipes(process: asyncio.subprocess.Process) -> asyncio.SubprocessTransport:
    found: asyncio.SubprocessTransport = vars(process)["_transport"]
    return found


def _session_of(pid: str) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:  # noqa: PTH123
            fields = handle.read().rpartition(")")[2].split()
        return int(fields[3]) if fields[0] != "Z" else -1
    return -1
