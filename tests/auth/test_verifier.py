"""A token stands for someone only when its signature, issuer, audience and times all hold."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from wireproof.auth.fetcher import GuardedFetcher, Rules
from wireproof.auth.introspection import IntrospectionVerifier, basic
from wireproof.auth.keysets import FixedKeys, IssuerKeys, KeysUnavailable
from wireproof.auth.verifier import ClaimRules, Denied, JWTVerifier, StaticVerifier, VerifierUnavailable
from wireproof.schemas.caller import Principal

from .faults import FAULTS
from .peers import Recorder, http, recorder
from .tokens import EC, ED, ISSUER, JWKS, OTHER_EC, RESOURCE, RSA, claims, sign, token

VERIFIER = JWTVerifier(ClaimRules(issuer=ISSUER), FixedKeys(JWKS))
NOW = int(time.time())


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RS256", "ES256", "Ed25519"])
async def test_a_good_token_is_a_principal(key: Any) -> None:
    said = claims(scope="a b", tid="t1")
    found = await VERIFIER.verify(sign(said, key), resource=RESOURCE)
    assert found == Principal("alice", ISSUER, "", frozenset({"a", "b"}), "c", float(said["exp"]))
    assert isinstance(found, Principal)
    assert found.claims["tid"] == "t1"


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_token_is_denied(fault: str) -> None:
    found = await VERIFIER.verify(FAULTS[fault], resource=RESOURCE)
    assert isinstance(found, Denied)
    assert found.description in (
        "the access token is not valid",
        "the access token has expired",
        "the access token was issued for another resource",
    )


async def test_a_key_in_the_header_is_never_trusted() -> None:
    mine = ECKey.generate_key("P-256")
    found = await VERIFIER.verify(
        sign(claims(), mine, jwk=mine.as_dict(private=False), jku="https://evil.example/jwks"), resource=RESOURCE
    )
    assert isinstance(found, Denied)


async def test_leeway_is_thirty_seconds_on_both_sides() -> None:
    assert isinstance(await VERIFIER.verify(token(exp=int(time.time()) - 20), resource=RESOURCE), Principal)
    assert isinstance(await VERIFIER.verify(token(nbf=int(time.time()) + 20), resource=RESOURCE), Principal)


async def test_the_audience_is_the_resource_unless_it_is_named() -> None:
    named = JWTVerifier(ClaimRules(issuer=ISSUER, audiences=frozenset({"api://x"})), FixedKeys(JWKS))
    assert isinstance(await named.verify(token(aud=["y", "api://x"]), resource=RESOURCE), Principal)
    assert isinstance(await named.verify(token(), resource=RESOURCE), Denied)
    assert isinstance(await VERIFIER.verify(token(aud=["y", RESOURCE]), resource=RESOURCE), Principal)


async def test_a_tenant_is_read_from_its_claim_and_is_needed_when_asked_for() -> None:
    tenants = JWTVerifier(ClaimRules(issuer=ISSUER, tenant_claim="tid"), FixedKeys(JWKS))
    found = await tenants.verify(token(tid="t1"), resource=RESOURCE)
    assert isinstance(found, Principal)
    assert found.tenant == "t1"
    assert isinstance(await tenants.verify(token(), resource=RESOURCE), Denied)


@pytest.mark.parametrize("said", [{"scope": "a b"}, {"scope": None, "scp": "a b"}, {"scope": None, "scp": ["a", "b"]}])
async def test_scopes_are_read_in_their_spellings(said: dict[str, Any]) -> None:
    found = await VERIFIER.verify(token(**said), resource=RESOURCE)
    assert isinstance(found, Principal)
    assert found.scopes == {"a", "b"}


@pytest.mark.parametrize("algorithms", [(), ("none",), ("HS256",), ("RS256", "HS256")])
def test_unsafe_algorithms_cannot_be_allowed(algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="algorithms"):
        JWTVerifier(ClaimRules(issuer=ISSUER), FixedKeys(JWKS), algorithms=algorithms)


def test_weak_private_and_symmetric_keys_are_left_out_of_a_set() -> None:
    weak = {**RSA.as_dict(private=False), "n": base64.urlsafe_b64encode(b"\xc1" * 128).rstrip(b"=").decode()}
    oct_key = OctKey.import_key("s" * 32).as_dict()
    private = EC.as_dict(private=True)
    keys = FixedKeys(
        {
            "keys": [
                weak,
                oct_key,
                private,
                7,
                {"kty": "EC"},
                {"kty": "EC", "crv": "P-256", "x": "!", "y": 1},
                {**JWKS["keys"][1], "use": "enc"},
            ]
        }
    )
    assert keys._keys == ()


class KeyServer:
    """An issuer that serves metadata and keys, and counts."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = JWKS
        self.status = 200
        self.fetches = 0
        self.peer: Recorder

    def answer(self, request: bytes) -> bytes:
        if b"/.well-known/" in request.split(b"\r\n")[0]:
            if b"oauth-authorization-server" in request:
                return http(404)
            base = f"http://127.0.0.1:{self.peer.port}"
            return http(body=json.dumps({"issuer": base, "jwks_uri": base + "/jwks"}).encode())
        self.fetches += 1
        return http(self.status, json.dumps(self.keys).encode())


