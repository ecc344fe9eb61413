"""MCP conversations over Streamable HTTP, in both eras: one POST for each message."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json

from wireproof.conformance.ledger import HTTP, MODERN
from wireproof.conformance.probe.http import Headers, HttpBroken, Response, Stream, fetch, open_stream
from wireproof.conformance.probe.talk import WAIT, Answer, Listening, RequestId, Talk
from wireproof.conformance.shapes import as_object
from wireproof.conformance.verdict import PeerGone, Recorder, curl_command
from wireproof.schemas.jsonrpc import JSONObject, is_object

NAMED = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
SESSION_HEADER = {"2025-06-18", "2025-11-25"}


class HttpTalk(Talk):
    """Streamable HTTP. Keeps the session id of a session revision."""

    transport = HTTP

    def __init__(self, url: str, revision: str, recorder: Recorder, *, bearer: str | None = None) -> None:
        """Talk to this endpoint."""
        super().__init__(revision, recorder)
        self.url = url
        self.session: str | None = None
        self.bearer = bearer
        self._streams: list[Stream] = []

    @property
    def authorization(self) -> Headers:
        """The header with the user's token, where there is one."""
        return [("Authorization", f"Bearer {self.bearer}")] if self.bearer else []

    def headers(self, message: JSONObject | None = None) -> Headers:
        """The headers of an honest POST of this revision."""
        found: Headers = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
        found += self.authorization
        if self.is_modern:
            found += modern_headers(message, self.revision)
        elif self.session is not None or as_object(message).get("method") != "initialize":
            if self.revision in SESSION_HEADER:
                found.append(("MCP-Protocol-Version", self.revision))
            if self.session is not None:
                found.append(("Mcp-Session-Id", self.session))
        return found

    def public(self, headers: Headers) -> Headers:
        """The headers as evidence may show them: without the user's own token."""
        if not self.bearer:
            return headers
        return [(name, value.replace(self.bearer, "TOKEN")) for name, value in headers]

    async def post(
        self, body: bytes, headers: Headers, *, expect: RequestId | None = None, timeout: float = WAIT
    ) -> Answer:
        """POST bytes with exactly these headers and read until the response with id `expect`, or the end."""
        self.recorder.command = curl_command("POST", self.url, self.public(headers), body)
        self.recorder.sent(_shown("POST", self.public(headers)) + body)
        try:
            stream = await open_stream(self.url, "POST", headers, body, timeout=timeout)
        except TimeoutError:
            return Answer()
        except (OSError, HttpBroken) as error:
            self.recorder.note(f"connection: {error}")
            raise PeerGone(f"The HTTP request failed: {error}") from error
        try:
            return await self._read(stream, expect, timeout)
        finally:
            await stream.close()

    async def _read(self, stream: Stream, expect: RequestId | None, timeout: float) -> Answer:
        response = stream.response
        answer = answer_of(response)
        self.recorder.received(response.raw_head)
        try:
            async with asyncio.timeout(timeout):
                if response.media_type == "text/event-stream":
                    await self._read_events(stream, answer, expect)
                elif response.status not in {204, 304}:
                    answer.raw = response.body = await stream.read_body()
                    self.recorder.received(answer.raw)
                    value = response.json()
                    answer.message = value if is_object(value) else None
        except (TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            self.recorder.note(f"the response did not end: {type(error).__name__}")
        return answer

    async def _read_events(self, stream: Stream, answer: Answer, expect: RequestId | None) -> None:
        while (event := await stream.next_event()) is not None:
            self.recorder.received(f"data: {event.data}".encode())
            if not event.data:
                continue
            try:
                message = json.loads(event.data)
            except ValueError:
                continue
            if not is_object(message):
                continue
            if "method" in message:
                answer.before.append(message)
                if "id" in message:
                    self.asked.append(message)
            elif answer.message is None:
                answer.message = message
                if expect is not None:
                    return

    async def send(self, message: JSONObject, *, timeout: float = WAIT) -> Answer:
        """See `Talk.send`."""
        body = json.dumps(message, ensure_ascii=False).encode()
        return await self.post(body, self.headers(message), expect=message.get("id"), timeout=timeout)

    async def handshake(self, *, capabilities: JSONObject | None = None) -> Answer:
        """See `Talk.handshake`; keeps the session id."""
        if self.is_modern:
            return Answer()
        params: JSONObject = {
            "protocolVersion": self.revision,
            "capabilities": capabilities or {},
            "clientInfo": {"name": "wireproof-check", "version": "1"},
        }
        answer = await self.request("initialize", params, timeout=20)
        self.initialize_answer = answer
        self.session = answer.headers.get("mcp-session-id")
        if answer.message is not None and "result" in answer.message:
            await self.notify("notifications/initialized")
        return answer

    async def notify(self, method: str, params: JSONObject | None = None) -> Answer:
        """See `Talk.notify`."""
        message: JSONObject = {"jsonrpc": "2.0", "method": method}
        if self.is_modern:
            params = {**as_object(params), "_meta": {**self.meta(), **as_object(params).get("_meta", {})}}
        if params:
            message["params"] = params
        return await self.post(json.dumps(message).encode(), self.headers(message))

    async def raw(self, data: bytes, *, expect: RequestId | None = None, timeout: float = WAIT) -> Answer:
        """See `Talk.raw`; the headers are those of an honest request."""
        message: JSONObject | None = None
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(data.decode())
            message = value if is_object(value) else None
        return await self.post(data, self.headers(message), expect=expect, timeout=timeout)

    async def fetch(self, method: str, headers: Headers, body: bytes = b"", *, host: str | None = None) -> Response:
        """Any HTTP request to the endpoint, recorded."""
        shown: Headers = [("Host", host), *headers] if host is not None else headers
        self.recorder.command = curl_command(method, self.url, self.public(shown), body)
        self.recorder.sent(_shown(method, self.public(shown)) + body)
        try:
            response = await fetch(self.url, method, headers, body, timeout=WAIT, host=host)
        except (OSError, HttpBroken) as error:
            self.recorder.note(f"connection: {error}")
            raise PeerGone(f"The HTTP request failed: {error}") from error
        self.recorder.received(response.raw_head + response.body)
        return response

    async def listen(self, message: JSONObject) -> Listening:
        """See `Talk.listen`."""
        body = json.dumps(message).encode()
        headers = self.headers(message)
        self.recorder.command = curl_command("POST", self.url, self.public(headers), body)
        self.recorder.sent(_shown("POST", self.public(headers)) + body)
        try:
            stream = await open_stream(self.url, "POST", headers, body, timeout=WAIT)
        except (OSError, HttpBroken, TimeoutError) as error:
            raise PeerGone(f"The stream could not be opened: {error}") from error
        self.recorder.received(stream.response.raw_head)
        self._streams.append(stream)
        return HttpListening(self, message["id"], stream)

    async def close(self) -> None:
        """Close what is open, and end the session where there is one."""
        for stream in self._streams:
            await stream.close()
        self._streams.clear()
        if self.session is not None:
            with contextlib.suppress(OSError, TimeoutError, PeerGone):
                headers: Headers = [("Mcp-Session-Id", self.session), *self.authorization]
                await fetch(self.url, "DELETE", headers, timeout=1)


class HttpListening(Listening):
    """An open response stream."""

    def __init__(self, talk: HttpTalk, id_: RequestId, stream: Stream) -> None:
        """Read the messages of an open stream."""
        self.id = id_
        self.stream = stream
        self._talk = talk

    async def next(self, timeout: float) -> JSONObject | None:
        """See `Listening.next`."""
        with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError, OSError):
            async with asyncio.timeout(timeout):
                if self.stream.response.media_type != "text/event-stream":
                    value = json.loads(await self.stream.read_body() or b"null")
                    return value if is_object(value) else None
                while (event := await self.stream.next_event()) is not None:
                    self._talk.recorder.received(f"data: {event.data}".encode())
                    if event.data:
                        value = json.loads(event.data)
                        return value if is_object(value) else None
        return None

    async def cancel(self) -> None:
        """Close the response stream."""
        self._talk.recorder.note("the client closes the response stream")
        await self.stream.close()


