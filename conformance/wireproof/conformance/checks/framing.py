"""Framing and parsing: JSON, UTF-8, envelopes, ids, batches, depth and size. JSON-RPC 2.0 and MCP basic."""

from __future__ import annotations

import json

from wireproof.conformance import corpus
from wireproof.conformance.ledger import (
    DUPLEX,
    HTTP,
    LEGACY,
    MODERN,
    ON_HTTP,
    ON_STDIO,
    SINCE_0326,
    SSE,
    STDIO,
    WEBSOCKET,
)
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.duplex_talk import StdioTalk
from wireproof.conformance.probe.talk import Answer, DuplexTalk, Talk, short
from wireproof.conformance.registry import check
from wireproof.conformance.verdict import Broken, NotHere, PeerGone
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

AREA = "framing"
LINES = frozenset({STDIO, WEBSOCKET, HTTP, SSE})


async def refused(talk: Talk, data: bytes, what: str) -> Answer:
    """Send bytes that must be refused; raise when they are met with silence, a result or the end."""
    try:
        answer = await talk.raw(data, expect=None)
    except PeerGone as gone:
        raise Broken(f"The server ended on {what}: {data[:80]!r}.") from gone
    if isinstance(talk, DuplexTalk) and talk.ended.is_set():
        raise Broken(f"The server ended on {what}: {data[:80]!r}.")
    if answer.message is None and not (answer.status or 0) >= 400:
        raise Broken(f"No answer came to {what}: {data[:80]!r}; an error response with a null id was due.")
    if answer.message is not None and "error" not in answer.message:
        raise Broken(f"{what} was answered as if it were good: {answer.describe()}")
    return answer


@check("framing.bad-json.answered", shows=["rpc.parse-error.answered"], area=AREA)
async def text_that_is_no_json_is_answered_with_an_error(cell: Cell) -> None:
    talk = await cell.talk()
    for data in corpus.NOT_JSON[:8]:
        await refused(talk, data, "text that is no JSON")


@check(
    "framing.bad-json.code",
    shows=["rpc.parse-error.code"],
    area=AREA,
    depends_on=["framing.bad-json.answered"],
)
async def the_error_for_unparseable_text_is_minus_32700(cell: Cell) -> None:
    talk = await cell.talk()
    for data in corpus.NOT_JSON[:4]:
        answer = await refused(talk, data, "text that is no JSON")
        if answer.message is None:
            raise NotHere("The HTTP error came without a JSON-RPC body, which the transport allows.")
        if answer.code != -32700:
            raise Broken(f"{data!r} was answered with {answer.code}, not -32700: {answer.describe()}")


@check(
    "framing.bad-json.status",
    shows=["mcp.http.bad-body.status"],
    area=AREA,
    transports=ON_HTTP,
    revisions=SINCE_0326,
)
async def a_body_that_is_no_json_has_an_http_error_status(cell: Cell) -> None:
    talk = await cell.talk()
    answer = await talk.raw(b"{nope", expect=None)
    if answer.status is None or not 400 <= answer.status < 500:
        raise Broken(f"A body that is no JSON was answered with HTTP {answer.status}, not a 4xx.")


@check("framing.bad-utf8.answered", shows=["mcp.utf8.refused"], area=AREA)
async def bytes_that_are_no_utf8_are_refused_and_the_server_goes_on(cell: Cell) -> None:
    talk = await cell.talk()
    for data in corpus.NOT_UTF8:
        if cell.transport == WEBSOCKET:
            raise NotHere("A WebSocket text frame that is no UTF-8 ends the connection (RFC 6455).")
        mark = len(talk.strays) if isinstance(talk, DuplexTalk) else 0
        try:
            await refused(talk, data, "bytes that are no UTF-8")
        except Broken:
            # Read as text with other characters in their place, and refused as such: lenient, yet no harm.
            if not isinstance(talk, DuplexTalk) or not any("error" in message for message in talk.strays[mark:]):
                raise
    if not await talk.alive():
        raise Broken("After bytes that are no UTF-8 a good request was not answered any more.")


@check("framing.invalid-request.answered", shows=["rpc.invalid-request.answered"], area=AREA)
async def json_that_is_no_message_is_answered_with_an_error(cell: Cell) -> None:
    talk = await cell.talk()
    for data in corpus.NOT_A_MESSAGE:
        value = json.loads(data)
        id_ = value.get("id") if is_object(value) else None
        if id_ is None or cell.transport == HTTP:
            await refused(talk, data, "JSON that is no message")
            continue
        answer = await either(talk, data, id_)
        if answer is None:
            raise Broken(f"No answer came to JSON that is no message: {data!r}.")


async def either(talk: Talk, data: bytes, id_: str) -> Answer | None:
    """An answer with this id or with none, None for silence."""
    if not isinstance(talk, DuplexTalk):
        return await talk.raw(data, expect=None)
    mark = len(talk.strays)
    anonymous = await talk.raw(data, expect=None)
    if anonymous.message is not None:
        return anonymous
    named = next((message for message in talk.strays[mark:] if message.get("id") == id_), None)
    return Answer(named) if named is not None else None


