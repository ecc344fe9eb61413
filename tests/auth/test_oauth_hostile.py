"""The OAuth client among liars: no token and no code leaves for the wrong host, and every lie has its error.

Each script runs real servers on the loopback: an honest authority, a thief who records, and a server that lies.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from wireproof.auth import (
    AuthorizationCode,
    AuthorizationDenied,
    AuthorizationError,
    BadRedirect,
    ClientInformation,
    ClientProfile,
    DiscoveryFailed,
    GuardedFetcher,
    HeadlessAgent,
    IssuerMismatch,
    MemoryStore,
    NotAccepted,
    OAuthClient,
    PKCENotSupported,
    RegistrationFailed,
    ResourceMismatch,
    Rules,
    TokenRefused,
)
from wireproof.auth.oauth.discovery import ServerMetadata, is_inside
from wireproof.auth.oauth.flow import begin, finish

from .authority import Authority, Seen, Server, answer, call, listening
from .peers import http, watching_sockets

SECRET = "s3cret-of-the-client"


@dataclass
class Scene:
    """The honest authority, the lying server, and a thief's authority."""

    honest: Authority
    server: Server
    thief: Authority

    def client(self, **options: Any) -> OAuthClient:
        options.setdefault("grant", AuthorizationCode(HeadlessAgent(rules=Rules(loopback=True, seconds=3))))
        options.setdefault("rules", Rules(loopback=True, seconds=1, body=64 * 1024))
        return OAuthClient(self.server.url, **options)

    def assert_nothing_was_stolen(self) -> None:
        """No code, verifier, token, refresh token or secret of the honest side is in what the thief saw."""
        secrets = {*self.honest.tokens, *self.honest.refresh_tokens, SECRET}
        secrets |= {
            form[name]
            for one in self.honest.seen
            for form in [one.form]
            for name in ("code", "code_verifier", "refresh_token")
            if name in form
        }
        loot = "".join(f"{one.path}{one.query}{one.headers}{one.body!r}" for one in self.thief.seen)
        for secret in secrets:
            assert secret not in loot


Lie = Callable[[Scene], Any]


def metadata(**change: Any) -> Lie:
    """The authority's metadata lies."""

    def tell(here: Scene) -> None:
        here.honest.change = {name: value(here) if callable(value) else value for name, value in change.items()}

    return tell


def resource(**change: Any) -> Lie:
    """The resource's metadata lies."""

    def tell(here: Scene) -> None:
        here.server.change = {name: value(here) if callable(value) else value for name, value in change.items()}

    return tell


def redirect(change: Callable[[Scene, dict[str, Any]], Any]) -> Lie:
    """The authorization answer lies."""

    def tell(here: Scene) -> None:
        here.honest.redirect = lambda said: change(here, said)

    return tell


def honest_path(path: str, reply: Callable[[Scene], bytes]) -> Lie:
    def tell(here: Scene) -> None:
        here.honest.script[path] = lambda _: reply(here)

    return tell


def server_path(path: str, reply: Callable[[Scene], bytes]) -> Lie:
    def tell(here: Scene) -> None:
        here.server.script[path] = lambda _: reply(here)

    return tell


AS = "/.well-known/oauth-authorization-server"
PRM = "/.well-known/oauth-protected-resource/mcp"
BAD_ENDPOINTS = {
    "javascript": "javascript:alert(1)",
    "data": "data:text/html,x",
    "file": "file:///etc/passwd",
    "vbscript": "vbscript:x",
    "ftp": "ftp://a.example/",
    "no scheme": "as.example/authorize",
    "http elsewhere": "http://as.example/authorize",
    "an internal address over http": "http://10.0.0.1/authorize",
    "user info": "https://user:pw@as.example/authorize",
    "a quote for a shell": 'https://as.example/"; calc; "',
    "a backtick": "https://as.example/`calc`",
    "a newline": "https://as.example/\nX: y",
    "a space": "https://as.example/ calc",
    "a fragment": "https://as.example/authorize#x",
    "a dollar brace": "https://as.example/${IFS}calc",
    "a pipe": "https://as.example/|calc",
    "a weird address": "http://0x7f.1/authorize",
    "a backslash": "https://as.example\\@evil.example/",
    "non-ASCII": "https://ⓐs.example/authorize",
    "very long": "https://as.example/" + "a" * 9000,
}
INTERNAL = [
    "https://10.0.0.1/x", "https://169.254.169.254/latest/meta-data/", "https://192.168.1.1/x", "https://[fd00::1]/x",
    "https://[::ffff:10.0.0.1]/x", "https://100.64.0.1/x", "https://2130706433/x", "https://0x7f.1/x",
]  # fmt: skip

