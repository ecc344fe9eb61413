"""The one driver of duplex connections: a framer, an endpoint, and the answers that are being made.

Owns the table of running answers, the bounds and the order of what is written. Knows no method and no file
descriptor: stdio, sockets, memory and WebSocket put their bytes in and give it a `Wire` to write to.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
from collections import deque
from collections.abc import Coroutine
from typing import Any, Final, Protocol

from wireproof.schemas.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Batch,
    Notification,
    Outcome,
    Refusal,
    Reply,
    Request,
    RequestId,
    encode_batch,
    encode_error,
)
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Endpoint, Limits, LineClosed, Peer
from wireproof.transports.framing import Framer

log = logging.getLogger("wireproof.transports")

_FLUSH_AT: Final = 64 * 1024
_CLOSE_WITHIN_S: Final = 2.0
_EAGER: Final = sys.version_info >= (3, 12)


class Wire(Protocol):
    """The bytes under a duplex line; an `asyncio.Transport` is one."""

    def write(self, data: bytes) -> None:
        """Take bytes without waiting; beyond its high-water mark the wire calls `Duplex.pause_writing`."""
        ...

    def pause_reading(self) -> None:
        """Stop calling `Duplex.data_received`."""
        ...

    def resume_reading(self) -> None:
        """Go on reading."""
        ...

    def close(self) -> None:
        """Write out what is buffered, then close; `Duplex.connection_lost` follows."""
        ...

    def abort(self) -> None:
        """Close now, whatever is buffered; `Duplex.connection_lost` follows."""
        ...


class _Gathering:
    """The replies of one batch, sent together when the last of them is there."""

    __slots__ = ("missing", "replies")

    def __init__(self) -> None:
        self.replies: list[bytes] = []
        self.missing = 0


class _Job:
    """One answer that is being made."""

    __slots__ = ("id", "left", "task", "together", "work")

    def __init__(self, id_: RequestId, work: Coroutine[Any, Any, Reply | None], together: _Gathering | None) -> None:
        self.id = id_
        self.work = work
        self.together = together
        self.task: asyncio.Task[None] | None = None
        self.left = False


class Duplex(asyncio.Protocol):
    """One duplex connection: a `Line` to the protocol, an `asyncio.Protocol` to the bytes.

    Overflow: at `limits.in_flight` running answers, or when the peer does not read, incoming bytes are left unread
    (the sender is blocked). A peer that reads nothing for `limits.write_s` seconds is cut off.
    """

    def __init__(self, accept: Accept, framer: Framer, *, peer: Peer, limits: Limits = DEFAULT_LIMITS) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._framer: Final = framer
        self._peer: Final = peer
        self._limits: Final = limits
        self._wire: Wire | None = None
        self._jobs: Final[dict[RequestId, _Job]] = {}
        self._waiting: Final[deque[Outcome]] = deque()
        self._outbox: Final[list[bytes]] = []
        self._outbox_size = 0
        self._flush_due = False
        self._writable: asyncio.Future[None] | None = None
        self._slow: asyncio.TimerHandle | None = None
        self._drain: asyncio.TimerHandle | None = None
        self._last: asyncio.TimerHandle | None = None
        self._reading_paused = False
        self._ended = False
        self._closed: Final[asyncio.Future[None]] = self._loop.create_future()
        self._endpoint: Final[Endpoint] = accept(self)

    # -- the protocol's side: Outlet and Line -------------------------------------------------------------------

    @property
    def peer(self) -> Peer:
        """What is known about the other side."""
        return self._peer

    @property
    def duplex(self) -> bool:
        """Both sides may send at any time."""
        return True

    @property
    def endpoint(self) -> Endpoint:
        """The protocol's end of this line."""
        return self._endpoint

    async def send(self, data: bytes) -> None:
        """Send one encoded message; waits while the peer is slow. Raises `LineClosed`. Cancel-safe."""
        while self._writable is not None:
            await asyncio.shield(self._writable)
        if self._closed.done() or self._wire is None:
            raise LineClosed("the connection is closed")
        self._write(data)

    def cancel(self, id_: RequestId) -> bool:
        """End the running answer to that request; nothing more is sent for it."""
        job = self._jobs.get(id_)
        if job is None:
            return False
        self._drop(job)
        return True

    def close(self) -> None:
        """Write out what is due, then close."""
        self._flush()
        if self._wire is not None:
            self._wire.close()
            if self._last is None:  # a peer that reads nothing may not hold the end up
                self._last = self._loop.call_later(min(self._limits.write_s, _CLOSE_WITHIN_S), self._abort)

    async def stop(self, *, within_s: float) -> None:
        """End properly: no more input, long answers ended by the endpoint, the rest gets `within_s` seconds."""
        self._endpoint.drain()
        self._end_input(within_s)
        await self.wait_closed()

    async def wait_closed(self) -> None:
        """Return when the connection is gone. Cancel-safe."""
        await asyncio.shield(self._closed)

    # -- the bytes' side: asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Take the wire. `Any`: asyncio types it as BaseTransport, which lacks the methods."""
        self._wire = transport

    def data_received(self, data: bytes) -> None:
        """Take bytes from the wire."""
        if self._ended:
            return
        outcomes = self._framer.feed(data)
        if self._waiting:
            self._waiting.extend(outcomes)
            return
        for index, outcome in enumerate(outcomes):
            if self._is_full():
                self._waiting.extend(outcomes[index:])
                self._pause_reading()
                return
            self._take(outcome)
        if self._is_full():
            self._pause_reading()

    def eof_received(self) -> bool:
        """The peer sends no more: what it sent is still answered, within the drain window; long answers end now."""
        if not self._ended:
            self._waiting.extend(self._framer.end())
        self._pump()
        self._endpoint.drain()
        self._end_input(self._limits.drain_s)
        return True

    def pause_writing(self) -> None:
        """The wire holds more than its bound: the peer does not read."""
        if self._writable is None:
            self._writable = self._loop.create_future()
            self._slow = self._loop.call_later(self._limits.write_s, self._cut_off)
            self._pause_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """The wire is gone: running answers are cancelled and the endpoint is told."""
        if self._closed.done():
            return
        self._closed.set_result(None)
        self._ended = True
        self._waiting.clear()
        self._wire = None
        for timer in (self._drain, self._slow, self._last):
            if timer is not None:
                timer.cancel()
        self.resume_writing()
        for job in list(self._jobs.values()):
            self._drop(job)
        self._endpoint.lost()

    # -- incoming -----------------------------------------------------------------------------------------------

    def _is_full(self) -> bool:
        return len(self._jobs) >= self._limits.in_flight or self._writable is not None

    def _pump(self) -> None:
        while self._waiting and not self._is_full():
            self._take(self._waiting.popleft())
        if self._reading_paused and not self._waiting and not self._is_full() and self._wire is not None:
            self._reading_paused = False
            if not self._ended:
                self._wire.resume_reading()
        self._close_when_done()

    def _pause_reading(self) -> None:
        if not self._reading_paused and self._wire is not None and not self._ended:
            self._reading_paused = True
            self._wire.pause_reading()

    def _take(self, outcome: Outcome) -> None:
        if isinstance(outcome, Request):
            self._answer(outcome)
        elif isinstance(outcome, Notification):
            self._endpoint.notice(outcome, self)
        elif isinstance(outcome, Refusal):
            self._write(outcome.encode())
        elif isinstance(outcome, Batch):
            self._take_batch(outcome)
        else:
            self._endpoint.settle(outcome, self)

    def _answer(self, request: Request, together: _Gathering | None = None) -> None:
        id_ = request.id
        if id_ in self._jobs:
            self._put(_in_flight(id_).encode(), together)
            return
        answer = self._endpoint.answer(request, self)
        if isinstance(answer, Reply):
            self._put(answer.data, together)
            return
        job = _Job(id_, answer, together)
        self._jobs[id_] = job
        if together is not None:
            together.missing += 1
        job.task = _start(self._run(job), self._loop)

    async def _run(self, job: _Job) -> None:
        try:
            reply = await job.work
            while self._writable is not None:
                await asyncio.shield(self._writable)
            if reply is not None and not job.left:
                self._put(reply.data, job.together)
        except Exception:
            log.exception("an endpoint failed on a request; it is answered with -32603")
            self._put(encode_error(job.id, INTERNAL_ERROR, "Internal error"), job.together)
        finally:
            self._leave(job)

    def _leave(self, job: _Job) -> None:
        if job.left:
            return
        job.left = True
        if self._jobs.get(job.id) is job:
            del self._jobs[job.id]
        if job.together is not None:
            job.together.missing -= 1
            self._send_together(job.together)
        if self._waiting or self._reading_paused or self._ended:
            self._pump()

    def _drop(self, job: _Job) -> None:
        if job.task is not None:
            job.task.cancel()
        if inspect.getcoroutinestate(job.work) == inspect.CORO_CREATED:
            job.work.close()  # a task that never took its first step never reaches the work
        self._leave(job)

    def _take_batch(self, batch: Batch) -> None:
        if not self._endpoint.batches:
            refusal = Refusal(None, INVALID_REQUEST, "Invalid request: batches are not part of this protocol revision")
            self._write(refusal.encode())
            return
        together = _Gathering()
        together.missing = 1  # held open until every item is started
        for item in batch.items:
            if isinstance(item, Request):
                self._answer(item, together)
            elif isinstance(item, Refusal):
                together.replies.append(item.encode())
            else:
                self._take(item)
        together.missing -= 1
        self._send_together(together)

    def _send_together(self, together: _Gathering) -> None:
        if together.missing == 0 and together.replies:
            self._write(encode_batch(together.replies))
            together.replies = []

    def _put(self, data: bytes, together: _Gathering | None) -> None:
        if together is None:
            self._write(data)
        else:
            together.replies.append(data)

    # -- outgoing and the end -----------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        self._outbox.append(self._framer.frame(data))
        self._outbox_size += len(data)
        if self._outbox_size >= _FLUSH_AT:
            self._flush()
        elif not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._outbox:
            data = b"".join(self._outbox) if len(self._outbox) > 1 else self._outbox[0]
            self._outbox.clear()
            self._outbox_size = 0
            if self._wire is not None:
                self._wire.write(data)

    def _end_input(self, window_s: float) -> None:
        if not self._ended:
            self._ended = True
            if self._wire is not None:
                self._wire.pause_reading()
        if self._drain is None:
            self._drain = self._loop.call_later(window_s, self._give_up)
        self._close_when_done()

    def _close_when_done(self) -> None:
        if self._ended and not self._jobs and not self._waiting and self._drain is not None:
            self._drain.cancel()
            self.close()

    def _give_up(self) -> None:
        for job in list(self._jobs.values()):
            self._drop(job)
        self.close()
        if self._writable is not None:
            self._abort()

    def _cut_off(self) -> None:
        log.warning("a peer read nothing for %s s; its connection is closed", self._limits.write_s)
        self._abort()

    def _abort(self) -> None:
        if self._wire is not None:
            self._wire.abort()


def _in_flight(id_: RequestId) -> Refusal:
    return Refusal(id_, INVALID_REQUEST, "Invalid request: a request with this id is still being answered")


def _start(work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
    if _EAGER:  # most answers end in their first step: no trip through the loop
        return asyncio.Task(work, loop=loop, eager_start=True)  # type: ignore[call-arg, unused-ignore]
    return loop.create_task(work)
