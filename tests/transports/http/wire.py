"""A tiny HTTP-born protocol, and a raw HTTP/1.1 peer that sees every byte."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from tests.transports.echo import Echo
from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import INVALID_REQUEST, Batch, Message, Reply, Request, encode_result
from wireproof.transports.dialect import Decision, Rejection, Route
from wireproof.transports.exchange import Answer, Headers, Line, Outlet
from wireproof.transports.http import problem

BOTH = "application/json, text/event-stream"


class TestDialect:
    """Header `era: single` makes a single exchange; method `open` opens a session; all else belongs to one."""

    __test__ = False

    def route(self, message: Message | Batch, headers: Headers) -> Decision:
        if headers.get("era") == "single":
            return Route.EXCHANGE
        if headers.get("era") == "none":
            return Rejection(400, problem("no such era"))
        return Route.OPEN if isinstance(message, Request) and message.method == "open" else Route.SESSION

    def status(self, code: int) -> int:
        return {-32601: 404}.get(code, 400)

    def scopes(self, message: Message | Batch) -> frozenset[str]:
        return frozenset({"big"}) if isinstance(message, Request) and message.method == "big" else frozenset()

    def primed(self, headers: Headers) -> bool:
        return headers.get("primes") == "yes"


class Peerless(Echo):
    """Echo, with what HTTP adds: `open`, `refuse`, `who`, `listen` (ended by drain), `poll` (releases its stream)."""

    def __init__(self, line: Line, *, batches: bool = False) -> None:
        super().__init__(line, batches=batches)
        self.listening: set[asyncio.Future[None]] = set()
        self.go_on: asyncio.Event = asyncio.Event()

    def answer(self, request: Request, out: Outlet) -> Answer:
        if request.method == "open":
            return Reply(encode_result(request.id, "opened"))
        if request.method == "refuse":
            return Reply(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}', -32601)
        if request.method == "who":
            return Reply(encode_result(request.id, [out.peer.transport, out.peer.principal.subject]))
        return super().answer(request, out)

    async def listen(self, request: Request, out: Outlet) -> Reply:
        await out.send(b'{"jsonrpc":"2.0","method":"listening"}')
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.listening.add(end)
        try:
            await end
        except asyncio.CancelledError:
            self.cancelled.append(request.id)
            raise
        return Reply(encode_result(request.id, "over"))

    async def poll(self, request: Request, out: Any) -> Reply:
        await out.release(5)
        await self.go_on.wait()
        return Reply(encode_result(request.id, "polled"))

    async def silent(self, request: Request, out: Outlet) -> Reply:
        await self.go_on.wait()
        return Reply(encode_result(request.id, "spoken"))

    def drain(self) -> None:
        super().drain()
        for end in self.listening:
            if not end.done():
                end.set_result(None)


class Maker:
    """An `Accept` that remembers the endpoints it made."""

    def __init__(self, *, batches: bool = False) -> None:
        self.made: list[Peerless] = []
        self.batches = batches

    def __call__(self, line: Line) -> Peerless:
        endpoint = Peerless(line, batches=self.batches)
        self.made.append(endpoint)
        return endpoint

    @property
    def last(self) -> Peerless:
        return self.made[-1]


@dataclass(frozen=True)
class Refusal401:
    status: int = 401
    headers: tuple[tuple[str, str], ...] = (("WWW-Authenticate", 'Bearer scope="a"'),)
    error: str = "invalid_token"
    description: str = "no"


class NameGate:
    """A gate for tests: the bearer token is the user's name, scopes after a plus sign."""

    async def authenticate(self, headers: Any, *, method: str, url: str) -> Principal | Refusal401:
        found = {name.lower(): value for name, value in headers}.get("authorization", "")
        if not found.startswith("Bearer "):
            return Refusal401()
        name, *scopes = found.removeprefix("Bearer ").split("+")
        return Principal(name, issuer="test", scopes=frozenset(scopes))

    def permit(self, principal: Principal, scopes: Any) -> Refusal401 | None:
        if frozenset(scopes) <= principal.scopes:
            return None
        wanted = " ".join(sorted(scopes))
        return Refusal401(403, (("WWW-Authenticate", f'Bearer error="insufficient_scope", scope="{wanted}"'),))


