"""The carrier over WebSocket: one JSON-RPC message a text frame. `websockets` speaks the protocol.

Spec: RFC 6455; MCP custom transports (2026-07-28 basic/transports).
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Sequence
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from wireproof.transports.client.carrier import (
    BadAnswer,
    Carrier,
    CarrierError,
    CarrierLost,
    HeaderFields,
    StatusRefused,
    Unreachable,
)
from wireproof.transports.client.held_carrier import HeldCarrier, messages_of
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits, LineClosed

CONNECT_S: Final = 10.0
_TOO_BIG: Final = 1009
_UNSUPPORTED: Final = 1003


async def open_websocket(
    url: str,
    accept: Accept,
    *,
    headers: HeaderFields = (),
    subprotocols: Sequence[str] = ("mcp",),
    limits: Limits = DEFAULT_LIMITS,
    timeout_s: float = CONNECT_S,
    trust: ssl.SSLContext | None = None,
) -> Carrier:
    """Open a WebSocket within `timeout_s` seconds. Redirects are not followed.

    `trust` replaces the system's certificates. Raises `Unreachable`, `StatusRefused` when the server answers with a
    status, and `BadAnswer` when it speaks no WebSocket.
    """
    extra: dict[str, Any] = {"ssl": trust} if trust is not None else {}
    try:
        connection = await _Connect(
            url,
            additional_headers=list(headers),
            subprotocols=[Subprotocol(name) for name in subprotocols],
            open_timeout=timeout_s,
            close_timeout=2.0,
            max_size=limits.message,
            compression=None,
            proxy=None,
            **extra,
        )
    except InvalidStatus as error:
        response = error.response
        fields = list(response.headers.raw_items())
        raise StatusRefused(response.status_code, body=bytes(response.body or b"")[:65536], headers=fields) from error
    except InvalidURI as error:
        raise Unreachable(f"{url[:80]!r} is no WebSocket URL") from error
    except InvalidHandshake as error:
        raise BadAnswer("the server does not open a WebSocket here: check the URL") from error
    except TimeoutError as error:
        raise Unreachable(f"no WebSocket within {timeout_s:g} s: check the address") from error
    except OSError as error:
        raise Unreachable(f"{url.partition('?')[0][:120]} cannot be reached: is the server running?") from error
    return _WebSocketCarrier(connection, accept, limits)


class _Connect(connect):
    """Follows no redirect: where a connection goes is the caller's choice."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _WebSocketCarrier(HeldCarrier):
    def __init__(self, connection: ClientConnection, accept: Accept, limits: Limits) -> None:
        self._connection: Final = connection
        self._limit: Final = limits.message
        super().__init__("websocket", accept, self._send, limits, str(connection.remote_address))
        self.start(self._receive())

    async def _send(self, chunk: bytes) -> None:
        try:
            for message in messages_of(chunk):
                await self._connection.send(message, text=True)
        except ConnectionClosed as error:
            raise LineClosed("the peer is gone") from error

    async def _receive(self) -> None:
        try:
            while True:
                frame = await self._connection.recv()
                if not isinstance(frame, str):
                    await self._connection.close(_UNSUPPORTED)
                    raise BadAnswer("the server sent a binary frame: messages are text frames")
                await self.hand(frame.encode("utf-8", "surrogatepass"))
        except ConnectionClosed as closed:
            raise self._reason(closed) from closed

    def _reason(self, closed: ConnectionClosed) -> CarrierError:
        if closed.sent is not None and closed.sent.code == _TOO_BIG:
            return BadAnswer(f"the server sent a message of more than {self._limit} bytes")
        if closed.sent is not None and not closed.rcvd_then_sent:
            return BadAnswer(f"the server broke the WebSocket protocol (closed with {closed.sent.code})")
        return CarrierLost("the server closed the connection before the answer: connect again")

    async def end_wire(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            await self._connection.close()
