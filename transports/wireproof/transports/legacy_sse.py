"""HTTP+SSE of MCP 2024-11-05: a GET stream that names where to POST, and the messages POSTed there.

Each stream is a duplex line; its id is unguessable and bound to the principal that opened it.
Spec: MCP 2024-11-05 basic/transports, HTTP with SSE.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Final
from urllib.parse import parse_qs

from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import Refusal, decode
from wireproof.transports.dialect import Dialect
from wireproof.transports.duplex import Duplex
from wireproof.transports.event_stream import COMMENT, EventStream, aborter, encode_event
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Headers, Limits, LineClosed, Peer
from wireproof.transports.guard import GONE, Guard, MediaTypes, Refused, accepted_types, takes
from wireproof.transports.held_wire import HeldWire, WholeFramer
from wireproof.transports.http import (
    JSON,
    Fields,
    Gate,
    Receive,
    Scope,
    Send,
    Watch,
    address,
    identify,
    live,
    problem,
    refuse_by,
    respond,
)
from wireproof.transports.sessions import SessionLimits

ACCEPT_WITHIN_S: Final = 30.0
"""Seconds that a POST waits for a session whose peer does not read its stream."""


class LegacySSE:
    """One app for two paths: GET opens a stream, POST to `messages_path` sends on it."""

    def __init__(
        self,
        accept: Accept,
        dialect: Dialect,
        *,
        messages_path: str = "/messages",
        guard: Guard | None = None,
        gate: Gate | None = None,
        limits: Limits = DEFAULT_LIMITS,
        sessions: SessionLimits | None = None,
    ) -> None:
        """`messages_path` is told to clients below the path where this app is mounted."""
        self._accept: Final = accept
        self._dialect: Final = dialect
        self._messages_path: Final = messages_path
        self._guard: Final = guard or Guard(max_body=limits.message)
        self._gate: Final = gate
        self._limits: Final = limits
        self._bounds: Final = sessions or SessionLimits()
        self._media: Final = MediaTypes(both=False)
        self._open: Final[dict[str, _Stream]] = {}
        self._stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await live(receive, send, self.stop)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def stop(self, *, within_s: float) -> None:
        """End every stream once its answers are made; cut what is left after `within_s` seconds."""
        self._stopping = True
        if self._open:
            stops = [asyncio.ensure_future(stream.line.stop(within_s=within_s)) for stream in self._open.values()]
            await asyncio.wait(stops, timeout=within_s)
            for stream in list(self._open.values()):
                stream.wire.abort()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = self._guard.admit(scope)
        if isinstance(fields, Refused):
            await fields.answer(send)
            return
        headers = Headers(scope["headers"])
        caller = await identify(self._gate, scope, headers)
        if not isinstance(caller, Principal):
            await refuse_by(caller, send)
            return
        if scope["method"] == "GET":
            await self._open_stream(Peer("sse", caller, headers, address(scope)), fields, scope, receive, send)
        elif scope["method"] == "POST":
            await self._take(caller, fields, scope, receive, send)
        else:
            text = f"Method not allowed: {scope['method']}. GET opens a stream, POST sends a message"
            await respond(send, 405, problem(text), (JSON, (b"allow", b"GET, POST")))

    async def _open_stream(self, peer: Peer, fields: Fields, scope: Scope, receive: Receive, send: Send) -> None:
        if not takes(accepted_types(fields.get(b"accept")), "text/event-stream"):
            await respond(send, 406, problem("Accept must list text/event-stream"))
            return
        if self._stopping or self._is_full(peer.principal):
            await respond(send, 503, problem("Too many streams: end one, or try again later"))
            return
        id_ = secrets.token_urlsafe(24)
        events = EventStream(send, write_s=self._limits.write_s, abort=aborter(scope))
        stream = self._open[id_] = _Stream(self._accept, peer, self._limits, events)
        watch = Watch(receive, stream.wire.abort)
        try:
            where = f"{scope.get('root_path', '')}{self._messages_path}?session_id={id_}"
            await events.write(encode_event(where.encode(), event="endpoint"))
            await stream.run()
            if not watch.gone:
                await events.end()
        except LineClosed:
            stream.line.connection_lost(None)
        finally:
            watch.stop()
            del self._open[id_]

    def _is_full(self, principal: Principal) -> bool:
        if len(self._open) >= self._bounds.total:
            return True
        key = principal.key
        own = (
            0
            if principal.is_anonymous
            else sum(stream.line.peer.principal.key == key for stream in self._open.values())
        )
        return own >= self._bounds.per_principal

    async def _take(self, caller: Principal, fields: Fields, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._media.check(fields)
        body = refused if refused is not None else await self._guard.read_body(fields, receive)
        if isinstance(body, Refused):
            if body is not GONE:
                await body.answer(send)
            return
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session_id", [""])
        if (
            not scope["path"].rstrip("/").endswith(self._messages_path)
        ):  # a client that looks for Streamable HTTP at this address learns that there is none
            text = "Method not allowed: this is HTTP+SSE. GET opens a stream, which names the address for messages"
            await respond(send, 405, problem(text), (JSON, (b"allow", b"GET")))
            return
        stream = self._open.get(asked[0]) if len(asked) == 1 else None
        if stream is None or stream.line.peer.principal.key != caller.key:
            await respond(send, 404, problem("Session not found: open a stream first", -32001))
            return
        message = decode(body, max_bytes=self._guard.max_body)
        if isinstance(message, Refusal):
            await respond(send, 400, message.encode())
            return
        challenge = None if self._gate is None else self._gate.permit(caller, self._dialect.scopes(message))
        if challenge is not None:
            await refuse_by(challenge, send)
            return
        try:
            async with asyncio.timeout(ACCEPT_WITHIN_S):
                await stream.wire.may_read()
        except TimeoutError:
            await respond(send, 503, problem("The stream of this session is not being read"))
            return
        stream.framer.put(message)
        stream.line.data_received(b"")
        await respond(send, 202, headers=())


class _Stream:
    """One open stream and its line."""

    def __init__(self, accept: Accept, peer: Peer, limits: Limits, events: EventStream) -> None:
        self.framer: Final = WholeFramer(
            max_bytes=limits.message, wrap=lambda message: encode_event(message, event="message")
        )
        self.wire: Final = HeldWire(events.write, bound=limits.outgoing, idle=COMMENT)
        self.line: Final = Duplex(accept, self.framer, peer=peer, limits=limits)
        self.wire.attach(self.line)

    async def run(self) -> None:
        """Send until either side ends."""
        await self.wire.run()
