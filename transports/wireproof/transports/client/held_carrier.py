"""A duplex carrier whose messages come whole and are sent one at a time: the part that SSE and WebSocket share.

Two tasks belong to it, one that reads and one that sends; either one's end is the end of the connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from wireproof.schemas.jsonrpc import INVALID_PARAMS, Outcome, Refusal, decode
from wireproof.transports.client.answer_lines import unreadable
from wireproof.transports.client.carrier import CarrierError, CarrierLost
from wireproof.transports.client.duplex_carrier import ClientLine, DuplexCarrier
from wireproof.transports.exchange import Accept, Limits, LineClosed, Peer
from wireproof.transports.held_wire import HeldWire

log = logging.getLogger("wireproof.transports.client")

_EDGE: Final = 256
_SEPARATOR: Final = b"\n"  # encoders never write one inside a message


class AnswerMessages:
    """Each piece of input is one message; what is none is bound to the call whose answer it was."""

    __slots__ = ("_max",)

    def __init__(self, *, max_bytes: int) -> None:
        self._max: Final = max_bytes

    def feed(self, data: bytes) -> list[Outcome]:
        """One whole message."""
        outcome = decode(data, max_bytes=self._max)
        if isinstance(outcome, Refusal) and outcome.code != INVALID_PARAMS:
            return [unreadable(outcome, data[:_EDGE], data[-_EDGE:])]
        return [outcome]

    def end(self) -> list[Outcome]:
        """Nothing is ever left over."""
        return []

    def frame(self, message: bytes) -> bytes:
        """The message and a mark of its end, for `messages_of`."""
        return message + _SEPARATOR


def messages_of(chunk: bytes) -> list[bytes]:
    """The messages that a line wrote together."""
    return chunk[:-1].split(_SEPARATOR)


class HeldCarrier(DuplexCarrier):
    """Owns the reading and the sending of one connection."""

    def __init__(
        self, transport: str, accept: Accept, send: Callable[[bytes], Awaitable[None]], limits: Limits, address: str
    ) -> None:
        """`send` sends what a line wrote; it raises `LineClosed` when the connection is gone."""
        super().__init__(transport, accept)
        self._wire: Final = HeldWire(send, bound=limits.outgoing)
        framer = AnswerMessages(max_bytes=limits.message)
        self.take(ClientLine(self.accept, framer, peer=Peer(transport, address=address), limits=limits))
        self._wire.attach(self.line)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, reading: Coroutine[Any, Any, None]) -> None:
        """Begin to read and to send. `reading` gives messages to `hand` and raises `CarrierError` at the end."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._read(reading)), loop.create_task(self._wire.run())]

    async def hand(self, message: bytes) -> None:
        """Take one message; waits while the line does not read."""
        await self._wire.may_read()
        self.line.data_received(message)

    async def _read(self, reading: Coroutine[Any, Any, None]) -> None:
        try:
            await reading
        except CarrierError as error:
            self.pending.fail(error)
        except LineClosed:
            self.pending.fail(CarrierLost("the connection was closed before the answer: connect again"))
        except Exception:
            log.exception("a reader failed; its connection is closed")
            self.pending.fail(CarrierLost("the connection broke in this process: see the log"))
        finally:
            self._wire.abort()
            self.line.connection_lost(None)

    async def end_wire(self) -> None:
        """Close what is under the wire; bounded. The base has nothing there."""

    async def aclose(self) -> None:
        """End the connection: what was sent goes out, what waits fails."""
        self.pending.fail(CarrierLost("the connection was closed by this side"))
        self.line.close()
        if len(self._tasks) == 2:
            await asyncio.wait([self._tasks[1]], timeout=2.0)
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=2.0)
        finally:
            self.line.connection_lost(None)
            await self.end_wire()
