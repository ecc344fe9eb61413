"""The ASGI form of an agent: JSON-RPC at `/`, HTTP+JSON at its paths, the Agent Card at the well-known one.

Raw ASGI behind the one ingress guard. Spec: A2A 1.0 sections 8.2 (discovery), 9 (JSON-RPC), 11 (HTTP+JSON).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json

from wireproof.a2a.bindings import jsonrpc, rest, rest_v03
from wireproof.a2a.bindings.card_page import CARD_PATHS, CardPage
from wireproof.a2a.bindings.duplex import SUBPROTOCOLS, WEBSOCKET_PATH, accept_for
from wireproof.a2a.bindings.facts import (
    EXTENSIONS_HEADER,
    OLD_EXTENSIONS_HEADER,
    VERSION_HEADER,
    agreed_version,
    extensions_of,
)
from wireproof.a2a.bindings.versions import edge_of, proto_edge_of
from wireproof.a2a.caller import V0_3, V1_0, Caller
from wireproof.a2a.card import HTTP_JSON, JSONRPC, Interface
from wireproof.a2a.errors import A2AError, Kind
from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import MAX_MESSAGE, JSONObject, JSONValue, Refusal, decode
from wireproof.transports.event_stream import COMMENT, KEEP_ALIVE_S, EventStream, aborter, encode_event
from wireproof.transports.exchange import Headers, LineClosed
from wireproof.transports.first_step import gathered
from wireproof.transports.guard import GONE, Guard, Refused
from wireproof.transports.http import (
    JSON,
    Fields,
    Receive,
    Scope,
    Send,
    Watch,
    identify,
    refuse_by,
    respond,
)

if TYPE_CHECKING:
    from wireproof.a2a.core import Core
    from wireproof.transports.http import Gate
    from wireproof.transports.websocket import WebSocketListener

log = logging.getLogger("wireproof.a2a.http")

_JSON_TYPES: Final = (b"application/json", b"application/a2a+json")
_WRITE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPOptions:
    """How an agent shows itself over HTTP.

    `allowed_hosts` and `allowed_origins` are let in besides loopback names. `gate` decides who may call, in place of
    the agent's security schemes; without either every caller is anonymous. `public_url` is what the card names, where a
    proxy stands in front. `versions` are the protocol versions that are spoken. `interfaces` are named in the card
    besides those of this application. `card_max_age_s`: how long a card may be cached.
    """

    allowed_hosts: Iterable[str] = ()
    allowed_origins: Iterable[str] = ()
    gate: Gate | None = None
    public_url: str | None = None
    versions: tuple[str, ...] = (V1_0, V0_3)
    interfaces: tuple[Interface, ...] = ()
    max_body: int = MAX_MESSAGE
    card_max_age_s: int = 300
    websocket: bool = False
    """Serve the WebSocket binding at `/a2a/ws` too, and name it in the card."""
    sign: Callable[[JSONObject], JSONObject] | None = None
    """Signs the card (see `wireproof.a2a.signing`)."""


class AgentApp:
    """The application; `stop` ends what is open."""

    def __init__(self, core: Core, options: HTTPOptions) -> None:
        self._core: Final = core
        self._options: Final = options
        self._gate: Final = core.gated(options.gate)
        self._guard: Final = Guard(
            allowed_hosts=options.allowed_hosts, allowed_origins=options.allowed_origins, max_body=options.max_body
        )
        self._cards: Final = CardPage(core, options)
        self._held: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._end: asyncio.Event | None = None
        self._streams: Final[set[asyncio.Task[Any]]] = set()
        self._sockets: Final = _listener(core, options, self._guard, self._gate) if options.websocket else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._sockets is not None and _path(scope) == WEBSOCKET_PATH:
            await self.start()
            await self._sockets(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    # -- its life -----------------------------------------------------------------------------------------------

    async def stop(self, *, within_s: float) -> None:
        """End open streams and connections, then the core."""
        if self._sockets is not None:
            await self._sockets.stop(within_s=within_s)
        if self._streams:
            for task in self._streams:
                task.cancel()
            await asyncio.wait(self._streams, timeout=within_s)
        held, self._held = self._held, None
        if held is not None and self._end is not None:
            self._end.set()
            await held

    async def start(self) -> None:
        """Open the core, once. Raises what opening its store raises."""
        if self._held is None or self._held.done():
            loop = asyncio.get_running_loop()
            self._ready, self._end = loop.create_future(), asyncio.Event()
            self._held = loop.create_task(self._hold(self._ready, self._end), name="wireproof-agent")
        if self._ready is not None and not (self._ready.done() and self._ready.exception() is None):
            await asyncio.shield(self._ready)

    async def _hold(self, ready: asyncio.Future[None], end: asyncio.Event) -> None:
        try:
            async with self._core:
                ready.set_result(None)
                await end.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop(within_s=2.0)
        await send({"type": "lifespan.shutdown.complete"})

    # -- one request --------------------------------------------------------------------------------------------

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = self._guard.admit(scope)
        if isinstance(fields, Refused):
            await fields.answer(send)
            return
        await self.start()
        path, method = _path(scope), scope["method"]
        if path in CARD_PATHS and method in ("GET", "HEAD"):
            await self._cards.show(scope, fields, send)
            return
        if path == "/":
            if method == "POST":
                await self._rpc(scope, fields, receive, send)
            else:
                await respond(send, 405, rest.error_body(rest.NO_PATH), (JSON, (b"allow", b"POST")))
            return
        await self._rest(path, scope, fields, receive, send)

    async def _rpc(self, scope: Scope, fields: Fields, receive: Receive, send: Send) -> None:
        who = await identify(self._gate, scope, Headers(scope["headers"]))
        if not isinstance(who, Principal):
            await refuse_by(who, send)
            return
        body = await self._body(fields, receive, send, rpc=True)
        if body is None:
            return
        asked = jsonrpc.read_request(body, self._options.max_body)
        if isinstance(asked, bytes):
            await respond(send, 200, asked)
            return
        id_ = asked.id
        events: AsyncGenerator[JSONObject, None] | None = None
        result: JSONValue = None
        try:
            caller = self._caller(scope, fields, who, JSONRPC, asked.version)
            edge = edge_of(caller.version)
            params = edge.request(asked.operation, asked.params)
            if asked.streams:
                events = await self._core.stream(asked.operation, params, caller)
            else:
                result = edge.result(asked.operation, await self._core.call(asked.operation, params, caller))
        except A2AError as error:
            await self._refuse(send, jsonrpc.failure(id_, error), error)
            return
        except Exception:
            log.exception("an operation failed")
            await respond(send, 200, jsonrpc.failure(id_, A2AError(Kind.INTERNAL)))
            return
        headers = _echo(caller)
        if events is None:
            await respond(send, 200, jsonrpc.success(id_, result), (JSON, *headers))
            return

        def encode(event: JSONObject) -> bytes:
            return jsonrpc.success(id_, edge.event(event))

        await self._stream(scope, receive, send, events, encode, lambda error: jsonrpc.failure(id_, error), headers)

    async def _rest(self, path: str, scope: Scope, fields: Fields, receive: Receive, send: Send) -> None:
        found: rest.Found | tuple[str, ...] | None = None
        if V0_3 in self._options.versions and path.startswith(rest_v03.PREFIX):
            found = rest_v03.find(scope["method"], path)
        found = found or rest.find(scope["method"], path)
        if not isinstance(found, rest.Found):
            status = 405 if found else 404
            allow = [(b"allow", ", ".join(found).encode())] if found else []
            await respond(send, status, rest.error_body(rest.NO_PATH), (_A2A_JSON, *allow))
            return
        who = await identify(self._gate, scope, Headers(scope["headers"]))
        if not isinstance(who, Principal):
            await refuse_by(who, send)
            return
        body: JSONValue = None
        if found.route.body:
            raw = await self._body(fields, receive, send, rpc=False)
            if raw is None:
                return
            try:
                body = _parsed(raw, self._options.max_body)
            except A2AError as error:
                await _rest_error(send, error)
                return
        operation = found.route.operation
        events: AsyncGenerator[JSONObject, None] | None = None
        result: JSONValue = None
        try:
            caller = self._caller(scope, fields, who, HTTP_JSON, found.route.version)
            edge = proto_edge_of(caller.version)
            binding = rest_v03 if caller.version == V0_3 else rest
            params = edge.request(operation, binding.params_of(found, scope.get("query_string", b""), body))
            if operation in jsonrpc.STREAMING:
                events = await self._core.stream(operation, params, caller)
            else:
                result = edge.result(operation, await self._core.call(operation, params, caller))
        except A2AError as error:
            await _rest_error(send, error)
            return
        except Exception:
            log.exception("an operation failed")
            await _rest_error(send, A2AError(Kind.INTERNAL))
            return
        headers = _echo(caller)
        if events is None:
            kind = JSON if caller.version == V0_3 else _A2A_JSON
            await respond(send, 200, to_json(result, inf_nan_mode="null"), (kind, *headers))
            return

        def encode(event: JSONObject) -> bytes:
            return to_json(edge.event(event), inf_nan_mode="null")

        await self._stream(scope, receive, send, events, encode, rest.error_body, headers)

    def _caller(self, scope: Scope, fields: Fields, who: Principal, binding: str, implied: str) -> Caller:
        """Who calls in which version. `implied` is the version that the method name or path belongs to."""
        given = fields.get(VERSION_HEADER.encode())
        text = given.decode("latin-1") if given is not None else rest.version_in_query(scope.get("query_string", b""))
        version = agreed_version(text, implied, self._options.versions)
        asked = extensions_of(
            _text(fields.get(EXTENSIONS_HEADER.encode())), _text(fields.get(OLD_EXTENSIONS_HEADER.encode()))
        )
        return Caller(who, "", version, asked & self._core.offered, binding)

    async def _body(self, fields: Fields, receive: Receive, send: Send, *, rpc: bool) -> bytes | None:
        """The body, or None when the request was answered with a refusal."""
        kind = fields.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
        if kind not in _JSON_TYPES:
            error = A2AError(
                Kind.CONTENT_TYPE_NOT_SUPPORTED,
                "The body must be application/json" if rpc else "The body must be application/a2a+json",
            )
            await respond(send, 415, jsonrpc.failure(None, error) if rpc else rest.error_body(error))
            return None
        body = await self._guard.read_body(fields, receive)
        if isinstance(body, Refused):
            if body is not GONE:
                error = A2AError(Kind.INVALID_REQUEST, body.message)
                shown = jsonrpc.failure(None, error) if rpc else rest.error_body(error)
                await respond(send, body.status, shown, (JSON, (b"connection", b"close")))
            return None
        return body

    async def _refuse(self, send: Send, body: bytes, error: A2AError) -> None:
        """An error of JSON-RPC is an answer; one about who calls is also HTTP's business."""
        status = error.kind.row.http if error.kind in (Kind.UNAUTHENTICATED, Kind.PERMISSION_DENIED) else 200
        headers = (JSON, (b"www-authenticate", b"Bearer")) if status == 401 else (JSON,)
        await respond(send, status, body, headers)

    async def _stream(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        events: AsyncGenerator[JSONObject, None],
        encode: Callable[[JSONObject], bytes],
        encode_error: Callable[[A2AError], bytes],
        headers: list[tuple[bytes, bytes]],
    ) -> None:
        """Write the events of a stream until it ends, or until the peer is gone; the task goes on."""
        stream = EventStream(send, write_s=_WRITE_S, headers=headers, abort=aborter(scope))
        pump = asyncio.get_running_loop().create_task(_pump(stream, events, encode, encode_error))
        self._streams.add(pump)
        pump.add_done_callback(self._streams.discard)
        watch = Watch(receive, lambda: _cancel(pump))
        try:
            await asyncio.wait([pump])
        finally:
            watch.stop()
            pump.cancel()
            await asyncio.wait([pump])
        if not watch.gone:
            await stream.end()


