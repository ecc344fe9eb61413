"""A carrier to a server in this process: two endpoints face to face, no wire between them.

What is sent is decoded as strictly as on a wire, and each answer is made in a task of its own, so deadlines and
cancellation mean the same. Knows no method.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
from collections.abc import Coroutine
from typing import Any, Final

from wireproof.schemas.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Batch,
    Failure,
    Notification,
    Outcome,
    Refusal,
    Reply,
    Request,
    RequestId,
    Result,
    decode,
    encode_error,
)
from wireproof.transports.client.carrier import Answered, BadAnswer, CarrierLost, HeaderFields
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Endpoint, Limits, LineClosed, Peer
from wireproof.transports.memory import MEMORY_PEER

log = logging.getLogger("wireproof.transports.client")

_BREATH_S: Final = 0.005
_CLOSE_WITHIN_S: Final = 5.0
_EAGER: Final = sys.version_info >= (3, 12)


class _Job:
    """One answer that is being made."""

    __slots__ = ("task", "waiter", "work")

    def __init__(self, work: Coroutine[Any, Any, Reply | None], waiter: asyncio.Future[Answered] | None) -> None:
        self.work: Final = work
        self.waiter: Final = waiter
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()
        if inspect.getcoroutinestate(self.work) == inspect.CORO_CREATED:
            self.work.close()  # a task that never took its first step never reaches the work


class _Side:
    """The line of one endpoint; what it sends, the other side takes."""

    __slots__ = ("_carrier", "_limits", "_room", "endpoint", "jobs", "other", "peer")

    def __init__(self, carrier: MemoryCarrier, accept: Accept, limits: Limits, peer: Peer) -> None:
        self._carrier: Final = carrier
        self.peer: Final = peer
        """What this side knows of the other."""
        self._limits: Final = limits
        self._room: asyncio.Future[None] | None = None
        self.jobs: Final[dict[RequestId, _Job]] = {}
        self.other: _Side | None = None
        self.endpoint: Final[Endpoint] = accept(self)

    @property
    def duplex(self) -> bool:
        """Both sides may send at any time."""
        return True

    async def send(self, data: bytes) -> None:
        """Hand one encoded message to the other side. Raises `LineClosed`. Cancel-safe."""
        carrier = self._carrier
        if carrier.loop.time() >= carrier.breathe_at:
            await carrier.breathe()
        other = self.other
        if other is None or self._carrier.closed:
            raise LineClosed("the connection is closed")
        await other.take(decode(data, max_bytes=self._limits.message))

    def cancel(self, id_: RequestId) -> bool:
        """End the running answer to that request; nothing more is sent for it."""
        job = self.jobs.pop(id_, None)
        if job is None:
            return False
        self.leave()
        job.cancel()
        return True

    def close(self) -> None:
        """End both sides."""
        self._carrier.end()

    async def take(self, outcome: Outcome) -> None:
        """Take one message of the other side."""
        if isinstance(outcome, Notification):
            self.endpoint.notice(outcome, self)
        elif isinstance(outcome, Request):
            answer = self.endpoint.answer(outcome, self)
            if isinstance(answer, Reply):
                await self._settle(answer)
            else:
                await self.start(outcome.id, answer, None)
        elif isinstance(outcome, (Result, Failure)):
            self.endpoint.settle(outcome, self)
        elif isinstance(outcome, Batch):
            for item in outcome.items:
                await self.take(item)
        else:
            log.warning("a message in this process is no JSON-RPC message and is ignored: %s", outcome.message)

    async def start(
        self, id_: RequestId, work: Coroutine[Any, Any, Reply | None], waiter: asyncio.Future[Answered] | None
    ) -> None:
        """Make an answer in a task of its own; waits while `in_flight` others are being made."""
        try:
            while len(self.jobs) >= self._limits.in_flight:
                if self._room is None:
                    self._room = self._carrier.loop.create_future()
                await asyncio.shield(self._room)
            if self._carrier.closed:
                raise LineClosed("the connection is closed")
        except BaseException:
            work.close()
            raise
        job = self.jobs[id_] = _Job(work, waiter)
        loop = self._carrier.loop
        if _EAGER:  # most answers end in their first step: no trip through the loop
            made: Any = {"eager_start": True}
            job.task = asyncio.Task(self._run(id_, job), loop=loop, **made)
        else:
            job.task = loop.create_task(self._run(id_, job))

    async def _run(self, id_: RequestId, job: _Job) -> None:
        try:
            reply = await job.work
        except Exception:
            log.exception("an endpoint failed on a request; it is answered with -32603")
            reply = Reply(encode_error(id_, INTERNAL_ERROR, "Internal error"), INTERNAL_ERROR)
        finally:
            if self.jobs.get(id_) is job:
                del self.jobs[id_]
                self.leave()
        if reply is None or self._carrier.closed:
            return
        if job.waiter is None:
            await self._settle(reply)
        elif not job.waiter.done():
            self._carrier.settle(job.waiter, reply)

    async def _settle(self, reply: Reply) -> None:
        if self.other is not None and not self._carrier.closed:
            await self.other.take(decode(reply.data, max_bytes=self._limits.message))

    def leave(self) -> None:
        """An answer is made: there is room for another."""
        if self._room is not None:
            self._room.set_result(None)
            self._room = None


class MemoryCarrier:
    """One connection to a server in this process."""

    transport: str = "memory"
    duplex: bool = True

    def __init__(self, far: Accept, accept: Accept, limits: Limits, peer: Peer) -> None:
        """`far` makes the server's endpoint, `accept` the client's; `peer` is what the server knows of the client."""
        self._limits: Final = limits
        self.loop: Final = asyncio.get_running_loop()
        self.breathe_at = self.loop.time() + _BREATH_S
        self._waiting: Final[dict[RequestId, asyncio.Future[Answered]]] = {}
        self.closed = False
        self._near: Final = _Side(self, accept, limits, MEMORY_PEER)
        self._far: Final = _Side(self, far, limits, peer)
        self._near.other, self._far.other = self._far, self._near
        self._ending: set[asyncio.Task[None]] = set()

    async def breathe(self) -> None:
        """Let others run: nothing here may have waited since `breathe_at` was set."""
        await asyncio.sleep(0)
        self.breathe_at = self.loop.time() + _BREATH_S

    async def ask(self, id_: RequestId, data: bytes, *, headers: HeaderFields = (), operation: str = "") -> Answered:
        """Send one request and wait for its answer. Raises `CarrierError`."""
        if self.loop.time() >= self.breathe_at:
            await self.breathe()
        if self.closed:
            raise CarrierLost("the connection is closed: connect again")
        request = decode(data, max_bytes=self._limits.message)
        if not isinstance(request, Request):
            return Answered(_refused(request))
        if id_ in self._waiting or id_ in self._far.jobs:
            raise ValueError(f"a request with the id {id_!r} waits already: give each request an id of its own")
        answer = self._far.endpoint.answer(request, self._far)
        if isinstance(answer, Reply):
            return self._read(answer)
        waiter: asyncio.Future[Answered] = self.loop.create_future()
        self._waiting[id_] = waiter
        try:
            await self._far.start(id_, answer, waiter)
            return await waiter
        except LineClosed:
            raise CarrierLost("the connection was closed before the answer: connect again") from None
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                waiter.exception()  # read, though nobody waits any more
            raise
        finally:
            del self._waiting[id_]

    async def tell(self, data: bytes, *, headers: HeaderFields = ()) -> None:
        """Send one notification or response. Raises `CarrierLost`."""
        try:
            await self._near.send(data)
        except LineClosed:
            raise CarrierLost("the connection is closed: connect again") from None

    def settle(self, waiter: asyncio.Future[Answered], reply: Reply) -> None:
        """Bind an answer that took time to its request."""
        try:
            waiter.set_result(self._read(reply))
        except BadAnswer as error:
            waiter.set_exception(error)

    def _read(self, reply: Reply) -> Answered:
        message = decode(reply.data, max_bytes=self._limits.message)
        if isinstance(message, (Result, Failure)):
            return Answered(message)
        problem = message.message if isinstance(message, Refusal) else "it is no response"
        raise BadAnswer(f"the server's answer is no JSON-RPC message: {problem}")

    def end(self) -> None:
        """End both sides now: running answers are cancelled, what waits fails, both endpoints are told."""
        if self.closed:
            return
        self.closed = True
        for side in (self._near, self._far):
            for job in side.jobs.values():
                job.cancel()
                if job.task is not None:
                    self._ending.add(job.task)
            side.jobs.clear()
            side.leave()
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(CarrierLost("the connection was closed before the answer: connect again"))
        for side in (self._far, self._near):
            side.endpoint.lost()

    async def aclose(self) -> None:
        """End the connection and wait for what was running, bounded."""
        self.end()
        ending = {job for job in self._ending if job is not asyncio.current_task() and not job.done()}
        if ending:
            await asyncio.wait(ending, timeout=_CLOSE_WITHIN_S)
        self._ending.clear()


def _refused(outcome: Outcome) -> Failure:
    if isinstance(outcome, Refusal):
        return Failure(outcome.id, outcome.code, outcome.message, outcome.data)
    return Failure(None, INVALID_REQUEST, "Invalid request: what was asked is no request")


async def open_memory(
    far: Accept, accept: Accept, *, limits: Limits = DEFAULT_LIMITS, peer: Peer = MEMORY_PEER
) -> MemoryCarrier:
    """Join to a server in this process; `far` is the server's `accept`, `accept` makes the client's endpoint.

    `peer` is what the server takes its caller to be.
    """
    return MemoryCarrier(far, accept, limits, peer)