@dataclass
class Answered:
    """One HTTP response, whole."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        return self.headers.get("content-type", "")


@dataclass
class SSE:
    """One event as it came."""

    data: str = ""
    id: str | None = None
    event: str | None = None
    retry: str | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Conversation:
    """One connection to a listener."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    held: bytes = b""
    comments: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, path: str, fields: list[tuple[str, str]], body: bytes | None = None) -> None:
        lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in fields]
        if body is not None:
            lines.append(f"content-length: {len(body)}")
        self.writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        await self.writer.drain()

    async def head(self) -> Answered:
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = raw.rstrip().split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self.headers = headers
        return Answered(int(first.split()[1]), headers)

    async def response(self) -> Answered:
        answered = await self.head()
        if "content-length" in answered.headers:
            answered.body = await self.reader.readexactly(int(answered.headers["content-length"]))
        elif answered.headers.get("transfer-encoding") == "chunked":
            while chunk := await self.chunk():
                answered.body += chunk
        return answered

    async def chunk(self) -> bytes:
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        data = await self.reader.readexactly(size + 2)
        return data[:-2]

    async def event(self) -> SSE | None:
        """The next event of a streamed response; None at its end."""
        while True:
            while b"\n\n" not in self.held:
                chunk = await self.chunk()
                if not chunk:
                    assert not self.held
                    return None
                self.held += chunk
            block, self.held = self.held.split(b"\n\n", 1)
            found = SSE()
            for line in block.decode().split("\n"):
                name, _, value = line.partition(": ")
                if name in ("data", "id", "event", "retry"):
                    setattr(found, name, value)
            if block.startswith(b":"):
                self.comments += 1
                continue
            return found

    async def events(self) -> list[SSE]:
        found = []
        while (event := await self.event()) is not None:
            found.append(event)
        return found

    def close(self) -> None:
        self.writer.transport.abort()


@dataclass
class Client:
    """Sends well-formed messages to one listener; each call is a connection of its own unless told otherwise."""

    url: str
    path: str = "/mcp"
    base: list[tuple[str, str]] = field(default_factory=list)
    opened: list[Conversation] = field(default_factory=list)
    app: Any = None

    @property
    def authority(self) -> str:
        return self.url.removeprefix("http://")

    async def connect(self) -> Conversation:
        host, _, port = self.authority.rpartition(":")
        conversation = Conversation(*await asyncio.open_connection(host.strip("[]"), int(port)))
        self.opened.append(conversation)
        return conversation

    def close(self) -> None:
        for conversation in self.opened:
            conversation.close()

    def fields(self, **more: str) -> list[tuple[str, str]]:
        named = [(name.replace("_", "-"), value) for name, value in more.items()]
        return [
            ("host", self.authority),
            ("content-type", "application/json"),
            ("accept", BOTH),
            *self.base,
            *named,
        ]

    async def begin(self, message: Any, **more: str) -> Conversation:
        conversation = await self.connect()
        await conversation.send("POST", self.path, self.fields(**more), json.dumps(message).encode())
        return conversation

    async def post(self, message: Any, **more: str) -> Answered:
        conversation = await self.begin(message, **more)
        try:
            return await conversation.response()
        finally:
            conversation.close()

    async def raw(self, method: str, fields: list[tuple[str, str]], body: bytes | None = None) -> Answered:
        conversation = await self.connect()
        try:
            await conversation.send(method, self.path, fields, body)
            return await conversation.response()
        finally:
            conversation.close()

    async def get(self, **more: str) -> Conversation:
        conversation = await self.connect()
        fields = [("host", self.authority), ("accept", "text/event-stream"), *self.base]
        fields += [(name.replace("_", "-"), value) for name, value in more.items()]
        await conversation.send("GET", self.path, fields)
        return conversation


def call(method: str, id_: Any = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


NOTE = {"jsonrpc": "2.0", "method": "noted", "params": {}}
assert INVALID_REQUEST == -32600