@check(
    "framing.invalid-request.code",
    shows=["rpc.invalid-request.code"],
    area=AREA,
    depends_on=["framing.invalid-request.answered"],
)
async def the_error_for_no_message_is_minus_32600(cell: Cell) -> None:
    talk = await cell.talk()
    for data in (b"{}", b'{"jsonrpc":"2.0"}', b"1"):
        answer = await refused(talk, data, "JSON that is no message")
        if answer.message is not None and answer.code != -32600:
            raise Broken(f"{data!r} was answered with {answer.code}, not -32600: {answer.describe()}")


@check("framing.version-member", shows=["rpc.version-member"], area=AREA)
async def a_request_of_another_json_rpc_version_is_refused(cell: Cell) -> None:
    talk = await cell.talk()
    message = talk.build("tools/list" if "tools" in cell.capabilities else "ping", id_="other-version")
    for version in ("1.0", 2.0, None):
        body = {**message, "jsonrpc": version}
        if version is None:
            del body["jsonrpc"]
        answer = await either(talk, json.dumps(body).encode(), "other-version")
        if answer is not None and answer.message is not None and "result" in answer.message:
            raise Broken(f"A request with jsonrpc {version!r} was served: {answer.describe()}")


@check("framing.null-id", shows=["mcp.base.id.null"], area=AREA)
async def a_request_with_a_null_id_is_refused(cell: Cell) -> None:
    talk = await cell.talk()
    message = talk.build("tools/list" if "tools" in cell.capabilities else "ping")
    answer = await talk.raw(json.dumps({**message, "id": None}).encode(), expect=None)
    if answer.message is not None and "result" in answer.message:
        raise Broken(f"A request whose id is null was served: {answer.describe()}")


@check("framing.id.echo", shows=["mcp.base.id.echo", "mcp.base.response.shape"], area=AREA)
async def every_kind_of_id_comes_back_as_it_was(cell: Cell) -> None:
    talk = await cell.talk()
    method = "server/discover" if cell.is_modern else "ping"
    for id_ in (0, 7, -1, 2**31, 2**53 - 1, "a", "7", "", "ünï ✓", 'quo"te\\', "x" * 200):
        answer = await talk.request(method, id_=id_, timeout=3)
        if answer.message is None:
            wrong = [other for other in answer.before if "method" not in other]
            raise Broken(f"The request with id {short(id_)} got no response with that id: {short(wrong)}")
        if answer.message.get("id") != id_ or type(answer.message.get("id")) is not type(id_):
            raise Broken(f"The id {short(id_)} came back as {short(answer.message.get('id'))}.")


@check("framing.response.shape", shows=["mcp.base.response.shape"], area=AREA)
async def a_response_has_the_version_and_either_result_or_error(cell: Cell) -> None:
    talk = await cell.talk()
    for method in ("server/discover" if cell.is_modern else "ping", "no/such/method"):
        answer = await talk.request(method)
        if answer.message is None:
            raise Broken(f"{method} was not answered: {answer.describe()}")
        if answer.message.get("jsonrpc") != "2.0":
            raise Broken(f'A response lacks "jsonrpc": "2.0": {answer.describe()}')
        if ("result" in answer.message) == ("error" in answer.message):
            raise Broken(f"A response needs either a result or an error: {answer.describe()}")


@check("framing.error.shape", shows=["mcp.base.error.shape"], area=AREA)
async def an_error_has_an_integer_code_and_a_text(cell: Cell) -> None:
    answer = await (await cell.talk()).request("no/such/method")
    error = answer.error
    if error is None:
        raise Broken(f"An unknown method was not refused: {answer.describe()}")
    if type(error.get("code")) is not int or not isinstance(error.get("message"), str):
        raise Broken(f"An error needs an integer code and a text: {short(error)}")


@check("framing.method-not-found", shows=["rpc.method-not-found"], area=AREA)
async def an_unknown_method_is_answered_with_minus_32601(cell: Cell) -> None:
    talk = await cell.talk()
    for method in ("no/such/method", "tools/List", "rpc.discover", ""):
        answer = await talk.request(method)
        if answer.code != -32601 and not (method == "" and answer.code in {-32600, -32602}):
            raise Broken(f"The unknown method {method!r} was answered with {answer.describe()}, not -32601.")


@check("framing.params.type", shows=["rpc.params.type"], area=AREA)
async def params_that_are_no_object_are_refused(cell: Cell) -> None:
    talk = await cell.talk()
    method = "tools/list" if "tools" in cell.capabilities else "prompts/list"
    odd: list[JSONValue] = [[], "text", 1]
    for params in odd:
        body = {"jsonrpc": "2.0", "id": "odd-params", "method": method, "params": params}
        answer = await either(talk, json.dumps(body).encode(), "odd-params")
        if answer is not None and answer.message is not None and "result" in answer.message:
            raise Broken(f"params {params!r} were taken: {answer.describe()}")


