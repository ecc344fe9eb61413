"""Sessions: lines that outlive one HTTP request, found by an unguessable id and the principal that opened them.

Knows no HTTP. Spec: MCP 2025-11-25 basic/transports, Session Management.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Batch,
    Notification,
    Refusal,
    Reply,
    Request,
    RequestId,
    encode_batch,
    encode_error,
)
from wireproof.transports.event_log import MAX_BYTES, MAX_EVENTS, EventLog, Stream
from wireproof.transports.exchange import Accept, Endpoint, Limits, LineClosed, Peer

log = logging.getLogger("wireproof.transports")


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The bounds of a listener's sessions.

    `total` sessions at once and `per_principal` of one verified caller; more are refused. `idle_s` seconds without a
    request, an open stream or a running answer end a session. `events` and `bytes` are kept of each for resuming; the
    oldest go first.
    """

    total: int = 10_000
    per_principal: int = 1_000
    idle_s: float = 1800.0
    events: int = MAX_EVENTS
    bytes: int = MAX_BYTES


class Channel:
    """One stream of a session, and the connection that reads it now, if there is one.

    Overflow: with a reader, `send` waits while more than the bound is unsent; without one, the log forgets its oldest.
    """

    def __init__(
        self, session: Session, peer: Peer, stream: Stream, *, attached: bool, releasable: bool = False
    ) -> None:
        self.peer: Final = peer
        self.session: Final = session
        self.stream: Final = stream
        self.position = 0
        """The last message handed to a connection."""
        self.streaming = False
        self.final: bytes | None = None
        self.final_code: int | None = None
        self.retry_ms: int | None = None
        self.releasable: Final = releasable
        self._reader = 0
        self._attached = attached
        self._unsent = 0
        self._changed: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    async def send(self, data: bytes) -> None:
        """Send one message on this stream. Waits while its reader is slow; raises `LineClosed`. Cancel-safe."""
        while self._attached and self._unsent > self.session.limits.outgoing and not self.session.closed:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)
        if self.session.closed or self.stream.done:
            raise LineClosed("the session or the stream has ended")
        self._append(data)

    async def release(self, retry_ms: int) -> None:
        """Close the connection early; the client comes back for the rest after `retry_ms` milliseconds.

        Does nothing for a client that does not know this (SEP-1699).
        """
        if self.releasable and not self.stream.done:
            self.retry_ms = retry_ms
            self.streaming = True
            self.wake()

    def finish(self, reply: Reply | None) -> None:
        """The last message, or none; nothing more is sent on this stream."""
        if self.stream.done:
            return
        if reply is not None and self.streaming:
            self._append(reply.data)
        elif reply is not None:
            self.final, self.final_code = reply
        self.session.finish(self.stream)
        self.wake()

    def _append(self, data: bytes) -> None:
        self.streaming = True
        self.session.log.append(self.stream, data)
        self._unsent += len(data)
        self.wake()

    # -- the reading connection ---------------------------------------------------------------------------------

    def attach(self, position: int) -> int:
        """Become the reader from that position on; the newest reader wins. Gives a ticket for `is_mine`."""
        self._reader += 1
        self._attached = True
        self.position = position
        self._unsent = sum(len(data) for at, data in self.stream.events if at > position)
        self.wake()
        return self._reader

    def is_mine(self, ticket: int) -> bool:
        """True while no newer connection reads this stream and the session lives."""
        return ticket == self._reader and not self.session.closed

    def detach(self, ticket: int = 0) -> None:
        """The connection with this ticket reads no longer; 0 is the POST that opened the stream."""
        if ticket == self._reader:
            self._attached = False
            self.make_room()

    def handed(self, position: int, size: int) -> None:
        """The connection took the messages up to that position."""
        self.position = position
        self._unsent -= size
        self.make_room()

    async def changed(self, within_s: float) -> bool:
        """Wait for something new on this stream; False when nothing came in time."""
        self._changed = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within_s):
                await self._changed
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Let the reading connection look again."""
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    def make_room(self) -> None:
        """Let senders go on."""
        if self._room is not None:
            self._room.set_result(None)
            self._room = None


class _Sink:
    """Where the replies of one POST go: one reply alone, or those of a batch together."""

    def __init__(self, channel: Channel, missing: int, *, batch: bool) -> None:
        self._channel: Final = channel
        self._batch: Final = batch
        self.missing = missing
        self._replies: Final[list[bytes]] = []

    def put(self, reply: Reply | None) -> None:
        self.missing -= 1
        if not self._batch:
            self._channel.finish(reply)
            return
        if reply is not None:
            self._replies.append(reply.data)
        if self.missing == 0:
            self._channel.finish(Reply(encode_batch(self._replies)) if self._replies else None)


class _Job:
    __slots__ = ("sink", "task", "work")

    def __init__(self, work: Coroutine[Any, Any, Reply | None], sink: _Sink) -> None:
        self.work = work
        self.sink = sink
        self.task: asyncio.Task[None] | None = None


class Session:
    """One session: a `Line` whose unasked messages go to the GET stream.

    Answers belong to the session, not to the connection that asked: a lost connection does not cancel them.
    """

    def __init__(self, accept: Accept, peer: Peer, *, limits: Limits, bounds: SessionLimits) -> None:
        self.id: Final = secrets.token_urlsafe(24)
        self.peer: Final = peer
        self.limits: Final = limits
        self.log: Final = EventLog(max_events=bounds.events, max_bytes=bounds.bytes)
        self.closed = False
        self.last_used = 0.0
        self.connections = 0
        self._jobs: Final[dict[RequestId, _Job]] = {}
        self._channels: Final[dict[int, Channel]] = {}
        self._idle: asyncio.Future[None] | None = None
        self.main: Final = self._new_channel(peer, attached=False)
        self.endpoint: Final[Endpoint] = accept(self)

    @property
    def duplex(self) -> bool:
        """Both sides may send at any time."""
        return True

    @property
    def owner(self) -> str:
        """The key of the principal that this session belongs to."""
        return self.peer.principal.key

    @property
    def is_idle(self) -> bool:
        """True when no connection is open and no answer is being made."""
        return self.connections == 0 and not self._jobs

    async def send(self, data: bytes) -> None:
        """Send a message that belongs to no request of the client."""
        await self.main.send(data)

    def cancel(self, id_: RequestId) -> bool:
        """End the running answer to that request; nothing more is sent for it."""
        job = self._jobs.pop(id_, None)
        if job is None:
            return False
        if job.task is not None:
            job.task.cancel()
        if inspect.getcoroutinestate(job.work) == inspect.CORO_CREATED:
            job.work.close()  # a task that never took its first step never reaches the work
        job.sink.put(None)
        self._settle_idle()
        return True

    def close(self) -> None:
        """End the session: answers are cancelled, streams end, the endpoint is told. Idempotent."""
        if self.closed:
            return
        self.closed = True
        for id_ in list(self._jobs):
            self.cancel(id_)
        for channel in self._channels.values():
            channel.wake()
            channel.make_room()
        self.endpoint.lost()

    async def drain(self) -> None:
        """End long-lived answers properly and wait for the others."""
        self.endpoint.drain()
        if self._jobs:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle

    # -- what HTTP requests bring -------------------------------------------------------------------------------

    def channel(self, peer: Peer, *, releasable: bool = False) -> Channel:
        """A new stream for one POST, whose connection reads it."""
        return self._new_channel(peer, attached=True, releasable=releasable)

    def _new_channel(self, peer: Peer, *, attached: bool, releasable: bool = False) -> Channel:
        channel = Channel(self, peer, self.log.open(), attached=attached, releasable=releasable)
        self._channels[channel.stream.number] = channel
        return channel

    def find(self, event_id: str) -> tuple[Channel, int] | None:
        """The stream and position that a `Last-Event-ID` names; None when it is not kept."""
        found = self.log.find(event_id)
        channel = self._channels.get(found[0].number) if found is not None else None
        return None if found is None or channel is None else (channel, found[1])

    def finish(self, stream: Stream) -> None:
        """Nothing more comes on that stream."""
        self.log.finish(stream)
        if not self.log.knows(stream.number):
            self._channels.pop(stream.number, None)

    def forget(self) -> None:
        """Drop the streams that can no longer be resumed."""
        if len(self._channels) > self.log.streams:
            for number in [number for number in self._channels if not self.log.knows(number)]:
                del self._channels[number]

    def take(self, message: Request | Batch, channel: Channel) -> None:
        """Answer a request, or the requests of a batch, on that stream. Everything else of a batch is taken too."""
        if isinstance(message, Request):
            self._answer(message, channel, _Sink(channel, 1, batch=False))
            return
        sink = _Sink(channel, 1, batch=True)  # held open until every item is started
        for item in message.items:
            if isinstance(item, Request):
                sink.missing += 1
                self._answer(item, channel, sink)
            elif isinstance(item, Refusal):
                sink.missing += 1
                sink.put(Reply(item.encode(), item.code))
            elif isinstance(item, Notification):
                self.endpoint.notice(item, channel)
            else:
                self.endpoint.settle(item, channel)
        sink.put(None)

    def _answer(self, request: Request, channel: Channel, sink: _Sink) -> None:
        refused = self._refuse(request)
        answer = refused if refused is not None else self.endpoint.answer(request, channel)
        if isinstance(answer, Reply):
            sink.put(answer)
            return
        job = _Job(answer, sink)
        self._jobs[request.id] = job
        job.task = asyncio.get_running_loop().create_task(self._run(request.id, job))

    def _refuse(self, request: Request) -> Reply | None:
        if request.id in self._jobs:
            text = "Invalid request: a request with this id is still being answered"
        elif len(self._jobs) >= self.limits.in_flight:
            text = f"Invalid request: {self.limits.in_flight} requests of this session are being answered; try later"
        else:
            return None
        return Reply(encode_error(request.id, INVALID_REQUEST, text), INVALID_REQUEST)

    async def _run(self, id_: RequestId, job: _Job) -> None:
        reply: Reply | None = None
        try:
            reply = await job.work
        except Exception:
            log.exception("an endpoint failed on a request; it is answered with -32603")
            reply = Reply(encode_error(id_, INTERNAL_ERROR, "Internal error"), INTERNAL_ERROR)
        finally:
            if self._jobs.get(id_) is job:
                del self._jobs[id_]
                job.sink.put(reply)
                self._settle_idle()

    def _settle_idle(self) -> None:
        if self._idle is not None and not self._jobs and not self._idle.done():
            self._idle.set_result(None)


class Sessions:
    """The sessions of one listener. A session that is not the caller's is answered like one that is not there."""

    def __init__(self, accept: Accept, *, limits: Limits, bounds: SessionLimits) -> None:
        self._accept: Final = accept
        self._limits: Final = limits
        self._bounds: Final = bounds
        self._open: Final[dict[str, Session]] = {}
        self._owned: Final[dict[str, int]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def open(self, peer: Peer) -> Session | None:
        """A new session of that caller; None when a cap is reached."""
        owner = peer.principal.key
        own_cap = self._bounds.total if peer.principal.is_anonymous else self._bounds.per_principal
        if len(self._open) >= self._bounds.total or self._owned.get(owner, 0) >= own_cap:
            return None
        session = Session(self._accept, peer, limits=self._limits, bounds=self._bounds)
        self._open[session.id] = session
        self._owned[owner] = self._owned.get(owner, 0) + 1
        self.touch(session)
        if self._sweep is None:
            self._plan()
        return session

    def find(self, id_: str, principal: Principal) -> Session | None:
        """The caller's own session with that id."""
        session = self._open.get(id_)
        if session is None or session.closed or session.owner != principal.key:
            return None
        self.touch(session)
        return session

    def touch(self, session: Session) -> None:
        """The session was used now."""
        session.last_used = asyncio.get_running_loop().time()

    def end(self, session: Session) -> None:
        """Close a session and forget it."""
        if self._open.pop(session.id, None) is not None:
            left = self._owned[session.owner] - 1
            if left:
                self._owned[session.owner] = left
            else:
                del self._owned[session.owner]
        session.close()

    async def stop(self, *, within_s: float) -> None:
        """Drain every session, then end them all."""
        sessions = list(self._open.values())
        drains = [asyncio.ensure_future(session.drain()) for session in sessions]
        if drains:
            _, late = await asyncio.wait(drains, timeout=within_s)
            for drain in late:
                drain.cancel()
        for session in list(self._open.values()):
            self.end(session)
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _plan(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(min(self._bounds.idle_s / 2, 60.0), self._reap)

    def _reap(self) -> None:
        """End what was idle for too long; closed ones went already."""
        oldest = asyncio.get_running_loop().time() - self._bounds.idle_s
        for session in list(self._open.values()):
            session.forget()
            if session.closed or (session.is_idle and session.last_used < oldest):
                self.end(session)
        self._sweep = None
        if self._open:
            self._plan()
