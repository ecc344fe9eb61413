"""A conversation with an agent over JSON-RPC or HTTP+JSON: honest requests, raw bytes, streams, and what came back.

Adds what the version demands of an honest client and nothing else. Judges nothing. One face for both bindings: 1.0
operations and documents; requests and results of 0.3 are put into that form.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from wireproof.conformance.ledger import JSONRPC
from wireproof.conformance.probe import a2a_old as old
from wireproof.conformance.probe.http import Headers, HttpBroken, Stream, fetch, open_stream
from wireproof.conformance.shapes import as_list, as_object
from wireproof.conformance.verdict import Broken, Recorder, curl_command
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

WAIT: Final = 8.0
JSON: Final = "application/json"
STREAMING: Final = frozenset({"SendStreamingMessage", "SubscribeToTask"})
_CONFIGS: Final = "/tasks/{taskId}/pushNotificationConfigs"
PATHS: Final[dict[str, tuple[str, str]]] = {
    "SendMessage": ("POST", "/message:send"),
    "SendStreamingMessage": ("POST", "/message:stream"),
    "GetTask": ("GET", "/tasks/{id}"),
    "ListTasks": ("GET", "/tasks"),
    "CancelTask": ("POST", "/tasks/{id}:cancel"),
    "SubscribeToTask": ("POST", "/tasks/{id}:subscribe"),
    "CreateTaskPushNotificationConfig": ("POST", _CONFIGS),
    "GetTaskPushNotificationConfig": ("GET", _CONFIGS + "/{id}"),
    "ListTaskPushNotificationConfigs": ("GET", _CONFIGS),
    "DeleteTaskPushNotificationConfig": ("DELETE", _CONFIGS + "/{id}"),
    "GetExtendedAgentCard": ("GET", "/extendedAgentCard"),
}


@dataclass(slots=True)
class Reply:
    """What came back for one request."""

    status: int
    headers: dict[str, str]
    raw: bytes
    document: JSONValue
    binding: str

    @property
    def media_type(self) -> str:
        """Lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def error(self) -> JSONObject | None:
        """The error object of either binding; None for a success."""
        found = as_object(self.document).get("error")
        if is_object(found):
            return found
        return {} if self.status >= 400 else None

    @property
    def number(self) -> int | None:
        """What tells errors apart: the JSON-RPC code, or the HTTP status. None for a success."""
        if self.error is None:
            return None
        code = self.error.get("code") if self.binding == JSONRPC else self.status
        return code if isinstance(code, int) else None

    @property
    def details(self) -> list[JSONObject]:
        """The typed details of an error."""
        listed = as_object(self.error).get("data" if self.binding == JSONRPC else "details")
        return [each for each in as_list(listed) if is_object(each)]

    @property
    def reason(self) -> str:
        """The reason of the ErrorInfo; "" when there is none."""
        return next((str(each["reason"]) for each in self.details if "reason" in each), "")

    @property
    def result(self) -> JSONObject:
        """The result. Raises `Broken` for anything else."""
        found = as_object(self.document).get("result") if self.binding == JSONRPC else self.document
        if self.error is not None or not is_object(found):
            raise Broken(f"A request that should succeed was answered with {self.describe()}")
        return found

    def describe(self) -> str:
        """The answer for people, short."""
        text = self.raw.decode("utf-8", "replace")
        return f"HTTP {self.status} {text[:220]}{'…' if len(text) > 220 else ''}"