def modern_headers(message: JSONObject | None, revision: str) -> Headers:
    """The metadata headers of a modern POST."""
    found: Headers = [("MCP-Protocol-Version", revision)]
    method = as_object(message).get("method")
    if isinstance(method, str):
        found.append(("Mcp-Method", method))
        params = as_object(message).get("params")
        name = params.get(NAMED.get(method, "")) if is_object(params) else None
        if isinstance(name, str):
            found.append(("Mcp-Name", header_value(name)))
    return found


def header_value(text: str) -> str:
    """A value as a header carries it: plain when it is safe, else in the base64 form."""
    plain = text.isascii() and text.isprintable() and text == text.strip()
    if plain and not (text.startswith("=?base64?") and text.endswith("?=")):
        return text
    return f"=?base64?{base64.b64encode(text.encode(errors='surrogatepass')).decode()}?="


def answer_of(response: Response) -> Answer:
    """An answer with the head of a response."""
    headers = {name.lower(): value for name, value in response.headers}
    return Answer(status=response.status, headers=headers, media_type=response.media_type)


def without(headers: Headers, *names: str) -> Headers:
    """The headers without the named ones."""
    gone = {name.lower() for name in names}
    return [(name, value) for name, value in headers if name.lower() not in gone]


def replaced(headers: Headers, name: str, value: str) -> Headers:
    """The headers with one of them set to another value."""
    return [*without(headers, name), (name, value)]


def _shown(method: str, headers: Headers) -> bytes:
    lines = "".join(f"{name}: {value}\n" for name, value in headers)
    return f"{method}\n{lines}\n".encode("utf-8", "backslashreplace")


__all__ = ["MODERN", "HttpListening", "HttpTalk", "header_value", "modern_headers", "replaced", "without"]
