"""WebSocket, the server side over ASGI: one JSON-RPC message a text frame.

Guard and gate stand before the handshake is accepted. Spec: RFC 6455; MCP custom transports (2026-07-28
basic/transports): the message format, the patterns and the security practice of the standard ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import decode
from wireproof.transports.duplex import Duplex
from wireproof.transports.event_stream import aborter
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Headers, Limits, LineClosed, Peer
from wireproof.transports.framing import Decoder
from wireproof.transports.guard import Guard, Refused, refuse_upgrade
from wireproof.transports.held_wire import HeldWire, WholeFramer
from wireproof.transports.http import (
    JSON,
    Challenge,
    Gate,
    Receive,
    Scope,
    Send,
    address,
    identify,
    live,
    problem,
    respond,
)

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
UNSUPPORTED_DATA: Final = 1003
TOO_BIG: Final = 1009
_SEPARATOR: Final = b"\n"  # encoders never write one inside a message


class WebSocketListener:
    """An ASGI app that takes WebSocket handshakes; each connection is a duplex line.

    `subprotocols` in order of preference; a client must offer one of them. Binary frames end the connection with
    1003, frames over `limits.message` bytes with 1009; every other bad message is answered and the connection lives.
    `connections` at once; more are refused with 503.
    """

    def __init__(
        self,
        accept: Accept,
        *,
        subprotocols: Sequence[str],
        guard: Guard | None = None,
        gate: Gate | None = None,
        limits: Limits = DEFAULT_LIMITS,
        connections: int = 10_000,
        decoder: Decoder = decode,
    ) -> None:
        """Without `guard` there is one that lets loopback names in. `decoder` reads the frames."""
        self._accept: Final = accept
        self._subprotocols: Final = tuple(subprotocols)
        self._guard: Final = guard or Guard(max_body=limits.message)
        self._gate: Final = gate
        self._limits: Final = limits
        self._cap: Final = connections
        self._decoder: Final = decoder
        self._open: Final[set[_Connection]] = set()
        self._stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "websocket":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await live(receive, send, self.stop)
        else:
            refused = self._guard.admit(scope)
            if isinstance(refused, Refused):
                await refused.answer(send)
            else:
                fields = (JSON, (b"upgrade", b"websocket"), (b"connection", b"upgrade"))
                await respond(send, 426, problem("Upgrade required: open a WebSocket here"), fields)

    async def stop(self, *, within_s: float) -> None:
        """End every connection with 1001 once its answers are made; cut what is left after `within_s` seconds."""
        self._stopping = True
        if self._open:
            stops = [asyncio.ensure_future(connection.stop(within_s)) for connection in self._open]
            await asyncio.wait(stops, timeout=within_s)
            for connection in list(self._open):
                connection.wire.abort()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        chosen = self._choose(scope)
        if isinstance(chosen, Refused):
            await refuse_upgrade(chosen, scope, receive, send)
            return
        headers = Headers(scope["headers"])
        caller = await identify(self._gate, scope, headers)
        if not isinstance(caller, Principal):
            await _refuse_by(caller, scope, receive, send)
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": chosen})
        peer = Peer("websocket", caller, headers, address(scope))
        connection = _Connection(self._accept, peer, self._limits, self._decoder, receive, send)
        self._open.add(connection)
        try:
            await connection.run()
        finally:
            self._open.discard(connection)
            abort = aborter(scope)
            if connection.wire.is_cut and abort is not None:
                abort()

    def _choose(self, scope: Scope) -> str | Refused:
        """The subprotocol, or why there is no connection."""
        admitted = self._guard.admit(scope)
        if isinstance(admitted, Refused):
            return admitted
        if self._stopping or len(self._open) >= self._cap:
            return Refused(503, "No more connections now: try again later")
        offered: list[str] = list(scope.get("subprotocols") or [])
        for name in self._subprotocols:
            if name in offered:
                return name
        return Refused(400, f"Offer the WebSocket subprotocol {' or '.join(self._subprotocols)}")


class _Connection:
    """One accepted WebSocket."""

    def __init__(
        self, accept: Accept, peer: Peer, limits: Limits, decoder: Decoder, receive: Receive, send: Send
    ) -> None:
        self._receive: Final = receive
        self._send: Final = send
        self._limits: Final = limits
        self._code = NORMAL
        self._left = False
        self.wire: Final = HeldWire(self._put, bound=limits.outgoing)
        framer = WholeFramer(max_bytes=limits.message, wrap=lambda message: message + _SEPARATOR, decoder=decoder)
        self.line: Final = Duplex(accept, framer, peer=peer, limits=limits)

    async def run(self) -> None:
        """Serve until either side ends."""
        self.wire.attach(self.line)
        reading = asyncio.get_running_loop().create_task(self._read())
        try:
            await self.wire.run()
            if not self._left and not self.wire.is_cut:
                with contextlib.suppress(OSError, RuntimeError):  # the peer may close at the same time
                    await self._send({"type": "websocket.close", "code": self._code})
        finally:
            reading.cancel()

    async def stop(self, within_s: float) -> None:
        """End with 1001."""
        self._code = GOING_AWAY
        await self.line.stop(within_s=within_s)

    async def _read(self) -> None:
        while True:
            await self.wire.may_read()
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                self._left = True
                self.wire.abort()
                return
            text: str | None = event.get("text")
            if text is None:
                self._fail(UNSUPPORTED_DATA)
                return
            data = text.encode("utf-8", "surrogatepass")
            if len(data) > self._limits.message:
                self._fail(TOO_BIG)
                return
            self.line.data_received(data)

    def _fail(self, code: int) -> None:
        self._code = code
        self.line.close()

    async def _put(self, chunk: bytes) -> None:
        try:
            for message in chunk[:-1].split(_SEPARATOR):
                await self._send({"type": "websocket.send", "text": message.decode()})
        except OSError as error:
            raise LineClosed("the peer is gone") from error


async def _refuse_by(challenge: Challenge, scope: Scope, receive: Receive, send: Send) -> None:
    fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in challenge.headers]
    message = challenge.description or challenge.error or "Authentication is needed"
    await refuse_upgrade(Refused(challenge.status, message), scope, receive, send, fields)
