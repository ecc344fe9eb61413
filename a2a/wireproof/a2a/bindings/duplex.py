"""The duplex bindings: WebSocket and stdio carry the same JSON-RPC frames, many exchanges at once, told apart by id.

An `Endpoint` on the transports' duplex line. Knows the frames and the core's face; moves no bytes.
docs/a2a-bindings/websocket.md and stdio.md say what is on the wire.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import anyio

from wireproof.a2a.bindings import jsonrpc
from wireproof.a2a.bindings.facts import (
    EXTENSIONS_HEADER,
    OLD_EXTENSIONS_HEADER,
    VERSION_HEADER,
    agreed_version,
    extensions_of,
)
from wireproof.a2a.bindings.frames import CANCEL_STREAM, service_params, stream_end, stream_failure
from wireproof.a2a.bindings.versions import Edge, edge_of
from wireproof.a2a.caller import VERSIONS, Caller
from wireproof.a2a.errors import A2AError, Kind
from wireproof.schemas.jsonrpc import (
    Failure,
    JSONObject,
    Notification,
    Reply,
    Request,
    RequestId,
    Result,
)
from wireproof.transports.exchange import Accept, Answer, Line, LineClosed, Outlet, Peer

if TYPE_CHECKING:
    from wireproof.a2a.core import Core

log = logging.getLogger("wireproof.a2a.duplex")

WEBSOCKET: Final = "urn:wireproof:a2a:binding:websocket:v1"
STDIO: Final = "urn:wireproof:a2a:binding:stdio:v1"
"""The bindings' URIs, as cards name them; a breaking change makes a new one (A2A 1.0 section 12)."""
SUBPROTOCOLS: Final = ("a2a.v1",)
"""What a WebSocket client offers; both versions of A2A travel under it."""
WEBSOCKET_PATH: Final = "/a2a/ws"
_BINDINGS: Final[Mapping[str, str]] = {"websocket": WEBSOCKET, "stdio": STDIO}


def accept_for(core: Core, versions: Collection[str] = VERSIONS) -> Accept:
    """How an agent takes a duplex connection. The core must be open as long as connections are."""
    return lambda line: AgentEndpoint(core, line, versions)


class AgentEndpoint:
    """The agent's end of one duplex connection."""

    batches = False

    def __init__(self, core: Core, line: Line, versions: Collection[str]) -> None:
        self._core: Final = core
        self._versions: Final = versions
        self._binding: Final = _BINDINGS.get(line.peer.transport, line.peer.transport)
        self._streams: Final[dict[RequestId, anyio.CancelScope]] = {}

    def answer(self, request: Request, out: Outlet) -> Answer:
        """Answer one request; a stream is many responses with its id, then the frame that ends it."""
        asked = jsonrpc.asked(request)
        if isinstance(asked, bytes):
            return Reply(asked)
        return self._stream(asked, request, out) if asked.streams else self._call(asked, request, out)

    def notice(self, notification: Notification, out: Outlet) -> None:
        """End the stream that a `cancelStream` frame names; everything else is nothing to us."""
        if notification.method == CANCEL_STREAM:
            scope = self._streams.get(notification.params["id"])
            if scope is not None:
                scope.cancel()

    def settle(self, response: Result | Failure, out: Outlet) -> None:
        """An agent asks its callers nothing over the wire."""

    def drain(self) -> None:
        """End the open streams; their tasks go on."""
        for scope in self._streams.values():
            scope.cancel()

    def lost(self) -> None:
        """Nobody waits for the peer."""

    # -- one exchange -------------------------------------------------------------------------------------------

    async def _call(self, asked: jsonrpc.Asked, request: Request, out: Outlet) -> Reply:
        try:
            edge, caller = self._caller(asked, request, out.peer)
            params = edge.request(asked.operation, asked.params)
            result = edge.result(asked.operation, await self._core.call(asked.operation, params, caller))
        except A2AError as error:
            return Reply(jsonrpc.failure(asked.id, error), error.kind.row.code)
        except Exception:
            log.exception("an operation failed")
            return Reply(jsonrpc.failure(asked.id, A2AError(Kind.INTERNAL)), Kind.INTERNAL.row.code)
        return Reply(jsonrpc.success(asked.id, result))

    async def _stream(self, asked: jsonrpc.Asked, request: Request, out: Outlet) -> Reply | None:
        try:
            with anyio.CancelScope() as scope:
                self._streams[asked.id] = scope
                edge, caller = self._caller(asked, request, out.peer)
                events = await self._core.stream(asked.operation, edge.request(asked.operation, asked.params), caller)
                await _tell(events, asked.id, edge, out)
        except LineClosed:
            return None
        except A2AError as error:
            return stream_failure(asked.id, error)
        except Exception:
            log.exception("a stream failed")
            return stream_failure(asked.id, A2AError(Kind.INTERNAL))
        finally:
            self._streams.pop(asked.id, None)
        return stream_end(asked.id)

    def _caller(self, asked: jsonrpc.Asked, request: Request, peer: Peer) -> tuple[Edge, Caller]:
        """Who calls, in which version: the frame's own parameters, else the header fields of the handshake."""
        given = service_params(request)

        def said(name: str) -> str | None:
            value = given.get(name)
            return peer.headers.get(name) if value is None else value

        version = agreed_version(said(VERSION_HEADER), asked.version, self._versions)
        extensions = extensions_of(said(EXTENSIONS_HEADER), said(OLD_EXTENSIONS_HEADER))
        return edge_of(version), Caller(peer.principal, "", version, extensions, self._binding)


async def _tell(events: AsyncGenerator[JSONObject, None], id_: RequestId, edge: Edge, out: Outlet) -> None:
    async with aclosing(events):
        async for event in events:
            await out.send(jsonrpc.success(id_, edge.event(event)))
