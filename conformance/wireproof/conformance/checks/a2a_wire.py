"""The wire: JSON and JSON-RPC as they come, versions, errors in the form of each binding, bounds."""

from __future__ import annotations

import json

from wireproof.conformance.a2a_cell import ABSENT, AgentCell, refused_with
from wireproof.conformance.checks.a2a_send import ANSWER
from wireproof.conformance.ledger import A2A_1, A2A_ALL, A2A_WEB, JSONRPC, REST
from wireproof.conformance.probe.a2a_talk import Reply
from wireproof.conformance.probe.http import HttpBroken, fetch
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object
from wireproof.conformance.verdict import Broken, NotHere

AREA = "wire"
ON_RPC = frozenset({JSONRPC})
ON_REST = frozenset({REST})
LARGE = 64 * 1024 * 1024
"""Bytes of a body that nobody has a use for."""


async def _post(cell: AgentCell, body: bytes, operation: str = "SendMessage") -> Reply:
    talk = cell.talk()
    method, url, _ = talk.build(operation, cell.message())
    return await talk.raw(method, url, body, talk.headers())


async def _rpc(cell: AgentCell, code: int, what: str, body: object) -> None:
    reply = await _post(cell, json.dumps(body).encode())
    if reply.number != code:
        raise Broken(f"{what} was answered with {reply.describe()}, not with {code}.")


