"""What a client sends to an honest server: every message, header and handshake."""

from __future__ import annotations

from collections.abc import Callable

from wireproof.conformance.clients.cell import ClientCell
from wireproof.conformance.clients.record import Record, Seen
from wireproof.conformance.clients.server import CURSOR, META, PING_ID, SESSION
from wireproof.conformance.ledger import HTTP, LEGACY, LEGACY_HTTP, MODERN, ON_HTTP, ON_STDIO, SINCE_0618, STDIO
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object, at
from wireproof.conformance.verdict import Broken
from wireproof.schemas.jsonrpc import is_array, is_object

AREA = "messages"
BOTH = frozenset({STDIO, HTTP})
LEGACY_0618 = LEGACY_HTTP & SINCE_0618


def _each_header(record: Record, name: str, wanted: Callable[[Seen], object]) -> None:
    """Raise `Broken` unless every POST of a request has this header as `wanted(seen)` says."""
    for seen in record.posts():
        value = wanted(seen)
        if value is not None and seen.header(name) != value:
            raise Broken(f"{seen.method or 'A POST'} came with {name}: {seen.header(name)!r}, not {value!r}.")


@check("client.call", shows=["mcp.client.result"], area=AREA, role="client", transports=BOTH)
async def the_result_of_a_call_is_taken_after_an_unknown_notification(cell: ClientCell) -> None:
    record = await cell.honest()
    if not record.succeeded:
        raise Broken(f"The client met an honest server and ended with {record.exit_code}: {record.stderr[-300:]}")


@check("client.jsonrpc", shows=["mcp.client.jsonrpc"], area=AREA, role="client", transports=BOTH)
async def every_message_is_json_rpc_2_0(cell: ClientCell) -> None:
    for seen in (await cell.honest()).posts():
        messages = seen.message if is_array(seen.message) else [seen.message]
        if not all(is_object(each) and each.get("jsonrpc") == "2.0" for each in messages):
            raise Broken(f"The client sent {seen.raw[:200]!r}, which is no JSON-RPC 2.0 message.")


@check("client.ids", shows=["mcp.client.ids"], area=AREA, role="client", transports=BOTH)
async def ids_are_never_null_and_never_used_twice(cell: ClientCell) -> None:
    used: set[tuple[str, object]] = set()
    for seen in (await cell.honest()).requests():
        id_ = at(seen.message, "id")
        if not isinstance(id_, str | int) or isinstance(id_, bool):
            raise Broken(f"{seen.method} was sent with the id {id_!r}.")
        key = (seen.header("mcp-session-id") or "", id_)
        if key in used and cell.revision not in MODERN:
            raise Broken(f"{seen.method} was sent with the id {id_!r}, which was used before.")
        used.add(key)


@check("client.meta", shows=["mcp.client.meta"], area=AREA, role="client", transports=BOTH, revisions=MODERN)
async def every_request_says_its_version_its_client_and_its_capabilities(cell: ClientCell) -> None:
    for seen in (await cell.honest()).requests():
        if seen.method == "initialize":
            continue
        meta = as_object(seen.params.get("_meta"))
        if meta.get(f"{META}protocolVersion") != cell.revision and seen.method != "server/discover":
            raise Broken(f"{seen.method} came with the version {meta.get(f'{META}protocolVersion')!r}.")
        if not is_object(meta.get(f"{META}clientCapabilities")):
            raise Broken(f"{seen.method} came without clientCapabilities in its _meta.")


@check("client.info", shows=["mcp.client.info"], area=AREA, role="client", transports=BOTH, revisions=MODERN)
async def every_request_names_the_client(cell: ClientCell) -> None:
    for seen in (await cell.honest()).requests():
        info = as_object(as_object(seen.params.get("_meta")).get(f"{META}clientInfo"))
        if seen.method != "initialize" and not (info.get("name") and info.get("version")):
            raise Broken(f"{seen.method} came without clientInfo in its _meta.")


@check(
    "client.initialize", shows=["mcp.client.initialize"], area=AREA, role="client", transports=BOTH, revisions=LEGACY
)
async def a_session_begins_with_initialize_and_initialized(cell: ClientCell) -> None:
    record = await cell.honest()
    order = [seen.method for seen in record.seen if seen.method and seen.method != "server/discover"]
    if order[0] != "initialize":
        raise Broken(f"The first message was {order[0]}, not initialize.")
    first = record.requests("initialize")[0].params
    if not isinstance(first.get("protocolVersion"), str) or not is_object(first.get("capabilities")):
        raise Broken(f"initialize came with the parameters {first}.")
    if not at(first, "clientInfo", "name"):
        raise Broken("initialize came without clientInfo.")
    if "notifications/initialized" not in order[: order.index("tools/list") if "tools/list" in order else None]:
        raise Broken(f"notifications/initialized did not come before the first request: {order[:4]}.")


@check("client.cursor", shows=["mcp.client.cursor"], area=AREA, role="client", transports=BOTH)
async def a_cursor_comes_back_as_it_was_given(cell: ClientCell) -> None:
    cursors = [
        seen.params["cursor"] for seen in (await cell.honest()).requests("tools/list") if "cursor" in seen.params
    ]
    if cursors and cursors[0] != CURSOR:
        raise Broken(f"The cursor {CURSOR!r} came back as {cursors[0]!r}.")


