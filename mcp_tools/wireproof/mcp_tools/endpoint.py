"""A tool server's end of one connection: it finds the era of each request, its facts and its handler.

Both eras share a connection: a request with modern `_meta` stands for itself, one without belongs to the session
that `initialize` opened. Spec: 2026-07-28 basic/versioning; 2025-11-25 basic/lifecycle.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from wireproof.mcp_tools.asking import Question
from wireproof.mcp_tools.call import Call, Handler
from wireproof.mcp_tools.context import live
from wireproof.mcp_tools.core import SUPPORTED, Core
from wireproof.mcp_tools.errors import (
    ClientGone,
    InvalidParams,
    InvalidRequest,
    MethodNotFound,
    ProtocolError,
    ToolError,
)
from wireproof.mcp_tools.facts import LOG_LEVELS, META_VERSION, Facts, modern_facts, read_trace
from wireproof.mcp_tools.features import HANDLERS, NEEDS_CAPABILITY, exists
from wireproof.mcp_tools.session import Session, open_session
from wireproof.mcp_tools.subscriptions import KINDS, Listener
from wireproof.schemas.jsonrpc import (
    INTERNAL_ERROR,
    Failure,
    JSONObject,
    JSONValue,
    Notification,
    Reply,
    Request,
    RequestId,
    Result,
    encode_error,
    encode_notification,
    encode_request,
    encode_result,
    is_object,
)
from wireproof.schemas.mcp.revisions import LATEST, MODERN
from wireproof.transports.exchange import Accept, Answer, Endpoint, Line, LineClosed, Outlet

log = logging.getLogger("wireproof.mcp_tools")


_ALL_KINDS: Final = frozenset(KINDS)
_MODERN_NAMES: Final = tuple(revision.value for revision in MODERN)


class MCPEndpoint:
    """One connection: a pipe, a socket, a session over HTTP, or a single exchange."""

    def __init__(self, core: Core, line: Line) -> None:
        self.core: Final = core
        self.batches = False
        self.listening: Final[set[Listener]] = set()
        self.session_listener: Final = Listener(_ALL_KINDS, set())
        self._line: Final = line
        self._session: Session | None = None
        self._telling: asyncio.Task[None] | None = None
        self._asked: Final[dict[RequestId, asyncio.Future[JSONObject]]] = {}
        self._asked_count = 0
        self._followers: Final[set[asyncio.Task[None]]] = set()

    # -- Endpoint -----------------------------------------------------------------------------------------------

    def answer(self, request: Request, out: Outlet) -> Answer:
        """Answer one request in the era that it belongs to."""
        try:
            meta: JSONValue = request.params.get("_meta", {})
            if not is_object(meta):
                raise InvalidParams("Invalid params: _meta must be an object")
            if META_VERSION in meta:
                facts = self._modern(meta, out)
            elif self._session is None and request.method != "ping":
                return self._before_session(request)
            else:
                facts = self._in_session(meta, out)
            handler = self._find(request.method, facts)
            return handler(Call(request, meta, facts, out, self))
        except ProtocolError as error:
            return error.reply(request.id)
        except Exception:
            log.exception("answering %s failed; the client is told nothing but that", request.method[:64])
            return Reply(encode_error(request.id, INTERNAL_ERROR, "Internal error"), INTERNAL_ERROR)

    def notice(self, notification: Notification, out: Outlet) -> None:
        """Take a notification; what is unknown or late is ignored, as the specification asks."""
        if notification.method == "notifications/cancelled":
            id_: JSONValue = notification.params.get("requestId")
            if type(id_) in (str, int):
                self._line.cancel(id_)
        elif notification.method == "notifications/initialized" and self._session is not None:
            self._start_telling()

    def settle(self, response: Result | Failure, out: Outlet) -> None:
        """Take the client's answer to a question of ours."""
        waiting = self._asked.get(response.id) if response.id is not None else None
        if waiting is None or waiting.done():
            return
        if isinstance(response, Failure):
            waiting.set_exception(ToolError(f"The client refused ({response.code}): {response.message[:500]}"))
        elif is_object(response.result):
            waiting.set_result(response.result)
        else:
            waiting.set_exception(ToolError("The client answered with something that is no result"))

    def drain(self) -> None:
        """End the open subscriptions with their final result."""
        for listener in list(self.listening):
            listener.close()

    def lost(self) -> None:
        """The connection is gone."""
        if self.listening:
            self.drain()
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(ClientGone("The client went away before it answered"))
                waiting.exception()  # nobody may be left to fetch it
        if self._telling is not None:
            self.core.changes.remove(self.session_listener)
            self._telling.cancel()
        for follower in self._followers:
            follower.cancel()

    # -- the era of a request -----------------------------------------------------------------------------------

    def _modern(self, meta: JSONObject, out: Outlet) -> Facts:
        known = self.core.envelope
        if known is not None and meta == known[0]:
            return known[1].of(out.peer)
        facts = modern_facts(meta, out.peer, _MODERN_NAMES, SUPPORTED)
        self.core.envelope = meta, facts
        return facts

    def _in_session(self, meta: JSONObject, out: Outlet) -> Facts:
        session = self._session
        if session is None:
            return Session.none(out.peer).facts
        if out.peer is session.peer and not meta:
            return session.facts
        return session.facts_for(out.peer, read_trace(meta))

    def _before_session(self, request: Request) -> Reply:
        if request.method == "initialize":
            session = open_session(request.params, self._line.peer)
            self._session = session
            self.batches = session.facts.revision.has_batches
            return Reply(encode_result(request.id, session.result(self.core)))
        raise InvalidParams(
            f"Invalid params: the request has no {META_VERSION!r} in its _meta, and no session is open. Send the "
            f"_meta of {LATEST.value}, or initialize first."
        )

    def _find(self, method: str, facts: Facts) -> Handler:
        if exists(method, facts.revision):
            handler = HANDLERS.get(method)
            if handler is not None and self._is_declared(method, facts):
                return handler
        for extension in self.core.extensions.values():
            methods = extension.methods if facts.modern else extension.session_methods
            found = methods.get(method)
            if found is not None:
                return found
        if method == "initialize" and not facts.modern:
            raise InvalidRequest("Invalid request: this session is initialized already")
        raise MethodNotFound(f"Method not found: {method[:128]}")

    def _is_declared(self, method: str, facts: Facts) -> bool:
        needed = NEEDS_CAPABILITY.get(method)
        return needed is None or needed in self.core.capabilities(LATEST)  # 2024-11-05 completes without a name for it

    # -- a session's own traffic --------------------------------------------------------------------------------

    def set_log_level(self, level: int) -> None:
        """Log messages of this session start at that index of `LOG_LEVELS`."""
        assert 0 <= level < len(LOG_LEVELS)
        if self._session is not None:
            self._session.set_log_level(level)

    def _start_telling(self) -> None:
        if self._telling is None and self._line.duplex:
            self.core.changes.add(self.session_listener)
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        try:
            while events := await self.session_listener.next():
                for method, params in events:
                    await self._line.send(encode_notification(method, params or None))
        except LineClosed:
            return

    def follow(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something for this session until the connection is gone; past `max_uris` of them it is not run."""
        if self._telling is None or len(self._followers) >= self.core.settings.max_uris:
            work.close()
            return
        follower = asyncio.get_running_loop().create_task(work)
        self._followers.add(follower)
        follower.add_done_callback(self._followers.discard)

    async def tell(self, method: str, params: JSONObject) -> None:
        """Send a notification that belongs to no exchange; a connection that is gone is no error."""
        with suppress(LineClosed):
            await self._line.send(encode_notification(method, params))

    async def ask_client(self, question: Question, call: Call) -> JSONObject:
        """Send a request to the client of a session and wait for its answer. Raises `ToolError`."""
        self._asked_count += 1
        id_ = f"ask-{self._asked_count}"
        waiting: asyncio.Future[JSONObject] = asyncio.get_running_loop().create_future()
        self._asked[id_] = waiting
        method, params = live(question, call.facts)
        try:
            await call.out.send(encode_request(id_, method, params))
            async with asyncio.timeout(self.core.settings.ask_timeout_s):
                return await waiting
        except TimeoutError:
            await self._withdraw(id_, call.out, "timed out")
            raise ToolError(f"The client did not answer within {self.core.settings.ask_timeout_s:g} s") from None
        except asyncio.CancelledError:
            await self._withdraw(id_, call.out, "the call was cancelled")
            raise
        except LineClosed:
            raise ClientGone("The client went away before it answered") from None
        finally:
            del self._asked[id_]

    async def _withdraw(self, id_: RequestId, out: Outlet, reason: str) -> None:
        try:
            await out.send(encode_notification("notifications/cancelled", {"requestId": id_, "reason": reason}))
        except LineClosed:
            return


def accept_with(core: Core) -> Accept:
    """How transports get endpoints of this server."""
    make: Callable[[Line], Endpoint] = lambda line: MCPEndpoint(core, line)  # noqa: E731
    return make
