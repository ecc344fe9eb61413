"""Newline-delimited JSON over Unix and TCP sockets: one duplex line a connection. Knows no protocol.

A Unix socket is its user's alone by the mode of its file. A TCP port is anybody's who reaches it: it is bound to
loopback unless the caller says otherwise, its peers are anonymous, and a connection whose first line is no JSON-RPC
message is closed, so that what a browser was made to send there never gets to a second line.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from wireproof.schemas.caller import LOCAL
from wireproof.schemas.jsonrpc import Outcome, Refusal
from wireproof.transports.duplex import Duplex
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits, Peer
from wireproof.transports.framing import LineFramer

MAX_CONNECTIONS: Final = 1000
"""Connections of one listener; one more is closed at once."""
STOP_WITHIN_S: Final = 2.0
"""Seconds that running answers get when the listener stops."""


class SocketLine(Duplex):
    """A connection that somebody made to a socket of ours."""

    _first = True
    _barred = False

    def connection_made(self, transport: Any) -> None:
        """Take the socket, with a bound on what it holds for a peer that does not read."""
        transport.set_write_buffer_limits(high=self._limits.outgoing)
        super().connection_made(transport)

    def _take(self, outcome: Outcome) -> None:
        if self._barred:
            return
        first, self._first = self._first, False
        super()._take(outcome)
        if first and isinstance(outcome, Refusal):
            self._barred = True
            self.close()


class Lines:
    """The open connections of one listener."""

    def __init__(self, accept: Accept, transport: str, limits: Limits, most: int) -> None:
        self._accept: Final = accept
        self._transport: Final = transport
        self._limits: Final = limits
        self._most: Final = most
        self._open: Final[set[SocketLine]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def make(self) -> asyncio.BaseProtocol:
        """The protocol of the next connection."""
        return _Arriving(self) if len(self._open) < self._most else _Unwelcome()

    def take(self, transport: Any) -> SocketLine:
        """A line for this connection, forgotten when it is gone."""
        peer = Peer("unix", LOCAL) if self._transport == "unix" else Peer("tcp", address=_name(transport))
        framer = LineFramer(max_bytes=self._limits.message)
        line = SocketLine(self._accept, framer, peer=peer, limits=self._limits)
        self._open.add(line)
        gone = asyncio.ensure_future(line.wait_closed())
        gone.add_done_callback(lambda _: self._open.discard(line))
        return line

    async def stop(self, *, within_s: float) -> None:
        """End every connection properly within that many seconds."""
        if self._open:
            await asyncio.gather(*(line.stop(within_s=within_s) for line in list(self._open)))


class _Arriving(asyncio.Protocol):
    """A connection until its transport is known; then the line takes over."""

    def __init__(self, lines: Lines) -> None:
        self._lines: Final = lines

    def connection_made(self, transport: Any) -> None:
        line = self._lines.take(transport)
        transport.set_protocol(line)
        line.connection_made(transport)


class _Unwelcome(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        transport.abort()


@asynccontextmanager
async def listening_unix(
    accept: Accept,
    path: str | os.PathLike[str],
    *,
    limits: Limits = DEFAULT_LIMITS,
    max_connections: int = MAX_CONNECTIONS,
    stop_within_s: float = STOP_WITHIN_S,
) -> AsyncGenerator[Path]:
    """Listen on a Unix socket while the block runs; gives its path. Only this user can connect.

    A socket file that nobody listens on any more is replaced. Raises `OSError` when somebody does, when the path holds
    something else, or when it cannot be made. The file is gone with the block.
    """
    file = Path(path)
    await asyncio.to_thread(_clear, file)
    lines = Lines(accept, "unix", limits, max_connections)
    bound = _bound(file)
    try:
        server = await asyncio.get_running_loop().create_unix_server(lines.make, sock=bound)
    except BaseException:
        bound.close()
        raise
    try:
        yield file
    finally:
        await _end(server, lines, stop_within_s)
        with contextlib.suppress(OSError):
            os.unlink(file)  # noqa: PTH108  one directory entry, at once


@asynccontextmanager
async def listening_tcp(
    accept: Accept,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    remote: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    max_connections: int = MAX_CONNECTIONS,
    stop_within_s: float = STOP_WITHIN_S,
) -> AsyncGenerator[tuple[str, int]]:
    """Listen on a TCP port while the block runs; gives host and port.

    There is neither a token nor encryption on this wire: a host that is not loopback needs `remote=True`, and something
    in front that decides who may connect. Raises `ValueError` for it, `OSError` when the address is taken.
    """
    if not remote and not _is_loopback(host):
        raise ValueError(
            f"{host} is not loopback, and this wire knows no caller: serve HTTP there, or pass remote=True"
        )
    lines = Lines(accept, "tcp", limits, max_connections)
    server = await asyncio.get_running_loop().create_server(lines.make, host, port)
    try:
        name = server.sockets[0].getsockname()
        yield name[0], name[1]
    finally:
        await _end(server, lines, stop_within_s)


async def _end(server: asyncio.Server, lines: Lines, within_s: float) -> None:
    server.close()
    await lines.stop(within_s=within_s)


def _bound(file: Path) -> socket.socket:
    """A listening socket's file that was never anybody else's."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(file))
    except BaseException:
        made.close()
        raise
    finally:
        os.umask(before)
    return made


def _clear(file: Path) -> None:
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "the path holds something that is no socket", str(file))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(file))
        except (ConnectionRefusedError, FileNotFoundError):
            file.unlink(missing_ok=True)
            return
    raise OSError(errno.EADDRINUSE, "somebody listens there", str(file))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(transport: asyncio.BaseTransport) -> str:
    name = transport.get_extra_info("peername")
    return f"{name[0]}:{name[1]}" if name else ""
