"""The carrier over HTTP+SSE of 2024-11-05: a GET stream that names where to POST; every answer comes on the stream.

Spec: MCP 2024-11-05 basic/transports, HTTP with SSE.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator
from typing import Final

from wireproof.schemas.jsonrpc import RequestId
from wireproof.transports.client.carrier import (
    Answered,
    BadAnswer,
    Carrier,
    CarrierError,
    CarrierLost,
    HeaderFields,
    StatusRefused,
    Unreachable,
)
from wireproof.transports.client.event_source import EventSource, StreamEvent
from wireproof.transports.client.held_carrier import HeldCarrier, messages_of
from wireproof.transports.client.http_connection import Incoming
from wireproof.transports.client.http_exchange import ClientAuth, HTTPExchange
from wireproof.transports.client.http_pool import Endpoint
from wireproof.transports.client.http_reading import media_type
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits, LineClosed

CONNECT_S: Final = 10.0
"""Seconds until the server must have named its endpoint."""
REFUSAL_BODY: Final = 64 * 1024
_EVENTS: Final = "text/event-stream"


async def open_sse(
    url: str,
    accept: Accept,
    *,
    headers: HeaderFields = (),
    auth: ClientAuth | None = None,
    limits: Limits = DEFAULT_LIMITS,
    timeout_s: float = CONNECT_S,
    trust: ssl.SSLContext | None = None,
) -> Carrier:
    """Open the stream at `url` and wait, at most `timeout_s` seconds, until it names the endpoint.

    Raises `CarrierError`; nothing stays open then. An endpoint of another origin is refused.
    """
    exchange = HTTPExchange(url, headers=headers, auth=auth, trust=trust)
    try:
        async with asyncio.timeout(timeout_s):
            response = await exchange.send("GET", (("accept", _EVENTS), ("cache-control", "no-store")))
            stream = await _opened(response, limits)
            endpoint = await _named(stream, exchange.endpoint)
    except TimeoutError as error:
        await exchange.aclose()
        raise Unreachable(f"the server did not name its endpoint within {timeout_s:g} s") from error
    except BaseException:
        await exchange.aclose()
        raise
    return _SSECarrier(exchange, endpoint, response, stream, accept, limits)


async def _opened(response: Incoming, limits: Limits) -> AsyncGenerator[StreamEvent]:
    if response.status != 200:
        fields = response.fields
        raise StatusRefused(response.status, body=await response.start_of_body(REFUSAL_BODY), headers=fields)
    if media_type(response) != _EVENTS:
        raise BadAnswer(f"the server answered a GET with {media_type(response)[:80]!r}, not an event stream")
    return _events(response, limits)


async def _events(response: Incoming, limits: Limits) -> AsyncGenerator[StreamEvent]:
    """The events of the stream. Raises `CarrierError` at its end."""
    source = EventSource(max_bytes=limits.message)
    async with contextlib.aclosing(response.chunks()) as chunks:
        try:
            async for chunk in chunks:
                for event in source.feed(chunk):
                    yield event
        except ValueError as error:
            raise BadAnswer(f"the server's event stream cannot be read: {error}") from error
    if source.partial:
        raise BadAnswer("the server's event stream ended inside an event")
    raise CarrierLost("the server ended its event stream: connect again")


async def _named(stream: AsyncGenerator[StreamEvent], origin: Endpoint) -> Endpoint:
    async for event in stream:
        if event.event != "endpoint":
            continue
        endpoint = origin.relative(event.data)
        if endpoint.origin != origin.origin:
            raise BadAnswer(f"the server names an endpoint of another origin, {endpoint.url[:120]!r}")
        return endpoint
    raise CarrierLost("the server ended its event stream before it named its endpoint")


class _SSECarrier(HeldCarrier):
    """Requests are POSTed by who asks, so that a refusal reaches him; answers of ours by the sending task."""

    def __init__(
        self,
        exchange: HTTPExchange,
        endpoint: Endpoint,
        response: Incoming,
        stream: AsyncGenerator[StreamEvent],
        accept: Accept,
        limits: Limits,
    ) -> None:
        self._exchange: Final = exchange
        self._endpoint: Final = endpoint
        self._response: Final = response
        self._stream: Final = stream
        super().__init__("sse", accept, self._send, limits, endpoint.authority)
        self.start(self._receive())

    async def ask(self, id_: RequestId, data: bytes, *, headers: HeaderFields = (), operation: str = "") -> Answered:
        """Send one request and wait for its answer on the stream. Raises `CarrierError`."""
        pending = self.pending
        future = pending.expect(id_)
        try:
            await self._post(data, headers, operation)
            return await future
        finally:
            pending.forget(id_, future)

    async def tell(self, data: bytes, *, headers: HeaderFields = ()) -> None:
        """Send one notification or response. Raises `CarrierError`."""
        if self.pending.error is not None:
            raise CarrierLost(str(self.pending.error))
        await self._post(data, headers, "")

    async def _post(self, data: bytes, headers: HeaderFields, operation: str) -> None:
        fields = (("content-type", "application/json"), *headers)
        response = await self._exchange.send("POST", fields, data, operation=operation, endpoint=self._endpoint)
        try:
            body = await response.start_of_body(REFUSAL_BODY)
        finally:
            await response.aclose()
        if response.status // 100 != 2:
            named = response.fields
            raise StatusRefused(response.status, body=body, headers=named)

    async def _send(self, chunk: bytes) -> None:
        for message in messages_of(chunk):
            try:
                await self._post(message, (), "")
            except CarrierError as error:
                raise LineClosed(str(error)) from error

    async def _receive(self) -> None:
        async for event in self._stream:
            if event.event == "message" and event.data:
                await self.hand(event.data.encode())

    async def end_wire(self) -> None:
        await self._stream.aclose()
        await self._response.aclose()
        await self._exchange.aclose()