@dataclass(slots=True)
class AgentTalk:
    """Requests to one interface of an agent."""

    url: str
    binding: str
    version: str
    recorder: Recorder
    bearer: str | None = None
    extensions: tuple[str, ...] = ()
    tenant: str = ""
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def headers(self, *, version: str | None = "", accept: str = "") -> Headers:
        """What an honest request carries; another version, or None for no version at all."""
        made: Headers = [("Content-Type", JSON if self.binding == JSONRPC else "application/a2a+json")]
        said = self.version if version == "" else version
        if said is not None:
            made.append(("A2A-Version", said))
        if self.extensions:
            name = "A2A-Extensions" if self.version != "0.3" else "X-A2A-Extensions"
            made.append((name, ",".join(self.extensions)))
        if self.bearer:
            made.append(("Authorization", f"Bearer {self.bearer}"))
        return [*made, ("Accept", accept)] if accept else made

    def build(self, operation: str, params: JSONObject) -> tuple[str, str, bytes]:
        """Method, URL and body of an honest request."""
        if self.tenant:
            params = {"tenant": self.tenant, **params}
        if self.binding == JSONRPC:
            name = operation if self.version != "0.3" else old.METHODS[operation]
            said = params if self.version != "0.3" else old.params(operation, params)
            body = {"jsonrpc": "2.0", "id": next(self._ids), "method": name, "params": said}
            return "POST", self.url, json.dumps(body).encode()
        method, path = PATHS[operation]
        rest = dict(params)
        tenant = str(rest.pop("tenant", ""))
        for name in ("id", "taskId"):
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", quote(str(rest.pop(name)), safe=""))
        url = self.url.rstrip("/") + (f"/{quote(tenant, safe='')}" if tenant else "") + path
        if method == "POST":
            return method, url, json.dumps(rest).encode()
        query = urlencode({key: _plain(value) for key, value in rest.items()})
        return method, f"{url}?{query}" if query else url, b""

    async def call(
        self, operation: str, params: JSONObject, *, version: str | None = "", timeout: float = WAIT
    ) -> Reply:
        """An honest request, with another version or none where a check says so."""
        method, url, body = self.build(operation, params)
        reply = await self.raw(method, url, body, self.headers(version=version), timeout=timeout)
        if self.version == "0.3" and is_object(reply.document) and "result" in reply.document:
            reply.document = {**reply.document, "result": old.result(operation, reply.document["result"])}
        return reply

    async def raw(self, method: str, url: str, body: bytes, headers: Headers, *, timeout: float = WAIT) -> Reply:
        """Exactly these bytes. Raises `Broken` when no HTTP response comes back."""
        self.recorder.command = curl_command(method, url, headers, body)
        self.recorder.sent(f"{method} {url}\n".encode() + "".join(f"{n}: {v}\n" for n, v in headers).encode() + body)
        try:
            response = await fetch(url, method, headers, body, timeout=timeout)
        except HttpBroken as broken:
            raise Broken(f"{method} {url}: {broken}") from broken
        except TimeoutError:
            raise Broken(f"{method} {url} was not answered within {timeout:g} s.") from None
        self.recorder.received(response.raw_head + response.body)
        shown = {name.lower(): value for name, value in response.headers}
        return Reply(response.status, shown, response.body, response.json(), self.binding)

    @contextlib.asynccontextmanager
    async def stream(self, operation: str, params: JSONObject) -> AsyncGenerator[EventFeed]:
        """Open a stream; its events are read from the feed."""
        method, url, body = self.build(operation, params)
        headers = self.headers(accept="text/event-stream")
        self.recorder.command = curl_command(method, url, headers, body)
        self.recorder.sent(f"{method} {url}\n".encode() + body)
        try:
            stream = await open_stream(url, method, headers, body, timeout=WAIT)
        except HttpBroken as broken:
            raise Broken(f"{method} {url}: {broken}") from broken
        self.recorder.received(stream.response.raw_head)
        try:
            yield EventFeed(self, stream)
        finally:
            await stream.close()


@dataclass(slots=True)
class EventFeed:
    """The events of one stream, as they come."""

    talk: AgentTalk
    stream: Stream
    events: list[JSONObject] = field(default_factory=list[JSONObject])
    ended: bool = False

    @property
    def media_type(self) -> str:
        """Of the response."""
        return self.stream.response.media_type

    async def refusal(self) -> Reply:
        """The answer when it is no stream."""
        response = self.stream.response
        async with asyncio.timeout(WAIT):
            response.body = await self.stream.read_body()
        self.talk.recorder.received(response.body)
        shown = {name.lower(): value for name, value in response.headers}
        document = response.json()
        if document is None and self.media_type == "text/event-stream":
            data = response.body.decode("utf-8", "replace").partition("data:")[2].partition("\n\n")[0]
            with contextlib.suppress(ValueError):
                document = json.loads(data)
        return Reply(response.status, shown, response.body, document, self.talk.binding)

    async def next(self, timeout: float = WAIT) -> JSONObject | None:
        """The next event as a StreamResponse; None at the end. Raises `Broken` for silence and for what is none."""
        try:
            async with asyncio.timeout(timeout):
                event = await self.stream.next_event()
        except TimeoutError:
            raise Broken(f"A stream was silent and open for {timeout:g} s.") from None
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise Broken(f"A stream broke off: {error!r}") from error
        if event is None:
            self.ended = True
            return None
        self.talk.recorder.received(event.data.encode())
        try:
            said: JSONValue = json.loads(event.data)
        except ValueError:
            raise Broken(f"An event of a stream is no JSON: {event.data[:200]}") from None
        if self.talk.binding == JSONRPC:
            result = as_object(said).get("result")
            if not is_object(result):
                raise Broken(f"An event of a stream is no JSON-RPC result: {event.data[:200]}")
            said = old.event(result) if self.talk.version == "0.3" else result
        if not is_object(said):
            raise Broken(f"An event of a stream is no object: {event.data[:200]}")
        self.events.append(said)
        return said

    async def rest(self, timeout: float = WAIT, most: int = 500) -> list[JSONObject]:
        """Everything up to the end of the stream. Raises `Broken` as `next` does."""
        async with asyncio.timeout(timeout * 2):
            while len(self.events) < most and await self.next(timeout) is not None:
                pass
        return self.events


def _plain(value: JSONValue) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)
