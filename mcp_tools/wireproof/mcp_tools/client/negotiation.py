"""Finding the era: `server/discover` first, then `initialize`, then the oldest HTTP transport.

Spec: 2026-07-28 basic/versioning#backward-compatibility-with-initialization-based-versions, basic/transports.
"""

from __future__ import annotations

import asyncio
from typing import Final

from wireproof.mcp_tools.client.connection import Connection, Deadline, facts_of, translated
from wireproof.mcp_tools.client.errors import (
    ClientError,
    ConnectionFailed,
    RequestRefused,
    ServerMisbehaved,
    TimedOut,
)
from wireproof.mcp_tools.client.incoming import ClientEndpoint, Incoming
from wireproof.mcp_tools.client.settings import Settings
from wireproof.mcp_tools.client.targets import Opener
from wireproof.mcp_tools.errors import HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_PROTOCOL_VERSION
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object
from wireproof.schemas.mcp.revisions import MODERN, SESSION_REVISIONS, Revision
from wireproof.transports.client.carrier import CarrierError
from wireproof.transports.exchange import Endpoint, Line

_MODERN_ERRORS: Final = {HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_PROTOCOL_VERSION}
_NO_ANSWER: Final = (RequestRefused, TimedOut, ServerMisbehaved, ConnectionFailed)


class _SessionServer(Exception):
    """The server answered like one of a session revision; `known` is what it named, if anything."""

    def __init__(self, known: Revision | None = None) -> None:
        super().__init__()
        self.known = known


async def open_connection(
    opener: Opener, incoming: Incoming, settings: Settings, *, known: Revision | None = None
) -> Connection:
    """Open a connection and agree on a revision. `known` is what was agreed with this target before.

    Raises `ClientError`; nothing stays open then.
    """

    try:
        async with asyncio.timeout(settings.connect_timeout_s):
            connection = await _over(opener, incoming, settings)
            try:
                return await _agree(connection, opener, known)
            except BaseException:
                await asyncio.shield(connection.aclose())
                raise
    except TimeoutError:
        raise TimedOut(
            f"{opener.describe()} did not answer within {settings.connect_timeout_s:g} s: is it an MCP server? "
            "Raise connect_timeout_s if it starts slowly"
        ) from None
    except CarrierError as error:
        raise translated(error) from error


async def _agree(connection: Connection, opener: Opener, known: Revision | None) -> Connection:
    mode = connection.settings.mode
    wanted = known if mode == "auto" else Revision.parse(mode)
    if mode == "session" or (wanted is not None and not wanted.is_modern):
        return await _open_session(connection, wanted or SESSION_REVISIONS[-1], opener, pinned=mode not in _OPEN_MODES)
    try:
        await _discover(connection, patient=wanted is not None)
    except _SessionServer as found:
        if mode not in _OPEN_MODES:
            raise ConnectionFailed(
                f"{opener.describe()} does not speak {mode}: leave `mode` out to take what it speaks"
            ) from None
        return await _open_session(connection, found.known or SESSION_REVISIONS[-1], opener, pinned=False)
    return connection


_OPEN_MODES: Final = ("auto", "session")


async def _discover(connection: Connection, *, patient: bool) -> None:
    """Ask a modern server for its facts. Raises `_SessionServer` when it is none."""
    settings = connection.settings
    wait = settings.connect_timeout_s if patient or not connection.carrier.duplex else settings.probe_timeout_s
    for attempt in (1, 2):
        try:
            result = await connection.request("server/discover", {}, Deadline(wait, wait))
        except RequestRefused as refusal:
            if refusal.code not in _MODERN_ERRORS:
                raise _SessionServer from None
            if attempt == 2 or refusal.code != UNSUPPORTED_PROTOCOL_VERSION:
                raise
            connection.speak(_common(_supported(refusal.data)))
            continue
        except _NO_ANSWER as error:
            if _is_gone(connection, error):
                raise
            raise _SessionServer from None
        connection.server = facts_of(result, modern=True)
        if connection.server.versions:
            connection.speak(_common(connection.server.versions))
        return


def _is_gone(connection: Connection, error: ClientError) -> bool:
    """A duplex connection that is lost cannot go on with `initialize`; an HTTP one was never more than a request."""
    return isinstance(error, ConnectionFailed) and connection.carrier.duplex


def _supported(data: JSONValue) -> tuple[str, ...]:
    listed: JSONValue = data.get("supported") if is_object(data) else None
    return tuple(each for each in listed if isinstance(each, str)) if is_array(listed) else ()


def _common(versions: tuple[str, ...]) -> Revision:
    """The newest modern revision of both. Raises `_SessionServer` when there are only older ones in common."""
    for revision in reversed(MODERN):
        if revision.value in versions:
            return revision
    older = [revision for revision in SESSION_REVISIONS if revision.value in versions]
    if older:
        raise _SessionServer(older[-1])
    raise ConnectionFailed(
        f"no common revision: the server speaks {', '.join(versions) or 'none it names'}, this client "
        f"{', '.join(revision.value for revision in Revision)}"
    )


async def _open_session(connection: Connection, revision: Revision, opener: Opener, *, pinned: bool) -> Connection:
    """Open a session; over HTTP the oldest transport is tried when there is no Streamable HTTP."""
    try:
        await initialize(connection, revision, pinned=pinned)
    except ConnectionFailed as error:
        older = opener.older()
        if older is None or connection.carrier.duplex:
            raise
        await connection.aclose()
        try:
            connection = await _over(older, connection.incoming, connection.settings)
            await initialize(connection, revision, pinned=pinned)
        except (ClientError, CarrierError):
            await connection.aclose()
            raise error from None
    return connection


async def _over(opener: Opener, incoming: Incoming, settings: Settings) -> Connection:
    """A connection on that wire, before any message."""
    ends: list[ClientEndpoint] = []

    def accept(line: Line) -> Endpoint:
        ends.append(ClientEndpoint(incoming, line))
        return ends[-1]

    carrier = await opener.open(accept)
    return Connection(carrier, ends[-1], incoming, settings)


async def initialize(connection: Connection, revision: Revision, *, pinned: bool = False) -> None:
    """Open the session of an older revision. Raises `ClientError`."""
    connection.speak(revision)
    wait = connection.settings.connect_timeout_s
    params: JSONObject = {
        "protocolVersion": revision.value,
        "capabilities": connection.capabilities(),
        "clientInfo": connection.settings.info,
    }
    result = await connection.request("initialize", params, Deadline(wait, wait))
    answered = Revision.parse(str(result.get("protocolVersion")))
    if answered is None or answered not in SESSION_REVISIONS or (pinned and answered is not revision):
        raise ConnectionFailed(f"the server wants revision {str(result.get('protocolVersion'))[:40]!r}, not {revision}")
    connection.server = facts_of(result, modern=False)
    connection.speak(answered)
    await connection.tell("notifications/initialized")
    connection.hear()
