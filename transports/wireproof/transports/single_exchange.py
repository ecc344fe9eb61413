"""One POST with an exchange of its own: JSON when the answer is one message, SSE when there are more or it takes long.

The answer runs in the task of the request, so a quick one costs no task, no queue and no watching.
Spec: MCP 2026-07-28 basic/transports/streamable-http, Receiving Messages and Cancellation.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from wireproof.schemas.jsonrpc import INTERNAL_ERROR, Reply, RequestId, encode_error
from wireproof.transports.event_stream import COMMENT, KEEP_ALIVE_S, EventStream, encode_event
from wireproof.transports.exchange import Endpoint, LineClosed, Peer
from wireproof.transports.first_step import Rest
from wireproof.transports.http import Receive, Watch

log = logging.getLogger("wireproof.transports")


class SingleExchange:
    """The line and the outlet of one exchange."""

    __slots__ = ("_beat", "_beating", "_ended", "_id", "_make", "_task", "_watch", "endpoint", "gone", "peer", "stream")

    def __init__(self, peer: Peer, make: Callable[[], EventStream]) -> None:
        """`make` opens the SSE response, when one is needed."""
        self.peer: Final = peer
        self.endpoint: Endpoint | None = None
        self.gone = False
        self.stream: EventStream | None = None
        self._make: Final = make
        self._id: RequestId | None = None
        self._task: asyncio.Task[Any] | None = None
        self._watch: Watch | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def duplex(self) -> bool:
        """One exchange: nothing can be sent after its end."""
        return False

    async def send(self, data: bytes) -> None:
        """Send a message that belongs to this exchange. Raises `LineClosed`. Cancel-safe."""
        if self.gone or self._ended:
            raise LineClosed("the exchange is over")
        await self._write(encode_event(data))

    async def _write(self, chunk: bytes) -> None:
        if self.stream is None:
            self.stream = self._make()
        try:
            await self.stream.write(chunk)
        except LineClosed:
            self.leave()
            raise

    def cancel(self, id_: RequestId) -> bool:
        """End the answer of this exchange, if it has that id and is being made."""
        if id_ != self._id or self._task is None:
            return False
        self.end()
        return True

    def close(self) -> None:
        """End the exchange without a last message."""
        self.end()

    def end(self) -> None:
        """Stop the answer; the peer is still there."""
        if self._task is not None and not self._ended:
            self._ended = True
            self._task.cancel()

    def leave(self) -> None:
        """The peer is gone: stop the answer, send nothing more."""
        self.gone = True
        self.end()

    async def finish(self, id_: RequestId, work: Coroutine[Any, Any, Reply | None], receive: Receive) -> Reply | None:
        """Run the answer to its end, in this task. None when it was ended from outside or ended itself."""
        self._id, self._task = id_, asyncio.current_task()
        try:
            rest = Rest(work)
            if rest.done:
                return rest.result
            self._watch = Watch(receive, self.leave)
            self._beat = asyncio.get_running_loop().call_later(KEEP_ALIVE_S, self._start_beat)
            return await rest
        except asyncio.CancelledError:
            if not self._ended:
                raise  # the server itself is ending this request
            return None
        except Exception:
            log.exception("an endpoint failed on a request; it is answered with -32603")
            return Reply(encode_error(id_, INTERNAL_ERROR, "Internal error"), INTERNAL_ERROR)
        finally:
            self._stop()

    def _stop(self) -> None:
        task, self._task = self._task, None
        if self._ended and task is not None:
            task.uncancel()
        if self._watch is not None:
            self._watch.stop()
        if self._beat is not None:
            self._beat.cancel()
        if self._beating is not None:
            self._beating.cancel()
        self._ended = True

    def _start_beat(self) -> None:
        loop = asyncio.get_running_loop()
        self._beating = loop.create_task(self._comment())
        self._beat = loop.call_later(KEEP_ALIVE_S, self._start_beat)

    async def _comment(self) -> None:
        """Show proxies and the peer that this exchange is alive."""
        with contextlib.suppress(LineClosed):
            await self._write(COMMENT)
