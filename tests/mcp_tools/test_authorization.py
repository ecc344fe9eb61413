"""Who may call a tool server over HTTP, HTTP+SSE and WebSocket: real sockets, signed tokens, exact refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import websockets

from tests.auth.tokens import ISSUER, JWKS, RESOURCE, token
from tests.mcp_tools.wire import MODERN_META
from wireproof.auth import ClaimRules, FixedKeys, Gate, JWTVerifier, ProtectedResource
from wireproof.mcp_tools import Context, Settings, ToolServer
from wireproof.mcp_tools.asgi import ServeOptions
from wireproof.transports.serve import listening

PRM = "https://mcp.example/.well-known/oauth-protected-resource/mcp"
BASE = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
MODERN = {"mcp-protocol-version": "2026-07-28"}
ALICE, BOB = token(sub="alice"), token(sub="bob")


def make_server() -> ToolServer[None]:
    server = ToolServer("guarded")

    @server.tool
    async def whoami(ctx: Context[None]) -> str:
        """Say who calls."""
        return f"{ctx.principal.subject} of {ctx.principal.issuer}"

    @server.tool(scopes=["mcp:write"])
    async def write() -> str:
        """Need more than others."""
        return "written"

    @server.tool
    async def ask(ctx: Context[None]) -> str:
        """Ask the user a question."""
        answer = await ctx.elicit("Sure?", {"type": "object", "properties": {"ok": {"type": "boolean"}}})
        return str(answer.accepted)

    return server


def gate(**options: Any) -> Gate:
    resource = ProtectedResource(RESOURCE, (ISSUER,), scopes=("mcp:read", "mcp:write"))
    return Gate(resource, JWTVerifier(ClaimRules(issuer=ISSUER), FixedKeys(JWKS)), **options)


@asynccontextmanager
async def guarded(server: ToolServer[None] | None = None, **options: Any) -> AsyncGenerator[httpx2.AsyncClient]:
    chosen = {"scopes": ["mcp:read"], **options}
    app: Any = (server or make_server()).asgi(ServeOptions(gate=gate(**chosen)))
    async with listening(app) as url, httpx2.AsyncClient(base_url=url, headers=BASE, timeout=10) as client:
        yield client


def call(tool: str, *, meta: Any = MODERN_META, **params: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"name": tool, "arguments": {}, **params}
    if meta is not None:
        given["_meta"] = meta
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": given}


def modern(tool: str, bearer: str | None = ALICE) -> dict[str, str]:
    found = {**MODERN, "mcp-method": "tools/call", "mcp-name": tool}
    return {**found, "authorization": f"Bearer {bearer}"} if bearer else found


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


async def test_without_a_token_every_door_is_a_401_that_says_where_to_get_one() -> None:
    async with guarded() as http:
        answers = [
            await http.post("/mcp", json=call("whoami"), headers=modern("whoami", None)),
            await http.post("/mcp", json=INITIALIZE),
            await http.get("/mcp", headers={"mcp-session-id": "x"}),
            await http.request("DELETE", "/mcp", headers={"mcp-session-id": "x"}),
            await http.get("/sse"),
            await http.post("/messages?session_id=x", json=INITIALIZE),
        ]
    assert [answer.status_code for answer in answers] == [401] * 6
    wanted = f'Bearer scope="mcp:read", resource_metadata="{PRM}"'
    assert {answer.headers["www-authenticate"] for answer in answers} == {wanted}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://other.example"}, "issued for another resource"),
        ({"aud": None}, "issued for another resource"),
        ({"exp": 1}, "expired"),
        ({"iss": "https://evil.example"}, "the access token is not valid"),
    ],
)
async def test_a_token_that_is_not_for_us_is_a_401_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    async with guarded() as http:
        answer = await http.post("/mcp", json=call("whoami"), headers=modern("whoami", token(**changes)))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert reason in answer.headers["www-authenticate"]


async def test_the_principal_comes_from_the_token_and_never_from_the_message() -> None:
    forged = {**MODERN_META, "principal": "root", "subject": "root"}
    async with guarded() as http:
        answer = await http.post("/mcp", json=call("whoami", meta=forged), headers=modern("whoami"))
    assert answer.json()["result"]["content"][0]["text"] == f"alice of {ISSUER}"


async def test_a_tool_with_scopes_of_its_own_is_a_403_that_names_them() -> None:
    async with guarded() as http:
        refused = await http.post("/mcp", json=call("write"), headers=modern("write"))
        strong = token(scope="mcp:read mcp:write")
        passed = await http.post("/mcp", json=call("write"), headers=modern("write", strong))
    assert refused.status_code == 403
    said = refused.headers["www-authenticate"]
    assert said.startswith('Bearer error="insufficient_scope"')
    assert f'scope="mcp:read mcp:write", resource_metadata="{PRM}"' in said
    assert passed.json()["result"]["content"][0]["text"] == "written"


@pytest.mark.parametrize("batched", [False, True])
async def test_a_session_refuses_the_call_of_a_tool_whose_scopes_are_lacking(batched: bool) -> None:
    opening = json.loads(json.dumps(INITIALIZE))
    opening["params"]["protocolVersion"] = "2025-03-26"
    async with guarded() as http:
        bearer = {"authorization": f"Bearer {ALICE}"}
        opened = await http.post("/mcp", json=opening, headers=bearer)
        session = {**bearer, "mcp-session-id": opened.headers["mcp-session-id"]}
        one = call("write", meta=None)
        answer = await http.post("/mcp", json=[one] if batched else one, headers=session)
    assert answer.status_code == 403
    assert "mcp:write" in answer.headers["www-authenticate"]


async def test_the_metadata_of_the_resource_is_there_for_everybody() -> None:
    async with guarded() as http:
        found = await http.get("/.well-known/oauth-protected-resource/mcp")
        without = await http.get("/.well-known/oauth-protected-resource")
    assert found.status_code == 200
    document = found.json()
    assert document["resource"] == RESOURCE
    assert document["authorization_servers"] == [ISSUER]
    assert document["scopes_supported"] == ["mcp:read", "mcp:write"]
    assert without.status_code in (200, 404)


async def test_a_session_of_somebody_else_answers_like_one_that_is_not_there() -> None:
    async with guarded() as http:
        opened = await http.post("/mcp", json=INITIALIZE, headers={"authorization": f"Bearer {ALICE}"})
        mine = {"authorization": f"Bearer {ALICE}", "mcp-session-id": opened.headers["mcp-session-id"]}
        theirs = {**mine, "authorization": f"Bearer {BOB}"}
        absent = {**theirs, "mcp-session-id": "0" * len(mine["mcp-session-id"])}
        ping = {"jsonrpc": "2.0", "id": 5, "method": "ping"}
        for method in ("POST", "GET", "DELETE"):
            body = ping if method == "POST" else None
            foreign, missing = [await http.request(method, "/mcp", json=body, headers=h) for h in (theirs, absent)]
            assert foreign.status_code == missing.status_code == 404
            assert foreign.content == missing.content
            assert {k: v for k, v in foreign.headers.items() if k != "date"} == {
                k: v for k, v in missing.headers.items() if k != "date"
            }
        assert (await http.post("/mcp", json=ping, headers=mine)).status_code == 200


async def test_a_request_state_is_worthless_in_other_hands() -> None:
    answers = {"confirm": {"action": "accept", "content": {"ok": True}}}
    async with guarded() as http:
        asked = (await http.post("/mcp", json=call("ask"), headers=modern("ask"))).json()["result"]
        assert asked["resultType"] == "input_required"
        given = dict.fromkeys(asked["inputRequests"], answers["confirm"])
        again = call("ask", inputResponses=given, requestState=asked["requestState"])
        stolen = (await http.post("/mcp", json=again, headers=modern("ask", BOB))).json()
        mine = (await http.post("/mcp", json=again, headers=modern("ask"))).json()
    assert stolen["error"]["code"] == -32602
    assert mine["result"]["content"][0]["text"] == "True"


async def test_a_cursor_is_worthless_in_other_hands() -> None:
    server = ToolServer("pages", settings=Settings(page_size=2))
    for number in range(5):

        @server.resource(f"x://{number}")
        def one() -> str:
            """One of many."""
            return ""

    def listing(cursor: str | None = None) -> dict[str, Any]:
        params = {"_meta": MODERN_META, **({"cursor": cursor} if cursor else {})}
        return {"jsonrpc": "2.0", "id": 1, "method": "resources/list", "params": params}

    headers = {**MODERN, "mcp-method": "resources/list"}
    async with guarded(server) as http:
        alice, bob = ({**headers, "authorization": f"Bearer {one}"} for one in (ALICE, BOB))
        first = (await http.post("/mcp", json=listing(), headers=alice)).json()["result"]
        stolen = (await http.post("/mcp", json=listing(first["nextCursor"]), headers=bob)).json()
        second = (await http.post("/mcp", json=listing(first["nextCursor"]), headers=alice)).json()
    assert stolen["error"]["code"] == -32602
    assert len(second["result"]["resources"]) == 2


async def test_a_websocket_is_refused_before_it_is_one_and_keeps_its_caller() -> None:
    async with guarded() as http:
        url = str(http.base_url).replace("http", "ws", 1).rstrip("/") + "/ws"
        for bearer in (None, token(exp=1)):
            said = {"Authorization": f"Bearer {bearer}"} if bearer else {}
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(url, subprotocols=["mcp"], additional_headers=said)
            assert refused.value.response.status_code == 401
            assert PRM in refused.value.response.headers["www-authenticate"]
        said = {"Authorization": f"Bearer {ALICE}"}
        async with websockets.connect(url, subprotocols=["mcp"], additional_headers=said) as socket:
            await socket.send(json.dumps(call("whoami")))
            answer = json.loads(await asyncio.wait_for(socket.recv(), 5))
            assert answer["result"]["content"][0]["text"].startswith("alice")
            await socket.send(json.dumps(call("write")))
            refusal = json.loads(await asyncio.wait_for(socket.recv(), 5))
    assert refusal["error"]["data"] == {"scope": "mcp:write"}


async def test_anonymous_callers_pass_where_they_are_let_in_and_are_asked_where_scopes_are_needed() -> None:
    async with guarded(anonymous=True, scopes=[]) as http:
        open_ = await http.post("/mcp", json=call("whoami"), headers=modern("whoami", None))
        closed = await http.post("/mcp", json=call("write"), headers=modern("write", None))
    assert open_.status_code == 200
    assert closed.status_code == 401
    assert 'scope="mcp:write"' in closed.headers["www-authenticate"]


async def test_a_token_never_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with guarded() as http:
        for bearer in (ALICE, token(exp=1), "junk"):
            await http.post("/mcp", json=call("whoami"), headers=modern("whoami", bearer))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("wireproof")]
    assert not any(ALICE in line or "eyJ" in line for line in ours)
