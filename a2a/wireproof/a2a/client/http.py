"""The HTTP wires of the client: JSON-RPC (1.0 and 0.3) and HTTP+JSON, streams as SSE.

Spec: A2A 1.0 sections 9 and 11.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

import jiter
from pydantic_core import to_json

from wireproof.a2a.caller import V0_3
from wireproof.a2a.client.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    DeadlineExceeded,
    InvalidRequest,
    of_jsonrpc,
    of_status,
)
from wireproof.a2a.client.wires import MAX_EVENT, Times, event_of_wire, result_of, translated
from wireproof.schemas.a2a.reading import BadMessage
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.transports.client.event_source import EventSource, StreamEvent
from wireproof.transports.client.http_exchange import ClientAuth, HTTPExchange
from wireproof.transports.client.http_reading import media_type

if TYPE_CHECKING:
    import ssl

    from wireproof.transports.client.http_connection import Incoming

_EVENTS: Final = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPSettings:
    """What goes with every request to an agent. `headers` may hold credentials; `auth` makes them."""

    headers: Mapping[str, str]
    auth: ClientAuth | None = None
    tls: ssl.SSLContext | None = None
    extensions: tuple[str, ...] = ()
    times: Times = field(default_factory=Times)

    def exchange(self, url: str) -> HTTPExchange:
        """Connections to one URL. Raises `Unreachable`."""
        with translated():
            return HTTPExchange(url, headers=tuple(self.headers.items()), auth=self.auth, trust=self.tls)


class _HTTP:
    """What both wires do the same way."""

    def __init__(self, url: str, version: str, settings: HTTPSettings) -> None:
        self.version = version
        self._settings: Final = settings
        self._exchange: Final = settings.exchange(url)
        self._fields: Final = [("a2a-version", version)]
        if settings.extensions:
            name = "x-a2a-extensions" if version == V0_3 else "a2a-extensions"
            self._fields.append((name, ", ".join(settings.extensions)))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._exchange.aclose()

    async def _send(
        self, method: str, target: str | None, body: bytes | None, fields: list[tuple[str, str]]
    ) -> Incoming:
        endpoint = None if target is None else replace(self._exchange.endpoint, target=target)
        return await self._exchange.send(method, [*self._fields, *fields], body, endpoint=endpoint)

    async def _whole(self, response: Incoming) -> JSONValue:
        """The JSON of a body; raises for a status that is no success, unless the body is an answer of JSON-RPC."""
        try:
            raw = await response.body(MAX_EVENT)
        finally:
            await response.aclose()
        try:
            body: JSONValue = jiter.from_json(raw, allow_inf_nan=False) if raw.strip() else None
        except ValueError:
            if response.status // 100 != 2:
                raise of_status(response.status, None) from None
            raise BadAnswer(f"the agent's answer is no JSON: {raw[:60]!r}") from None
        if response.status // 100 != 2 and not (is_object(body) and "jsonrpc" in body and response.status < 500):
            raise of_status(response.status, body)
        if response.status in (401, 403):
            raise of_status(response.status, body)
        return body

    async def _events(self, response: Incoming) -> AsyncGenerator[JSONValue, None]:
        """The data of an event stream, each event whole. Raises what reading raises. Closes the response."""
        times = self._settings.times
        source = EventSource(max_bytes=MAX_EVENT)
        try:
            async with aclosing(response.chunks()) as chunks:
                while True:
                    try:
                        async with asyncio.timeout(times.quiet):
                            chunk = await anext(chunks)
                    except StopAsyncIteration:
                        break
                    except TimeoutError:
                        raise DeadlineExceeded(f"the stream was silent for {times.quiet:g} s") from None
                    for event in _fed(source, chunk):
                        if event.data:
                            yield _parsed(event)
            if source.partial:
                raise ConnectionLost("the stream broke off inside an event")
        finally:
            await response.aclose()


def _fed(source: EventSource, chunk: bytes) -> list[StreamEvent]:
    try:
        return source.feed(chunk)
    except ValueError as error:
        raise BadAnswer(f"the agent's event stream cannot be read: {error}") from error


def _parsed(event: StreamEvent) -> JSONValue:
    try:
        return jiter.from_json(event.data.encode(), allow_inf_nan=False)
    except ValueError as error:
        raise BadAnswer(f"an event of the agent is no JSON: {event.data[:60]!r}") from error


class JSONRPCWire(_HTTP):
    """JSON-RPC over HTTP, in 1.0 or in 0.3."""

    binding: str = "JSONRPC"

    def __init__(self, url: str, version: str, settings: HTTPSettings) -> None:
        super().__init__(url, version, settings)
        self._ids: Final = itertools.count(1)

    async def call(self, operation: str, params: JSONObject, *, within_s: float) -> JSONValue:
        """See `Wire.call`."""
        id_ = next(self._ids)
        with translated(), _timely(within_s):
            async with asyncio.timeout(within_s):
                response = await self._post(id_, operation, params)
                return self._result(operation, id_, await self._whole(response))

    async def stream(self, operation: str, params: JSONObject) -> AsyncGenerator[JSONObject, None]:
        """See `Wire.stream`."""
        id_, times = next(self._ids), self._settings.times
        with translated():
            with _timely(times.answer):
                async with asyncio.timeout(times.answer):
                    response = await self._post(id_, operation, params)
                    if media_type(response) != _EVENTS:
                        self._result(operation, id_, await self._whole(response))
                        raise BadAnswer(f"the agent answered {operation} without a stream")
            async with aclosing(self._events(response)) as events:
                async for event in events:
                    yield self._event(id_, event)

    async def _post(self, id_: int, operation: str, params: JSONObject) -> Incoming:
        method = operation
        if self.version == V0_3:
            method, params = _old(operation, params)
        body = encoded({"jsonrpc": "2.0", "id": id_, "method": method, "params": params})
        accept = f"application/json, {_EVENTS}"
        return await self._send("POST", None, body, [("content-type", "application/json"), ("accept", accept)])

    def _answer(self, id_: int, body: JSONValue) -> JSONValue:
        if not is_object(body) or body.get("jsonrpc") != "2.0":
            raise BadAnswer("the agent's answer is no JSON-RPC response")
        error: JSONValue = body.get("error")
        if is_object(error):
            raise of_jsonrpc(error)
        if body.get("id") != id_ or "result" not in body:
            raise BadAnswer("the agent's answer is not to this request")
        return body["result"]

    def _result(self, operation: str, id_: int, body: JSONValue) -> JSONValue:
        result = self._answer(id_, body)
        if self.version != V0_3:
            return result_of(operation, result)
        from wireproof.a2a.client.old import result_from_03

        try:
            return result_of(operation, result_from_03(operation, result))
        except BadMessage as bad:
            raise BadAnswer(f"the agent's answer to {operation} is none: {bad}") from None

    def _event(self, id_: int, body: JSONValue) -> JSONObject:
        event = self._answer(id_, body)
        if self.version != V0_3:
            return event_of_wire(event)
        from wireproof.a2a.client.old import event_from_03

        try:
            return event_of_wire(event_from_03(event))
        except BadMessage as bad:
            raise BadAnswer(f"an event of the agent is none: {bad}") from None


def _old(operation: str, params: JSONObject) -> tuple[str, JSONObject]:
    from wireproof.a2a.client.old import METHOD_OF, request_to_03

    return METHOD_OF[operation], request_to_03(operation, params)


_TASKS: Final = "/tasks/{id}"
_CONFIGS: Final = "/tasks/{taskId}/pushNotificationConfigs"
_PATHS: Final[Mapping[str, tuple[str, str]]] = {
    "SendMessage": ("POST", "/message:send"),
    "SendStreamingMessage": ("POST", "/message:stream"),
    "GetTask": ("GET", _TASKS),
    "ListTasks": ("GET", "/tasks"),
    "CancelTask": ("POST", f"{_TASKS}:cancel"),
    "SubscribeToTask": ("POST", f"{_TASKS}:subscribe"),
    "CreateTaskPushNotificationConfig": ("POST", _CONFIGS),
    "ListTaskPushNotificationConfigs": ("GET", _CONFIGS),
    "GetTaskPushNotificationConfig": ("GET", f"{_CONFIGS}/{{id}}"),
    "DeleteTaskPushNotificationConfig": ("DELETE", f"{_CONFIGS}/{{id}}"),
    "GetExtendedAgentCard": ("GET", "/extendedAgentCard"),
}


class RESTWire(_HTTP):
    """HTTP+JSON of 1.0."""

    binding: str = "HTTP+JSON"

    def __init__(self, url: str, version: str, settings: HTTPSettings) -> None:
        super().__init__(url, version, settings)
        self._base: Final = self._exchange.endpoint.target.partition("?")[0].rstrip("/")

    async def call(self, operation: str, params: JSONObject, *, within_s: float) -> JSONValue:
        """See `Wire.call`."""
        with translated(), _timely(within_s):
            async with asyncio.timeout(within_s):
                response = await self._ask(operation, params, _PATHS[operation][0], "application/json")
                return result_of(operation, await self._whole(response))

    async def stream(self, operation: str, params: JSONObject) -> AsyncGenerator[JSONObject, None]:
        """See `Wire.stream`. SubscribeToTask is asked by POST, and by GET where that is not served."""
        times = self._settings.times
        with translated():
            with _timely(times.answer):
                async with asyncio.timeout(times.answer):
                    response = await self._ask(operation, params, "POST", _EVENTS)
                    if operation == "SubscribeToTask" and response.status in (404, 405):
                        response = await self._subscribe_by_get(response, params)
                    if media_type(response) != _EVENTS:
                        await self._whole(response)
                        raise BadAnswer(f"the agent answered {operation} without a stream")
            async with aclosing(self._events(response)) as events:
                async for event in events:
                    if is_object(event) and is_object(event.get("error")):
                        raise of_status(0, event)
                    yield event_of_wire(event)

    async def _subscribe_by_get(self, refused: Incoming, params: JSONObject) -> Incoming:
        """The same question by the other verb; a task that is not there stays so. Spec: section 11.3, and the proto."""
        if refused.status == 404:
            try:
                await self._whole(refused)
            except ClientError as error:
                if getattr(error, "name", ""):
                    raise
        else:
            await refused.aclose()
        return await self._ask("SubscribeToTask", params, "GET", _EVENTS)

    async def _ask(self, operation: str, params: JSONObject, method: str, accept: str) -> Incoming:
        target, rest = self._target(operation, params)
        fields = [("accept", f"application/a2a+json, {accept}")]
        if method == "POST":
            fields.append(("content-type", "application/json"))
            return await self._send(method, target, encoded(rest), fields)
        query = urlencode({name: _word(value) for name, value in rest.items()})
        return await self._send(method, f"{target}?{query}" if query else target, None, fields)

    def _target(self, operation: str, params: JSONObject) -> tuple[str, JSONObject]:
        """The path with what belongs there, and the params that are left."""
        rest = dict(params)
        path = _PATHS[operation][1]
        tenant: str = rest.pop("tenant", "")
        for name in ("id", "taskId"):
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", quote(str(rest.pop(name)), safe=""))
        prefix = f"/{quote(tenant, safe='')}" if tenant else ""
        return f"{self._base}{prefix}{path}", rest


def _word(value: JSONValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def encoded(value: JSONObject) -> bytes:
    """The body of a request. Raises `InvalidRequest` for what is no JSON."""
    from pydantic_core import PydanticSerializationError

    try:
        return to_json(value, inf_nan_mode="null")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise InvalidRequest("the message holds something that is no JSON") from error


@contextmanager
def _timely(seconds: float) -> Generator[None]:
    """`TimeoutError` as the client's own."""
    try:
        yield
    except TimeoutError:
        raise DeadlineExceeded(f"no answer within {seconds:g} s") from None
