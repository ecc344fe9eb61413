"""Versions and eras: per-request metadata, discovery, the handshake, and what a modern server must not do any more."""

from __future__ import annotations

from wireproof.conformance.ledger import HTTP, LEGACY, MODERN
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.oracle import result_problem
from wireproof.conformance.probe.talk import META, Answer, Talk, short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject, is_array, is_object

AREA = "versions"


def must_refuse(answer: Answer, code: int, what: str, status: int | None = None) -> None:
    """Raise unless the answer is this error, with this HTTP status where there is one."""
    if answer.code != code:
        raise Broken(f"{what} was answered with {answer.describe()}, not with {code}.")
    if status is not None and answer.status is not None and answer.status != status:
        raise Broken(f"{what} was answered with HTTP {answer.status}, not {status}.")


@check("version.discover", shows=["mcp.discover.implemented"], area=AREA, revisions=MODERN)
async def server_discover_names_versions_and_capabilities(cell: Cell) -> None:
    result = (await (await cell.talk()).request("server/discover")).result
    versions = result.get("supportedVersions")
    if not is_array(versions) or cell.revision not in versions:
        raise Broken(f"supportedVersions does not list {cell.revision}: {short(versions)}")
    if not is_object(result.get("capabilities")):
        raise Broken(f"The result has no capabilities: {short(result)}")


@check("version.meta.required", shows=["mcp.base.meta.required"], area=AREA, revisions=MODERN)
async def a_request_without_a_required_meta_field_is_refused(cell: Cell) -> None:
    talk = await cell.talk()
    method = "tools/list" if "tools" in cell.capabilities else "server/discover"
    for gone in ("protocolVersion", "clientCapabilities", None):
        message = talk.build(method)
        if gone is None:
            del message["params"]["_meta"]
        else:
            del message["params"]["_meta"][f"{META}{gone}"]
        answer = await talk.send(message)
        must_refuse(answer, -32602, f"A request without {gone or '_meta'}")


@check(
    "version.meta.status",
    shows=["mcp.base.meta.status"],
    area=AREA,
    transports=frozenset({HTTP}),
    revisions=MODERN,
    depends_on=["version.meta.required"],
)
async def over_http_the_refusal_of_missing_meta_is_a_400(cell: Cell) -> None:
    talk = await cell.talk()
    message = talk.build("server/discover")
    del message["params"]["_meta"][f"{META}clientCapabilities"]
    must_refuse(await talk.send(message), -32602, "A request without clientCapabilities", 400)


@check("version.unsupported", shows=["mcp.version.unsupported"], area=AREA, revisions=MODERN)
async def an_unknown_version_is_refused_with_the_supported_ones(cell: Cell) -> None:
    talk = await cell.talk()
    for version in ("1900-01-01", "2099-12-31", "latest"):
        answer = await _ask_in(talk, version)
        must_refuse(answer, -32022, f"The version {version!r}")
        data = as_object(answer.error).get("data")
        supported = data.get("supported") if is_object(data) else None
        if not is_array(supported) or cell.revision not in supported:
            raise Broken(f"The refusal of {version!r} does not list the supported versions: {answer.describe()}")


async def _ask_in(talk: Talk, version: str) -> Answer:
    message = talk.build("server/discover", meta={f"{META}protocolVersion": version})
    from wireproof.conformance.probe.http_talk import HttpTalk, replaced

    if isinstance(talk, HttpTalk):
        import json

        headers = replaced(talk.headers(message), "MCP-Protocol-Version", version)
        return await talk.post(json.dumps(message).encode(), headers, expect=message["id"])
    return await talk.send(message)


@check(
    "version.unsupported.status",
    shows=["mcp.http.version.unsupported-status"],
    area=AREA,
    transports=frozenset({HTTP}),
    revisions=MODERN,
    depends_on=["version.unsupported"],
)
async def over_http_an_unknown_version_is_a_400(cell: Cell) -> None:
    must_refuse(await _ask_in(await cell.talk(), "1900-01-01"), -32022, "An unknown version", 400)


@check("version.result-type", shows=["mcp.base.result-type"], area=AREA, revisions=MODERN)
async def every_result_says_its_type(cell: Cell) -> None:
    talk = await cell.talk()
    methods = ["server/discover"]
    methods += [f"{name}/list" for name in ("tools", "prompts", "resources") if name in cell.capabilities]
    for method in methods:
        result = (await talk.request(method)).result
        if not isinstance(result.get("resultType"), str):
            raise Broken(f"The result of {method} has no resultType: {short(result)}")