SCRIPTS: dict[str, tuple[Lie, type[AuthorizationError]]] = {
    # Mix-up and issuers
    "the metadata is of another issuer": (metadata(issuer="https://honest.example"), IssuerMismatch),
    "the issuer has a slash more": (metadata(issuer=lambda here: here.honest.issuer + "/"), IssuerMismatch),
    "the issuer is in capitals": (metadata(issuer=lambda here: here.honest.issuer.upper()), IssuerMismatch),
    "the issuer is a list": (metadata(issuer=lambda here: [here.honest.issuer]), IssuerMismatch),
    "there is no issuer": (metadata(issuer=None), IssuerMismatch),
    "the issuer names localhost instead": (
        metadata(issuer=lambda here: here.honest.issuer.replace("127.0.0.1", "localhost")),
        IssuerMismatch,
    ),
    "the thief presents the honest issuer": (
        lambda here: (here.server.change.update(authorization_servers=[here.thief.issuer]), here.thief.change.update(issuer=here.honest.issuer)),
        IssuerMismatch,
    ),
    "iss is promised and absent": (redirect(lambda _, said: said.pop("iss") and None), BadRedirect),
    "iss is another": (redirect(lambda here, said: said.update(iss=here.thief.issuer)), BadRedirect),
    "iss has a slash more": (redirect(lambda here, said: said.update(iss=here.honest.issuer + "/")), BadRedirect),
    "iss is empty": (redirect(lambda _, said: said.update(iss="")), BadRedirect),
    "iss is not promised and wrong": (
        lambda here: (
            metadata(authorization_response_iss_parameter_supported=None)(here),
            redirect(lambda _, said: said.update(iss="https://x.example"))(here),
        ),
        BadRedirect,
    ),
    "iss is wrong on an error": (redirect(lambda _, said: (said.pop("code"), said.update(error="nasty text", iss="x"))[2:] or None), BadRedirect),
    # The answer
    "state is absent": (redirect(lambda _, said: said.pop("state") and None), BadRedirect),
    "state is another": (redirect(lambda _, said: said.update(state="x")), BadRedirect),
    "state is empty": (redirect(lambda _, said: said.update(state="")), BadRedirect),
    "code is absent": (redirect(lambda _, said: said.pop("code") and None), BadRedirect),
    "code is empty": (redirect(lambda _, said: said.update(code="")), BadRedirect),
    "code comes twice": (redirect(lambda _, said: f"http://127.0.0.1:8765/callback?{urlencode(said)}&code=x"), BadRedirect),
    "iss comes twice": (redirect(lambda _, said: f"http://127.0.0.1:8765/callback?{urlencode(said)}&iss=x"), BadRedirect),
    "the answer goes to the thief": (redirect(lambda here, said: f"{here.thief.origin}/callback?{urlencode(said)}"), BadRedirect),
    "the answer goes to another path": (redirect(lambda _, said: f"http://127.0.0.1:8765/other?{urlencode(said)}"), BadRedirect),
    "the answer is in a fragment": (redirect(lambda _, said: f"http://127.0.0.1:8765/callback#{urlencode(said)}"), BadRedirect),
    "the answer is a script": (redirect(lambda _, said: "javascript:alert(1)"), BadRedirect),
    "the user said no": (redirect(lambda _, said: (said.pop("code"), said.update(error="access_denied"))[2:] or None), AuthorizationDenied),
    "no redirect at all": (honest_path("/authorize", lambda _: http(200, b"<html>")), BadRedirect),
    # PKCE
    "PKCE is not offered": (metadata(code_challenge_methods_supported=None), PKCENotSupported),
    "PKCE is plain only": (metadata(code_challenge_methods_supported=["plain"]), PKCENotSupported),
    "PKCE is an empty list": (metadata(code_challenge_methods_supported=[]), PKCENotSupported),
    "PKCE is text": (metadata(code_challenge_methods_supported="S256"), PKCENotSupported),
    "PKCE is in small letters": (metadata(code_challenge_methods_supported=["s256"]), PKCENotSupported),
    # The resource
    "the resource is another server": (resource(resource=lambda here: here.thief.origin + "/mcp"), ResourceMismatch),
    "the resource is a sibling": (resource(resource=lambda here: here.server.origin + "/mcp2"), ResourceMismatch),
    "the resource is below": (resource(resource=lambda here: here.server.origin + "/mcp/more"), ResourceMismatch),
    "the resource is a prefix by letters": (resource(resource=lambda here: here.server.origin + "/mc"), ResourceMismatch),
    "the resource is localhost instead": (
        resource(resource=lambda here: here.server.url.replace("127.0.0.1", "localhost")),
        ResourceMismatch,
    ),
    "the resource is https": (resource(resource=lambda here: here.server.url.replace("http:", "https:")), ResourceMismatch),
    "the resource has a fragment": (resource(resource=lambda here: here.server.url + "#x"), ResourceMismatch),
    "the resource has a query": (resource(resource=lambda here: here.server.url + "?tenant=2"), ResourceMismatch),
    "the resource has user info": (resource(resource=lambda here: here.server.url.replace("//", "//a@")), ResourceMismatch),
    "there is no resource": (resource(resource=None), DiscoveryFailed),
    "the resource is a number": (resource(resource=7), DiscoveryFailed),
    "there are no authorities": (resource(authorization_servers=None), DiscoveryFailed),
    "the authorities are an empty list": (resource(authorization_servers=[]), DiscoveryFailed),
    "the authorities are text": (resource(authorization_servers="https://as.example"), DiscoveryFailed),
    "the authorities are numbers": (resource(authorization_servers=[1, 2]), DiscoveryFailed),
    "the resource metadata is a list": (server_path(PRM, lambda _: answer(200, [])), DiscoveryFailed),
    "the resource metadata is no JSON": (server_path(PRM, lambda _: answer(200, b"<html>")), DiscoveryFailed),
    "the resource metadata is not there": (server_path(PRM, lambda _: answer(404, {})), DiscoveryFailed),
    "the resource metadata breaks": (server_path(PRM, lambda _: answer(500, {})), DiscoveryFailed),
    "the resource metadata is huge": (server_path(PRM, lambda _: answer(200, b'{"a":"' + b"x" * 200_000 + b'"}')), DiscoveryFailed),
    "the resource metadata redirects for ever": (server_path(PRM, lambda _: answer(302, {}, location=PRM)), DiscoveryFailed),
    "the resource metadata redirects inward": (server_path(PRM, lambda _: answer(302, {}, location="https://10.0.0.1/")), DiscoveryFailed),
    "the resource metadata is deep": (server_path(PRM, lambda _: answer(200, b"[" * 50_000)), DiscoveryFailed),
    # The authority
    "the metadata is not there": (honest_path(AS, lambda _: answer(404, {})), DiscoveryFailed),
    "the metadata breaks": (honest_path(AS, lambda _: answer(503, {})), DiscoveryFailed),
    "the metadata is huge": (honest_path(AS, lambda _: answer(200, b'{"a":"' + b"x" * 200_000 + b'"}')), DiscoveryFailed),
    "the metadata redirects inward": (honest_path(AS, lambda _: answer(302, {}, location="http://192.168.0.1/")), DiscoveryFailed),
    "there is no token endpoint": (metadata(token_endpoint=None), DiscoveryFailed),
    "there is no authorization endpoint": (metadata(authorization_endpoint=None), DiscoveryFailed),
    **{f"the authority is at {url}": (resource(authorization_servers=[url]), DiscoveryFailed) for url in INTERNAL},
    **{f"the authority's URL holds {name}": (resource(authorization_servers=[url]), DiscoveryFailed) for name, url in BAD_ENDPOINTS.items()},
    **{f"the authorization endpoint: {name}": (metadata(authorization_endpoint=url), DiscoveryFailed) for name, url in BAD_ENDPOINTS.items()},
    **{f"the token endpoint: {name}": (metadata(token_endpoint=url), DiscoveryFailed) for name, url in BAD_ENDPOINTS.items()},
    **{f"the registration endpoint: {name}": (metadata(registration_endpoint=url), DiscoveryFailed) for name, url in BAD_ENDPOINTS.items()},
    **{f"the token endpoint is at {url}": (metadata(token_endpoint=url), DiscoveryFailed) for url in INTERNAL},
    **{f"the registration endpoint is at {url}": (metadata(registration_endpoint=url), DiscoveryFailed) for url in INTERNAL},
    # Registration
    "the registration has no client id": (honest_path("/register", lambda _: answer(201, {})), RegistrationFailed),
    "the registration's client id is a number": (honest_path("/register", lambda _: answer(201, {"client_id": 1})), RegistrationFailed),
    "the registration's client id holds a newline": (honest_path("/register", lambda _: answer(201, {"client_id": "a\nb"})), RegistrationFailed),
    "the registration wants a secret and gives none": (
        honest_path("/register", lambda _: answer(201, {"client_id": "a", "token_endpoint_auth_method": "client_secret_basic"})),
        RegistrationFailed,
    ),
    "the registration wants an unknown method": (
        honest_path("/register", lambda _: answer(201, {"client_id": "a", "token_endpoint_auth_method": "tls_client_auth", "client_secret": "s"})),
        AuthorizationError,
    ),
    "the registration redirects to the thief": (
        honest_path("/register", lambda here: answer(307, {}, location=here.thief.origin + "/register")),
        RegistrationFailed,
    ),
    "the registration is huge": (honest_path("/register", lambda _: answer(201, b"x" * 200_000)), DiscoveryFailed),
    # Tokens
    "the token request is redirected to the thief": (
        honest_path("/token", lambda here: answer(307, {}, location=here.thief.origin + "/token")),
        TokenRefused,
    ),
    "the token request is redirected by 302": (
        honest_path("/token", lambda here: answer(302, {}, location=here.thief.origin + "/token")),
        TokenRefused,
    ),
    "the token answer is empty": (honest_path("/token", lambda _: answer(200, {})), TokenRefused),
    "the token answer is a list": (honest_path("/token", lambda _: answer(200, [])), TokenRefused),
    "the token answer is no JSON": (honest_path("/token", lambda _: answer(200, b"access_token=x")), TokenRefused),
    "the token splits a header": (
        honest_path("/token", lambda _: answer(200, {"access_token": "a\r\nX-Evil: 1", "token_type": "Bearer"})),
        TokenRefused,
    ),
    "the token is a number": (honest_path("/token", lambda _: answer(200, {"access_token": 7, "token_type": "Bearer"})), TokenRefused),
    "the token is endless": (
        honest_path("/token", lambda _: answer(200, {"access_token": "a" * 20_000, "token_type": "Bearer"})),
        TokenRefused,
    ),
    "the token has no type": (honest_path("/token", lambda _: answer(200, {"access_token": "a"})), TokenRefused),
    "the token is of a strange type": (honest_path("/token", lambda _: answer(200, {"access_token": "a", "token_type": "mac"})), TokenRefused),
    "the token is bound to a key that is not ours": (
        honest_path("/token", lambda _: answer(200, {"access_token": "a", "token_type": "DPoP"})),
        TokenRefused,
    ),
    "the token endpoint refuses": (honest_path("/token", lambda _: answer(400, {"error": "invalid_grant"})), TokenRefused),
    "the token endpoint refuses with a long text": (
        honest_path("/token", lambda _: answer(400, {"error": "x", "error_description": "\x1b[31m" + "y" * 60_000})),
        TokenRefused,
    ),
    "the token endpoint breaks": (honest_path("/token", lambda _: answer(500, b"oops")), TokenRefused),
    "the token endpoint asks for nonces for ever": (
        honest_path("/token", lambda _: answer(400, {"error": "use_dpop_nonce"}, DPoP_Nonce="n")),
        TokenRefused,
    ),
    "the token is never accepted": (server_path("/mcp", lambda here: here.server.challenge(401, error="invalid_token")), NotAccepted),
    "nonces are asked for on and on": (
        server_path("/mcp", lambda here: here.server.challenge(401, error="use_dpop_nonce", nonce=str(time.monotonic_ns()))),
        NotAccepted,
    ),
    # The challenge
    "the challenge points to a script": (
        server_path("/mcp", lambda _: answer(401, {}, WWW_Authenticate='Bearer resource_metadata="javascript:x"')),
        DiscoveryFailed,
    ),
    "the challenge points to a file": (
        server_path("/mcp", lambda _: answer(401, {}, WWW_Authenticate='Bearer resource_metadata="file:///etc/passwd"')),
        DiscoveryFailed,
    ),
    "the challenge points inward": (
        server_path("/mcp", lambda _: answer(401, {}, WWW_Authenticate='Bearer resource_metadata="https://169.254.169.254/"')),
        DiscoveryFailed,
    ),
    "the challenge points to the thief, who speaks for himself": (
        server_path("/mcp", lambda here: answer(401, {}, WWW_Authenticate=f'Bearer resource_metadata="{here.thief.origin}/prm"')),
        ResourceMismatch,
    ),
}  # fmt: skip


