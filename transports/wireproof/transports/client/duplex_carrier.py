"""A carrier over one duplex line: the table of requests that wait, and answers bound to them.

Knows no wire: memory, pipes, sockets and WebSocket give it their bytes. Knows no method.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from wireproof.schemas.jsonrpc import Failure, Notification, Request, RequestId, Result
from wireproof.transports.client.answer_lines import AnswerLines, Unreadable
from wireproof.transports.client.carrier import Answered, BadAnswer, CarrierError, CarrierLost, HeaderFields
from wireproof.transports.duplex import Duplex
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Answer, Endpoint, Limits, Line, LineClosed, Outlet
from wireproof.transports.framing import Framer, LineFramer
from wireproof.transports.memory import MEMORY_PEER, MemoryWire

log = logging.getLogger("wireproof.transports.client")

CLOSE_WITHIN_S: Final = 5.0
"""Seconds that closing may take before the wire is cut."""


class ClientLine(Duplex):
    """The client's end of a duplex line.

    It goes on reading while the peer does not: both sides waiting for the other to read would be a deadlock. The end
    of the peer's output is the end: an answer to a peer that is gone helps nobody.
    """

    def pause_writing(self) -> None:
        """The peer does not read: senders wait, but answers still come in."""
        super().pause_writing()
        self._pump()

    def _is_full(self) -> bool:
        return len(self._jobs) >= self._limits.in_flight

    def last_bytes(self) -> None:
        """The peer sends no more: take what its last bytes still were."""
        if not self._ended:
            for outcome in self._framer.end():
                self._take(outcome)

    def eof_received(self) -> bool:
        """The peer sends no more: what waits for it fails now."""
        super().eof_received()
        self._abort()
        return True


class Pending:
    """The requests of one connection that wait for their answers; the client's endpoint sits behind it."""

    __slots__ = ("_endpoint", "_error", "_waiting", "batches")

    def __init__(self, endpoint: Endpoint) -> None:
        self.batches = endpoint.batches  # a client's end says it once
        self._endpoint: Final = endpoint
        self._waiting: Final[dict[RequestId, asyncio.Future[Answered]]] = {}
        self._error: CarrierError | None = None

    @property
    def error(self) -> CarrierError | None:
        """Why nothing can be asked any more."""
        return self._error

    def expect(self, id_: RequestId) -> asyncio.Future[Answered]:
        """A place for the answer to this request. Raises `CarrierError` when the connection is gone."""
        if self._error is not None:
            raise _again(self._error)
        if id_ in self._waiting:
            raise ValueError(f"a request with the id {id_!r} waits already: give each request an id of its own")
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = future
        return future

    def forget(self, id_: RequestId, future: asyncio.Future[Answered]) -> None:
        """Nobody waits for this answer any more."""
        self._waiting.pop(id_, None)
        if future.done() and not future.cancelled():
            future.exception()  # read, also when the waiter was cancelled in the same turn of the loop

    def fail(self, error: CarrierError) -> None:
        """Fail everything that waits, and everything that will be asked. The first reason stays."""
        if self._error is None:
            self._error = error
        waiting = list(self._waiting.values())
        self._waiting.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(_again(self._error))

    # -- the endpoint of the line -------------------------------------------------------------------------------

    def answer(self, request: Request, out: Outlet) -> Answer:
        """A question of the peer."""
        return self._endpoint.answer(request, out)

    def notice(self, notification: Notification, out: Outlet) -> None:
        """A notification of the peer."""
        self._endpoint.notice(notification, out)

    def settle(self, response: Result | Failure, out: Outlet) -> None:
        """Bind an answer to its request; one that nobody waits for is dropped."""
        id_ = response.id
        future = self._waiting.get(id_) if id_ is not None else self._only()
        if future is None or future.done():
            log.warning("the server answered with id %.80r, which no request that waits has", id_)
        elif isinstance(response, Unreadable):
            future.set_exception(BadAnswer(f"the server's answer is no JSON-RPC message: {response.message}"))
        else:
            future.set_result(Answered(response))

    def _only(self) -> asyncio.Future[Answered] | None:
        """An answer without an id is for the one request that waits, if it is one (JSON-RPC 2.0 section 5)."""
        return next(iter(self._waiting.values())) if len(self._waiting) == 1 else None

    def drain(self) -> None:
        """This side is stopping."""
        self._endpoint.drain()

    def lost(self) -> None:
        """The line is gone."""
        self.fail(CarrierLost("the connection was closed before the answer: connect again"))
        self._endpoint.lost()


