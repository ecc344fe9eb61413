"""Streamable HTTP: metadata headers, status codes, Origin and Host, streams."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import cast
from urllib.parse import urlsplit

from wireproof.conformance.checks.versions import must_refuse
from wireproof.conformance.ledger import MODERN, ON_HTTP, SINCE_0326
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.http import Headers
from wireproof.conformance.probe.http_talk import HttpListening, HttpTalk, replaced, without
from wireproof.conformance.probe.talk import Answer
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object, at
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject, is_object

AREA = "http"
EARLY = "2025-03-26"
"""The revision that a request without a version header may be taken for."""


async def _talk(cell: Cell) -> HttpTalk:
    return cast("HttpTalk", await cell.talk())


async def _post(talk: HttpTalk, message: JSONObject, headers: Headers) -> Answer:
    return await talk.post(json.dumps(message).encode(), headers, expect=message.get("id"))


async def _mismatch(talk: HttpTalk, message: JSONObject, headers: Headers, what: str) -> None:
    answer = await _post(talk, message, headers)
    if answer.code != -32020:
        raise Broken(f"{what} was answered with {answer.describe()}, not with 400 and -32020.")
    if answer.status != 400:
        raise Broken(f"{what} was answered with HTTP {answer.status}, not 400.")


async def _named(cell: Cell, talk: HttpTalk) -> JSONObject:
    """A harmless request that carries Mcp-Name."""
    if "resources" in cell.capabilities and (resources := await cell.resources()):
        return talk.build("resources/read", {"uri": resources[0]["uri"]})
    if "tools" in cell.capabilities:
        return talk.build("tools/call", {"name": "no_such_tool_here", "arguments": {}})
    raise NotHere("The server has neither resources nor tools.")


@check(
    "http.header.version.missing", shows=["mcp.http.header.missing"], area=AREA, transports=ON_HTTP, revisions=MODERN
)
async def a_post_without_the_version_header_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("server/discover")
    try:
        await _mismatch(
            talk, message, without(talk.headers(message), "MCP-Protocol-Version"), "A POST without MCP-Protocol-Version"
        )
    except Broken as broken:
        async with cell.older(EARLY) as old:
            spoken = at((await old.handshake()).message, "result", "protocolVersion")
        if spoken == EARLY:
            text = "The server also speaks revisions without this header, and may take the request for one of theirs."
            raise NotHere(text) from broken
        raise


@check(
    "http.header.version.differs", shows=["mcp.http.header.version"], area=AREA, transports=ON_HTTP, revisions=MODERN
)
async def a_version_header_that_differs_from_the_body_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("server/discover")
    headers = replaced(talk.headers(message), "MCP-Protocol-Version", "2025-11-25")
    await _mismatch(talk, message, headers, "A version header that differs from _meta")


@check("http.header.method.missing", shows=["mcp.http.header.missing"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def a_post_without_the_method_header_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("server/discover")
    await _mismatch(talk, message, without(talk.headers(message), "Mcp-Method"), "A POST without Mcp-Method")


@check("http.header.method.differs", shows=["mcp.http.header.method"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def a_method_header_that_differs_from_the_body_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("server/discover")
    await _mismatch(talk, message, replaced(talk.headers(message), "Mcp-Method", "tools/list"), "Another Mcp-Method")


@check("http.header.method.case", shows=["mcp.http.header.case"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def header_values_are_compared_with_their_case_and_names_without(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("server/discover")
    shouted = [(name.upper(), value) for name, value in talk.headers(message)]
    answer = await _post(talk, message, shouted)
    if answer.error is not None or answer.message is None:
        raise Broken(f"A POST with header names in capitals was refused: {answer.describe()}")
    headers = replaced(talk.headers(message), "Mcp-Method", "Server/Discover")
    await _mismatch(talk, message, headers, "Mcp-Method in another case")


@check("http.header.twice", shows=["mcp.http.header.twice"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def a_routing_header_that_comes_twice_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("server/discover")
    headers = [*talk.headers(message), ("Mcp-Method", "tools/list")]
    answer = await _post(talk, message, headers)
    if answer.status is None or not 400 <= answer.status < 500:
        raise Broken(f"Two different Mcp-Method headers were answered with {answer.describe()}, not with a 4xx.")


@check("http.header.name.missing", shows=["mcp.http.header.missing"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def a_named_request_without_the_name_header_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    message = await _named(cell, talk)
    await _mismatch(talk, message, without(talk.headers(message), "Mcp-Name"), f"{message['method']} without Mcp-Name")


@check("http.header.name.differs", shows=["mcp.http.header.name"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def a_name_header_that_differs_from_the_body_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    message = await _named(cell, talk)
    await _mismatch(talk, message, replaced(talk.headers(message), "Mcp-Name", "another"), "Another Mcp-Name")


@check("http.header.name.base64", shows=["mcp.http.header.base64"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def an_encoded_name_header_is_decoded_before_it_is_compared(cell: Cell) -> None:
    talk = await _talk(cell)
    message = await _named(cell, talk)
    plain = next(value for name, value in talk.headers(message) if name == "Mcp-Name")
    encoded = f"=?base64?{base64.b64encode(plain.encode()).decode()}?="
    answer = await _post(talk, message, replaced(talk.headers(message), "Mcp-Name", encoded))
    if answer.code == -32020 or answer.message is None:
        raise Broken(f"The right Mcp-Name in its base64 form was refused: {answer.describe()}")


@check("http.header.name.bad-base64", shows=["mcp.http.header.base64"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def a_name_header_with_broken_base64_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    message = await _named(cell, talk)
    headers = replaced(talk.headers(message), "Mcp-Name", "=?base64?%%%not-base64?=")
    await _mismatch(talk, message, headers, "An Mcp-Name with broken base64")


@check("http.header.param", shows=["mcp.http.header.param"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def a_mirrored_argument_without_its_header_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    for tool in await cell.callable_tools():
        properties: JSONObject = as_object(as_object(tool.get("inputSchema")).get("properties"))
        for name, schema in properties.items():
            if is_object(schema) and "x-mcp-header" in schema and schema.get("type") == "string":
                arguments = {**cell.arguments_for(tool), name: "somewhere"}
                message = talk.build("tools/call", {"name": tool["name"], "arguments": arguments})
                await _mismatch(talk, message, talk.headers(message), "A mirrored argument without its header")
                header = f"Mcp-Param-{schema['x-mcp-header']}"
                other = [*talk.headers(message), (header, "elsewhere")]
                await _mismatch(talk, message, other, f"{header} that differs from the body")
                return
    raise NotHere("No callable tool mirrors a text argument into a header.")


@check("http.not-found", shows=["mcp.http.method-not-found"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def an_unknown_method_is_a_404(cell: Cell) -> None:
    must_refuse(await (await cell.talk()).request("no/such/method"), -32601, "An unknown method", 404)


@check("http.notification", shows=["mcp.http.notification"], area=AREA, transports=ON_HTTP, revisions=SINCE_0326)
async def an_accepted_notification_is_a_202_without_a_body(cell: Cell) -> None:
    answer = await (await cell.talk()).notify("notifications/cancelled", {"requestId": "nothing"})
    status = answer.status or 0
    if status >= 400:
        return
    if status != 202 or answer.raw:
        raise Broken(
            f"A notification was answered with HTTP {status} and {len(answer.raw)} bytes, not with an empty 202."
        )


@check("http.get.modern", shows=["mcp.http.get-delete"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def get_and_delete_without_a_session_are_not_served(cell: Cell) -> None:
    talk = await _talk(cell)
    for method in ("GET", "DELETE"):
        headers: Headers = [("Accept", "text/event-stream"), ("MCP-Protocol-Version", cell.revision)]
        headers += talk.authorization
        response = await talk.fetch(method, headers)
        if response.status not in {400, 404, 405, 406}:
            raise Broken(f"{method} without a session was answered with HTTP {response.status}, not with 405.")


@check("http.no-session", shows=["mcp.http.no-session"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def a_modern_answer_has_no_session_id(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("server/discover")
    answer = await _post(talk, message, [*talk.headers(message), ("Mcp-Session-Id", "whatever")])
    if answer.error is not None:
        raise Broken(f"A modern request with an Mcp-Session-Id was refused: {answer.describe()}")
    if "mcp-session-id" in answer.headers:
        raise Broken(f"A modern answer carries a session id: {answer.headers['mcp-session-id']}")


@check("http.content-type", shows=["mcp.http.content-type"], area=AREA, transports=ON_HTTP, revisions=SINCE_0326)
async def a_request_is_answered_as_json_or_as_an_event_stream(cell: Cell) -> None:
    answer = await (await cell.talk()).request("tools/list" if "tools" in cell.capabilities else "prompts/list")
    if answer.media_type not in {"application/json", "text/event-stream"}:
        raise Broken(f"A request was answered with the content type {answer.media_type!r}.")


def _foreign(url: str) -> list[str]:
    port = urlsplit(url).port or 80
    return [
        "http://evil.example",
        f"http://evil.example:{port}",
        f"http://localhost.evil.example:{port}",
        f"http://evil.example#localhost:{port}",
        "null",
    ]


@check("http.origin", shows=["mcp.http.origin"], area=AREA, transports=ON_HTTP, revisions=SINCE_0326)
async def a_foreign_origin_is_refused_with_403(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("server/discover") if cell.is_modern else talk.build("ping")
    for origin in _foreign(talk.url):
        answer = await _post(talk, message, [*talk.headers(message), ("Origin", origin)])
        if answer.status != 403:
            raise Broken(f"A POST with the foreign Origin {origin} was answered with HTTP {answer.status}, not 403.")


@check("http.host", shows=["house.host"], area=AREA, transports=ON_HTTP, revisions=SINCE_0326)
async def a_foreign_host_is_refused_on_the_loopback(cell: Cell) -> None:
    talk = await _talk(cell)
    if urlsplit(talk.url).hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise NotHere("The target is not on the loopback interface.")
    message = talk.build("server/discover") if cell.is_modern else talk.build("ping")
    body = json.dumps(message).encode()
    response = await talk.fetch("POST", talk.headers(message), body, host="evil.example")
    if not 400 <= response.status < 500:
        raise Broken(f"A POST with the Host evil.example was answered with HTTP {response.status}, not with a 4xx.")


@check("http.body-limit", shows=["house.body-limit"], area="resources-use", transports=ON_HTTP, limit=20)
async def a_body_of_64_megabytes_is_refused(cell: Cell) -> None:
    talk = await _talk(cell)
    await refuse_large_body(talk.url, talk.headers(talk.build("server/discover")), talk)


async def refuse_large_body(url: str, headers: Headers, talk: HttpTalk | None = None) -> None:
    """Send a POST of 64 MB and want a 4xx or a closed connection. Raises `Broken` when it is taken."""
    from wireproof.conformance.probe.http import HttpBroken, fetch

    body = b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"filler":"' + b"x" * (64 << 20) + b'"}}'
    if talk is not None:
        talk.recorder.note(f"a POST with a body of {len(body)} bytes")
    try:
        response = await fetch(url, "POST", headers, body, timeout=15)
    except (HttpBroken, ConnectionError):
        return
    except TimeoutError:
        raise Broken("A POST of 64 MB was neither answered nor cut off within 15 s.") from None
    if talk is not None:
        talk.recorder.received(response.raw_head + response.body[:500])
    if response.status not in {400, 401, 403, 413, 431}:
        raise Broken(f"A POST of 64 MB was read whole and answered with HTTP {response.status}, not with 413.")
    text = response.body.lower()
    if response.status == 400 and (b"-32601" in text or b"-32602" in text or b"-32020" in text):
        raise Broken("A POST of 64 MB was read, parsed and judged by its content instead of refused by its size.")


@check("http.slow-head", shows=["house.slow-peer"], area="resources-use", transports=ON_HTTP)
async def a_peer_that_sends_slowly_holds_up_nobody_else(cell: Cell) -> None:
    from wireproof.conformance.probe.http import Url, connect

    talk = await _talk(cell)
    url = Url.parse(talk.url)
    held = [await connect(url) for _ in range(20)]
    try:
        for _, writer in held:
            writer.write(f"POST {url.path} HTTP/1.1\r\nHost: {url.authority}\r\nContent-Len".encode())
            await writer.drain()
        talk.recorder.note("20 connections hold half a request head")
        answer = await talk.request("server/discover" if cell.is_modern else "ping", timeout=3)
        if answer.message is None:
            raise Broken("While 20 connections held half a request head, a good request was not answered within 3 s.")
    finally:
        for _, writer in held:
            writer.close()


@check("http.stream.buffering", shows=["mcp.http.stream.buffering"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def an_event_stream_asks_proxies_not_to_buffer(cell: Cell) -> None:
    talk = await _talk(cell)
    message = talk.build("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    listening = cast("HttpListening", await talk.listen(message))
    try:
        response = listening.stream.response
        if response.media_type != "text/event-stream":
            raise NotHere("subscriptions/listen was not answered with an event stream.")
        if (response.header("x-accel-buffering") or "").lower() != "no":
            raise Broken("An event stream was opened without X-Accel-Buffering: no.")
    finally:
        await listening.cancel()


@check("http.stream.ends", shows=["mcp.http.stream.ends"], area=AREA, transports=ON_HTTP, revisions=SINCE_0326)
async def the_response_ends_its_stream(cell: Cell) -> None:
    talk = await _talk(cell)
    for tool in (await cell.callable_tools())[:8]:
        params = {"name": tool["name"], "arguments": cell.arguments_for(tool)}
        message = talk.build("tools/call", params, meta={"progressToken": "ends"})
        listening = cast("HttpListening", await talk.listen(message))
        try:
            if listening.stream.response.media_type != "text/event-stream":
                continue
            while (got := await listening.next(5)) is not None and "method" in got:
                pass
            if got is None:
                continue
            try:
                async with asyncio.timeout(1.5):
                    rest = await listening.stream.next_event()
            except TimeoutError:
                raise Broken("The stream stayed open after the response.") from None
            if rest is not None and rest.data:
                raise Broken(f"After the response the stream went on: {rest.data[:100]}")
            return
        finally:
            await listening.cancel()
    raise NotHere("No callable tool answers with a stream.")
