"""Carriers over Unix and TCP sockets: one JSON-RPC message a line. Knows no method."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

from wireproof.schemas.caller import LOCAL
from wireproof.transports.client.carrier import Unreachable
from wireproof.transports.client.duplex_carrier import ClientLine, DuplexCarrier, answer_lines
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits, Peer

CONNECT_S: Final = 10.0
"""Seconds to connect."""
_Connect = Callable[[Callable[[], ClientLine]], Awaitable[tuple[Any, Any]]]


async def open_unix(path: str | os.PathLike[str], accept: Accept, *, limits: Limits = DEFAULT_LIMITS) -> DuplexCarrier:
    """Connect to a Unix socket. Raises `Unreachable`."""
    loop = asyncio.get_running_loop()
    peer = Peer("unix", LOCAL)
    return await _open(
        f"the socket {os.fspath(path)}",
        peer,
        accept,
        limits,
        lambda make: loop.create_unix_connection(make, os.fspath(path)),
    )


async def open_tcp(host: str, port: int, accept: Accept, *, limits: Limits = DEFAULT_LIMITS) -> DuplexCarrier:
    """Connect to a TCP port. Raises `Unreachable`."""
    loop = asyncio.get_running_loop()
    peer = Peer("tcp", address=f"{host}:{port}")
    return await _open(f"{host}:{port}", peer, accept, limits, lambda make: loop.create_connection(make, host, port))


async def _open(where: str, peer: Peer, accept: Accept, limits: Limits, connect: _Connect) -> DuplexCarrier:
    carrier = DuplexCarrier(peer.transport, accept)

    def make() -> ClientLine:
        line = ClientLine(carrier.accept, answer_lines(limits.message), peer=peer, limits=limits)
        carrier.take(line)
        return line

    try:
        async with asyncio.timeout(CONNECT_S):
            transport, _ = await connect(make)
    except TimeoutError:
        raise Unreachable(f"{where} did not answer within {CONNECT_S:g} s") from None
    except OSError as error:
        raise Unreachable(f"{where} cannot be reached: {error.strerror or error}") from error
    transport.set_write_buffer_limits(high=limits.outgoing)
    return carrier