@check("client.pages", shows=["mcp.client.pages"], area=AREA, role="client", transports=BOTH)
async def every_page_of_a_list_is_asked_for(cell: ClientCell) -> None:
    if len((await cell.honest()).requests("tools/list")) < 2:
        raise Broken("The tools were on the second page, which the client did not ask for.")


@check("client.ping", shows=["mcp.client.ping"], area=AREA, role="client", transports=BOTH, revisions=LEGACY)
async def a_ping_is_answered_with_an_empty_result(cell: ClientCell) -> None:
    found = (await cell.honest()).response_to(PING_ID)
    if found is None:
        raise Broken("A ping of the server got no answer.")
    if not is_object(found.get("result")) or found["result"]:
        raise Broken(f"A ping of the server was answered with {found}.")


@check(
    "client.modern.no-responses",
    shows=["mcp.stdio.client.no-responses"],
    area=AREA,
    role="client",
    transports=ON_STDIO,
    revisions=MODERN,
)
async def no_response_is_written_where_the_server_asks_nothing(cell: ClientCell) -> None:
    if any(seen.is_response for seen in (await cell.honest()).seen):
        raise Broken("The client wrote a response, although servers of this revision send no requests.")


@check("client.stdin", shows=["mcp.stdio.client.stdin-purity"], area=AREA, role="client", transports=ON_STDIO)
async def nothing_but_messages_is_written_to_the_server(cell: ClientCell) -> None:
    for seen in (await cell.honest()).seen:
        if not is_object(seen.message) and not is_array(seen.message):
            raise Broken(f"The client wrote {seen.raw[:200]!r} to the server's stdin.")


@check("client.shutdown", shows=["mcp.stdio.client.shutdown"], area=AREA, role="client", transports=ON_STDIO)
async def the_end_of_the_input_comes_before_anything_harder(cell: ClientCell) -> None:
    if not (await cell.honest()).input_ended:
        raise Broken("The client ended without closing the server's stdin.")


@check(
    "client.http.accept",
    shows=["mcp.client.accept"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=LEGACY_HTTP | MODERN,
)
async def posts_accept_json_and_event_streams(cell: ClientCell) -> None:
    for seen in (await cell.honest()).posts():
        accept = seen.header("accept") or ""
        if "application/json" not in accept or "text/event-stream" not in accept:
            raise Broken(f"A POST came with Accept: {accept!r}.")


@check(
    "client.http.content-type",
    shows=["mcp.client.content-type"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=LEGACY_HTTP | MODERN,
)
async def bodies_are_application_json(cell: ClientCell) -> None:
    for seen in (await cell.honest()).posts():
        kind = (seen.header("content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Broken(f"A POST came with Content-Type: {kind!r}.")


@check(
    "client.http.version",
    shows=["mcp.client.version-header"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=MODERN | LEGACY_0618,
)
async def the_version_header_is_that_of_the_message(cell: ClientCell) -> None:
    def wanted(seen: Seen) -> object:
        if cell.revision in MODERN:
            return at(seen.params, "_meta", f"{META}protocolVersion")
        return None if seen.method in {"initialize", "server/discover"} else cell.revision

    _each_header(await cell.honest(), "mcp-protocol-version", wanted)


@check(
    "client.http.method",
    shows=["mcp.client.method-header"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=MODERN,
)
async def the_method_header_is_that_of_the_message(cell: ClientCell) -> None:
    _each_header(
        await cell.honest(), "mcp-method", lambda seen: None if seen.method == "initialize" else seen.method or None
    )


@check(
    "client.http.name", shows=["mcp.client.name-header"], area=AREA, role="client", transports=ON_HTTP, revisions=MODERN
)
async def the_name_header_of_a_call_is_the_tool(cell: ClientCell) -> None:
    _each_header(await cell.honest(), "mcp-name", lambda seen: "add" if seen.method == "tools/call" else None)


@check(
    "client.http.param",
    shows=["mcp.client.param-header"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=MODERN,
)
async def an_argument_that_the_schema_mirrors_has_its_header(cell: ClientCell) -> None:
    for seen in (await cell.honest()).requests("tools/call"):
        value = at(seen.params, "arguments", "a")
        if seen.header("mcp-param-left") != str(value):
            raise Broken(f"The argument a={value} came with Mcp-Param-Left: {seen.header('mcp-param-left')!r}.")


@check(
    "client.http.session",
    shows=["mcp.client.session"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=LEGACY_HTTP,
)
async def every_request_of_a_session_carries_its_id(cell: ClientCell) -> None:
    _each_header(
        await cell.honest(),
        "mcp-session-id",
        lambda seen: None if seen.method in {"initialize", "server/discover"} else f"{SESSION}1",
    )


@check(
    "client.http.delete",
    shows=["mcp.client.delete"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=LEGACY_HTTP,
)
async def a_session_that_is_no_longer_needed_is_deleted(cell: ClientCell) -> None:
    if not any(seen.verb == "DELETE" for seen in (await cell.honest()).seen):
        raise Broken("The client went without ending its session by DELETE.")
