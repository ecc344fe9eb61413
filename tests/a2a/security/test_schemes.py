"""What the card declares is what is enforced: each scheme, alone, together, with scopes, on every network binding."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
import websockets
from websockets.exceptions import InvalidStatus

from tests.a2a.bindings.wires import GRPC, Refused, Served
from tests.auth.test_verifier import VERIFIER
from tests.auth.tokens import ISSUER, RESOURCE, token
from wireproof.a2a import Agent, Turn
from wireproof.a2a.bindings.grpc.server import GRPCOptions, serving
from wireproof.a2a.bindings.http import HTTPOptions
from wireproof.a2a.security import APIKey, Basic, Bearer, MutualTLS, OAuth2, OpenIDConnect, Scheme, Shown
from wireproof.auth.verifier import VerifierUnavailable
from wireproof.schemas.caller import Principal
from wireproof.transports.serve import listening

ADA, BOB = Principal("ada", "keys", scopes=frozenset({"read"})), Principal("bob", "keys")
KEYS = {"key-of-ada": ADA, "key-of-bob": BOB}
PASSWORDS = {"ada": "s3cret: with a colon", "bob": "other"}
FLOWS = {"clientCredentials": {"tokenUrl": "https://as.example/token", "scopes": {"read": "Read"}}}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def certified(shown: Shown) -> Principal | None:
    """As behind a proxy that sets the header of RFC 9440."""
    name = shown.headers.get("client-cert")
    return Principal(name, "pki") if name else None


def agent(schemes: Mapping[str, Any], requirements: Any = None) -> Agent:
    made = Agent("Vault", security_schemes=schemes, security_requirements=requirements)

    @made.skill(tags=["test"])
    def who(turn: Turn) -> str:
        """Say who calls."""
        return turn.principal.subject or "nobody"

    return made


def sending(operation: str = "SendMessage") -> dict[str, Any]:
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
    return {"jsonrpc": "2.0", "id": 1, "method": operation, "params": {"message": message}}


async def ask(url: str, headers: Mapping[str, str] = {}, query: str = "") -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=10) as http:
        return await http.post(f"{url}/{query}", json=sending(), headers={"A2A-Version": "1.0", **headers})


def said(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]["task"]["artifacts"][0]["parts"][0]["text"]  # type: ignore[no-any-return]


Case = tuple[Scheme, dict[str, str], str, str, list[dict[str, str]], str]
CASES: dict[str, Case] = {
    "API key in a header": (
        APIKey("X-API-Key", KEYS), {"x-api-key": "key-of-ada"}, "", "ada",
        [{"x-api-key": "key-of-eve"}, {"x-api-key": ""}], 'ApiKey in="header", name="X-API-Key"',
    ),
    "API key in the query": (
        APIKey("key", KEYS, location="query"), {}, "?key=key-of-ada", "ada",
        [{"key": "key-of-ada"}], 'ApiKey in="query", name="key"',
    ),
    "API key in a cookie": (
        APIKey("key", KEYS, location="cookie"), {"cookie": "a=b; key=key-of-ada"}, "", "ada",
        [{"cookie": "key=key-of-eve"}, {"cookie": "=;key;[key]=key-of-ada"}], 'ApiKey in="cookie", name="key"',
    ),
    "HTTP basic": (
        Basic(PASSWORDS, realm="vault"), {"authorization": basic("ada", "s3cret: with a colon")}, "", "ada",
        [
            {"authorization": basic("ada", "other")}, {"authorization": basic("eve", "")},
            {"authorization": "Basic %%%"}, {"authorization": "Basic " + base64.b64encode(b"\xff:").decode()},
        ],
        'Basic realm="vault", charset="UTF-8"',
    ),
    "HTTP bearer": (
        Bearer(VERIFIER, resource=RESOURCE, bearer_format="JWT"), {"authorization": f"Bearer {token()}"}, "", "alice",
        [{"authorization": f"Bearer {token(aud='https://other.example')}"}, {"authorization": "Bearer x"}], "Bearer",
    ),
    "OAuth 2": (
        OAuth2(VERIFIER, FLOWS, resource=RESOURCE), {"authorization": f"Bearer {token()}"}, "", "alice",
        [{"authorization": f"Bearer {token(exp=1)}"}], "Bearer",
    ),
    "OpenID Connect": (
        OpenIDConnect(VERIFIER, f"{ISSUER}/.well-known/openid-configuration", resource=RESOURCE),
        {"authorization": f"Bearer {token()}"}, "", "alice",
        [{"authorization": f"Bearer {token(iss='https://evil.example')}"}], "Bearer",
    ),
    "mutual TLS": (MutualTLS(certified), {"client-cert": "ada"}, "", "ada", [], ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_declared_scheme_lets_in_who_shows_it_and_nobody_else(case: Case) -> None:
    scheme, good, query, subject, bad, asked = case
    async with listening(agent({"one": scheme}).asgi()) as url:
        assert said(await ask(url, good, query)) == subject
        nothing = await ask(url)
        assert nothing.status_code == (401 if asked else 403)
        assert nothing.headers.get("www-authenticate", "") == asked
        for headers in bad:
            refused = await ask(url, headers)
            assert (refused.status_code, "result" in refused.json()) == (401, False)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_the_card_shows_each_scheme_in_its_form_and_needs_no_credentials(case: Case) -> None:
    made = agent({"one": case[0]})
    async with listening(made.asgi()) as url, httpx2.AsyncClient() as http:
        card = (await http.get(f"{url}/.well-known/agent-card.json")).json()
    ((form, shown),) = case[0].wire().items()
    assert card["securitySchemes"]["one"][form] == shown  # beside it stands the form of 0.3
    assert card["securityRequirements"] == [{"schemes": {"one": {"list": []}}}]


WIRE = {
    "API key in a header": {"apiKeySecurityScheme": {"location": "header", "name": "X-API-Key"}},
    "HTTP basic": {"httpAuthSecurityScheme": {"scheme": "Basic"}},
    "HTTP bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}},
    "OAuth 2": {"oauth2SecurityScheme": {"flows": FLOWS}},
    "OpenID Connect": {
        "openIdConnectSecurityScheme": {"openIdConnectUrl": f"{ISSUER}/.well-known/openid-configuration"}
    },
    "mutual TLS": {"mtlsSecurityScheme": {}},
}


@pytest.mark.parametrize("name", WIRE)
def test_each_scheme_has_the_form_of_the_specification(name: str) -> None:
    assert CASES[name][0].wire() == WIRE[name]


async def test_every_network_binding_asks_for_the_same_key() -> None:
    made = agent({"one": APIKey("X-API-Key", KEYS)})
    async with (
        listening(made.asgi(HTTPOptions(websocket=True))) as url,
        serving(made.core) as port,
        httpx2.AsyncClient(base_url=url, headers={"A2A-Version": "1.0"}) as http,
    ):
        for path in ("/message:send", "/message:stream", "/v1/message:send"):
            assert (await http.post(path, json=sending()["params"])).status_code == 401
        for path in ("/tasks", "/tasks/x", "/extendedAgentCard"):
            assert (await http.get(path)).status_code == 401
            assert (await http.get(path, headers={"X-API-Key": "key-of-ada"})).status_code != 401
        socket = url.replace("http", "ws") + "/a2a/ws"
        with pytest.raises(InvalidStatus) as closed:
            await websockets.connect(socket, subprotocols=["a2a.v1"])  # type: ignore[list-item]
        assert closed.value.response.status_code == 401
        wire = GRPC(Served(url, f"127.0.0.1:{port}"), "1.0")
        with pytest.raises(Refused) as refused:
            await wire.call("ListTasks", {})
        assert refused.value.number == "UNAUTHENTICATED"
        sent = await wire.call("SendMessage", sending()["params"], **{"x-api-key": "key-of-ada"})
        assert sent["task"]["artifacts"][0]["parts"][0]["text"] == "ada"
        await wire.close()


async def test_alternatives_are_either_and_the_schemes_of_one_are_both() -> None:
    schemes = {"key": APIKey("X-API-Key", KEYS), "user": Basic(PASSWORDS), "cert": MutualTLS(certified)}
    key, user, cert = {"x-api-key": "key-of-ada"}, {"authorization": basic("bob", "other")}, {"client-cert": "carol"}
    async with listening(agent(schemes, [{"key": ()}, {"cert": (), "user": ()}]).asgi()) as url:
        assert said(await ask(url, key)) == "ada"
        assert said(await ask(url, user | cert)) == "carol"
        for alone in (user, cert):
            assert (await ask(url, alone)).status_code == 401
        assert (await ask(url)).headers["www-authenticate"].startswith("ApiKey")


async def test_a_scheme_may_need_scopes_and_the_refusal_names_them() -> None:
    made = agent({"key": APIKey("X-API-Key", KEYS)}, [{"key": ("read",)}])
    async with listening(made.asgi()) as url:
        assert said(await ask(url, {"x-api-key": "key-of-ada"})) == "ada"
        refused = await ask(url, {"x-api-key": "key-of-bob"})
        assert refused.status_code == 403
        assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="read"'


async def test_an_empty_alternative_lets_in_who_shows_nothing_but_not_who_shows_something_wrong() -> None:
    made = agent({"key": APIKey("X-API-Key", KEYS)}, [{"key": ()}, {}])
    async with listening(made.asgi()) as url:
        assert said(await ask(url)) == "nobody"
        assert said(await ask(url, {"x-api-key": "key-of-bob"})) == "bob"
        assert (await ask(url, {"x-api-key": "wrong"})).status_code == 401


async def test_tasks_belong_to_whom_the_scheme_found() -> None:
    made = agent({"key": APIKey("X-API-Key", KEYS)})
    async with listening(made.asgi()) as url, httpx2.AsyncClient(base_url=url) as http:
        task = (await ask(url, {"x-api-key": "key-of-ada"})).json()["result"]["task"]["id"]
        found = [
            await http.get(f"/tasks/{id_}", headers={"X-API-Key": key, "A2A-Version": "1.0"})
            for key, id_ in (("key-of-ada", task), ("key-of-bob", task), ("key-of-bob", "t" + "x" * 26))
        ]
        assert [each.status_code for each in found] == [200, 404, 404]
        assert found[1].text.replace(task, "") == found[2].text.replace("t" + "x" * 26, "")


async def test_two_credentials_in_one_request_are_none() -> None:
    made = agent({"user": Basic(PASSWORDS)})
    async with listening(made.asgi()) as url, httpx2.AsyncClient() as http:
        twice = [("authorization", basic("bob", "other"))] * 2 + [("A2A-Version", "1.0")]
        assert (await http.post(f"{url}/", json=sending(), headers=twice)).status_code == 401


async def test_keys_that_cannot_be_checked_now_are_503_and_nobody_gets_in() -> None:
    class Away:
        async def verify(self, token: str, *, resource: str) -> Principal:
            raise VerifierUnavailable("the directory is away")

    async with listening(agent({"key": APIKey("X-API-Key", Away())}).asgi()) as url:
        answer = await ask(url, {"x-api-key": "key-of-ada"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "directory" not in answer.text


async def test_what_nothing_would_enforce_is_not_served() -> None:
    made = agent({"key": {"apiKeySecurityScheme": {"location": "header", "name": "X-Key"}}})
    with pytest.raises(ValueError, match="declares security schemes that nothing enforces"):
        made.asgi()
    with pytest.raises(ValueError, match="declares security schemes that nothing enforces"):
        async with serving(made.core, GRPCOptions()):
            pass
    with pytest.raises(ValueError, match="no security scheme is called other"):
        agent({"key": APIKey("X-API-Key", KEYS)}, [{"other": ()}]).core  # noqa: B018
