"""One open connection in one era: it dresses a request for its revision, sends it, waits, and reads the answer.

Spec: 2026-07-28 basic/index#_meta, basic/patterns/cancellation; 2025-11-25 basic/lifecycle, basic/utilities.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from pydantic_core import to_json

from wireproof.mcp_tools.client.errors import (
    AuthorizationNeeded,
    BadArgument,
    ClientError,
    ConnectionFailed,
    RequestRefused,
    ServerExited,
    ServerMisbehaved,
    TimedOut,
)
from wireproof.mcp_tools.client.incoming import ClientEndpoint, Incoming, OnProgress
from wireproof.mcp_tools.client.param_headers import encode_value
from wireproof.mcp_tools.client.results import Progress
from wireproof.mcp_tools.client.settings import Settings
from wireproof.mcp_tools.facts import META_CAPABILITIES, META_CLIENT, META_LOG_LEVEL, META_SERVER, META_VERSION
from wireproof.schemas.jsonrpc import (
    Failure,
    JSONObject,
    JSONValue,
    RequestId,
    encode_notification,
    encode_request,
    is_array,
    is_object,
)
from wireproof.schemas.mcp.revisions import LATEST, Revision
from wireproof.transports.client.carrier import (
    Answered,
    BadAnswer,
    Carrier,
    CarrierError,
    PeerExited,
    SessionCarrier,
    StatusRefused,
)

log = logging.getLogger("wireproof.mcp_tools.client")

_NAMED: Final = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
_TELL_WITHIN_S: Final = 5.0


class Deadline(NamedTuple):
    """Seconds without progress, and seconds in all. None waits for ever (subscriptions alone)."""

    idle_s: float | None
    total_s: float | None


class ServerFacts(NamedTuple):
    """What a server said of itself; not verified by anything."""

    info: JSONObject
    capabilities: JSONObject
    instructions: str
    versions: tuple[str, ...] = ()


class SessionGone(ClientError):
    """The server does not know the session any more; inside the client only, which opens a new one."""


class Connection:
    """A carrier and the era that was agreed on it."""

    def __init__(self, carrier: Carrier, endpoint: ClientEndpoint, incoming: Incoming, settings: Settings) -> None:
        self.endpoint: Final = endpoint
        self.carrier: Final = carrier
        self.incoming: Final = incoming
        self.settings: Final = settings
        self.revision: Revision = LATEST
        self.server = ServerFacts({}, {}, "")
        self.hearing: asyncio.Task[None] | None = None
        self._ids: Final = itertools.count(1)
        self._farewells: Final[set[asyncio.Task[None]]] = set()
        self._is_http: Final = not carrier.duplex
        self._meta: JSONObject = {}
        self._fields: tuple[tuple[str, str], ...] = ()
        self.log_level = settings.log_level
        self.speak(LATEST)

    @property
    def is_lost(self) -> bool:
        """True when a duplex connection went away. An HTTP one cannot: each request is on its own."""
        return self.endpoint.is_lost

    async def lost(self) -> None:
        """Return when the connection went away. Cancel-safe."""
        await self.endpoint.until_lost()

    @property
    def modern(self) -> bool:
        """True when every request stands for itself."""
        return self.revision.is_modern

    def speak(self, revision: Revision) -> None:
        """Use that revision from now on."""
        self.revision = revision
        self._meta = {}
        if revision.is_modern:
            self._meta = {
                META_VERSION: revision.value,
                META_CLIENT: self.settings.info,
                META_CAPABILITIES: self.capabilities(),
            }
            if self.log_level is not None:
                self._meta[META_LOG_LEVEL] = self.log_level
        knows_header = revision >= Revision.V2025_06_18
        self._fields = (("MCP-Protocol-Version", revision.value),) if knows_header else ()

    def capabilities(self) -> JSONObject:
        """The client capabilities in this revision."""
        declared = self.settings.handlers.capabilities(
            modern=self.revision.is_modern, forms_only=self.revision < Revision.V2025_11_25
        )
        if self.revision < Revision.V2025_06_18:
            declared.pop("elicitation", None)
        if self.revision.is_modern:
            declared["extensions"] = {"io.modelcontextprotocol/tasks": {}}
        return declared

    def new_id(self) -> int:
        """An id that no request of this connection had."""
        return next(self._ids)

    async def request(
        self,
        method: str,
        params: JSONObject,
        deadline: Deadline,
        *,
        id_: int | None = None,
        on_progress: OnProgress | None = None,
        fields: Sequence[tuple[str, str]] = (),
    ) -> JSONObject:
        """Send one request and give its result object. Raises `ClientError`."""
        used = next(self._ids) if id_ is None else id_
        data = _encoded(used, method, self._dressed(params, used, with_progress=deadline.idle_s is not None))
        headers = self._headers(method, params, fields) if self._is_http else ()
        loop = asyncio.get_running_loop()
        limit = loop.time() + deadline.total_s if deadline.total_s is not None else None
        try:
            async with asyncio.timeout(deadline.idle_s) as timer:

                def progressed(progress: Progress) -> None:
                    if deadline.idle_s is not None and not timer.expired():
                        again = loop.time() + deadline.idle_s
                        timer.reschedule(again if limit is None else min(again, limit))
                    if on_progress is not None:
                        on_progress(progress)

                self.incoming.progress[used] = progressed
                operation = f"{method} {params.get(_NAMED.get(method, ''), '')}" if self._is_http else ""
                answered = await self.carrier.ask(used, data, headers=headers, operation=operation)
        except TimeoutError:
            self._give_up(used, "the client's deadline passed")
            raise TimedOut(
                f"{method} had no answer within {deadline.idle_s:g} s: give the call more time with timeout_s, or let "
                "the server report progress"
            ) from None
        except asyncio.CancelledError:
            self._give_up(used, "the client gave up")
            raise
        except CarrierError as error:
            raise translated(error) from error
        except Exception as error:
            raise unexpected(error) from error
        finally:
            self.incoming.progress.pop(used, None)
        return read_result(method, answered)

    async def tell(self, method: str, params: JSONObject | None = None) -> None:
        """Send one notification. Raises `ClientError`."""
        try:
            async with asyncio.timeout(_TELL_WITHIN_S):
                headers = self._headers(method, {}, ()) if self._is_http else ()
                await self.carrier.tell(encode_notification(method, params), headers=headers)
        except TimeoutError:
            raise TimedOut(f"{method} could not be sent within {_TELL_WITHIN_S:g} s") from None
        except CarrierError as error:
            raise translated(error) from error

    def hear(self) -> None:
        """Over Streamable HTTP, hold the stream for what the server sends of its own accord (session revisions)."""
        if not isinstance(self.carrier, SessionCarrier) or self.hearing is not None:
            return
        self.carrier.resumes = True
        self.hearing = asyncio.get_running_loop().create_task(self._hear(self.carrier))

    async def _hear(self, carrier: SessionCarrier) -> None:
        try:
            await carrier.hear(headers=self._fields)
        except CarrierError as error:
            log.debug("the stream of the session ended: %s", error)  # the next call finds out what is wrong

    def anew(self) -> Connection:
        """A connection without a session on the same Streamable HTTP carrier; this one is not to be used any more."""
        if isinstance(self.carrier, SessionCarrier):
            self.carrier.session = None
        if self.hearing is not None:
            self.hearing.cancel()
        return Connection(self.carrier, self.endpoint, self.incoming, self.settings)

    async def end_session(self) -> None:
        """Tell a Streamable HTTP server that its session is over."""
        if isinstance(self.carrier, SessionCarrier) and self.carrier.session is not None:
            try:
                async with asyncio.timeout(_TELL_WITHIN_S):
                    await self.carrier.end_session(headers=self._fields)
            except (TimeoutError, CarrierError):
                return

    async def aclose(self) -> None:
        """End the connection; each wait is bounded by the carrier."""
        tasks = list(self._farewells)
        if self.hearing is not None:
            self.hearing.cancel()
            tasks.append(self.hearing)
            await self.end_session()
        if tasks:
            await asyncio.wait(tasks, timeout=_TELL_WITHIN_S)
        await self.carrier.aclose()

    def _dressed(self, params: JSONObject, id_: RequestId, *, with_progress: bool) -> JSONObject:
        given: JSONValue = params.get("_meta")
        meta = {**self._meta, **given} if given else dict(self._meta)
        if with_progress:
            meta["progressToken"] = id_
        return {**params, "_meta": meta} if meta else params

    def _headers(self, method: str, params: JSONObject, fields: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        if not self.modern:
            return self._fields
        headers = [*self._fields, ("Mcp-Method", method), *fields]
        name: JSONValue = params.get(_NAMED.get(method, ""))
        if isinstance(name, str):
            headers.append(("Mcp-Name", encode_value(name)))
        return headers

    def _give_up(self, id_: RequestId, reason: str) -> None:
        """Tell the server that nobody waits any more; on HTTP since 2026-07-28 the closed stream says it."""
        if self.modern and self._is_http:
            return
        task = asyncio.get_running_loop().create_task(self._farewell(id_, reason))
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    async def _farewell(self, id_: RequestId, reason: str) -> None:
        try:
            await self.tell("notifications/cancelled", {"requestId": id_, "reason": reason})
        except ClientError:
            return


def _encoded(id_: RequestId, method: str, params: JSONObject) -> bytes:
    """The request in bytes. Raises `BadArgument` for params that are no JSON."""
    try:
        return encode_request(id_, method, params)
    except ValueError as error:  # pydantic's own error is one; it must not reach a caller
        arguments: JSONValue = params.get("arguments", params)
        named = arguments if is_object(arguments) else params
        bad = next((name for name, value in named.items() if not _is_json(value)), method)
        raise BadArgument(f"{bad!r} is no JSON value ({type(named.get(bad)).__name__}): {str(error)[:200]}") from None


def _is_json(value: JSONValue) -> bool:
    try:
        to_json(value, inf_nan_mode="null")
    except ValueError:
        return False
    return True


def read_result(method: str, answered: Answered) -> JSONObject:
    """The result object of an answer. Raises `RequestRefused` or `ServerMisbehaved`."""
    message = answered.message
    if isinstance(message, Failure):
        raise RequestRefused(message.code, message.message, message.data, method=method)
    if not is_object(message.result):
        raise ServerMisbehaved(f"the result of {method} is no object")
    return message.result


def translated(error: CarrierError) -> ClientError:
    """The client's error for one of a wire."""
    if isinstance(error, PeerExited):
        return ServerExited(str(error), code=error.code, stderr=error.stderr)
    if isinstance(error, BadAnswer):
        return ServerMisbehaved(str(error))
    if not isinstance(error, StatusRefused):
        return ConnectionFailed(str(error))
    if error.session_gone:
        return SessionGone("the session is over")
    if error.status in (401, 403):
        return AuthorizationNeeded(
            f"the server answered {error.status}: give `connect` an `auth`, or one that may do this"
        )
    return ConnectionFailed(f"{error}: check the URL, it must be the MCP endpoint")


def unexpected(error: Exception) -> Exception:
    """An authorization that failed is told as such; anything else is a defect of ours and stays what it is."""
    from wireproof.auth.oauth.errors import AuthorizationError

    return AuthorizationNeeded(str(error)) if isinstance(error, AuthorizationError) else error


def facts_of(result: JSONObject, *, modern: bool) -> ServerFacts:
    """What a DiscoverResult or InitializeResult says. Raises `ServerMisbehaved`."""
    capabilities: JSONValue = result.get("capabilities")
    if not is_object(capabilities):
        raise ServerMisbehaved("the server's first answer has no capabilities")
    meta: JSONValue = result.get("_meta")
    info: JSONValue = (meta.get(META_SERVER) if is_object(meta) else None) if modern else result.get("serverInfo")
    versions: JSONValue = result.get("supportedVersions", [])
    instructions: JSONValue = result.get("instructions")
    return ServerFacts(
        info if is_object(info) else {},
        capabilities,
        instructions if isinstance(instructions, str) else "",
        tuple(each for each in versions if isinstance(each, str)) if is_array(versions) else (),
    )