async def silence(_: Seen) -> bytes:
    await asyncio.Event().wait()
    return b""


def test_there_are_enough_scripts() -> None:
    assert len(SCRIPTS) >= 150


@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_lie_ends_in_its_error_and_nothing_is_stolen(name: str) -> None:
    lie, error = SCRIPTS[name]
    honest, thief = Authority(refreshes=True), Authority()
    server = Server(honest)
    async with listening(honest), listening(thief), listening(server):
        here = Scene(honest, server, thief)
        thief.script["/prm"] = lambda _: answer(
            200, {"resource": thief.origin, "authorization_servers": [thief.issuer]}
        )
        lie(here)
        with watching_sockets() as seen, pytest.raises(error) as caught:
            await call(here.client(), server.url)
        assert isinstance(caught.value, error)
        here.assert_nothing_was_stolen()
        assert "\x1b" not in str(caught.value)
        assert len(str(caught.value)) < 700
        ours = {honest.port, thief.port, server.port}
        for event, where in seen:
            assert event == "socket.connect", f"looked up {where}"
            assert isinstance(where, tuple)
            assert where[0] == "127.0.0.1"
            assert where[1] in ours
        if error in (IssuerMismatch, PKCENotSupported, ResourceMismatch):
            assert "/authorize" not in honest.paths()
        if error is BadRedirect:
            assert "/token" not in honest.paths()