@check("framing.notification.silent", shows=["mcp.base.notification.no-response"], area=AREA)
async def a_notification_is_never_answered(cell: Cell) -> None:
    talk = await cell.talk()
    mark = len(talk.strays) if isinstance(talk, DuplexTalk) else 0
    for method in ("notifications/no-such-thing", "notifications/cancelled"):
        answer = await talk.notify(method, {"requestId": "nothing"})
        if answer.message is not None and ("result" in answer.message or answer.status == 200):
            raise Broken(f"The notification {method} was answered: {answer.describe()}")
    if isinstance(talk, DuplexTalk):
        await talk.alive()
        replies = [message for message in talk.strays[mark:] if "method" not in message]
        if replies:
            raise Broken(f"A notification was answered: {short(replies[0])}")


@check("framing.deep", shows=["house.deep-nesting"], area=AREA)
async def a_message_nested_a_hundred_thousand_deep_does_no_harm(cell: Cell) -> None:
    talk = await cell.talk()
    for data in (corpus.deep(), corpus.deep(5_000)):
        try:
            await talk.raw(data, expect=None)
        except PeerGone as gone:
            raise Broken("The server ended on a deeply nested message.") from gone
        if not await talk.alive():
            raise Broken("After a deeply nested message no good request was answered any more.")


@check("framing.large", shows=["house.large-message"], area=AREA, transports=DUPLEX | ON_HTTP)
async def a_message_of_one_megabyte_is_answered(cell: Cell) -> None:
    talk = await cell.talk()
    try:
        answer = await talk.request("no/such/method", {"filler": "x" * 1_000_000})
    except PeerGone as gone:
        raise Broken("The server ended on a message of 1 MB.") from gone
    if answer.message is None and not answer.status:
        raise Broken("A message of 1 MB was not answered.")
    if not await talk.alive():
        raise Broken("After a message of 1 MB no good request was answered any more.")


@check("framing.batch.received", shows=["mcp.base.batch.received"], area=AREA, revisions=frozenset({"2025-03-26"}))
async def a_batch_is_received_and_each_request_in_it_answered(cell: Cell) -> None:
    talk = await cell.talk()
    ids = ["batch-1", "batch-2"]
    batch: list[JSONObject] = [{"jsonrpc": "2.0", "id": id_, "method": "ping"} for id_ in ids]
    batch.append({"jsonrpc": "2.0", "method": "notifications/no-such-thing"})
    answered = await _batch_ids(talk, batch)
    if not set(ids) <= answered:
        raise Broken(f"A batch of two pings and a notification was not served: answered {sorted(map(str, answered))}.")


async def _batch_ids(talk: Talk, batch: list[JSONObject]) -> set[object]:
    data = json.dumps(batch).encode()
    if isinstance(talk, DuplexTalk):
        mark = len(talk.strays)
        await talk.raw(data, expect=None)
        return {message.get("id") for message in talk.strays[mark:] if "result" in message}
    answer = await talk.raw(data, expect=None)
    found: set[object] = set()
    for part in (answer.raw, *(json.dumps(message).encode() for message in (answer.message,) if message)):
        try:
            value = json.loads(part or b"null")
        except ValueError:
            continue
        items = value if is_array(value) else [value]
        found |= {item.get("id") for item in items if is_object(item) and "result" in item}
    return found


@check("framing.batch.http-refused", shows=["mcp.http.single-message"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def a_batch_in_a_post_is_refused(cell: Cell) -> None:
    talk = await cell.talk()
    body = [talk.build("server/discover", id_="in-a-batch")]
    answer = await talk.raw(json.dumps(body).encode(), expect=None)
    if answer.status is None or not 400 <= answer.status < 500:
        raise Broken(f"A POST that holds a batch was answered with {answer.describe()}, not a 4xx.")


@check("framing.stdout.purity", shows=["mcp.stdio.stdout-purity"], area=AREA, transports=ON_STDIO, limit=25)
async def nothing_but_messages_is_written_to_stdout(cell: Cell) -> None:
    async with cell.own() as talk:
        assert isinstance(talk, StdioTalk)
        await talk.alive()
        await talk.request("no/such/method")
        if "tools" in cell.capabilities:
            for tool in [tool for tool in await cell.tools() if cell.is_allowed(tool)][:4]:
                if talk.noise:
                    break
                await cell.call(talk, tool)
        if talk.noise:
            raise Broken(f"A line on stdout is no message: {talk.noise[0][:120]!r}")
        for message in talk.strays:
            if message.get("jsonrpc") != "2.0":
                raise Broken(f"A line on stdout is no JSON-RPC message: {short(message)}")


@check("framing.stdout.no-requests", shows=["mcp.stdio.no-server-requests"], area=AREA, revisions=MODERN)
async def the_server_sends_no_requests(cell: Cell) -> None:
    talk = await cell.talk()
    asked = len(talk.asked)
    if "tools" in cell.capabilities:
        for tool in [tool for tool in await cell.tools() if cell.is_allowed(tool)][:4]:
            await cell.call(talk, tool)
    if len(talk.asked) > asked:
        raise Broken(f"The server sent a request of its own: {short(talk.asked[-1])}")


__all__ = ["LEGACY", "refused"]
