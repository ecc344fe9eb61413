"""The OAuth client against an honest authorization server: discovery, registration, scopes, renewal."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from wireproof.auth import (
    AuthorizationCode,
    AuthorizationDenied,
    AuthorizationServerChanged,
    ClientCredentials,
    ClientInformation,
    ClientProfile,
    DiscoveryFailed,
    EnterpriseManaged,
    HeadlessAgent,
    MemoryStore,
    NotAccepted,
    OAuthClient,
    RegistrationFailed,
    RegistrationNeeded,
    TokenRefused,
    WorkloadIdentity,
)

from .authority import Authority, Seen, Server, answer, call, listening, pair


def client(server: Server, **options: Any) -> OAuthClient:
    options.setdefault("grant", AuthorizationCode(HeadlessAgent()))
    return OAuthClient(server.url, **options)


async def test_the_whole_way_from_no_token_to_an_answer() -> None:
    async with pair() as (authority, server):
        auth = client(server)
        assert (await call(auth, server.url)).json == {"ok": True}
        assert [one.path for one in server.seen] == ["/mcp", "/.well-known/oauth-protected-resource/mcp", "/mcp"]
        assert authority.paths() == ["/.well-known/oauth-authorization-server", "/register", "/authorize", "/token"]
        asked, traded = authority.at("/authorize")[0].query, authority.at("/token")[0].form
        assert asked["code_challenge_method"] == "S256"
        assert (asked["resource"], traded["resource"]) == (server.url, server.url)
        assert "scope" not in asked
        registered = json.loads(authority.at("/register")[0].body)
        assert registered["application_type"] == "native"
        assert registered["grant_types"] == ["authorization_code", "refresh_token"]
        assert len(traded["code_verifier"]) >= 43
        await call(auth, server.url)
        assert len(authority.seen) == 4


async def test_no_header_before_the_first_challenge_and_none_for_another_origin() -> None:
    async with pair() as (_, server):
        auth = client(server)
        assert await auth.headers_for("POST", server.url) == {}
        await call(auth, server.url)
        assert "Authorization" in await auth.headers_for("POST", server.url)
        for url in (
            "https://evil.example/mcp",
            f"http://127.0.0.1:{server.port + 1}/mcp",
            f"http://localhost:{server.port}/mcp",
            "junk",
            f"https://127.0.0.1:{server.port}/mcp",
        ):
            assert await auth.headers_for("POST", url) == {}


PLACES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str], list[str]]] = {
    "named in the header, at a place of its own": (
        {},
        {"prm_path": "/custom/prm.json"},
        ["/custom/prm.json"],
        ["/.well-known/oauth-authorization-server"],
    ),
    "not named, at the path form; OpenID metadata": (
        {"metadata_path": "/.well-known/openid-configuration"},
        {"hint": False},
        ["/.well-known/oauth-protected-resource/mcp"],
        ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"],
    ),
    "not named, at the root; an issuer with a path": (
        {"issuer_path": "/tenant1", "metadata_path": "/.well-known/oauth-authorization-server/tenant1"},
        {"hint": False, "prm_path": "/.well-known/oauth-protected-resource"},
        ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"],
        ["/.well-known/oauth-authorization-server/tenant1"],
    ),
    "OpenID metadata with its path put in": (
        {"issuer_path": "/tenant1", "metadata_path": "/.well-known/openid-configuration/tenant1"},
        {},
        ["/.well-known/oauth-protected-resource/mcp"],
        ["/.well-known/oauth-authorization-server/tenant1", "/.well-known/openid-configuration/tenant1"],
    ),
    "OpenID metadata behind the path": (
        {"issuer_path": "/tenant1", "metadata_path": "/tenant1/.well-known/openid-configuration"},
        {},
        ["/.well-known/oauth-protected-resource/mcp"],
        [
            "/.well-known/oauth-authorization-server/tenant1",
            "/.well-known/openid-configuration/tenant1",
            "/tenant1/.well-known/openid-configuration",
        ],
    ),
}


@pytest.mark.parametrize("case", PLACES)
async def test_metadata_is_looked_for_in_the_prescribed_places_and_order(case: str) -> None:
    authority_options, server_options, resource_paths, authority_paths = PLACES[case]
    async with pair(Authority(**authority_options), **server_options) as (authority, server):
        assert (await call(client(server), server.url)).status == 200
        assert [one.path for one in server.seen if one.path != "/mcp"] == resource_paths
        assert [path for path in authority.paths() if "well-known" in path] == authority_paths


async def test_a_resource_that_is_the_origin_is_sent_byte_for_byte() -> None:
    async with pair() as (authority, server):
        server.resource = server.origin
        await call(client(server), server.url)
        assert authority.at("/authorize")[0].query["resource"] == server.origin
        assert authority.at("/token")[0].form["resource"] == server.origin


async def test_a_server_without_resource_metadata_is_its_own_authority_as_in_2025_03_26() -> None:
    authority = Authority(redirect=lambda said: said.pop("iss") and None)
    async with listening(authority):
        server = Server(authority, hint=False, prm_path="/none")
        async with listening(server):
            for path in ("/.well-known/oauth-authorization-server", "/authorize", "/token", "/register"):
                server.script[path] = lambda one, path=path: (
                    answer(404, {}) if path.startswith("/.well") else _relay(authority, one)
                )
            assert (await call(client(server), server.url)).status == 200
            walked = [one.path for one in server.seen]
            assert walked[-4:] == ["/register", "/authorize", "/token", "/mcp"]


def _relay(authority: Authority, one: Seen) -> bytes:
    head = f"{one.method} {one.path}?{_query(one)} HTTP/1.1\r\n" + "".join(
        f"{k}: {v}\r\n" for k, v in one.headers.items()
    )
    return authority.serve(head.encode() + b"\r\n" + one.body)


def _query(one: Seen) -> str:
    from urllib.parse import urlencode

    return urlencode(one.query)


async def test_old_metadata_at_the_origin_is_used() -> None:
    authority = Authority()
    async with listening(authority):
        server = Server(authority, hint=False, prm_path="/none")
        async with listening(server):
            metadata = {**authority.metadata, "issuer": server.origin}
            server.script["/.well-known/oauth-authorization-server"] = lambda _: answer(200, metadata)
            authority.redirect = lambda said: said.update(iss=server.origin)
            assert (await call(client(server), server.url)).status == 200


# Registration


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
async def test_the_token_endpoint_gets_the_authentication_that_it_takes(method: str) -> None:
    async with pair(Authority(auth_methods=(method,))) as (authority, server):
        assert (await call(client(server), server.url)).status == 200
        assert next(iter(authority.clients.values()))["token_endpoint_auth_method"] == method


async def test_a_metadata_document_is_preferred_to_registration_and_is_portable() -> None:
    profile = ClientProfile(metadata_url="https://app.example/client.json")
    async with pair(Authority(change={"client_id_metadata_document_supported": True})) as (authority, server):
        await call(client(server, profile=profile), server.url)
        assert authority.at("/authorize")[0].query["client_id"] == "https://app.example/client.json"
        assert "/register" not in authority.paths()
    document = profile.metadata_document(["http://127.0.0.1/callback"])
    assert document["client_id"] == "https://app.example/client.json"
    assert document["redirect_uris"] == ["http://127.0.0.1/callback"]


@pytest.mark.parametrize(
    "url", ["http://app.example/c.json", "https://app.example", "https://app.example/", "junk", "https://a.example/c#x"]
)
def test_a_metadata_url_that_no_server_would_take_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"https|refused"):
        ClientProfile(metadata_url=url)


async def test_given_credentials_come_first_and_are_used_at_their_issuer_only() -> None:
    profile = ClientProfile(metadata_url="https://app.example/client.json")
    authority = Authority(auth_methods=("client_secret_basic",), change={"client_id_metadata_document_supported": True})
    async with pair(authority) as (_, server):
        given = ClientInformation("me", "my secret", issuer=authority.issuer)
        assert (await call(client(server, client=given, profile=profile), server.url)).status == 200
        assert authority.at("/authorize")[0].query["client_id"] == "me"
        elsewhere = ClientInformation("me", "my secret", issuer="https://other.example")
        before = len(authority.seen)
        with pytest.raises(AuthorizationServerChanged, match="register there"):
            await call(client(server, client=elsewhere), server.url)
        assert len(authority.seen) == before


async def test_a_registration_is_kept_and_used_again() -> None:
    store = MemoryStore()
    async with pair() as (authority, server):
        await call(client(server, store=store), server.url)
        await store.delete(next(key for key in store._values if key.startswith("tokens")))
        await call(client(server, store=store), server.url)
        assert len(authority.at("/register")) == 1
        other_port = AuthorizationCode(HeadlessAgent("http://127.0.0.1:9999/callback"))
        await store.delete(next(key for key in store._values if key.startswith("tokens")))
        await call(client(server, store=store, grant=other_port), server.url)
        assert len(authority.at("/register")) == 2


async def test_a_refused_registration_says_why_and_what_to_do() -> None:
    async with pair() as (authority, server):
        authority.script["/register"] = lambda _: answer(
            400, {"error": "invalid_redirect_uri", "error_description": "no loop\nback"}
        )
        with pytest.raises(RegistrationFailed, match=r"invalid_redirect_uri \(no loop\?back\).*ClientInformation"):
            await call(client(server), server.url)


async def test_without_any_way_to_a_client_id_the_user_is_told() -> None:
    async with pair(Authority(change={"registration_endpoint": None})) as (_, server):
        with pytest.raises(RegistrationNeeded, match="register a client"):
            await call(client(server), server.url)


async def test_a_new_authority_gets_a_registration_of_its_own_and_no_old_credential() -> None:
    old = Authority(auth_methods=("client_secret_basic",), refreshes=True)
    new = Authority(auth_methods=("client_secret_basic",))
    async with pair(old) as (_, server), listening(new):
        auth = client(server)
        await call(auth, server.url)
        server.authority = new
        assert (await call(auth, server.url)).status == 200
        assert len(new.at("/register")) == 1
        leaked = [
            *old.tokens,
            *old.refresh_tokens,
            *(one["client_secret"] for one in old.clients.values()),
            *old.clients,
        ]
        for one in new.seen:
            assert not any(secret in f"{one.query}{one.headers}{one.body!r}" for secret in leaked)


# Scopes


@pytest.mark.parametrize(
    ("options", "scope"),
    [
        ({"scope_hint": "a b", "prm_scopes": ("x",)}, "a b"),
        ({"prm_scopes": ("c", "a", "b")}, "a b c"),
        ({}, None),
    ],
    ids=["challenge", "metadata", "none"],
)
async def test_scopes_come_from_the_challenge_then_from_the_metadata(
    options: dict[str, Any], scope: str | None
) -> None:
    async with pair(**options) as (authority, server):
        await call(client(server), server.url)
        assert authority.at("/authorize")[0].query.get("scope") == scope


@pytest.mark.parametrize(
    ("offered", "wanted", "scope"),
    [
        (("offline_access",), ("a",), "a offline_access"),
        (("a",), ("a",), "a"),
        (None, ("a",), "a"),
        (("offline_access",), None, None),
    ],
)
async def test_offline_access_is_asked_for_only_where_it_is_offered(
    offered: Any, wanted: Any, scope: str | None
) -> None:
    async with pair(Authority(scopes=offered), prm_scopes=wanted) as (authority, server):
        await call(client(server), server.url)
        assert authority.at("/authorize")[0].query.get("scope") == scope


async def test_a_step_up_asks_for_the_union() -> None:
    async with pair(scope_hint="mcp:basic", prm_scopes=("unrelated",)) as (authority, server):
        auth = client(server)
        await call(auth, server.url)
        server.needed = "mcp:write"
        assert (await call(auth, server.url)).status == 200
        assert [one.query["scope"] for one in authority.at("/authorize")] == ["mcp:basic", "mcp:basic mcp:write"]


async def test_endless_step_ups_end() -> None:
    rising = iter(range(1000))
    async with pair() as (authority, server):
        auth = client(server)
        await call(auth, server.url)
        server.script["/mcp"] = lambda _: server.challenge(403, f'scope="s{next(rising)}"', error="insufficient_scope")
        with pytest.raises(NotAccepted):
            await call(auth, server.url)
        assert len(authority.at("/authorize")) == 4
        server.script["/mcp"] = lambda _: server.challenge(403, 'scope="never"', error="insufficient_scope")
        for _ in range(5):
            with pytest.raises(NotAccepted, match="tools/call x although all its scopes"):
                await call(auth, server.url)
        assert len(authority.at("/authorize")) == 5


async def test_a_step_up_that_the_user_refuses_is_not_asked_for_again() -> None:
    async with pair(prm_scopes=("a",)) as (authority, server):
        auth = client(server)
        await call(auth, server.url)
        server.needed = "a b"
        authority.redirect = lambda said: (said.pop("code"), said.update(error="access_denied"))[2:] or None
        with pytest.raises(AuthorizationDenied):
            await call(auth, server.url)
        for _ in range(3):
            with pytest.raises(NotAccepted):
                await call(auth, server.url)
        assert len(authority.at("/authorize")) == 2
        authority.redirect = None
        assert (await call(auth, server.url, operation="tools/call y")).status == 200


async def test_a_step_up_that_the_network_broke_is_tried_again() -> None:
    async with pair(prm_scopes=("a",)) as (authority, server):
        auth = client(server)
        await call(auth, server.url)
        server.needed = "a b"
        authority.script["/token"] = lambda _: b""
        with pytest.raises(DiscoveryFailed):
            await call(auth, server.url)
        del authority.script["/token"]
        assert (await call(auth, server.url)).status == 200


async def test_a_plain_403_is_left_to_the_caller() -> None:
    async with pair() as (authority, server):
        server.script["/mcp"] = lambda _: answer(403, {})
        assert (await call(client(server), server.url)).status == 403
        assert authority.seen == []


@pytest.mark.parametrize("scheme", ['Basic realm="x"', "Negotiate abc==", 'Digest realm="x", nonce="y"'])
async def test_a_challenge_of_another_kind_is_left_to_the_caller(scheme: str) -> None:
    async with pair() as (authority, server):
        server.script["/mcp"] = lambda _: answer(401, {}, WWW_Authenticate=scheme)
        assert (await call(client(server), server.url)).status == 401
        assert authority.seen == []


async def test_a_401_without_any_challenge_is_answered_by_looking_around() -> None:
    async with pair(hint=False) as (authority, server):
        assert (await call(client(server), server.url)).status == 200
        assert len(authority.at("/token")) == 1


async def test_a_websocket_url_is_the_same_origin() -> None:
    async with pair() as (_, server):
        auth = OAuthClient(server.url.replace("http:", "ws:"), grant=AuthorizationCode(HeadlessAgent()))
        await call(auth, server.url)
        assert "Authorization" in await auth.headers_for("GET", server.url.replace("http:", "ws:"))
        assert await auth.headers_for("GET", server.url.replace("http:", "wss:")) == {}


async def test_a_server_that_refuses_every_token_is_given_up() -> None:
    async with pair() as (authority, server):
        server.script["/mcp"] = lambda _: server.challenge(401, error="invalid_token")
        with pytest.raises(NotAccepted, match="refuses each new token"):
            await call(client(server), server.url)
        assert len(authority.at("/authorize")) == 3


# Renewal


async def test_a_token_is_refreshed_before_it_expires_once_for_all_and_no_call_waits_for_another() -> None:
    now = [time.time()]
    async with pair(Authority(refreshes=True, expires_in=100)) as (authority, server):
        auth = client(server, clock=lambda: now[0])
        await call(auth, server.url)
        now[0] += 75
        answers = await asyncio.gather(*(call(auth, server.url) for _ in range(20)))
        assert {one.status for one in answers} == {200}
        assert [one.form["grant_type"] for one in authority.at("/token")] == ["authorization_code", "refresh_token"]
        assert len(authority.at("/authorize")) == 1


async def test_a_refused_token_is_refreshed_once_for_all() -> None:
    async with pair(Authority(refreshes=True)) as (authority, server):
        auth = client(server)
        await call(auth, server.url)
        server.revoked = set(authority.tokens)
        answers = await asyncio.gather(*(call(auth, server.url) for _ in range(20)))
        assert {one.status for one in answers} == {200}
        assert len(authority.at("/token")) == 2


async def test_a_dead_refresh_token_leads_to_a_new_authorization() -> None:
    async with pair(Authority(refreshes=True)) as (authority, server):
        auth = client(server)
        await call(auth, server.url)
        server.revoked = set(authority.tokens)
        authority.refresh_tokens.clear()
        assert (await call(auth, server.url)).status == 200
        assert len(authority.at("/authorize")) == 2


async def test_calls_run_side_by_side_while_one_of_them_is_slow() -> None:
    async with pair() as (_, server):
        auth = client(server)
        await call(auth, server.url)
        sent = await auth.headers_for("POST", server.url)
        others = await asyncio.gather(*(call(auth, server.url) for _ in range(5)))
        assert {one.status for one in others} == {200}
        assert await auth.on_challenge(
            401, 'Bearer error="invalid_token"', method="POST", url=server.url, sent={"Authorization": "Bearer old"}
        )
        assert await auth.headers_for("POST", server.url) == sent


async def test_two_clients_with_one_store_do_not_burn_each_others_refresh_token() -> None:
    store, now = MemoryStore(), [time.time()]
    async with pair(Authority(refreshes=True, expires_in=100)) as (authority, server):
        one, two = (client(server, store=store, clock=lambda: now[0]) for _ in range(2))
        await call(one, server.url)
        await call(two, server.url)
        now[0] += 75
        assert {(await call(auth, server.url)).status for auth in (one, two)} == {200}
        assert len(authority.at("/authorize")) == 1
        assert len([seen for seen in authority.at("/token") if seen.form["grant_type"] == "refresh_token"]) == 1


async def test_tokens_survive_in_the_store() -> None:
    store = MemoryStore()
    async with pair() as (authority, server):
        await call(client(server, store=store), server.url)
        assert (await call(client(server, store=store), server.url)).status == 200
        assert len(authority.at("/token")) == 1


# Other grants

KEY = ECKey.generate_key("P-256")


async def test_client_credentials_with_a_secret() -> None:
    async with pair(Authority(auth_methods=("client_secret_basic",)), prm_scopes=("a",)) as (authority, server):
        given = ClientInformation("me", "s")
        assert (await call(client(server, grant=ClientCredentials(), client=given), server.url)).status == 200
        (asked,) = authority.at("/token")
        assert asked.form == {"grant_type": "client_credentials", "scope": "a", "resource": server.url}
        assert "/authorize" not in authority.paths()


async def test_client_credentials_with_a_private_key() -> None:
    async with pair(Authority(auth_methods=("private_key_jwt",))) as (authority, server):
        given = ClientInformation("me", private_key_pem=KEY.as_pem(private=True))
        assert (await call(client(server, grant=ClientCredentials(), client=given), server.url)).status == 200
        (assertion,) = authority.assertions
        claims = jwt.decode(assertion, KEY, algorithms=["ES256"]).claims
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", authority.issuer)
        assert 0 < claims["exp"] - time.time() <= 120


async def test_client_credentials_need_a_registration() -> None:
    async with pair() as (_, server):
        with pytest.raises(RegistrationNeeded):
            await call(client(server, grant=ClientCredentials()), server.url)


async def test_a_workload_shows_its_identity_once() -> None:
    async with pair() as (authority, server):
        grant = WorkloadIdentity("a.b.c")
        given = ClientInformation("workload")
        assert (await call(client(server, grant=grant, client=given), server.url)).status == 200
        form = authority.at("/token")[0].form
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        assert (form["assertion"], form["client_id"]) == ("a.b.c", "workload")
        authority.script["/token"] = lambda _: answer(400, {"error": "invalid_grant"})
        with pytest.raises(TokenRefused, match="invalid_grant"):
            await call(client(server, grant=grant, client=given), server.url)
        assert len(authority.at("/token")) == 2


async def test_an_enterprise_exchanges_its_id_token_and_the_user_sees_nothing() -> None:
    idp = Authority()
    async with (
        pair(Authority(auth_methods=("client_secret_basic",)), prm_scopes=("a",)) as (authority, server),
        listening(idp),
    ):
        jag = "urn:ietf:params:oauth:token-type:id-jag"
        idp.script["/token"] = lambda _: answer(
            200, {"access_token": "the.id.jag", "issued_token_type": jag, "token_type": "N_A"}
        )
        grant = EnterpriseManaged(
            idp.issuer, ClientInformation("idp-me"), "the-id-token", token_endpoint=idp.origin + "/token"
        )
        auth = client(server, grant=grant, client=ClientInformation("me", "s", issuer=authority.issuer))
        assert (await call(auth, server.url)).status == 200
        assert idp.at("/token")[0].form == {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requested_token_type": jag,
            "audience": authority.issuer,
            "resource": server.url,
            "subject_token": "the-id-token",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "scope": "a",
            "client_id": "idp-me",
        }
        traded = authority.at("/token")[0]
        assert traded.form["assertion"] == "the.id.jag"
        assert "the-id-token" not in str(authority.seen)
        assert "/authorize" not in authority.paths()


async def test_an_identity_provider_that_issues_something_else_is_refused() -> None:
    async with pair() as (authority, server), listening(Authority()) as _:
        authority.script["/idp"] = lambda _: answer(
            200, {"access_token": "x", "issued_token_type": "urn:x", "token_type": "Bearer"}
        )
        grant = EnterpriseManaged(
            authority.issuer, ClientInformation("i"), "id", token_endpoint=authority.origin + "/idp"
        )
        with pytest.raises(TokenRefused, match="no ID-JAG"):
            await call(client(server, grant=grant, client=ClientInformation("me")), server.url)
        assert "/token" not in authority.paths()


# DPoP


@pytest.mark.parametrize("nonces", [("", ""), ("as-nonce", "rs-nonce")], ids=["plain", "nonces"])
async def test_a_resource_that_takes_proofs_gets_them(nonces: tuple[str, str]) -> None:
    async with pair(Authority(dpop=True, dpop_nonce=nonces[0]), scheme="DPoP", dpop_nonce=nonces[1]) as (
        authority,
        server,
    ):
        auth = client(server)
        for _ in range(3):
            assert (await call(auth, server.url)).status == 200
        assert "dpop" in authority.at("/token")[-1].headers
        assert len(authority.at("/authorize")) == 1
        proofs = [one.headers["dpop"] for one in server.at("/mcp") if "dpop" in one.headers]
        assert len(set(proofs)) == len(proofs)


async def test_a_bound_token_is_refreshed_with_its_own_key_even_by_another_process() -> None:
    store, now = MemoryStore(), [time.time()]
    async with pair(Authority(dpop=True, refreshes=True, expires_in=100), scheme="DPoP") as (authority, server):
        await call(client(server, store=store), server.url)
        now[0] += 75
        assert (await call(client(server, store=store, clock=lambda: now[0]), server.url)).status == 200
        bound = {entry["cnf"]["jkt"] for entry in authority.tokens.values()}
        assert len(bound) == 1
        assert len(authority.tokens) == 2