def _again(error: CarrierError) -> CarrierError:
    """An exception of its own for each that waits: a traceback belongs to one raise."""
    copy = error.__class__.__new__(error.__class__, *error.args)
    copy.args = error.args
    copy.__dict__.update(error.__dict__)
    return copy


class DuplexCarrier:
    """One connection over a wire on which both sides may send at any time."""

    duplex: bool = True

    def __init__(self, transport: str, accept: Accept) -> None:
        """`accept` makes the client's endpoint when `take` is given the line."""
        self.transport = transport
        self._accept: Final = accept
        self._pending: Pending | None = None
        self._line: Duplex | None = None

    def accept(self, line: Line) -> Endpoint:
        """The endpoint of the line, for the constructor of `ClientLine`."""
        self._pending = Pending(self._accept(line))
        return self._pending

    def take(self, line: Duplex) -> None:
        """Send on this line, which was made with `self.accept`."""
        self._line = line

    @property
    def line(self) -> Duplex:
        """The line under this carrier."""
        if self._line is None:
            raise RuntimeError("the carrier has no line yet")
        return self._line

    @property
    def pending(self) -> Pending:
        """What waits on this carrier."""
        if self._pending is None:
            raise RuntimeError("the carrier has no line yet")
        return self._pending

    async def ask(self, id_: RequestId, data: bytes, *, headers: HeaderFields = (), operation: str = "") -> Answered:
        """Send one request and wait for its answer. Raises `CarrierError`."""
        pending = self.pending
        future = pending.expect(id_)
        try:
            await self.line.send(data)
            return await future
        except LineClosed:
            raise _again(pending.error or CarrierLost("the connection is closed: connect again")) from None
        finally:
            pending.forget(id_, future)

    async def tell(self, data: bytes, *, headers: HeaderFields = ()) -> None:
        """Send one notification or response. Raises `CarrierError`."""
        try:
            await self.line.send(data)
        except LineClosed:
            raise _again(self.pending.error or CarrierLost("the connection is closed: connect again")) from None

    async def aclose(self) -> None:
        """End the connection: what was sent goes out, what waits fails. Bounded by `CLOSE_WITHIN_S`."""
        self.pending.fail(CarrierLost("the connection was closed by this side"))
        self.line.close()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self.line.wait_closed()
        except TimeoutError:
            log.warning("a connection did not close within %s s; it is left behind", CLOSE_WITHIN_S)
            self.line.connection_lost(None)


def answer_lines(max_bytes: int) -> Framer:
    """The framer of wires that carry one message a line."""
    return AnswerLines(max_bytes=max_bytes)


async def open_joined(far: Accept, accept: Accept, *, limits: Limits = DEFAULT_LIMITS) -> DuplexCarrier:
    """Join to a server in this process by the bytes of stdio; `wireproof.transports.client.memory` is the quick way."""
    carrier = DuplexCarrier("memory", accept)
    one, two = MemoryWire(bound=limits.outgoing), MemoryWire(bound=limits.outgoing)
    near = ClientLine(carrier.accept, answer_lines(limits.message), peer=MEMORY_PEER, limits=limits)
    server = Duplex(far, LineFramer(max_bytes=limits.message), peer=MEMORY_PEER, limits=limits)
    one.attach(near, server, two)
    two.attach(server, near, one)
    near.connection_made(one)
    server.connection_made(two)
    carrier.take(near)
    return carrier
