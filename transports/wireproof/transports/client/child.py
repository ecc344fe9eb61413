"""A carrier to a server that this process spawns: its pipes, its stderr, its end and that of its whole tree.

Spec: MCP 2026-07-28 basic/transports/stdio, Shutdown. POSIX only; importing it is safe everywhere.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from wireproof.transports.client.carrier import CarrierError, CarrierLost, PeerExited, Unreachable
from wireproof.transports.client.duplex_carrier import ClientLine, DuplexCarrier, answer_lines
from wireproof.transports.client.process import ChildProcess, Tail
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits, Peer

log = logging.getLogger("wireproof.transports.client")

EXIT_WITHIN_S: Final = 0.25
"""Seconds that a server gets to exit after it closed its output, so that its exit code can be told."""
INHERITED: Final = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
)
"""Variables that a spawned server gets from this process; everything else, secrets above all, it must be given."""


def environment(given: Mapping[str, str] | None) -> dict[str, str]:
    """The environment of a spawned server: `INHERITED` where set, and what is given."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    kept = {name: value for name, value in kept.items() if not value.startswith("()")}  # exported shell functions
    return {**kept, **(given or {})}


async def open_child(
    command: Sequence[str],
    accept: Accept,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stderr: Literal["inherit", "capture"] = "inherit",
    limits: Limits = DEFAULT_LIMITS,
) -> DuplexCarrier:
    """Spawn `command` in a session of its own and talk to it over its stdin and stdout.

    `env` is added to `INHERITED`. The last 8 KiB of stderr are kept for `PeerExited`; "inherit" also passes it on to
    this process's stderr. Raises `Unreachable` when the program cannot be started. Closing closes its stdin, then
    sends TERM, then KILL to its whole process group; each wait is bounded, 5 s in all.
    """
    if os.name != "posix":
        raise Unreachable("spawning a server needs a POSIX system: run it yourself and connect over HTTP")
    carrier = _ChildCarrier(accept)
    line = ClientLine(carrier.accept, answer_lines(limits.message), peer=Peer("stdio"), limits=limits)
    carrier.take(line)
    process = _spawn(command, environment(env), cwd)
    child = ChildProcess(process, Tail(pass_on=stderr == "inherit"))
    carrier.own(child)
    try:
        line.connection_made(_Pipes(carrier, child))
        await child.attach(_Events(carrier, line), high=limits.outgoing)
    except BaseException:
        child.kill()
        raise
    return carrier


def _spawn(command: Sequence[str], env: dict[str, str], cwd: str | None) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(  # noqa: S603 - running the caller's command is the point
            list(command), stdin=pipe, stdout=pipe, stderr=pipe, env=env, cwd=cwd, bufsize=0, start_new_session=True
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        if cwd is not None and not Path(cwd).is_dir():
            raise Unreachable(f"cannot start the server: there is no folder {cwd!r}") from error
        raise Unreachable(
            f"cannot start the server: there is no program {command[0]!r}; install it, or give its full path"
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its arguments or environment hold a NUL"
        raise Unreachable(f"cannot start the server {command[0]!r}: {reason}") from error


class _ChildCarrier(DuplexCarrier):
    """The carrier that owns the child."""

    def __init__(self, accept: Accept) -> None:
        super().__init__("stdio", accept)
        self._child: ChildProcess | None = None
        self._ending: asyncio.Task[None] | None = None
        self._late: asyncio.TimerHandle | None = None

    def own(self, child: ChildProcess) -> None:
        """Take the child over."""
        self._child = child

    @property
    def child(self) -> ChildProcess:
        """The child process."""
        if self._child is None:
            raise RuntimeError("the carrier has no child yet")
        return self._child

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self.child.pid

    def went_silent(self) -> None:
        """The child closed its output: nothing can be answered any more. Its exit code is waited for a moment."""
        if self._late is None and self.child.code is None:
            self._late = asyncio.get_running_loop().call_later(EXIT_WITHIN_S, self._lost, None)

    def exited(self, code: int) -> None:
        """The child is dead: fail what waits, with all that is known, and end what it left behind."""
        self._lost(code)

    def _lost(self, code: int | None) -> None:
        self.pending.fail(self._reason(code))
        self.line.connection_lost(None)
        self.end()

    def _reason(self, code: int | None) -> CarrierError:
        tail = self.child.tail.text()
        last = f". The last of its stderr: {tail.strip()[-500:]}" if tail.strip() else ". It wrote nothing to stderr"
        if code is None:
            return CarrierLost(f"the server closed its output without exiting: it is ended{last}")
        how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
        return PeerExited(f"the server {how}{last}", code=code, stderr=tail)

    def end(self) -> asyncio.Task[None]:
        """Start the end of the tree, once."""
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self.child.end(), name="wireproof-child-end")
        return self._ending

    async def aclose(self) -> None:
        """Fail what waits and end the whole tree. When this is cancelled, the tree is killed at once."""
        self.pending.fail(CarrierLost("the connection was closed by this side"))
        self.line.close()  # writes out what was sent, then calls `end`
        ending = self.end()
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            self.child.kill()
            raise
        finally:
            self.line.connection_lost(None)


class _Pipes:
    """The child's pipes as the wire of the line."""

    def __init__(self, carrier: _ChildCarrier, child: ChildProcess) -> None:
        self._carrier: Final = carrier
        self._child: Final = child

    def write(self, data: bytes) -> None:
        self._child.write(data)

    def pause_reading(self) -> None:
        self._child.pause_reading()

    def resume_reading(self) -> None:
        self._child.resume_reading()

    def close(self) -> None:
        self._carrier.end()

    def abort(self) -> None:
        if self._child.code is None and not self._child.ending:
            self._carrier.went_silent()


class _Events:
    """What happens to the child, told to the line and the carrier."""

    def __init__(self, carrier: _ChildCarrier, line: ClientLine) -> None:
        self._carrier: Final = carrier
        self._line: Final = line

    def output(self, data: bytes) -> None:
        self._line.data_received(data)

    def output_ended(self) -> None:
        self._line.last_bytes()
        self._carrier.went_silent()

    def pause_writing(self) -> None:
        self._line.pause_writing()

    def resume_writing(self) -> None:
        self._line.resume_writing()

    def exited(self, code: int) -> None:
        self._line.last_bytes()
        self._carrier.exited(code)