@check("version.server-info", shows=["mcp.base.server-info"], area=AREA, revisions=MODERN)
async def results_name_the_server(cell: Cell) -> None:
    result = (await (await cell.talk()).request("server/discover")).result
    info = as_object(result.get("_meta")).get(f"{META}serverInfo")
    if not is_object(info) or not all(isinstance(info.get(key), str) for key in ("name", "version")):
        raise Broken(f"The result's _meta has no serverInfo with name and version: {short(result.get('_meta'))}")


@check("version.stateless", shows=["mcp.base.stateless"], area=AREA, revisions=MODERN)
async def the_first_request_of_a_connection_may_be_any(cell: Cell) -> None:
    method = next((f"{name}/list" for name in ("tools", "prompts", "resources") if name in cell.capabilities), None)
    if method is None:
        raise NotHere("The server declares no feature with a list.")
    async with cell.own() as talk:
        answer = await talk.request(method, timeout=20)
        if answer.message is None or "result" not in answer.message:
            raise Broken(f"{method} as the first request of a connection was answered with {answer.describe()}")


@check("version.removed-methods", shows=["mcp.version.removed-methods"], area=AREA, revisions=MODERN)
async def methods_of_the_session_era_are_gone_under_modern_metadata(cell: Cell) -> None:
    talk = await cell.talk()
    for method, params in (
        ("ping", None),
        ("logging/setLevel", {"level": "info"}),
        ("resources/subscribe", {"uri": "test://nothing"}),
    ):
        answer = await talk.request(method, params)
        if answer.code != -32601:
            raise Broken(f"{method} with modern metadata was answered with {answer.describe()}, not -32601.")


@check("version.error-codes", shows=["mcp.base.error-codes"], area=AREA, revisions=MODERN)
async def no_undefined_or_retired_error_code_is_sent(cell: Cell) -> None:
    talk = await cell.talk()
    asks: list[tuple[str, JSONObject]] = [
        ("resources/read", {"uri": "test://no-such-resource"}),
        ("tools/call", {"name": "no_such_tool", "arguments": {}}),
        ("prompts/get", {"name": "no_such_prompt"}),
        ("tools/list", {"cursor": "no such cursor"}),
        ("no/such/method", {}),
    ]
    for method, params in asks:
        code = (await talk.request(method, params)).code
        if code is None:
            continue
        undefined = -32099 <= code <= -32020 and code not in {-32020, -32021, -32022}
        if undefined or code in {-32002, -32042}:
            raise Broken(f"{method} was refused with {code}, which this revision does not define.")


@check("version.initialize.result", shows=["mcp.lifecycle.initialize.result"], area=AREA, revisions=LEGACY)
async def initialize_answers_with_version_capabilities_and_server_info(cell: Cell) -> None:
    async with cell.own() as talk:
        result = talk.initialize_answer.result
        if not isinstance(result.get("protocolVersion"), str):
            raise Broken(f"The result of initialize has no protocolVersion: {short(result)}")
        problem = result_problem("initialize", cell.revision, result)
        if problem:
            raise Broken(f"The result of initialize does not fit its schema: {problem}")


@check("version.initialize.echo", shows=["mcp.lifecycle.version.same"], area=AREA, revisions=LEGACY)
async def a_supported_version_is_answered_with_the_same(cell: Cell) -> None:
    async with cell.own() as talk:
        answered = talk.initialize_answer.result.get("protocolVersion")
        if answered != cell.revision:
            raise Broken(f"initialize asked for {cell.revision}, which is supported, and was answered {answered!r}.")


@check("version.initialize.unknown", shows=["mcp.lifecycle.version.other"], area=AREA, revisions=LEGACY)
async def an_unknown_version_is_answered_with_one_that_is_supported(cell: Cell) -> None:
    async with cell.own(handshake=False) as talk:
        params: JSONObject = {
            "protocolVersion": "1900-01-01",
            "capabilities": {},
            "clientInfo": {"name": "x", "version": "1"},
        }
        answer = await talk.request("initialize", params, timeout=20)
        found = answer.result.get("protocolVersion")
        if found not in LEGACY | MODERN:
            raise Broken(f"initialize with 1900-01-01 was answered with the version {found!r}.")


@check("version.ping", shows=["mcp.ping.empty"], area=AREA, revisions=LEGACY)
async def ping_is_answered_with_an_empty_result(cell: Cell) -> None:
    result = (await (await cell.talk()).request("ping")).result
    if {key for key in result if key != "_meta"}:
        raise Broken(f"ping was answered with {short(result)}, not with an empty result.")