async def test_keys_are_discovered_fetched_once_for_many_and_kept() -> None:
    server, now = KeyServer(), [0.0]
    async with recorder(server.answer) as peer:
        server.peer = peer
        issuer = f"http://127.0.0.1:{peer.port}"
        keys = IssuerKeys(issuer, GuardedFetcher(Rules(loopback=True)), clock=lambda: now[0])
        verifier = JWTVerifier(ClaimRules(issuer=issuer), keys)
        found = await asyncio.gather(*(verifier.verify(token(iss=issuer), resource=RESOURCE) for _ in range(50)))
        assert all(isinstance(one, Principal) for one in found)
        assert server.fetches == 1
        now[0] = 599
        await verifier.verify(token(iss=issuer), resource=RESOURCE)
        assert server.fetches == 1
        now[0] = 601
        await verifier.verify(token(iss=issuer), resource=RESOURCE)
        assert server.fetches == 2


async def test_a_rotated_key_is_found_and_unknown_key_ids_cannot_make_us_ask_again_and_again() -> None:
    server, now = KeyServer(), [0.0]
    async with recorder(server.answer) as peer:
        server.peer = peer
        uri = f"http://127.0.0.1:{peer.port}/jwks"
        keys = IssuerKeys(ISSUER, GuardedFetcher(Rules(loopback=True)), jwks_uri=uri, clock=lambda: now[0])
        verifier = JWTVerifier(ClaimRules(issuer=ISSUER), keys)
        assert isinstance(await verifier.verify(token(), resource=RESOURCE), Principal)
        new = sign(claims(), OTHER_EC)
        for _ in range(20):
            assert isinstance(await verifier.verify(new, resource=RESOURCE), Denied)
        assert server.fetches == 1
        server.keys = {"keys": [OTHER_EC.as_dict(private=False)]}
        now[0] = 31
        assert isinstance(await verifier.verify(new, resource=RESOURCE), Principal)
        assert isinstance(await verifier.verify(token(), resource=RESOURCE), Denied)
        assert server.fetches == 2


async def test_keys_outlive_an_outage_of_the_issuer_but_not_for_ever() -> None:
    server, now = KeyServer(), [0.0]
    async with recorder(server.answer) as peer:
        server.peer = peer
        uri = f"http://127.0.0.1:{peer.port}/jwks"
        keys = IssuerKeys(ISSUER, GuardedFetcher(Rules(loopback=True)), jwks_uri=uri, clock=lambda: now[0])
        verifier = JWTVerifier(ClaimRules(issuer=ISSUER), keys)
        await verifier.verify(token(), resource=RESOURCE)
        server.status = 500
        now[0] = 4000
        assert isinstance(await verifier.verify(token(), resource=RESOURCE), Principal)
        now[0] = 4300
        with pytest.raises(VerifierUnavailable):
            await verifier.verify(token(), resource=RESOURCE)
        server.status = 200
        now[0] = 4331
        assert isinstance(await verifier.verify(token(), resource=RESOURCE), Principal)


async def test_no_keys_at_all_is_unavailable_and_a_foreign_issuer_is_denied_without_asking() -> None:
    server = KeyServer()
    server.status = 500
    async with recorder(server.answer) as peer:
        server.peer = peer
        uri = f"http://127.0.0.1:{peer.port}/jwks"
        keys = IssuerKeys(ISSUER, GuardedFetcher(Rules(loopback=True)), jwks_uri=uri)
        verifier = JWTVerifier(ClaimRules(issuer=ISSUER), keys)
        assert isinstance(await verifier.verify(token(iss="https://evil.example"), resource=RESOURCE), Denied)
        assert server.fetches == 0
        with pytest.raises(VerifierUnavailable):
            await verifier.verify(token(), resource=RESOURCE)


