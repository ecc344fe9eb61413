"""The gate: headers in, a principal or the exact challenge out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.auth.challenge import Challenge, parse
from wireproof.auth.gate import Gate
from wireproof.auth.keysets import FixedKeys, KeysUnavailable
from wireproof.auth.metadata import ProtectedResource
from wireproof.auth.proofs import ProofChecker, ProofKey, normalize
from wireproof.auth.sealing import Keyring
from wireproof.auth.verifier import ClaimRules, Denied, JWTVerifier, StaticVerifier
from wireproof.schemas.caller import ANONYMOUS, Principal

from .faults import FAULTS
from .tokens import ISSUER, JWKS, RESOURCE, token

PRM = "https://mcp.example/.well-known/oauth-protected-resource/mcp"
RESOURCE_SERVER = ProtectedResource(RESOURCE, (ISSUER,), scopes=("mcp:read",))
JWT = JWTVerifier(ClaimRules(issuer=ISSUER), FixedKeys(JWKS))
GATE = Gate(RESOURCE_SERVER, JWT)
KEY, OTHER_KEY = ProofKey(), ProofKey()


async def ask(gate: Gate, *headers: tuple[str, str], method: str = "POST", url: str = "/mcp") -> Principal | Challenge:
    return await gate.authenticate(headers, method=method, url=url)


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_good_token_passes(name: str, scheme: str) -> None:
    found = await ask(GATE, ("host", "x"), (name, f"{scheme} {token()}"))
    assert isinstance(found, Principal)
    assert found.key == "https://as.example|alice|"


SHOWN: dict[str, tuple[list[tuple[str, str]], str, int, str]] = {
    "nothing": ([], "/mcp", 401, f'Bearer resource_metadata="{PRM}"'),
    "another scheme": ([("authorization", "Basic YTpi")], "/mcp", 401, f'Bearer resource_metadata="{PRM}"'),
    "DPoP where it is not taken": ([("authorization", "DPoP abc")], "/mcp", 401, f'Bearer resource_metadata="{PRM}"'),
    "an empty header": ([("authorization", "")], "/mcp", 401, f'Bearer resource_metadata="{PRM}"'),
    "a scheme alone": (
        [("authorization", "Bearer")], "/mcp", 400,
        f'Bearer error="invalid_request", error_description="the Authorization header holds no well-formed token", resource_metadata="{PRM}"',
    ),
    "two tokens in one": (
        [("authorization", "Bearer a b")], "/mcp", 400,
        f'Bearer error="invalid_request", error_description="the Authorization header holds no well-formed token", resource_metadata="{PRM}"',
    ),
    "two headers": (
        [("authorization", "Bearer a"), ("Authorization", "Bearer a")], "/mcp", 400,
        f'Bearer error="invalid_request", error_description="more than one Authorization header", resource_metadata="{PRM}"',
    ),
    "a token in the query": (
        [], "/mcp?x=1&access_token=abc", 400,
        f'Bearer error="invalid_request", error_description="a token in the query is not taken; use the Authorization header", resource_metadata="{PRM}"',
    ),
    "a hidden token in the query beside a good header": (
        [("authorization", f"Bearer {token()}")], "https://mcp.example/mcp?access%5Ftoken=abc#f", 400,
        f'Bearer error="invalid_request", error_description="a token in the query is not taken; use the Authorization header", resource_metadata="{PRM}"',
    ),
    "an expired token": (
        [("authorization", f"Bearer {token(exp=1)}")], "/mcp", 401,
        f'Bearer error="invalid_token", error_description="the access token has expired", resource_metadata="{PRM}"',
    ),
    "a token for another resource": (
        [("authorization", f"Bearer {token(aud='https://x.example')}")], "/mcp", 401,
        f'Bearer error="invalid_token", error_description="the access token was issued for another resource", resource_metadata="{PRM}"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SHOWN)
async def test_what_is_shown_gets_its_exact_answer(case: str) -> None:
    headers, url, status, text = SHOWN[case]
    found = await ask(GATE, *headers, url=url)
    assert isinstance(found, Challenge)
    assert (found.status, found.www_authenticate) == (status, text)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_every_token_fault_is_the_same_at_every_gate(
    fault: str, scheme: str, anonymous: bool, method: str
) -> None:
    gate = Gate(RESOURCE_SERVER, JWT, anonymous=anonymous, proofs=ProofChecker())
    found = await ask(gate, ("authorization", f"{scheme} {FAULTS[fault]}"), ("dpop", "x"), method=method)
    assert isinstance(found, Challenge)
    blamed = next(one for one in parse(found.www_authenticate) if one.scheme == scheme.lower())
    unreadable = fault == "not ascii"
    assert (found.status, blamed.error) == ((400, "invalid_request") if unreadable else (401, "invalid_token"))
    assert FAULTS[fault] not in found.www_authenticate or fault == "junk"


SCOPED = Gate(
    RESOURCE_SERVER,
    JWT,
    scopes=["mcp:read"],
    implies={"mcp:admin": ["mcp:write"], "mcp:write": ["mcp:read"], "loop": ["loop"]},
)


async def test_all_scopes_that_are_needed_are_named_at_once() -> None:
    found = await ask(SCOPED, ("authorization", f"Bearer {token(scope='x')}"))
    assert isinstance(found, Challenge)
    assert found.status == 403
    assert found.www_authenticate == (
        f'Bearer error="insufficient_scope", error_description="the token lacks scopes for this", scope="mcp:read", resource_metadata="{PRM}"'
    )
    reader = await ask(SCOPED, ("authorization", f"Bearer {token(scope='mcp:read')}"))
    assert isinstance(reader, Principal)
    refused = SCOPED.permit(reader, ["mcp:write", "mcp:delete"])
    assert refused is not None
    assert (refused.status, parse(refused.www_authenticate)[0].parameters["scope"]) == (
        403,
        "mcp:delete mcp:read mcp:write",
    )


@pytest.mark.parametrize(
    ("scope", "passes"),
    [("mcp:read", False), ("mcp:write", True), ("mcp:admin", True), ("mcp:writer", False), ("", False)],
)
async def test_a_broad_scope_contains_the_narrower_ones(scope: str, passes: bool) -> None:
    assert (SCOPED.permit(Principal("a", scopes=frozenset({scope} - {""})), ["mcp:write"]) is None) is passes


async def test_an_anonymous_caller_is_let_in_where_allowed_and_asked_for_a_token_where_scopes_are_needed() -> None:
    gate = Gate(RESOURCE_SERVER, JWT, anonymous=True)
    assert await ask(gate) is ANONYMOUS
    refused = gate.permit(ANONYMOUS, ["mcp:write"])
    assert refused is not None
    assert (refused.status, refused.www_authenticate) == (401, f'Bearer scope="mcp:write", resource_metadata="{PRM}"')


async def test_keys_that_cannot_be_had_are_no_fault_of_the_token() -> None:
    class Gone:
        async def keys(self, kid: str | None) -> tuple[Any, ...]:
            raise KeysUnavailable("secret-internal-name")

    found = await ask(
        Gate(RESOURCE_SERVER, JWTVerifier(ClaimRules(issuer=ISSUER), Gone())), ("authorization", f"Bearer {token()}")
    )
    assert isinstance(found, Challenge)
    assert (found.status, dict(found.headers)) == (503, {"Retry-After": "5"})


async def test_the_reason_for_the_log_never_reaches_the_wire() -> None:
    class Talks:
        async def verify(self, token: str, *, resource: str) -> Principal | Denied:
            return Denied("no", "database row 7 says so")

    found = await ask(Gate(RESOURCE_SERVER, Talks()), ("authorization", "Bearer abc"))
    assert isinstance(found, Challenge)
    assert found.reason == "database row 7 says so"
    assert "row" not in found.www_authenticate


@given(
    st.lists(
        st.tuples(st.sampled_from(["authorization", "Authorization", "dpop", "x"]), st.text(max_size=50)), max_size=4
    ),
    st.text(max_size=40),
)
async def test_nothing_that_a_caller_sends_raises(headers: list[tuple[str, str]], url: str) -> None:
    gate = Gate(RESOURCE_SERVER, StaticVerifier({"t": Principal("a")}), proofs=ProofChecker())
    assert isinstance(await gate.authenticate(headers, method="POST", url=url), Challenge)


# DPoP

BOUND = token(cnf={"jkt": KEY.thumbprint})


def dpop_gate(**options: Any) -> Gate:
    resource = ProtectedResource(RESOURCE, (ISSUER,), dpop_required=True, dpop_algorithms=("ES256",))
    return Gate(resource, JWT, proofs=ProofChecker(algorithms=("ES256",), **options))


def shown(proof: str, access: str = BOUND) -> list[tuple[str, str]]:
    return [("authorization", f"DPoP {access}"), ("DPoP", proof)]


@pytest.mark.parametrize(
    "url", ["/mcp", "/mcp?x=1", "https://mcp.example/mcp", "http://10.0.0.3:8000/mcp", "ws://inner/mcp", "/stripped"]
)
async def test_a_bound_token_with_its_proof_passes_behind_any_proxy(url: str) -> None:
    proof = KEY.proof("POST", RESOURCE + "?q=1#f", token=BOUND)
    assert isinstance(await ask(dpop_gate(), *shown(proof), url=url), Principal)


def proof_with(**changes: Any) -> str:
    from joserfc import jwt

    good = {"jti": "j", "htm": "POST", "htu": RESOURCE, "iat": int(time.time()), "ath": _ath(BOUND)}
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY._public, **changes.pop("header", {})}
    said = {name: value for name, value in {**good, **changes}.items() if value is not None}
    return jwt.encode(header, said, KEY._key, algorithms=["ES256"])


def _ath(access: str) -> str:
    from wireproof.auth.proofs import token_hash

    return token_hash(access)


PROOF_FAULTS = {
    "no proof": lambda: None,
    "junk": lambda: "junk",
    "another method": lambda: proof_with(htm="GET"),
    "a method in small letters": lambda: proof_with(htm="post"),
    "no method": lambda: proof_with(htm=None),
    "another path": lambda: proof_with(htu="https://mcp.example/other"),
    "another host": lambda: proof_with(htu="https://evil.example/mcp"),
    "another scheme": lambda: proof_with(htu="http://mcp.example/mcp"),
    "no url": lambda: proof_with(htu=None),
    "a url that cannot be read": lambda: proof_with(htu="https://[x/mcp"),
    "too old": lambda: proof_with(iat=int(time.time()) - 500),
    "from the future": lambda: proof_with(iat=int(time.time()) + 500),
    "no time": lambda: proof_with(iat=None),
    "no id": lambda: proof_with(jti=None),
    "a long id": lambda: proof_with(jti="j" * 300),
    "a numeric id": lambda: proof_with(jti=7),
    "another token's hash": lambda: proof_with(ath=_ath("other")),
    "no hash": lambda: proof_with(ath=None),
    "another type": lambda: proof_with(header={"typ": "JWT"}),
    "another key than the token's": lambda: OTHER_KEY.proof("POST", RESOURCE, token=BOUND),
    "a key that did not sign": lambda: proof_with(header={"jwk": OTHER_KEY._public}),
    "a private key inside": lambda: proof_with(header={"jwk": KEY._key.as_dict(private=True)}),
    "no key": lambda: proof_with(header={"jwk": {}}),
}


@pytest.mark.parametrize("fault", PROOF_FAULTS)
async def test_a_faulty_proof_is_refused(fault: str) -> None:
    proof = PROOF_FAULTS[fault]()
    headers = shown(proof) if proof is not None else [("authorization", f"DPoP {BOUND}")]
    found = await ask(dpop_gate(), *headers)
    assert isinstance(found, Challenge)
    assert found.status == 401
    (challenge,) = parse(found.www_authenticate)
    assert (challenge.scheme, challenge.error, challenge.parameters["algs"]) == ("dpop", "invalid_dpop_proof", "ES256")


async def test_a_proof_counts_once() -> None:
    gate, proof = dpop_gate(), KEY.proof("POST", RESOURCE, token=BOUND)
    assert isinstance(await ask(gate, *shown(proof)), Principal)
    again = await ask(gate, *shown(proof))
    assert isinstance(again, Challenge)
    assert again.reason == "it was used before"


async def test_two_proof_headers_are_refused() -> None:
    found = await ask(dpop_gate(), *shown(KEY.proof("POST", RESOURCE, token=BOUND)), ("dpop", "x"))
    assert isinstance(found, Challenge)
    assert found.error == "invalid_dpop_proof"


async def test_a_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_bound() -> None:
    both = Gate(RESOURCE_SERVER, JWT, proofs=ProofChecker())
    downgraded = await ask(both, ("authorization", f"Bearer {BOUND}"))
    assert isinstance(downgraded, Challenge)
    assert downgraded.error == "invalid_token"
    pretending = await ask(both, *shown(KEY.proof("POST", RESOURCE, token=token()), token()))
    assert isinstance(pretending, Challenge)
    assert pretending.error == "invalid_token"
    assert isinstance(await ask(both, ("authorization", f"Bearer {token()}")), Principal)
    required = await ask(dpop_gate(), ("authorization", f"Bearer {token()}"))
    assert isinstance(required, Challenge)
    assert parse(required.www_authenticate)[0].scheme == "dpop"


async def test_a_nonce_is_asked_for_and_then_accepted() -> None:
    gate = dpop_gate(nonce_keys=Keyring.random())
    first = await ask(gate, *shown(KEY.proof("POST", RESOURCE, token=BOUND)))
    assert isinstance(first, Challenge)
    assert (first.status, first.error) == (401, "use_dpop_nonce")
    nonce = dict(first.headers)["DPoP-Nonce"]
    assert isinstance(await ask(gate, *shown(KEY.proof("POST", RESOURCE, token=BOUND, nonce=nonce))), Principal)
    foreign = await ask(gate, *shown(KEY.proof("POST", RESOURCE, token=BOUND, nonce=nonce[:-1] + "_")))
    assert isinstance(foreign, Challenge)
    assert foreign.error == "use_dpop_nonce"


async def test_a_full_memory_of_proofs_refuses_and_recovers_when_they_have_expired() -> None:
    now = [time.time()]
    key = ProofKey(clock=lambda: now[0])
    access = token(cnf={"jkt": key.thumbprint})
    gate = dpop_gate(entries=2, window=60, clock=lambda: now[0])
    for _ in range(2):
        assert isinstance(await ask(gate, *shown(key.proof("POST", RESOURCE, token=access), access)), Principal)
    full = await ask(gate, *shown(key.proof("POST", RESOURCE, token=access), access))
    assert isinstance(full, Challenge)
    assert full.reason == "too many proofs in a short time"
    now[0] += 62
    assert isinstance(await ask(gate, *shown(key.proof("POST", RESOURCE, token=access), access)), Principal)


def test_dpop_cannot_be_required_without_a_checker() -> None:
    with pytest.raises(ValueError, match="ProofChecker"):
        Gate(ProtectedResource(RESOURCE, (ISSUER,), dpop_required=True), JWT)


def test_a_proof_key_survives_its_pem_and_other_keys_are_refused() -> None:
    assert ProofKey(KEY.pem).thumbprint == KEY.thumbprint
    assert "PRIVATE" not in repr(KEY)
    for bad in (b"", b"junk"):
        with pytest.raises(ValueError, match="P-256"):
            ProofKey(bad)


NORMAL = {
    "https://A.example:443/x?y#z": "https://a.example/x",
    "wss://a.example": "https://a.example/",
    "ws://a:80/x": "http://a/x",
    "ftp://a/": None,
    "": None,
    "é": None,
}


@pytest.mark.parametrize("url", NORMAL)
def test_urls_are_compared_without_query_and_default_port(url: str) -> None:
    assert normalize(url) == NORMAL[url]