_A2A_JSON: Final = (b"content-type", rest.MEDIA_TYPE)


async def _pump(
    stream: EventStream,
    events: AsyncGenerator[JSONObject, None],
    encode: Callable[[JSONObject], bytes],
    encode_error: Callable[[A2AError], bytes],
) -> None:
    keeper = asyncio.get_running_loop().create_task(_keep_alive(stream))
    try:
        async with aclosing(gathered(events)) as lists:
            async for some in lists:
                await stream.write(b"".join([encode_event(encode(event)) for event in some]))
        await stream.end()
    except LineClosed:
        return
    except A2AError as error:
        await stream.write(encode_event(encode_error(error)), last=True)
    except Exception:
        log.exception("a stream failed")
        await stream.write(encode_event(encode_error(A2AError(Kind.INTERNAL))), last=True)
    finally:
        keeper.cancel()


async def _keep_alive(stream: EventStream) -> None:
    """Comments for the proxies on the way, so that a silent stream is not taken for a dead one."""
    with suppress(LineClosed):
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            await stream.write(COMMENT)


def _listener(core: Core, options: HTTPOptions, guard: Guard, gate: Gate | None) -> WebSocketListener:
    from wireproof.a2a.bindings.frames import read_frame
    from wireproof.transports.exchange import Limits
    from wireproof.transports.websocket import WebSocketListener

    return WebSocketListener(
        accept_for(core, options.versions),
        subprotocols=SUBPROTOCOLS,
        guard=guard,
        gate=gate,
        limits=Limits(message=options.max_body),
        decoder=read_frame,
    )


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


async def _rest_error(send: Send, error: A2AError) -> None:
    headers: list[tuple[bytes, bytes]] = [_A2A_JSON]
    if error.kind is Kind.UNAUTHENTICATED:
        headers.append((b"www-authenticate", b"Bearer"))
    await respond(send, error.kind.row.http, rest.error_body(error), headers)


def _parsed(raw: bytes, max_bytes: int) -> JSONValue:
    """The JSON of a body, read as strictly as every other message. Raises `A2AError`."""
    import jiter

    if not raw.strip():
        return None
    if len(raw) > max_bytes:
        raise A2AError(Kind.INVALID_REQUEST, "the body is too long")
    try:
        return jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError:
        problem = decode(raw, max_bytes=max_bytes)
        message = problem.message if isinstance(problem, Refusal) else "Invalid JSON payload"
        raise A2AError(Kind.PARSE, message) from None


def _echo(caller: Caller) -> list[tuple[bytes, bytes]]:
    """The extensions that were activated, as the answer names them."""
    if not caller.extensions:
        return []
    return [(EXTENSIONS_HEADER.encode(), ", ".join(sorted(caller.extensions)).encode("latin-1", "replace"))]


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :]
    return path or "/"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
