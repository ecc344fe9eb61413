"""Streamable HTTP as a raw ASGI app: single exchanges and sessions at one path.

Knows no method: the dialect says where a POST belongs. Needs no lifespan, only ends earlier with one.
Spec: MCP basic/transports/streamable-http (2026-07-28), basic/transports (2025-03-26 to 2025-11-25).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final

from wireproof.schemas.caller import ANONYMOUS, Principal
from wireproof.schemas.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Batch,
    Message,
    Notification,
    Refusal,
    Reply,
    Request,
    RequestId,
    decode,
    encode_error,
)
from wireproof.transports.dialect import Dialect, Rejection, Route
from wireproof.transports.event_stream import COMMENT, KEEP_ALIVE_S, EventStream, aborter, encode_event
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Headers, Limits, LineClosed, Peer
from wireproof.transports.guard import GONE, Guard, MediaTypes, Refused, accepted_types, takes
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
from wireproof.transports.sessions import Channel, Session, SessionLimits, Sessions
from wireproof.transports.single_exchange import SingleExchange

SESSION_HEADER: Final = b"mcp-session-id"
RETRY_AFTER: Final = (b"retry-after", b"5")


class StreamableHTTP:
    """One endpoint. Serves POST always, GET and DELETE for open sessions.

    `accept` makes the protocol's end of each line; `dialect` is its say over HTTP. Without `gate` every caller is
    anonymous. `both`: callers must accept JSON and event streams (MCP demands it). A second GET stream of a session
    takes over from the first.
    """

    def __init__(
        self,
        accept: Accept,
        dialect: Dialect,
        *,
        guard: Guard | None = None,
        gate: Gate | None = None,
        limits: Limits = DEFAULT_LIMITS,
        sessions: SessionLimits | None = None,
        content_types: Iterable[str] = ("application/json",),
        both: bool = True,
    ) -> None:
        """Without `guard` there is one that lets loopback names in."""
        self._accept: Final = accept
        self._dialect: Final = dialect
        self._guard: Final = guard or Guard(max_body=limits.message)
        self._gate: Final = gate
        self._limits: Final = limits
        self._media: Final = MediaTypes(content_types, both=both)
        self._running: Final[set[SingleExchange]] = set()
        self._stopping = False
        self._idle: asyncio.Future[None] | None = None
        self.sessions: Final = Sessions(accept, limits=limits, bounds=sessions or SessionLimits())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await live(receive, send, self.stop)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def stop(self, *, within_s: float) -> None:
        """End long-lived answers by their own last message; what still runs after `within_s` seconds is cut."""
        self._stopping = True
        for exchange in list(self._running):
            if exchange.endpoint is not None:
                exchange.endpoint.drain()
        waits: list[asyncio.Future[None]] = [asyncio.ensure_future(self.sessions.stop(within_s=within_s))]
        if self._running:
            self._idle = asyncio.get_running_loop().create_future()
            waits.append(self._idle)
        await asyncio.wait(waits, timeout=within_s)
        for exchange in list(self._running):
            exchange.end()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = self._guard.admit(scope)
        if isinstance(fields, Refused):
            await fields.answer(send)
            return
        pairs: list[tuple[bytes, bytes]] = scope["headers"]
        headers = Headers(pairs, fields if len(fields) == len(pairs) else None)
        caller = await identify(self._gate, scope, headers) if self._gate is not None else None
        if caller is not None and not isinstance(caller, Principal):
            await refuse_by(caller, send)
            return
        peer = Peer("http", caller or ANONYMOUS, headers, address(scope))
        method: str = scope["method"]
        if method == "POST":
            await self._post(peer, fields, scope, receive, send)
        elif method in ("GET", "DELETE") and SESSION_HEADER in fields:
            await self._in_session(method, peer, fields, scope, receive, send)
        else:
            text = f"Method not allowed: {method}. POST a message; GET and DELETE need an Mcp-Session-Id header"
            await respond(send, 405, problem(text), (JSON, (b"allow", b"POST")))

    async def _post(self, peer: Peer, fields: Fields, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._media.check(fields)
        body = refused if refused is not None else await self._guard.read_body(fields, receive)
        if isinstance(body, Refused):
            if body is not GONE:
                await body.answer(send)
            return
        message = decode(body, max_bytes=self._guard.max_body)
        if isinstance(message, Refusal):
            await respond(send, self._dialect.status(message.code), message.encode())
            return
        route = self._dialect.route(message, peer.headers)
        if self._gate is not None:
            challenge = self._gate.permit(peer.principal, self._dialect.scopes(message))
            if challenge is not None:
                await refuse_by(challenge, send)
                return
        if route is Route.EXCHANGE:
            await self._exchange(message, peer, scope, receive, send)
        elif isinstance(route, Rejection):
            await respond(send, route.status, route.body, (JSON,) if route.body else ())
        elif route is Route.OPEN:
            await self._open(message, peer, scope, receive, send)
        else:
            await self._to_session(message, peer, fields, scope, receive, send)

    # -- single exchanges ---------------------------------------------------------------------------------------

    async def _exchange(self, message: Message | Batch, peer: Peer, scope: Scope, receive: Receive, send: Send) -> None:
        line = SingleExchange(peer, lambda: EventStream(send, write_s=self._limits.write_s, abort=aborter(scope)))
        if isinstance(message, Request):
            endpoint = line.endpoint = self._accept(line)
            try:
                answer = endpoint.answer(message, line)
                reply = answer if isinstance(answer, Reply) else await self._run(line, message.id, answer, receive)
                if not line.gone:
                    await self._conclude(message, reply, line.stream, send)
            finally:
                endpoint.lost()
        elif isinstance(message, Notification):
            endpoint = line.endpoint = self._accept(line)
            endpoint.notice(message, line)
            endpoint.lost()
            await respond(send, 202, headers=())
        else:
            await respond(send, 400, problem("Invalid request: a POST holds one request or one notification"))

    async def _run(
        self, line: SingleExchange, id_: RequestId, work: Coroutine[Any, Any, Reply | None], receive: Receive
    ) -> Reply | None:
        self._running.add(line)
        try:
            return await line.finish(id_, work, receive)
        finally:
            self._running.discard(line)
            if self._idle is not None and not self._running and not self._idle.done():
                self._idle.set_result(None)

    async def _conclude(self, request: Request, reply: Reply | None, stream: EventStream | None, send: Send) -> None:
        """The last message: as the whole JSON body, or as the last event."""
        if stream is not None and stream.started:
            try:
                await stream.write(b"" if reply is None else encode_event(reply.data), last=True)
            except LineClosed:
                return
        elif reply is None and self._stopping:
            text = "Internal error: the server is stopping; try again"
            await respond(send, 503, encode_error(request.id, INTERNAL_ERROR, text), (JSON, RETRY_AFTER))
        elif reply is None:  # ended by the peer's own wish; there is nothing to say
            await respond(send, 202, headers=())
        else:
            status = 200 if reply.code is None else self._dialect.status(reply.code)
            await respond(send, status, reply.data)

    # -- sessions -----------------------------------------------------------------------------------------------

    async def _open(self, message: Message | Batch, peer: Peer, scope: Scope, receive: Receive, send: Send) -> None:
        if not isinstance(message, Request):
            await respond(send, 400, problem("Invalid request: a session is opened by one request"))
            return
        session = None if self._stopping else self.sessions.open(peer)
        if session is None:
            text = "Internal error: too many sessions; end one, or try again later"
            await respond(send, 503, encode_error(message.id, INTERNAL_ERROR, text), (JSON, RETRY_AFTER))
            return
        channel = session.channel(peer)
        session.take(message, channel)
        opened = False
        try:
            await self._reply(session, channel, scope, receive, send, ((SESSION_HEADER, session.id.encode()),))
            opened = channel.final is None or channel.final_code is None
        finally:
            if not opened:
                self.sessions.end(session)

    async def _to_session(
        self, message: Message | Batch, peer: Peer, fields: Fields, scope: Scope, receive: Receive, send: Send
    ) -> None:
        session = await self._find(fields, peer, send)
        if session is None:
            return
        if isinstance(message, (Request, Batch)):
            if isinstance(message, Batch) and not session.endpoint.batches:
                text = "Invalid request: batches are not part of this protocol revision"
                await respond(send, 400, encode_error(None, INVALID_REQUEST, text))
                return
            channel = session.channel(peer, releasable=self._dialect.primed(peer.headers))
            session.take(message, channel)
            await self._reply(session, channel, scope, receive, send)
        else:
            outlet = _Aside(session, peer)
            if isinstance(message, Notification):
                session.endpoint.notice(message, outlet)
            else:
                session.endpoint.settle(message, outlet)
            await respond(send, 202, headers=())

    async def _find(self, fields: Fields, peer: Peer, send: Send) -> Session | None:
        """The caller's session, or the answer that there is none: absent and not yours answer alike."""
        id_ = fields.get(SESSION_HEADER)
        if id_ is None:
            text = "Invalid request: an Mcp-Session-Id header is needed; open a session first"
            await respond(send, 400, problem(text))
            return None
        session = self.sessions.find(id_.decode("latin-1"), peer.principal)
        if session is None:
            await respond(send, 404, problem("Session not found: open a new one", -32001))
        return session

    async def _in_session(
        self, method: str, peer: Peer, fields: Fields, scope: Scope, receive: Receive, send: Send
    ) -> None:
        session = await self._find(fields, peer, send)
        if session is None:
            return
        if method == "DELETE":
            self.sessions.end(session)
            await respond(send, 200, headers=())
            return
        if not takes(accepted_types(fields.get(b"accept")), "text/event-stream"):
            await respond(send, 406, problem("Accept must list text/event-stream"))
            return
        last = fields.get(b"last-event-id")
        place = (session.main, max(session.main.position, session.main.stream.forgotten))
        if last is not None:
            found = session.find(last.decode("latin-1"))
            if found is None:
                text = "Invalid request: this Last-Event-ID names nothing that is still kept; open a stream without it"
                await respond(send, 400, problem(text))
                return
            place = found
        stream = EventStream(send, write_s=self._limits.write_s, abort=aborter(scope))
        primed = last is None and self._dialect.primed(peer.headers)
        await self._read(session, *place, stream, receive, primed=primed)

    async def _reply(
        self,
        session: Session,
        channel: Channel,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Answer a POST of a session: as JSON when the answer is one message and quick, else as its stream."""
        if not channel.stream.done:
            watch = Watch(receive, channel.wake)
            session.connections += 1
            try:
                if not channel.streaming:
                    await channel.changed(KEEP_ALIVE_S)
            finally:
                session.connections -= 1
                watch.stop()
            if watch.gone:
                channel.detach()
                return
        if channel.stream.done and not channel.streaming:
            await self._reply_whole(session, channel, send, headers)
            return
        stream = EventStream(send, write_s=self._limits.write_s, headers=headers, abort=aborter(scope))
        await self._read(session, channel, 0, stream, receive, primed=channel.releasable)

    async def _reply_whole(
        self, session: Session, channel: Channel, send: Send, headers: Iterable[tuple[bytes, bytes]]
    ) -> None:
        if channel.final is not None:
            # An error that answers a request of an open session is an answer: clients take 404 for the session's end.
            code = channel.final_code
            refused = code is not None and (bool(headers) or code == INVALID_REQUEST)
            status = self._dialect.status(code) if code is not None and refused else 200
            await respond(send, status, channel.final, (JSON, *headers))
        elif session.closed:
            await respond(send, 404, problem("Session not found: it was ended", -32001))
        else:  # only notifications and responses in a batch, or a cancelled request: nothing to say
            await respond(send, 202, headers=())

    async def _read(
        self, session: Session, channel: Channel, position: int, stream: EventStream, receive: Receive, *, primed: bool
    ) -> None:
        """Let this connection read a stream of the session until its end, or until either side lets go."""
        channel.streaming = True
        ticket = channel.attach(position)
        watch = Watch(receive, channel.wake)
        session.connections += 1
        try:
            head = encode_event(b"", id=channel.stream.event_id(position)) if primed else COMMENT
            await stream.write(head)
            while channel.is_mine(ticket) and not watch.gone and await _forward(channel, stream):
                pass
            if not watch.gone:
                await stream.end()
        except LineClosed:
            pass
        finally:
            session.connections -= 1
            self.sessions.touch(session)
            watch.stop()
            channel.detach(ticket)


async def _forward(channel: Channel, stream: EventStream) -> bool:
    """Send what is new on the stream; False when this connection is done with it."""
    events = channel.stream.after(channel.position)
    if events is None:  # the reader fell behind what is kept: end it, resuming will say why
        return False
    if events:
        chunk = b"".join(encode_event(data, id=channel.stream.event_id(at)) for at, data in events)
        await stream.write(chunk)
        channel.handed(events[-1][0], sum(len(data) for _, data in events))
        return True
    if channel.stream.done:
        return False
    if channel.retry_ms is not None:
        retry_ms, channel.retry_ms = channel.retry_ms, None
        await stream.write(
            b"id: %b\nretry: %d\ndata: \n\n" % (channel.stream.event_id(channel.position).encode(), retry_ms)
        )
        return False
    if not await channel.changed(KEEP_ALIVE_S):
        await stream.write(COMMENT)
    return True


class _Aside:
    """The outlet of a POST without an answer: what it causes goes to the session's own stream."""

    __slots__ = ("_session", "peer")

    def __init__(self, session: Session, peer: Peer) -> None:
        self._session: Final = session
        self.peer: Final = peer

    async def send(self, data: bytes) -> None:
        """Send one message. Raises `LineClosed`."""
        await self._session.send(data)
