"""What a client does when the server asks, goes away, or does not keep the rules."""

from __future__ import annotations

from wireproof.conformance.checks.client_messages import BOTH
from wireproof.conformance.clients.cell import PATIENCE, ClientCell
from wireproof.conformance.clients.record import Record
from wireproof.conformance.clients.server import META, SESSION, STATE, STRANGE_ID
from wireproof.conformance.ledger import LEGACY, LEGACY_HTTP, MODERN, ON_HTTP, ON_STDIO
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object, at
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import is_object

AREA = "faults"
LIMIT = PATIENCE * 3


async def _met(cell: ClientCell, twist: str) -> Record:
    """A play, for a client that speaks this revision."""
    await cell.honest()
    cell.recorder.exchanges.clear()
    return await cell.play(twist)


def _not_taken(record: Record, what: str) -> None:
    """Raise `Broken` when the client took it for a success, or did not end."""
    if record.succeeded:
        raise Broken(f"{what} was taken for a success.")
    if record.exit_code is None:
        raise Broken(f"{what} kept the client waiting for more than {PATIENCE:g} s.")


@check(
    "client.version.other",
    shows=["mcp.client.version-refused"],
    area=AREA,
    role="client",
    transports=BOTH,
    revisions=LEGACY,
    limit=LIMIT,
)
async def a_version_that_the_client_does_not_know_ends_the_session(cell: ClientCell) -> None:
    record = await _met(cell, "other-version")
    if record.called:
        raise Broken("The server said version 1999-01-01, and the client went on and called the tool.")


@check(
    "client.session.gone",
    shows=["mcp.client.session-gone"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=LEGACY_HTTP,
    limit=LIMIT,
)
async def a_session_that_is_gone_is_begun_anew(cell: ClientCell) -> None:
    record = await _met(cell, "session-gone")
    begun = record.requests("initialize")
    if len(begun) < 2:
        raise Broken("After 404 for its session the client did not initialize again.")
    if begun[1].header("mcp-session-id") is not None:
        raise Broken("The new initialize came with the id of the session that was gone.")
    after = record.seen[record.seen.index(begun[1]) + 1 :]
    if any(seen.header("mcp-session-id") == f"{SESSION}1" for seen in after):
        raise Broken("After the new initialize the id of the session that was gone was used again.")


@check(
    "client.request.strange",
    shows=["mcp.client.unknown-request"],
    area=AREA,
    role="client",
    transports=BOTH,
    revisions=LEGACY,
    limit=LIMIT,
)
async def a_request_that_the_client_does_not_know_is_method_not_found(cell: ClientCell) -> None:
    found = (await _met(cell, "strange-request")).response_to(STRANGE_ID)
    if found is None or at(found, "error", "code") != -32601:
        raise Broken(f"A request with an unknown method was answered with {found}, not with -32601.")


@check(
    "client.retry", shows=["mcp.client.retry"], area=AREA, role="client", transports=BOTH, revisions=MODERN, limit=LIMIT
)
async def a_call_that_needs_input_is_made_again_with_the_answers_and_the_same_state(cell: ClientCell) -> None:
    honest = await cell.honest()
    declared = as_object(
        as_object(honest.requests("tools/call")[0].params.get("_meta")).get(f"{META}clientCapabilities")
    )
    if "elicitation" not in declared:
        raise NotHere("The client does not declare that it can be asked.")
    calls = (await _met(cell, "asks")).requests("tools/call")
    if len(calls) < 2:
        raise Broken("A call that needs input was not made again.")
    first, again = calls[0], calls[1]
    if again.params.get("requestState") != STATE:
        raise Broken(f"The requestState {STATE!r} came back as {again.params.get('requestState')!r}.")
    answers = again.params.get("inputResponses")
    if not is_object(answers) or set(answers) != {"q"}:
        raise Broken(f"The input request q was answered with {answers}.")
    if at(again.message, "id") == at(first.message, "id"):
        raise Broken("The retry came with the id of the first call.")
    if (again.params.get("name"), again.params.get("arguments")) != (
        first.params.get("name"),
        first.params.get("arguments"),
    ):
        raise Broken("The retry came with another tool or other arguments.")


@check("client.wrong-id", shows=["mcp.client.foreign-response"], area=AREA, role="client", transports=BOTH, limit=LIMIT)
async def a_response_to_another_id_is_not_taken(cell: ClientCell) -> None:
    if (await _met(cell, "wrong-id")).succeeded:
        raise Broken("A response with an id that nobody asked with was taken for the result.")


@check(
    "client.html",
    shows=["mcp.client.content-unknown"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=LEGACY_HTTP | MODERN,
    limit=LIMIT,
)
async def an_answer_of_another_type_is_an_error(cell: ClientCell) -> None:
    _not_taken(await _met(cell, "html"), "A page of HTML in the place of a result")


@check(
    "client.bad-json",
    shows=["mcp.client.broken-answer"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=LEGACY_HTTP | MODERN,
    limit=LIMIT,
)
async def an_answer_that_is_no_json_is_an_error(cell: ClientCell) -> None:
    _not_taken(await _met(cell, "bad-json"), "Half of a JSON object")


@check(
    "client.half-event",
    shows=["mcp.client.broken-answer"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=LEGACY_HTTP | MODERN,
    limit=LIMIT,
)
async def half_an_event_is_no_result(cell: ClientCell) -> None:
    _not_taken(await _met(cell, "half-event"), "A stream that ended in the middle of an event")


@check("client.silence", shows=["mcp.cancel.timeouts"], area=AREA, role="client", transports=BOTH, limit=LIMIT)
async def a_server_that_never_answers_is_not_waited_for_for_ever(cell: ClientCell) -> None:
    if (await _met(cell, "silent")).exit_code is None:
        raise Broken(f"A server that never answers kept the client waiting for more than {PATIENCE:g} s.")


@check(
    "client.server-dies", shows=["mcp.client.server-gone"], area=AREA, role="client", transports=ON_STDIO, limit=LIMIT
)
async def a_server_that_ended_fails_the_call_at_once(cell: ClientCell) -> None:
    _not_taken(await _met(cell, "dies"), "A server that ended in the middle of a call")
