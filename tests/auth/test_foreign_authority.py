"""Both halves against an authorization server that nobody here wrote: the npm package `oidc-provider`.

Its tokens pass our gate, which fetches its keys; our client walks its discovery, registration, consent and renewal.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey

from tests.foreign.environments import installed, node, npm_env
from wireproof.auth import (
    AuthorizationCode,
    Challenge,
    ClaimRules,
    ClientCredentials,
    ClientInformation,
    Gate,
    GuardedFetcher,
    IntrospectionVerifier,
    IssuerKeys,
    JWTVerifier,
    OAuthClient,
    ProofChecker,
    ProtectedResource,
    Rules,
    TokenVerifier,
)
from wireproof.schemas.caller import Principal

from .authority import call, read
from .peers import Recorder, http

pytestmark = pytest.mark.foreign

KEY = ECKey.generate_key("P-256", {"kid": "client", "use": "sig", "alg": "ES256"})
SERVER_KEY = ECKey.generate_key("P-256", {"kid": "server", "use": "sig", "alg": "ES256"})
MACHINE: dict[str, Any] = {
    "grant_types": ["client_credentials"],
    "response_types": [],
    "redirect_uris": [],
    "scope": "mcp:read mcp:write",
}
CLIENTS: list[dict[str, Any]] = [
    {
        **MACHINE,
        "client_id": "machine",
        "client_secret": "a secret & more",
        "token_endpoint_auth_method": "client_secret_basic",
    },
    {
        **MACHINE,
        "client_id": "poster",
        "client_secret": "another secret",
        "token_endpoint_auth_method": "client_secret_post",
    },
    {
        **MACHINE,
        "client_id": "signer",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [KEY.as_dict(private=False)]},
    },
]
LOCAL = Rules(loopback=True)


@asynccontextmanager
async def provider(*, require_nonce: bool = False) -> AsyncIterator[str]:
    """The issuer of a running oidc-provider."""
    home = installed(lambda: npm_env("oidc-provider", ["oidc-provider@9.13.3"]))
    options = {"jwks": {"keys": [SERVER_KEY.as_dict(private=True)]}, "clients": CLIENTS, "requireNonce": require_nonce}
    script = Path(__file__).with_name("foreign_authority.mjs")
    process = await asyncio.create_subprocess_exec(
        str(node()),
        str(script),
        str(home),
        json.dumps(options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.communicate()


@dataclass
class Resource:
    """A resource server that is nothing but our gate."""

    url: str
    gate: Gate
    callers: list[Principal]
    needed: tuple[str, ...] = ("mcp:read",)

    async def answer(self, raw: bytes) -> bytes:
        one = read(raw)
        if one.path in self.gate.resource.paths:
            return http(body=json.dumps(self.gate.resource.document).encode())
        found = await self.gate.authenticate(one.headers.items(), method=one.method, url=one.path)
        if isinstance(found, Principal):
            self.callers.append(found)
            found = self.gate.permit(found, self.needed) or found
        if isinstance(found, Challenge):
            return http(found.status, **_fields(found))
        return http(body=json.dumps({"sub": found.subject}).encode())


def _fields(challenge: Challenge) -> dict[str, str]:
    nonces = [value for name, value in challenge.headers if name == "DPoP-Nonce"]
    return {"www_authenticate": challenge.www_authenticate} | ({"dpop_nonce": nonces[0]} if nonces else {})


@asynccontextmanager
async def resource(
    issuer: str, *, path: str = "/mcp", verifier: TokenVerifier | None = None, proofs: ProofChecker | None = None
) -> AsyncIterator[Resource]:
    served: list[Resource] = []

    async def answer(raw: bytes) -> bytes:
        return await served[0].answer(raw)

    peer = Recorder(answer)
    listener = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}{path}"
    metadata = ProtectedResource(url, (issuer,), scopes=("mcp:read",), dpop_required=proofs is not None)
    checker = verifier or JWTVerifier(ClaimRules(issuer=issuer), IssuerKeys(issuer, GuardedFetcher(LOCAL)))
    served.append(Resource(url, Gate(metadata, checker, proofs=proofs), []))
    async with listener:
        yield served[0]


class Walker:
    """A user agent with cookies that goes wherever it is sent, until it is sent back."""

    redirect_uri = "http://127.0.0.1:8765/callback"

    def __init__(self) -> None:
        self.walks = 0

    async def prepare(self, registered: Sequence[str]) -> str:
        return self.redirect_uri

    async def authorize(self, url: str, state: str) -> str:
        self.walks += 1
        async with httpx2.AsyncClient() as browser:
            for _ in range(12):
                answer = await browser.get(url)
                assert answer.is_redirect, answer.text
                url = str(answer.next_request.url if answer.next_request else "")
                if url.startswith(self.redirect_uri):
                    return url
        raise AssertionError("the walk does not end")

    async def aclose(self) -> None:
        return None


async def test_a_user_gets_through_and_the_token_is_refreshed() -> None:
    async with provider() as issuer, resource(issuer) as server:
        walker, now = Walker(), [0.0]
        import time

        now[0] = time.time()
        auth = OAuthClient(server.url, grant=AuthorizationCode(walker), clock=lambda: now[0])
        answer = await call(auth, server.url)
        assert answer.json == {"sub": "alice"}
        assert server.callers[-1].issuer == issuer
        assert server.callers[-1].scopes == {"mcp:read"}
        before = await auth.headers_for("POST", server.url)
        now[0] += 3590
        assert (await call(auth, server.url)).json == {"sub": "alice"}
        assert (await auth.headers_for("POST", server.url))["Authorization"] != before["Authorization"]
        assert walker.walks == 1


async def test_a_step_up_reaches_the_wider_scope() -> None:
    async with provider() as issuer, resource(issuer) as server:
        walker = Walker()
        auth = OAuthClient(server.url, grant=AuthorizationCode(walker))
        await call(auth, server.url)
        server.needed = ("mcp:write",)
        assert (await call(auth, server.url)).status == 200
        assert server.callers[-1].scopes == {"mcp:read", "mcp:write"}
        assert walker.walks == 2


GIVEN: dict[str, Callable[[], ClientInformation]] = {
    "client_secret_basic": lambda: ClientInformation("machine", "a secret & more"),
    "client_secret_post": lambda: ClientInformation("poster", "another secret", method="client_secret_post"),
    "private_key_jwt": lambda: ClientInformation("signer", private_key_pem=KEY.as_pem(private=True)),
}


@pytest.mark.parametrize("method", GIVEN)
async def test_a_program_speaks_for_itself(method: str) -> None:
    async with provider() as issuer, resource(issuer) as server:
        auth = OAuthClient(server.url, grant=ClientCredentials(), client=GIVEN[method]())
        assert (await call(auth, server.url)).status == 200
        assert server.callers[-1].client_id == GIVEN[method]().client_id


@pytest.mark.parametrize("require_nonce", [False, True], ids=["plain", "nonce"])
async def test_a_bound_token_comes_with_proofs(require_nonce: bool) -> None:
    from wireproof.auth import Keyring

    proofs = ProofChecker(nonce_keys=Keyring.random() if require_nonce else None)
    async with provider(require_nonce=require_nonce) as issuer, resource(issuer, proofs=proofs) as server:
        auth = OAuthClient(server.url, grant=AuthorizationCode(Walker()))
        for _ in range(2):
            assert (await call(auth, server.url)).json == {"sub": "alice"}
        assert "jkt" in server.callers[-1].claims["cnf"]


async def test_opaque_tokens_are_introspected() -> None:
    async with provider() as issuer:
        verifier = IntrospectionVerifier(
            issuer + "/token/introspection",
            GuardedFetcher(LOCAL),
            ClaimRules(issuer=issuer),
            client_id="machine",
            client_secret="a secret & more",
        )
        async with resource(issuer, path="/opaque", verifier=verifier) as server:
            auth = OAuthClient(server.url, grant=AuthorizationCode(Walker()))
            assert (await call(auth, server.url)).json == {"sub": "alice"}
            assert (await auth.headers_for("POST", server.url))["Authorization"].count(".") == 0
