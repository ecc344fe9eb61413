"""The carrier over Streamable HTTP: one POST for each message, answers as JSON or as an event stream.

Spec: MCP 2026-07-28 basic/transports/streamable-http; 2025-03-26 to 2025-11-25 basic/transports.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Final

from wireproof.schemas.jsonrpc import Failure, RequestId, decode
from wireproof.transports.client.carrier import (
    Answered,
    BadAnswer,
    CarrierError,
    CarrierLost,
    HeaderFields,
    StatusRefused,
    Unreachable,
)
from wireproof.transports.client.event_source import EventSource
from wireproof.transports.client.http_connection import Incoming
from wireproof.transports.client.http_exchange import ClientAuth, HTTPExchange
from wireproof.transports.client.http_reading import Reader, is_answer_to, media_type
from wireproof.transports.client.questions import Questions
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits, Peer

log = logging.getLogger("wireproof.transports.client")

REFUSAL_BODY: Final = 64 * 1024
RETRY_S: Final = 0.5
"""Seconds before the first attempt to come back where the server named none; doubled with each failure."""
MAX_RETRY_S: Final = 30.0
ATTEMPTS: Final = 5
"""Failures in a row after which a broken answer is given up."""
_DRAIN_S: Final = 1.0
_SESSION: Final = "mcp-session-id"
_NOT_FOUND: Final = -32001
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_POST: Final = (("content-type", _JSON), ("accept", f"{_JSON}, {_EVENTS}"))
_GET: Final = (("accept", _EVENTS),)


async def open_http(
    url: str,
    accept: Accept,
    *,
    headers: HeaderFields = (),
    auth: ClientAuth | None = None,
    limits: Limits = DEFAULT_LIMITS,
    trust: ssl.SSLContext | None = None,
) -> HTTPCarrier:
    """Make a carrier for the endpoint at `url`. Nothing is sent before the first message.

    `headers` go with every request. `auth` gives credentials and answers challenges; it is not closed here. `trust`
    replaces the system's certificates. Raises `Unreachable` when `url` is no http URL.
    """
    return HTTPCarrier(HTTPExchange(url, headers=headers, auth=auth, trust=trust), accept, limits)


class HTTPCarrier:
    """A `SessionCarrier`. Cancelling `ask` closes its exchange, which tells the server (since 2026-07-28)."""

    transport: str = "http"
    duplex: bool = False

    def __init__(self, exchange: HTTPExchange, accept: Accept, limits: Limits) -> None:
        """`exchange` is owned from now on."""
        self._exchange: Final = exchange
        self._limits: Final = limits
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._closed = False
        self.session: str | None = None
        self.resumes = False
        peer = Peer("http", address=exchange.endpoint.authority)
        self._questions: Final = Questions(accept, self._post_aside, self._close_soon, limits, peer)

    # -- one message out ----------------------------------------------------------------------------------------

    async def ask(self, id_: RequestId, data: bytes, *, headers: HeaderFields = (), operation: str = "") -> Answered:
        """Send one request and wait for its answer. Raises `CarrierError`, and what the credentials raise."""
        session = self.session
        response = await self._exchange.send("POST", self._fields(_POST, headers), data, operation=operation)
        try:
            if response.status // 100 != 2:
                return await self._refused(response, id_, session)
            self._adopt(response)
            kind = media_type(response)
            if kind == _JSON:
                body = await response.body(self._limits.message)
                return await self._reader(headers).whole(body, id_)
            if kind != _EVENTS:
                what = f"with the content type {kind[:80]!r}" if kind else f"{response.status} without a content type"
                raise BadAnswer(f"the server answered {what}: a request is answered by JSON or an event stream")
            source = EventSource(max_bytes=self._limits.message)
            answered = await self._until_answer(response, source, id_, headers)
        finally:
            if not response.left_open:
                await response.aclose()
        return answered if answered is not None else await self._resumed(source, id_, headers, operation)

    async def tell(self, data: bytes, *, headers: HeaderFields = ()) -> None:
        """Send one notification or response. Raises `CarrierError`, and what the credentials raise."""
        session = self.session
        response = await self._exchange.send("POST", self._fields(_POST, headers), data)
        try:
            body = await response.start_of_body(REFUSAL_BODY)
        finally:
            await response.aclose()
        if response.status // 100 != 2:
            raise _status_refused(response, body, session)

    async def _post_aside(self, data: bytes, headers: HeaderFields) -> None:
        """The answer to a question, with what the exchange that it came on had for every message."""
        kept = [(name, value) for name, value in headers if name.lower() not in ("mcp-method", "mcp-name")]
        await self.tell(data, headers=kept)

    def _fields(self, base: HeaderFields, headers: HeaderFields) -> list[tuple[str, str]]:
        fields = [*base, *headers]
        if self.session is not None:
            fields.append((_SESSION, self.session))
        return fields

    def _adopt(self, response: Incoming) -> None:
        """Take the session that the server opened. Spec: 2025-11-25 basic/transports#session-management."""
        named = response.header(_SESSION)
        if named is not None and named != self.session:
            if not named.isascii() or not named.isprintable() or " " in named or not named:
                raise BadAnswer("the server named a session id that is no visible ASCII")
            self.session = named

    async def _refused(self, response: Incoming, id_: RequestId, session: str | None) -> Answered:
        """A status that is no success: the answer in its body if there is one. Raises `StatusRefused`."""
        body = await response.start_of_body(REFUSAL_BODY)
        told = media_type(response) == _JSON and response.status != 405  # there is no such endpoint, whatever it says
        failure = decode(body) if told else None
        if isinstance(failure, Failure):
            over = response.status == 404 and session is not None
            ours = is_answer_to(failure, id_) or (failure.id is None and not over)
            if ours and not (over and failure.code == _NOT_FOUND):
                return Answered(failure, response.status)
        raise _status_refused(response, body, session)

    # -- streams in ---------------------------------------------------------------------------------------------

    def _reader(self, headers: HeaderFields) -> Reader:
        return Reader(self._questions, headers, self._limits.message)

    async def _until_answer(
        self, response: Incoming, source: EventSource, id_: RequestId, headers: HeaderFields
    ) -> Answered | None:
        """Read a stream up to the answer; None when it ended before and may be resumed."""
        reader = self._reader(headers)
        chunks = response.chunks()
        try:
            async for chunk in chunks:
                answered = await reader.events(source.feed(chunk), id_)
                if answered is not None:
                    self._drain(response, chunks)
                    return answered
            cut: CarrierError | None = None
        except CarrierLost as error:
            cut = error
        except ValueError as error:
            raise BadAnswer(f"the server's event stream cannot be read: {error}") from error
        finally:
            if not response.left_open:
                await chunks.aclose()
        if self.resumes and source.last_id and not self._closed:
            return None
        if cut is not None:
            raise cut
        if source.partial:
            raise BadAnswer("the server's event stream ended inside an event")
        raise CarrierLost("the server ended its event stream before the answer: ask again if that does no harm")

    def _drain(self, response: Incoming, chunks: AsyncGenerator[bytes]) -> None:
        """Read a stream to its end behind the answer, so that its connection can be used again."""
        response.left_open = True
        self._own(self._drained(response, chunks))

    async def _drained(self, response: Incoming, chunks: AsyncGenerator[bytes]) -> None:
        try:
            async with asyncio.timeout(_DRAIN_S):
                async for _ in chunks:
                    pass
        except (TimeoutError, CarrierError):
            return
        finally:
            await chunks.aclose()
            await response.aclose()

    async def _resumed(self, source: EventSource, id_: RequestId, headers: HeaderFields, operation: str) -> Answered:
        """Come back for an answer whose stream broke. Spec: 2025-11-25 basic/transports#resumability-and-redelivery."""
        failures = 0
        while failures < ATTEMPTS:
            await self._pause(source, failures)
            place = source.last_id
            try:
                source = _continued(source, self._limits.message)
                async with self._stream(source, headers, operation) as response:
                    if response is None:
                        raise CarrierLost("the server does not let a broken answer be resumed: ask again")
                    answered = await self._until_answer(response, source, id_, headers)
            except StatusRefused as refusal:
                if refusal.status < 500:
                    raise
                answered = None
            except Unreachable:
                answered = None
            if answered is not None:
                return answered
            failures = 0 if source.last_id != place else failures + 1
        raise CarrierLost(f"an answer broke off and {ATTEMPTS} attempts to resume it brought nothing: ask again")

    async def hear(self, *, headers: HeaderFields = ()) -> None:
        """Hold the session's own stream until cancelled. Returns on 405.

        Raises `StatusRefused` on other 4xx, `BadAnswer` when what comes is again and again no event stream.
        """
        source = EventSource(max_bytes=self._limits.message)
        failures = 0
        while not self._closed:
            place = source.last_id
            try:
                source = _continued(source, self._limits.message)
                async with self._stream(source, headers, "") as response:
                    if response is None:
                        return
                    if await self._listen(response, source, headers):
                        failures = 0
            except StatusRefused as refusal:
                if refusal.status == 400 and place:  # the server forgot that place: begin anew
                    source = EventSource(max_bytes=self._limits.message)
                elif refusal.status < 500:
                    raise
            except BadAnswer:
                if failures >= ATTEMPTS:
                    raise
            except (CarrierLost, Unreachable) as error:
                log.debug("the stream of a session broke: %s", error)
            failures += 1
            await self._pause(source, failures)

    async def _listen(self, response: Incoming, source: EventSource, headers: HeaderFields) -> bool:
        """Read a stream that answers nothing; True when it brought an event."""
        reader = self._reader(headers)
        heard = False
        async with contextlib.aclosing(response.chunks()) as chunks:
            try:
                async for chunk in chunks:
                    events = source.feed(chunk)
                    heard = heard or bool(events)
                    await reader.events(events, None)
            except ValueError as error:
                raise BadAnswer(f"the server's event stream cannot be read: {error}") from error
        return heard

    @contextlib.asynccontextmanager
    async def _stream(
        self, source: EventSource, headers: HeaderFields, operation: str
    ) -> AsyncGenerator[Incoming | None]:
        """GET a stream, at the place where `source` is. None when the server has none (405)."""
        session = self.session
        fields = self._fields(_GET, headers)
        if self.resumes and source.last_id:
            fields.append(("last-event-id", source.last_id))
        response = await self._exchange.send("GET", fields, operation=operation)
        try:
            if response.status == 405:
                yield None
                return
            if response.status != 200:
                raise _status_refused(response, await response.start_of_body(REFUSAL_BODY), session)
            if media_type(response) != _EVENTS:
                raise BadAnswer(f"the server answered a GET with {media_type(response)[:80]!r}, not an event stream")
            yield response
        finally:
            if not response.left_open:
                await response.aclose()

    async def _pause(self, source: EventSource, failures: int) -> None:
        """Wait as long as the server asked for, else longer with each failure; never all clients at once."""
        if source.retry_ms is not None:
            wait = min(source.retry_ms / 1000, 10 * MAX_RETRY_S) * (1 + random.random() / 10)  # noqa: S311
        else:
            wait = min(RETRY_S * 2.0 ** max(failures - 1, 0), MAX_RETRY_S) * (0.5 + random.random() / 2)  # noqa: S311
        await asyncio.sleep(wait)
        if self._closed:
            raise CarrierLost("the connection was closed by this side")

    # -- the end ------------------------------------------------------------------------------------------------

    async def end_session(self, *, headers: HeaderFields = ()) -> None:
        """Tell the server that the session is over (DELETE); what it answers is ignored."""
        if self.session is None:
            return
        response = await self._exchange.send("DELETE", self._fields((), headers))
        self.session = None
        await response.start_of_body(REFUSAL_BODY)
        await response.aclose()

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _close_soon(self) -> None:
        if not self._closed:
            self._own(self.aclose())

    async def aclose(self) -> None:
        """End everything; exchanges that run raise `CarrierLost`."""
        self._closed = True
        await self._questions.aclose()
        await self._exchange.aclose()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_DRAIN_S)


def _continued(source: EventSource, max_bytes: int) -> EventSource:
    """A reader for the next stream, at the place of the last."""
    following = EventSource(max_bytes=max_bytes, last_id=source.last_id)
    following.retry_ms = source.retry_ms
    return following


def _status_refused(response: Incoming, body: bytes, session: str | None) -> StatusRefused:
    fields = response.fields
    gone = response.status == 404 and session is not None
    return StatusRefused(response.status, body=body, headers=fields, session_gone=gone)