@check(
    "a2a.wire.bad-json",
    shows=["a2a.json.parse-error"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
)
async def a_body_that_is_no_json_is_a_parse_error(cell: AgentCell) -> None:
    for body in (b'{"message": ', b"", b"[1, 2"):
        reply = await _post(cell, body)
        wanted = {-32700, -32600} if not body and cell.transport == JSONRPC else {-32700, 400, 422}
        if reply.number not in wanted:
            raise Broken(f"The body {body!r} was answered with {reply.describe()}")


@check("a2a.wire.bad-utf8", shows=["a2a.json.utf8"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_ALL)
async def a_body_that_is_no_utf8_is_a_parse_error(cell: AgentCell) -> None:
    talk = cell.talk()
    method, url, body = talk.build("SendMessage", cell.message("broken \x00here"))
    reply = await talk.raw(method, url, body.replace(b"\\u0000", b"\xff\xfe"), talk.headers())
    if reply.number not in ({-32700} if cell.transport == JSONRPC else {400, 422}):
        raise Broken(f"A body with invalid UTF-8 was answered with {reply.describe()}")


@check("a2a.wire.no-object", shows=["a2a.rpc.request"], area=AREA, protocol="a2a", transports=ON_RPC, revisions=A2A_ALL)
async def a_request_without_jsonrpc_2_0_is_invalid(cell: AgentCell) -> None:
    params = {"id": ABSENT}
    await _rpc(cell, -32600, "A request without jsonrpc", {"id": 1, "method": "GetTask", "params": params})
    await _rpc(cell, -32600, "A request of JSON-RPC 1.0", {"jsonrpc": "1.0", "id": 1, "method": "GetTask"})


@check("a2a.wire.method", shows=["a2a.rpc.method"], area=AREA, protocol="a2a", transports=ON_RPC, revisions=A2A_ALL)
async def a_method_that_is_not_there_is_not_found(cell: AgentCell) -> None:
    await _rpc(cell, -32601, "An unknown method", {"jsonrpc": "2.0", "id": 1, "method": "no/such", "params": {}})


@check("a2a.wire.params", shows=["a2a.rpc.params"], area=AREA, protocol="a2a", transports=ON_RPC, revisions=A2A_ALL)
async def params_that_do_not_fit_are_invalid_params(cell: AgentCell) -> None:
    method = "GetTask" if cell.revision != "0.3" else "tasks/get"
    await _rpc(cell, -32602, "GetTask without an id", {"jsonrpc": "2.0", "id": 1, "method": method, "params": {}})


@check("a2a.wire.id", shows=["a2a.rpc.id"], area=AREA, protocol="a2a", transports=ON_RPC, revisions=A2A_ALL)
async def the_id_of_a_response_is_that_of_its_request(cell: AgentCell) -> None:
    method = "GetTask" if cell.revision != "0.3" else "tasks/get"
    for id_ in ("a text", 2**53, 0):
        request = {"jsonrpc": "2.0", "id": id_, "method": method, "params": {"id": ABSENT}}
        found = as_object((await _post(cell, json.dumps(request).encode())).document).get("id")
        if found != id_ or type(found) is not type(id_):
            raise Broken(f"A request with the id {id_!r} was answered with the id {found!r}.")


@check("a2a.wire.path", shows=["a2a.rest.paths"], area=AREA, protocol="a2a", transports=ON_REST, revisions=A2A_1)
async def a_path_that_is_not_there_is_404(cell: AgentCell) -> None:
    talk = cell.talk()
    reply = await talk.raw("GET", cell.url.rstrip("/") + "/no/such/path", b"", talk.headers())
    if reply.status not in {404, 405, 501}:
        raise Broken(f"A path that is not there was answered with HTTP {reply.status}.")


@check(
    "a2a.wire.media-type",
    shows=["a2a.rest.media-type"],
    area=AREA,
    protocol="a2a",
    transports=ON_REST,
    revisions=A2A_1,
    depends_on=[ANSWER],
)
async def answers_over_http_json_are_json(cell: AgentCell) -> None:
    reply = await cell.talk().call("ListTasks", {"pageSize": 1})
    if reply.media_type not in {"application/a2a+json", "application/json"}:
        raise Broken(f"The answer is of the type {reply.media_type!r}.")


@check("a2a.error.rest", shows=["a2a.rest.error"], area=AREA, protocol="a2a", transports=ON_REST, revisions=A2A_1)
async def an_error_over_http_json_has_its_code_status_and_message(cell: AgentCell) -> None:
    reply = await cell.talk().call("GetTask", {"id": ABSENT})
    shown = as_object(reply.error)
    if shown.get("code") != reply.status or not shown.get("message") or not shown.get("status"):
        raise Broken(f"An error with HTTP {reply.status} has the body {reply.describe()}")


@check("a2a.error.info", shows=["a2a.error.info"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1)
async def an_error_of_a2a_names_its_reason_and_domain(cell: AgentCell) -> None:
    reply = await cell.talk().call("GetTask", {"id": ABSENT})
    if reply.error is None:
        raise NotHere("There was no error to look at.")
    found = [each for each in reply.details if str(each.get("@type", "")).endswith("google.rpc.ErrorInfo")]
    if not found or (found[0].get("reason"), found[0].get("domain")) != ("TASK_NOT_FOUND", "a2a-protocol.org"):
        raise Broken(f"The details of TaskNotFound hold no ErrorInfo with its reason and domain: {reply.describe()}")


@check("a2a.error.typed", shows=["a2a.error.typed"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1)
async def every_detail_of_an_error_has_its_type(cell: AgentCell) -> None:
    reply = await cell.talk().call("GetTask", {"id": ABSENT})
    if not reply.details:
        raise NotHere("The error has no details.")
    if any("@type" not in each for each in reply.details):
        raise Broken(f"A detail of an error has no @type: {reply.describe()}")


@check(
    "a2a.version.unknown",
    shows=["a2a.version.unsupported"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
)
async def a_version_that_is_not_spoken_is_not_supported(cell: AgentCell) -> None:
    reply = await cell.talk().call("GetTask", {"id": ABSENT}, version="99.0")
    refused_with(reply, -32009, 400, "VERSION_NOT_SUPPORTED", "A request of version 99.0")


@check(
    "a2a.version.missing",
    shows=["a2a.version.empty"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[ANSWER],
    limit=35,
)
async def a_request_without_a_version_is_not_one_of_1_0(cell: AgentCell) -> None:
    await cell.said()
    reply = await cell.talk().call("SendMessage", cell.message(), version=None, timeout=30)
    if reply.error is None:
        raise Broken("A 1.0 request without A2A-Version, which counts as 0.3, was carried out as one of 1.0.")


@check("a2a.version.patch", shows=["a2a.version.patch"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1)
async def a_patch_number_makes_no_difference(cell: AgentCell) -> None:
    reply = await cell.talk().call("GetTask", {"id": ABSENT}, version="1.0.9")
    if reply.number not in {-32001, 404}:
        raise Broken(f"A request of version 1.0.9 was answered with {reply.describe()}")


@check(
    "a2a.wire.large",
    shows=["a2a.limits.body"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    limit=40,
)
async def a_body_of_64_mib_is_refused(cell: AgentCell) -> None:
    talk = cell.talk()
    method, url, body = talk.build("SendMessage", cell.message("@@"))
    big = body.replace(b"@@", b"x" * LARGE)
    cell.recorder.note(f"{method} {url} with a body of {len(big)} bytes")
    try:
        response = await fetch(url, method, talk.headers(), big, timeout=30)
    except (HttpBroken, ConnectionError):
        return  # cut off, which is a bound too
    cell.recorder.received(response.raw_head)
    document = as_object(response.json())
    if response.status < 400 and "error" not in document:
        raise Broken(f"A message of {len(big)} bytes was taken.")
