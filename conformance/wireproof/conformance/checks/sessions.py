"""Sessions of the older revisions over HTTP: their ids, their end, their streams."""

from __future__ import annotations

import asyncio
import json
from typing import cast

from wireproof.conformance.ledger import LEGACY_HTTP, ON_HTTP
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.http import Headers
from wireproof.conformance.probe.http_talk import HttpListening, HttpTalk, replaced, without
from wireproof.conformance.probe.talk import Answer
from wireproof.conformance.registry import check
from wireproof.conformance.verdict import Broken, NotHere, PeerGone
from wireproof.schemas.jsonrpc import JSONObject

SESSIONS = "sessions"
SINCE_0618_HTTP = LEGACY_HTTP - {"2025-03-26"}


async def _talk(cell: Cell) -> HttpTalk:
    return cast("HttpTalk", await cell.talk())


async def _post(talk: HttpTalk, message: JSONObject, headers: Headers) -> Answer:
    return await talk.post(json.dumps(message).encode(), headers, expect=message.get("id"))


@check("session.get", shows=["mcp.session.get"], area=SESSIONS, transports=ON_HTTP, revisions=LEGACY_HTTP)
async def get_opens_an_event_stream_or_is_a_405(cell: Cell) -> None:
    from wireproof.conformance.probe.http import open_stream

    talk = await _talk(cell)
    headers = without(talk.headers(), "Content-Type", "Accept")
    stream = await open_stream(talk.url, "GET", [*headers, ("Accept", "text/event-stream")], timeout=5)
    try:
        response = stream.response
        talk.recorder.received(response.raw_head)
        if response.status != 405 and not (response.status == 200 and response.media_type == "text/event-stream"):
            raise Broken(
                f"GET was answered with HTTP {response.status} {response.media_type}, neither a stream nor 405."
            )
    finally:
        await stream.close()


def _need_session(talk: HttpTalk) -> str:
    if talk.session is None:
        raise NotHere("The server gives no session id.")
    return talk.session


@check("session.id.form", shows=["mcp.session.id.form"], area=SESSIONS, transports=ON_HTTP, revisions=LEGACY_HTTP)
async def a_session_id_is_visible_ascii(cell: Cell) -> None:
    id_ = _need_session(await _talk(cell))
    if not id_ or not all(0x21 <= ord(character) <= 0x7E for character in id_):
        raise Broken(f"The session id {id_!r} has other characters than visible ASCII.")


@check("session.id.unique", shows=["mcp.session.id.secure"], area=SESSIONS, transports=ON_HTTP, revisions=LEGACY_HTTP)
async def session_ids_are_long_and_never_the_same(cell: Cell) -> None:
    first = _need_session(await _talk(cell))
    async with cell.own() as other:
        second = cast("HttpTalk", other).session
    if first == second or len(first) < 16:
        raise Broken(f"Session ids are guessable: {first!r} and {second!r}.")


@check("session.missing", shows=["mcp.session.missing"], area=SESSIONS, transports=ON_HTTP, revisions=LEGACY_HTTP)
async def a_request_without_the_session_id_is_a_400(cell: Cell) -> None:
    talk = await _talk(cell)
    _need_session(talk)
    message = talk.build("ping")
    answer = await _post(talk, message, without(talk.headers(message), "Mcp-Session-Id"))
    if answer.status != 400:
        raise Broken(f"A request without its session id was answered with {answer.describe()}, not with HTTP 400.")


@check("session.unknown", shows=["mcp.session.unknown"], area=SESSIONS, transports=ON_HTTP, revisions=LEGACY_HTTP)
async def a_session_that_nobody_gave_is_a_404(cell: Cell) -> None:
    talk = await _talk(cell)
    _need_session(talk)
    message = talk.build("ping")
    answer = await _post(talk, message, replaced(talk.headers(message), "Mcp-Session-Id", "0" * 32))
    if answer.status != 404:
        raise Broken(f"A session id that nobody gave was answered with {answer.describe()}, not with HTTP 404.")


@check("session.delete", shows=["mcp.session.ended"], area=SESSIONS, transports=ON_HTTP, revisions=LEGACY_HTTP)
async def an_ended_session_is_a_404(cell: Cell) -> None:
    async with cell.own() as other:
        talk = cast("HttpTalk", other)
        _need_session(talk)
        headers = talk.headers()
        response = await talk.fetch("DELETE", without(headers, "Content-Type", "Accept"))
        if response.status == 405:
            raise NotHere("The server does not let clients end sessions.")
        message = talk.build("ping")
        answer = await _post(talk, message, headers)
        if answer.status != 404:
            raise Broken(f"A request in an ended session was answered with {answer.describe()}, not with HTTP 404.")


@check(
    "session.version-header",
    shows=["mcp.session.version-header"],
    area=SESSIONS,
    transports=ON_HTTP,
    revisions=SINCE_0618_HTTP,
)
async def an_unknown_version_header_is_a_400(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("ping")
    answer = await _post(talk, message, replaced(talk.headers(message), "MCP-Protocol-Version", "1900-01-01"))
    if answer.status != 400:
        raise Broken(f"The version header 1900-01-01 was answered with {answer.describe()}, not with HTTP 400.")


@check("session.event-ids", shows=["mcp.session.event-ids"], area=SESSIONS, transports=ON_HTTP, revisions=LEGACY_HTTP)
async def event_ids_are_unique_within_a_session(cell: Cell) -> None:
    talk = await _talk(cell)
    seen: list[str] = []
    tools = (await cell.callable_tools())[:6]
    for tool in [*tools, *tools]:
        params = {"name": tool["name"], "arguments": cell.arguments_for(tool)}
        message = talk.build("tools/call", params, meta={"progressToken": "ids"})
        listening = cast("HttpListening", await talk.listen(message))
        try:
            while listening.stream.response.media_type == "text/event-stream":
                async with asyncio.timeout(5):
                    event = await listening.stream.next_event()
                if event is None:
                    break
                if event.id is not None:
                    seen.append(event.id)
                if event.data and "method" not in json.loads(event.data):
                    break
        except (TimeoutError, PeerGone):
            pass
        finally:
            await listening.cancel()
    if not seen:
        raise NotHere("The server gives its events no ids.")
    if len(seen) != len(set(seen)):
        raise Broken(f"The event id {max(seen, key=seen.count)!r} came twice in one session.")
