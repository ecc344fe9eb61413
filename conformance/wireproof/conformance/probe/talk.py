"""A conversation in MCP over any wire: requests, notifications and raw bytes, with each answer's surroundings.

Adds what the revision demands of an honest client (the handshake, `_meta`, headers) and nothing else. Judges nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final

from wireproof.conformance.ledger import MODERN
from wireproof.conformance.shapes import as_object
from wireproof.conformance.verdict import Broken, PeerGone, Recorder
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

META: Final = "io.modelcontextprotocol/"
CLIENT: Final[JSONObject] = {"name": "wireproof-check", "version": "1"}
WAIT: Final = 5.0
"""Seconds that a request may take before it counts as unanswered."""
GRACE: Final = 0.25
"""Seconds that a missing answer gets after a later request was answered."""
RequestId = str | int


@dataclass(slots=True)
class Answer:
    """What came back for one request: the response, and what came before it on its stream."""

    message: JSONObject | None = None
    before: list[JSONObject] = field(default_factory=list[JSONObject])
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    raw: bytes = b""
    media_type: str = ""
    after: list[JSONObject] = field(default_factory=list[JSONObject])

    @property
    def error(self) -> JSONObject | None:
        """The error object, None when there is none."""
        found = as_object(self.message).get("error")
        return found if is_object(found) else None

    @property
    def code(self) -> int | None:
        """The error code, None when the answer is no error."""
        return as_object(self.error).get("code")

    @property
    def result(self) -> JSONObject:
        """The result. Raises `Broken` when the answer is silence, an error or no object."""
        if self.message is None:
            what = f"HTTP {self.status} without a JSON-RPC response" if self.status else f"no answer within {WAIT} s"
            raise Broken(f"A request was not answered: {what}.")
        found = self.message.get("result")
        if not is_object(found):
            raise Broken(f"A request that should succeed was answered with {short(self.message)}")
        return found

    def describe(self) -> str:
        """The answer for people, short."""
        if self.message is None:
            return f"HTTP {self.status}" if self.status else "silence"
        return (f"HTTP {self.status} " if self.status else "") + short(self.message)


def short(value: JSONValue, limit: int = 220) -> str:
    """A JSON value for people, at most `limit` characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Talk(ABC):
    """One conversation with the target, in one revision."""

    transport: str

    def __init__(self, revision: str, recorder: Recorder) -> None:
        """Talk in this revision and keep the evidence in this recorder."""
        self.revision = revision
        self.recorder = recorder
        self.initialize_answer = Answer()
        self.asked: list[JSONObject] = []
        self._ids = itertools.count(1)

    @property
    def is_modern(self) -> bool:
        """True when the revision has per-request metadata instead of a handshake."""
        return self.revision in MODERN

    def next_id(self) -> int:
        """An id that this conversation has not used."""
        return next(self._ids)

    def meta(self, capabilities: JSONObject | None = None, version: str | None = None) -> JSONObject:
        """The `_meta` of a modern request."""
        return {
            f"{META}protocolVersion": version or self.revision,
            f"{META}clientInfo": CLIENT,
            f"{META}clientCapabilities": capabilities or {},
        }

    def build(
        self,
        method: str,
        params: JSONObject | None = None,
        *,
        id_: RequestId | None = None,
        capabilities: JSONObject | None = None,
        meta: JSONObject | None = None,
    ) -> JSONObject:
        """An honest request of this revision."""
        body: JSONObject = {"jsonrpc": "2.0", "id": self.next_id() if id_ is None else id_, "method": method}
        merged = dict(as_object(params))
        extra = dict(as_object(meta))
        if self.is_modern and method != "initialize":
            extra = {**self.meta(capabilities), **extra}
        if extra:
            merged["_meta"] = {**extra, **merged.get("_meta", {})}
        if merged:
            body["params"] = merged
        return body

    async def request(
        self,
        method: str,
        params: JSONObject | None = None,
        *,
        id_: RequestId | None = None,
        capabilities: JSONObject | None = None,
        meta: JSONObject | None = None,
        timeout: float = WAIT,
    ) -> Answer:
        """Send an honest request and wait for its answer."""
        return await self.send(
            self.build(method, params, id_=id_, capabilities=capabilities, meta=meta), timeout=timeout
        )

    async def handshake(self, *, capabilities: JSONObject | None = None) -> Answer:
        """The session revisions' `initialize` and `notifications/initialized`; nothing in a modern one."""
        if self.is_modern:
            return Answer()
        params: JSONObject = {
            "protocolVersion": self.revision,
            "capabilities": capabilities or {},
            "clientInfo": CLIENT,
        }
        answer = await self.request("initialize", params, timeout=20)
        self.initialize_answer = answer
        if answer.message is not None and "result" in answer.message:
            await self.notify("notifications/initialized")
        return answer

    async def alive(self) -> bool:
        """True when a harmless request is still answered."""
        method = "server/discover" if self.is_modern else "ping"
        with contextlib.suppress(PeerGone, TimeoutError, OSError):
            return (await self.request(method)).message is not None
        return False

    @abstractmethod
    async def send(self, message: JSONObject, *, timeout: float = WAIT) -> Answer:
        """Send any request object as it is and wait for the answer with its id."""

    @abstractmethod
    async def notify(self, method: str, params: JSONObject | None = None) -> Answer:
        """Send a notification; over HTTP the answer holds the status."""

    @abstractmethod
    async def raw(self, data: bytes, *, expect: RequestId | None = None, timeout: float = WAIT) -> Answer:
        """Send exact bytes as one message; wait for an answer with id `expect`, or null or none when it is None."""

    @abstractmethod
    async def listen(self, message: JSONObject) -> Listening:
        """Send a request whose answer is a long stream."""

    @abstractmethod
    async def close(self) -> None:
        """End the conversation and all that belongs to it."""


