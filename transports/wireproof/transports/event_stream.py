"""An SSE response as it is written: events, keep-alive comments, a deadline for readers who do not read.

Spec: WHATWG HTML, Server-sent events; MCP basic/transports/streamable-http, Receiving Messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from wireproof.transports.exchange import LineClosed
from wireproof.transports.http import STREAM_HEADERS, Scope, Send

log = logging.getLogger("wireproof.transports")

KEEP_ALIVE_S: Final = 15.0
COMMENT: Final = b":\n\n"


def encode_event(
    data: bytes,
    *,
    id: str | None = None,  # noqa: A002
    event: str | None = None,
    retry_ms: int | None = None,
) -> bytes:
    """One event. `data` is an encoded message; line breaks in it become further `data` lines."""
    head = b""
    if event is not None:
        head += b"event: %b\n" % event.encode()
    if id is not None:
        head += b"id: %b\n" % id.encode()
    if retry_ms is not None:
        head += b"retry: %d\n" % retry_ms
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(data.splitlines())
    return b"%bdata: %b\n\n" % (head, data)


def aborter(scope: Scope) -> Callable[[], None] | None:
    """How to cut this connection without a word, where the server offers it (`wireproof.transports.serve` does)."""
    state: dict[str, Any] = scope.get("state") or {}
    return state.get("wireproof.abort")


class EventStream:
    """One SSE response. Writes are in order, one at a time; each has `write_s` seconds."""

    __slots__ = ("_abort", "_headers", "_lock", "_send", "_write_s", "ended", "started")

    def __init__(
        self,
        send: Send,
        *,
        write_s: float,
        headers: Iterable[tuple[bytes, bytes]] = (),
        abort: Callable[[], None] | None,
    ) -> None:
        self._send: Final = send
        self._write_s: Final = write_s
        self._headers: Final = headers
        self._abort: Final = abort
        self._lock: asyncio.Lock | None = None
        self.started = False
        self.ended = False

    async def write(self, chunk: bytes, *, last: bool = False) -> None:
        """Send one chunk. Waits while the peer is slow; raises `LineClosed` when it is gone or too slow."""
        if self._lock is None:
            self._lock = asyncio.Lock()
        try:
            async with asyncio.timeout(self._write_s), self._lock:
                await self._put(chunk, last=last)
        except TimeoutError:
            self.ended = True
            log.warning("a peer read nothing for %s s; its stream is ended", self._write_s)
            if self._abort is not None:
                self._abort()
                await asyncio.sleep(0)  # the server learns of it in the next turn of the loop
            raise LineClosed("the peer does not read") from None
        except OSError as error:
            self.ended = True
            raise LineClosed("the peer is gone") from error

    async def _put(self, chunk: bytes, *, last: bool) -> None:
        if self.ended:
            raise LineClosed("the stream has ended")
        if not self.started:
            headers = [*STREAM_HEADERS, *self._headers]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            self.started = True
        self.ended = last
        await self._send({"type": "http.response.body", "body": chunk, "more_body": not last})

    async def end(self) -> None:
        """Finish the response, if it is not finished or cut."""
        if not self.ended:
            try:
                await self.write(b"", last=True)
            except LineClosed:
                return
