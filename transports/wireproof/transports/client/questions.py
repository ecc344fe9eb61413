"""The client's line over HTTP: questions of the server are answered as tasks, each answer is a POST of its own.

Knows no method.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from wireproof.schemas.jsonrpc import INTERNAL_ERROR, Reply, Request, RequestId, encode_error
from wireproof.transports.client.carrier import CarrierError, HeaderFields
from wireproof.transports.exchange import Accept, Answer, Endpoint, Limits, LineClosed, Peer

log = logging.getLogger("wireproof.transports.client")

Post = Callable[[bytes, HeaderFields], Awaitable[None]]
"""Send one message with these headers."""
_CLOSE_WITHIN_S: Final = 5.0


class Questions:
    """What the server asks and how it is answered; a `Line` to the client's endpoint."""

    def __init__(self, accept: Accept, post: Post, close: Callable[[], None], limits: Limits, peer: Peer) -> None:
        """`close` ends the carrier."""
        self._post: Final = post
        self._close: Final = close
        self._limits: Final = limits
        self._jobs: Final[dict[RequestId, asyncio.Task[None]]] = {}
        self._lost = False
        self.peer: Final = peer
        self.endpoint: Final[Endpoint] = accept(self)

    @property
    def duplex(self) -> bool:
        """Each exchange stands alone."""
        return False

    async def send(self, data: bytes) -> None:
        """Send one message of the client. Raises `LineClosed`."""
        try:
            await self._post(data, ())
        except CarrierError as error:
            raise LineClosed(str(error)) from error

    def cancel(self, id_: RequestId) -> bool:
        """The server takes its question back."""
        job = self._jobs.pop(id_, None)
        if job is not None:
            job.cancel()
        return job is not None

    def close(self) -> None:
        """End the connection."""
        self._close()

    async def take(self, request: Request, headers: HeaderFields) -> None:
        """Answer a question in a task of its own; waits while `in_flight` others are being answered."""
        while len(self._jobs) >= self._limits.in_flight:
            await asyncio.wait(self._jobs.values(), return_when=asyncio.FIRST_COMPLETED)
        if request.id in self._jobs:
            log.warning("the server asks twice with the id %.80r; the second question is ignored", request.id)
            return
        answer = self.endpoint.answer(request, self)
        job = asyncio.get_running_loop().create_task(self._answer(request.id, answer, headers))
        self._jobs[request.id] = job
        if not isinstance(answer, Reply):
            job.add_done_callback(lambda _: answer.close())  # one that never took its first step never reached it

    async def _answer(self, id_: RequestId, answer: Answer, headers: HeaderFields) -> None:
        try:
            reply = await _made(id_, answer)
            if reply is not None:
                await self._post(reply.data, headers)
        except CarrierError as error:
            log.warning("an answer to the server could not be sent: %s", error)
        finally:
            if self._jobs.get(id_) is asyncio.current_task():
                del self._jobs[id_]

    async def aclose(self) -> None:
        """Stop answering; the endpoint is told once that the connection is gone."""
        jobs = [job for job in self._jobs.values() if job is not asyncio.current_task()]
        self._jobs.clear()
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs, timeout=_CLOSE_WITHIN_S)
        if not self._lost:
            self._lost = True
            self.endpoint.lost()


async def _made(id_: RequestId, answer: Answer) -> Reply | None:
    if isinstance(answer, Reply):
        return answer
    try:
        return await answer
    except Exception:
        log.exception("the client's endpoint failed on a question; it is answered with -32603")
        return Reply(encode_error(id_, INTERNAL_ERROR, "Internal error"), INTERNAL_ERROR)