class Listening(ABC):
    """A request whose messages are read one by one."""

    id: RequestId

    @abstractmethod
    async def next(self, timeout: float) -> JSONObject | None:
        """The next message of this request, None when none came in time or the stream ended."""

    @abstractmethod
    async def cancel(self) -> None:
        """Cancel it the way the transport says."""


class DuplexTalk(Talk):
    """One ordered channel for everything. Subclasses move the bytes."""

    def __init__(self, revision: str, recorder: Recorder) -> None:
        """See `Talk`."""
        super().__init__(revision, recorder)
        self.strays: list[JSONObject] = []
        self.noise: list[bytes] = []
        self.late: list[JSONObject] = []
        self.ended = asyncio.Event()
        self._answered: dict[RequestId, asyncio.Future[JSONObject]] = {}
        self.streams: dict[RequestId, asyncio.Queue[JSONObject]] = {}
        self._arrived = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Send one message's bytes, framed."""

    @abstractmethod
    async def read(self) -> bytes | None:
        """The next message's bytes, None at the end."""

    def start(self) -> None:
        """Begin to read."""
        self._reader = asyncio.create_task(self._read_all())

    async def _read_all(self) -> None:
        try:
            while (data := await self.read()) is not None:
                self.recorder.received(data)
                await self._take(data)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended.set()
            for future in self._answered.values():
                if not future.done():
                    future.set_exception(PeerGone("The connection ended before an answer came."))
                    future.exception()
            async with self._arrived:
                self._arrived.notify_all()

    async def _take(self, data: bytes) -> None:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            self.noise.append(data)
            return
        for message in value if is_array(value) else [value]:
            if not is_object(message):
                self.noise.append(data)
                continue
            await self._sort(message)
        async with self._arrived:
            self._arrived.notify_all()

    async def _sort(self, message: JSONObject) -> None:
        id_ = message.get("id")
        if "method" in message:
            if id_ is not None:
                self.asked.append(message)
                await self._answer(message)
                return
            meta = as_object(as_object(message.get("params")).get("_meta"))
            about = meta.get(f"{META}subscriptionId")
            queue = self.streams.get(about) if isinstance(about, (str, int)) else None
            if queue is not None:
                queue.put_nowait(message)
            else:
                self.strays.append(message)
            return
        if isinstance(id_, (str, int)) and id_ in self.streams:
            self.streams[id_].put_nowait(message)
            return
        future = self._answered.get(id_) if isinstance(id_, (str, int)) else None
        if future is not None and not future.done():
            future.set_result(message)
        else:
            self.strays.append(message)

    async def _answer(self, message: JSONObject) -> None:
        method = message.get("method")
        reply: JSONObject = {"jsonrpc": "2.0", "id": message["id"]}
        if method == "ping":
            reply["result"] = {}
        elif method == "roots/list":
            reply["result"] = {"roots": []}
        elif method == "elicitation/create":
            reply["result"] = {"action": "decline"}
        else:
            reply["error"] = {"code": -32601, "message": f"Method not found: {method}"}
        await self.put(json.dumps(reply).encode())

    async def put(self, data: bytes) -> None:
        """Send bytes as one message and record them. Raises PeerGone when nobody reads any more."""
        self.recorder.sent(data)
        try:
            await self.write(data)
        except (ConnectionError, OSError) as error:
            raise PeerGone("The target stopped reading: the pipe or the connection is closed.") from error

    async def send(self, message: JSONObject, *, timeout: float = WAIT) -> Answer:
        """See `Talk.send`."""
        return await self.raw(json.dumps(message, ensure_ascii=False).encode(), expect=message["id"], timeout=timeout)

    async def notify(self, method: str, params: JSONObject | None = None) -> Answer:
        """See `Talk.notify`."""
        body: JSONObject = {"jsonrpc": "2.0", "method": method}
        if self.is_modern:
            params = {**as_object(params), "_meta": {**self.meta(), **as_object(params).get("_meta", {})}}
        if params:
            body["params"] = params
        await self.put(json.dumps(body).encode())
        return Answer()

    async def raw(self, data: bytes, *, expect: RequestId | None = None, timeout: float = WAIT) -> Answer:
        """See `Talk.raw`. Without an id to wait for, a later request bounds the wait."""
        if self.ended.is_set():
            raise PeerGone("The connection had ended already.")
        mark = len(self.strays)
        if expect is None:
            await self.put(data)
            return await self._anonymous(mark)
        future: asyncio.Future[JSONObject] = asyncio.get_running_loop().create_future()
        self._answered[expect] = future
        try:
            await self.put(data)
            async with asyncio.timeout(timeout):
                message = await future
        except TimeoutError:
            return Answer(None, self.strays[mark:])
        finally:
            self._answered.pop(expect, None)
        return Answer(message, self.strays[mark:])

    async def _anonymous(self, mark: int) -> Answer:
        """The first response without a usable id, or silence once a later request was answered and a grace went by."""
        await self.alive()
        answer = self._find(mark)
        if answer is None and not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE), self._arrived:
                    await self._arrived.wait_for(lambda: self._find(mark) is not None or self.ended.is_set())
            answer = self._find(mark)
        return Answer(answer, self.strays[mark:])

    def _find(self, mark: int) -> JSONObject | None:
        for message in self.strays[mark:]:
            if "method" not in message and message.get("id") is None and ("error" in message or "result" in message):
                return message
        return None

    async def until_stray(self, wanted: str, timeout: float, mark: int = 0) -> JSONObject | None:
        """The first uncorrelated notification of this method since `mark`, None when it does not come in time."""

        def found() -> JSONObject | None:
            return next((message for message in self.strays[mark:] if message.get("method") == wanted), None)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._arrived:
                await self._arrived.wait_for(lambda: found() is not None or self.ended.is_set())
        return found()

    async def listen(self, message: JSONObject) -> Listening:
        """See `Talk.listen`."""
        id_: RequestId = message["id"]
        self.streams[id_] = asyncio.Queue()
        await self.put(json.dumps(message).encode())
        return _DuplexListening(self, id_)

    async def release(self) -> None:
        """Stop reading and leave the channel to somebody else."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    async def close(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader


class _DuplexListening(Listening):
    def __init__(self, talk: DuplexTalk, id_: RequestId) -> None:
        self.id = id_
        self._talk = talk

    async def next(self, timeout: float) -> JSONObject | None:
        queue = self._talk.streams[self.id]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                return await queue.get()
        return None

    async def cancel(self) -> None:
        await self._talk.notify("notifications/cancelled", {"requestId": self.id})
