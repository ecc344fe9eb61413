"""The MCP face over HTTP: eras, headers and every malformed body, through real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets

from tests.foreign.environments import installed
from tests.foreign.json_inputs import JSONInput, json_inputs
from tests.mcp_tools.listening import served
from tests.mcp_tools.servers import over_http
from tests.mcp_tools.wire import MODERN_META
from wireproof.transports.serve import listening

VERSION, METHOD, NAME = "mcp-protocol-version", "mcp-method", "mcp-name"
BASE = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
DUPLICATE_KEYS = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}


@pytest.fixture(scope="module")
def origin() -> Generator[str]:
    with served(Path(over_http.__file__)) as url:
        yield url


@pytest.fixture
async def http(origin: str) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=origin, headers=BASE, timeout=20) as client:
        yield client


def body(method: str = "tools/call", id_: Any = 1, meta: Any = MODERN_META, **params: Any) -> dict[str, Any]:
    if method == "tools/call":
        params = {"name": "hello", "arguments": {}, **params}
    if meta is not None:
        params["_meta"] = meta
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


def headers(method: str = "tools/call", name: str | None = "hello", **more: str) -> dict[str, str]:
    found = {VERSION: "2026-07-28", METHOD: method}
    if name is not None:
        found[NAME] = name
    return {**found, **{key.replace("_", "-"): value for key, value in more.items()}}


async def test_a_modern_call_is_one_json_answer(http: httpx2.AsyncClient) -> None:
    answer = await http.post("/mcp", json=body(), headers=headers())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in answer.headers
    assert answer.json()["result"]["content"][0]["text"] == "hello None None"


def wrapped(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


GOOD_HEADERS = {
    "base64": (headers(name=wrapped("hello")), body()),
    "argument mirrored": (headers(mcp_param_region="eu"), body(arguments={"region": "eu"})),
    "argument in base64": (headers(mcp_param_region=wrapped("Zürich")), body(arguments={"region": "Zürich"})),
    "argument looks like base64": (
        headers(mcp_param_region=wrapped("=?base64?x?=")),
        body(arguments={"region": "=?base64?x?="}),
    ),
    "a number by value": (headers(mcp_param_count="42.0"), body(arguments={"count": 42})),
    "null needs none": (headers(), body(arguments={"region": None})),
    "a prefix without suffix is literal": (
        headers(mcp_param_region="=?base64?x"),
        body(arguments={"region": "=?base64?x"}),
    ),
    "an unknown parameter header": (headers(mcp_param_other="x"), body()),
}


@pytest.mark.parametrize(("given", "message"), GOOD_HEADERS.values(), ids=GOOD_HEADERS.keys())
async def test_headers_that_agree_with_the_body_pass(http: httpx2.AsyncClient, given: Any, message: Any) -> None:
    answer = await http.post("/mcp", json=message, headers=given)
    assert (answer.status_code, "result" in answer.json()) == (200, True)


def less(name: str) -> dict[str, str]:
    return {key: value for key, value in headers().items() if key != name}


BAD_HEADERS: dict[str, tuple[Any, Any]] = {
    "another version": (headers() | {VERSION: "2025-11-25"}, body()),
    "no version": (less(VERSION), body()),
    "another method": (headers() | {METHOD: "tools/list"}, body()),
    "the method in other case": (headers() | {METHOD: "TOOLS/CALL"}, body()),
    "no method": (less(METHOD), body()),
    "another name": (headers(name="bye"), body()),
    "no name": (less(NAME), body()),
    "broken base64": (headers(name="=?base64?!!!?="), body()),
    "base64 of no UTF-8": (headers(name="=?base64?/w==?="), body()),
    "base64 of another name": (headers(name=wrapped("bye")), body()),
    "base64 without padding": (headers(mcp_param_region="=?base64?SGVsbG8?="), body(arguments={"region": "Hello"})),
    "argument without header": (headers(), body(arguments={"region": "eu"})),
    "header without argument": (headers(mcp_param_region="eu"), body()),
    "another argument": (headers(mcp_param_region="us"), body(arguments={"region": "eu"})),
    "a header for null": (headers(mcp_param_region="null"), body(arguments={"region": None})),
    "another number": (headers(mcp_param_count="43"), body(arguments={"count": 42})),
    "no number": (headers(mcp_param_count="x"), body(arguments={"count": 42})),
    "twice": ([*headers().items(), (NAME, "hello")], body()),
}


@pytest.mark.parametrize(("given", "message"), BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
async def test_headers_that_disagree_with_the_body_are_refused(
    http: httpx2.AsyncClient, given: Any, message: Any
) -> None:
    answer = await http.post("/mcp", json=message, headers=given)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in (-32020, -32600)
    assert answer.json()["error"]["code"] == -32020 or given == [*headers().items(), (NAME, "hello")]
    assert answer.json().get("id") in (1, None)
    good = await http.post("/mcp", json=body(), headers=headers())
    assert good.status_code == 200


REFUSED: dict[str, tuple[dict[str, str], dict[str, Any], int, int]] = {
    "no envelope": (headers(), body(meta=None), 400, -32602),
    "no revision in the envelope": (headers(), body(meta={}), 400, -32602),
    "an unknown revision": (
        headers() | {VERSION: "1900-01-01"},
        body(meta={**MODERN_META, "io.modelcontextprotocol/protocolVersion": "1900-01-01"}),
        400,
        -32022,
    ),
    "an unknown method": (headers("no/such", None), body("no/such"), 404, -32601),
    "a session method": (headers("ping", None), body("ping"), 404, -32601),
    "initialize in modern dress": (headers("initialize", None), body("initialize"), 404, -32601),
    "an unknown tool": (headers(name="nope"), body(name="nope"), 400, -32602),
    "tasks/result without a name": (headers("tasks/result", None), body("tasks/result"), 404, -32601),
}


@pytest.mark.parametrize(("given", "message", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_each_refusal_has_its_status_and_its_code(
    http: httpx2.AsyncClient, given: Any, message: Any, status: int, code: int
) -> None:
    answer = await http.post("/mcp", json=message, headers=given)
    assert (answer.status_code, answer.json()["error"]["code"], answer.json()["id"]) == (status, code, 1)


async def test_a_client_that_hangs_up_cancels_its_call() -> None:
    over_http.ENDED.clear()
    message = body(name="forever", meta={**MODERN_META, "progressToken": 1})
    async with listening(over_http.make_server().asgi(), port=0) as url:
        async with (
            httpx2.AsyncClient(base_url=url, headers=BASE) as http,
            http.stream("POST", "/mcp", json=message, headers=headers(name="forever")) as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert "notifications/progress" in await anext(answer.aiter_text())
        await asyncio.wait_for(over_http.ENDED.wait(), 10)


async def test_a_session_lives_from_initialize_to_delete(http: httpx2.AsyncClient) -> None:
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "0"}}
    opened = await http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
    session = {"mcp-session-id": opened.headers["mcp-session-id"], VERSION: "2025-06-18"}
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert (await http.post("/mcp", json=note, headers=session)).status_code == 202
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    assert "hello" in (await http.post("/mcp", json=listing, headers=session)).text
    unknown = await http.post("/mcp", json={**listing, "method": "no/such"}, headers=session)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (200, -32601)  # 404 would say: no session
    assert (await http.delete("/mcp", headers=session)).status_code in (200, 204)
    assert (await http.post("/mcp", json=listing, headers=session)).status_code == 404
    assert (await http.post("/mcp", json=listing)).status_code == 400


@pytest.fixture(scope="module")
def inputs() -> list[JSONInput]:
    return installed(json_inputs)


def readable_id(given: JSONInput) -> Any:
    """The id of an input that happens to have one."""
    try:
        value = json.loads(given.data)
    except (ValueError, RecursionError):
        return None
    return value.get("id") if isinstance(value, dict) else None


def code_for(given: JSONInput) -> set[int]:
    """What must be answered: parse error or invalid request, and either where the suite leaves it free."""
    if given.kind == "n" or given.name in DUPLICATE_KEYS:
        return {-32700}
    return {-32600} if given.kind == "y" else {-32700, -32600}


@pytest.mark.foreign
async def test_every_json_input_is_answered_exactly_over_http(
    http: httpx2.AsyncClient, inputs: list[JSONInput]
) -> None:
    assert len(inputs) == 318
    for given in inputs:
        answer = await http.post("/mcp", content=given.data, headers=headers())
        assert answer.status_code == 400, given.name
        assert answer.json()["error"]["code"] in code_for(given), given.name
    assert (await http.post("/mcp", json=body(), headers=headers())).status_code == 200


@pytest.mark.foreign
async def test_every_json_input_is_answered_exactly_over_websocket(origin: str, inputs: list[JSONInput]) -> None:
    url = origin.replace("http", "ws") + "/ws"
    async with websockets.connect(url, subprotocols=[websockets.Subprotocol("mcp")]) as socket:
        for given in inputs:
            await socket.send(given.data.decode("utf-8", "replace"))
            answer = json.loads(await asyncio.wait_for(socket.recv(), 10))
            assert answer["error"]["code"] in code_for(given) | {-32600}, given.name
            assert answer["id"] in (None, readable_id(given)), given.name
        await socket.send(json.dumps(body()))
        answer = json.loads(await asyncio.wait_for(socket.recv(), 10))
        assert answer["result"]["content"][0]["text"] == "hello None None"


FOREIGN = ["http://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1", "http://a@127.0.0.1"]


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages", "/ws", "/nothing"])
@pytest.mark.parametrize("foreign", FOREIGN)
async def test_a_foreign_origin_is_refused_on_every_path(http: httpx2.AsyncClient, path: str, foreign: str) -> None:
    answer = await http.post(path, json=body(), headers=headers() | {"origin": foreign})
    assert answer.status_code == 403
    answer = await http.post(path, json=body(), headers=headers() | {"host": "evil.example"})
    assert answer.status_code in (403, 421)


async def test_a_server_mounts_into_a_framework_without_lifespan_plumbing() -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    log: list[str] = []
    inner = over_http.make_server().asgi()
    app = Starlette(routes=[Mount("/tools", app=inner)])

    class Outer:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)

        async def stop(self, *, within_s: float) -> None:
            log.append("stopped")

    async with listening(Outer(), port=0) as url, httpx2.AsyncClient(base_url=url, headers=BASE) as client:
        answer = await client.post("/tools/mcp", json=body(), headers=headers())
        assert answer.json()["result"]["content"][0]["text"] == "hello None None"
    await inner.stop(within_s=1)