async def test_an_error_text_from_the_wrong_issuer_is_never_shown() -> None:
    honest = Authority()
    server = Server(honest)
    async with listening(honest), listening(server):
        honest.redirect = lambda said: (
            f"http://127.0.0.1:8765/callback?state={said['state']}&error=BUY+NOW&iss=https://evil.example"
        )
        with pytest.raises(BadRedirect) as caught:
            await call(OAuthClient(server.url, grant=AuthorizationCode(HeadlessAgent())), server.url)
        assert "BUY" not in str(caught.value)


@pytest.mark.parametrize("path", [PRM, AS, "/register", "/token", "/authorize"])
async def test_silence_anywhere_ends_at_the_deadline(path: str) -> None:
    honest = Authority()
    server = Server(honest)
    async with listening(honest), listening(server):
        peer: Any = server if path == PRM else honest
        peer.script[path] = silence
        rules = Rules(loopback=True, seconds=0.3)
        auth = OAuthClient(server.url, grant=AuthorizationCode(HeadlessAgent(rules=rules)), rules=rules)
        began = time.monotonic()
        with pytest.raises(DiscoveryFailed, match=r"within 0\.3 s"):
            await call(auth, server.url)
        assert time.monotonic() - began < 5


async def test_a_public_server_cannot_send_us_to_this_machine() -> None:
    """The default rules of a server elsewhere: http and loopback are closed, whatever its metadata says."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    auth = OAuthClient(
        "https://mcp.example/mcp", grant=AuthorizationCode(HeadlessAgent()), fetcher=GuardedFetcher(resolver=resolve)
    )
    for url in (
        "http://127.0.0.1:1/prm",
        "https://127.0.0.1:1/prm",
        "https://rebinding.example/prm",
        "https://localhost/prm",
    ):
        with watching_sockets() as seen, pytest.raises(DiscoveryFailed):
            await auth.on_challenge(
                401, f'Bearer resource_metadata="{url}"', method="POST", url="https://mcp.example/mcp", sent={}
            )
        assert seen == []


async def test_the_secret_of_one_issuer_never_reaches_another() -> None:
    honest, thief = Authority(auth_methods=("client_secret_post",)), Authority(auth_methods=("client_secret_post",))
    server = Server(honest)
    store = MemoryStore()
    async with listening(honest), listening(thief), listening(server):
        here = Scene(honest, server, thief)
        bound = ClientInformation("me", SECRET)
        auth = here.client(client=bound, store=store)
        assert (await call(auth, server.url)).status == 200
        server.authority = thief
        with pytest.raises(AuthorizationError, match="trusts"):
            await call(auth, server.url)
        here.assert_nothing_was_stolen()
        assert thief.seen == []


async def test_a_client_metadata_url_is_sent_only_where_it_is_taken() -> None:
    honest = Authority()
    server = Server(honest)
    async with listening(honest), listening(server):
        profile = ClientProfile(metadata_url="https://app.example/c.json")
        await call(Scene(honest, server, Authority()).client(profile=profile), server.url)
        assert "app.example" not in str(honest.seen)


# The pure rules

METADATA = ServerMetadata(
    "https://as.example", "https://as.example/token", "https://as.example/authorize", code_challenge_methods=("S256",)
)


def test_a_pending_authorization_keeps_its_secret_out_of_its_repr() -> None:
    pending = begin(
        METADATA,
        client_id="c",
        redirect_uri="http://127.0.0.1:1/cb",
        resource="https://r",
        scopes=frozenset(),
        loopback=False,
    )
    assert pending.verifier not in repr(pending)
    assert pending.verifier not in pending.url
    assert len(pending.verifier) == 64


def test_an_answer_with_other_parameters_is_judged_by_ours_alone() -> None:
    pending = begin(
        METADATA,
        client_id="c",
        redirect_uri="http://127.0.0.1:1/cb",
        resource="https://r",
        scopes=frozenset(),
        loopback=False,
    )
    assert finish(pending, f"http://127.0.0.1:1/cb?state={pending.state}&code=abc&session_state=x") == "abc"


def test_an_endpoint_with_a_query_keeps_it() -> None:
    server = ServerMetadata(
        "https://as.example", "https://t", "https://as.example/a?tenant=1", code_challenge_methods=("S256",)
    )
    pending = begin(
        server, client_id="c", redirect_uri="http://x/cb", resource="https://r", scopes=frozenset(), loopback=False
    )
    assert pending.url.startswith("https://as.example/a?tenant=1&response_type=code&")


INSIDE = [
    ("https://a.example/mcp", "https://a.example/mcp", True),
    ("https://a.example/mcp", "https://a.example", True),
    ("https://a.example/mcp", "https://a.example/", True),
    ("https://A.example:443/mcp", "HTTPS://a.EXAMPLE/mcp", True),
    ("https://a.example/mcp/x", "https://a.example/mcp", True),
    ("https://a.example/mcp?x=1", "https://a.example/mcp", True),
    ("https://a.example/mcp?x=1", "https://a.example/mcp?x=1", True),
    ("https://a.example/mcp", "https://a.example/mcp?x=1", False),
    ("https://a.example/mcp2", "https://a.example/mcp", False),
    ("https://a.example/mcp", "https://a.example/mcp/", False),
    ("https://a.example/mcp", "https://b.example/mcp", False),
    ("https://a.example/mcp", "http://a.example/mcp", False),
    ("https://a.example/mcp", "https://a.example:8443/mcp", False),
    ("https://a.example/mcp", "a.example/mcp", False),
    ("https://a.example/mcp", "https://a.example/mcp#", False),
    ("https://a.example/MCP", "https://a.example/mcp", False),
]


@pytest.mark.parametrize(("url", "owner", "inside"), INSIDE)
def test_a_resource_fits_by_origin_and_whole_segments(url: str, owner: str, inside: bool) -> None:
    assert is_inside(url, owner) is inside


def test_a_stored_document_that_was_tampered_with_is_not_used() -> None:
    from wireproof.auth.oauth.tokens import stored_tokens

    good = {"access_token": "a", "issuer": "i", "resource": "r", "client_id": "c"}
    assert stored_tokens(json.loads(json.dumps(good))) is not None
    for change in ({"access_token": "a\r\nb"}, {"access_token": 7}, {"issuer": None}, {"client_id": ""}):
        assert stored_tokens({**good, **change}) is None
    assert stored_tokens(None) is None