async def test_metadata_of_another_issuer_gives_no_keys() -> None:
    body = json.dumps({"issuer": "https://honest.example", "jwks_uri": "http://127.0.0.1:1/jwks"}).encode()
    async with recorder(lambda _: http(body=body)) as peer:
        keys = IssuerKeys(f"http://127.0.0.1:{peer.port}", GuardedFetcher(Rules(loopback=True)))
        with pytest.raises(KeysUnavailable):
            await keys.keys("x")


async def test_a_waiter_that_is_cancelled_does_not_stop_the_fetch_for_the_others() -> None:
    gate, asked = asyncio.Event(), asyncio.Event()

    async def slow(_: bytes) -> bytes:
        asked.set()
        await gate.wait()
        return http(body=json.dumps(JWKS).encode())

    async with recorder(slow) as peer:
        keys = IssuerKeys(ISSUER, GuardedFetcher(Rules(loopback=True)), jwks_uri=f"http://127.0.0.1:{peer.port}/jwks")
        first, second = asyncio.create_task(keys.keys("ec")), asyncio.create_task(keys.keys("ec"))
        await asked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.set()
        assert len(await second) == 3
        assert peer.connections == 1


INTROSPECTED: dict[str, tuple[dict[str, Any], bool]] = {
    "active": (claims(active=True), True),
    "not active": ({"active": False}, False),
    "active in words": (claims(active="true"), False),
    "nothing": ({}, False),
    "expired": (claims(active=True, exp=NOW - 100), False),
    "another audience": (claims(active=True, aud="https://other.example"), False),
    "no audience": (claims(active=True, aud=None), False),
    "another issuer": (claims(active=True, iss="https://evil.example"), False),
    "no issuer": (claims(active=True, iss=None), True),
}


@pytest.mark.parametrize("case", INTROSPECTED)
async def test_introspection_is_judged_like_a_token(case: str) -> None:
    said, good = INTROSPECTED[case]
    async with recorder(lambda _: http(body=json.dumps(said).encode())) as peer:
        verifier = IntrospectionVerifier(
            f"http://127.0.0.1:{peer.port}/introspect",
            GuardedFetcher(Rules(loopback=True)),
            ClaimRules(issuer=ISSUER, issuer_required=False),
            client_id="rs:1",
            client_secret="p w",
        )
        found = await verifier.verify("opaque", resource=RESOURCE)
        assert isinstance(found, Principal) is good
        await verifier.verify("opaque", resource=RESOURCE)
        assert len(peer.requests) == 1
    assert b"authorization: Basic cnMlM0ExOnArdw==" in peer.requests[0]
    assert peer.requests[0].endswith(b"token=opaque&token_type_hint=access_token")
    assert basic("rs:1", "p w") == "Basic cnMlM0ExOnArdw=="


async def test_what_was_introspected_is_forgotten_in_time_and_never_outlives_the_token() -> None:
    begun = int(time.time())
    now, answers = [float(begun)], [claims(active=True, exp=begun + 5), {"active": False}]
    async with recorder(lambda _: http(body=json.dumps(answers.pop(0)).encode())) as peer:
        verifier = IntrospectionVerifier(
            f"http://127.0.0.1:{peer.port}/", GuardedFetcher(Rules(loopback=True)), ClaimRules(issuer=ISSUER),
            client_id="c", client_secret="s", keep=10, clock=lambda: now[0],
        )  # fmt: skip
        assert isinstance(await verifier.verify("t", resource=RESOURCE), Principal)
        now[0] += 6
        assert isinstance(await verifier.verify("t", resource=RESOURCE), Denied)


@pytest.mark.parametrize("answer", [http(500), http(401), http(body=b"[]"), http(body=b"x"), b""])
async def test_an_endpoint_without_a_usable_answer_is_unavailable(answer: bytes) -> None:
    async with recorder(lambda _: answer) as peer:
        verifier = IntrospectionVerifier(
            f"http://127.0.0.1:{peer.port}/",
            GuardedFetcher(Rules(loopback=True)),
            ClaimRules(issuer=ISSUER),
            client_id="c",
            client_secret="s",
        )
        with pytest.raises(VerifierUnavailable):
            await verifier.verify("t", resource=RESOURCE)


async def test_static_tokens_stand_for_their_principals_until_they_expire() -> None:
    now = [100.0]
    verifier = StaticVerifier({"good": Principal("a"), "brief": Principal("b", expires_at=110)}, clock=lambda: now[0])
    assert await verifier.verify("good", resource=RESOURCE) == Principal("a")
    assert isinstance(await verifier.verify("brief", resource=RESOURCE), Principal)
    assert isinstance(await verifier.verify("goo", resource=RESOURCE), Denied)
    now[0] = 110
    assert isinstance(await verifier.verify("brief", resource=RESOURCE), Denied)
