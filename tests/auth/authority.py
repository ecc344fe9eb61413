"""An authorization server and a resource server for tests, on real loopback sockets, that can be made to lie.

Each keeps every request it was sent, so that a test can say what left for whom.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from wireproof.auth import Ask, Fetched, GuardedFetcher, OAuthClient, ProofChecker, Rules
from wireproof.auth.proofs import confirmed_key, normalize

from .peers import Recorder, http

Change = Callable[[dict[str, Any]], Any]


@dataclass
class Seen:
    """One request as a server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


def read(raw: bytes) -> Seen:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    parts = urlsplit(target)
    return Seen(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)


def answer(status: int, document: Any, **headers: str) -> bytes:
    return http(status, document if isinstance(document, bytes) else json.dumps(document).encode(), **headers)


@dataclass
class Authority:
    """An honest authorization server: PKCE, exact redirect URIs, one use of each code, RFC 8707, RFC 9207, rotation."""

    metadata_path: str = "/.well-known/oauth-authorization-server"
    issuer_path: str = ""
    auth_methods: tuple[str, ...] = ("none",)
    scopes: tuple[str, ...] | None = None
    refreshes: bool = False
    expires_in: int | None = 3600
    dpop_nonce: str = ""
    dpop: bool = False
    change: dict[str, Any] = field(default_factory=dict)
    """Members of the metadata to replace; None takes one away."""
    redirect: Change | None = None
    """Changes the parameters of an authorization answer; may return a whole Location instead."""
    script: dict[str, Callable[[Seen], bytes]] = field(default_factory=dict)
    """Answers in place of the honest ones, by path."""

    seen: list[Seen] = field(default_factory=list)
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh_tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    assertions: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        return self.origin + self.issuer_path

    def paths(self) -> list[str]:
        return [one.path for one in self.seen]

    def at(self, path: str) -> list[Seen]:
        return [one for one in self.seen if one.path == path]

    @property
    def metadata(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": self.origin + "/authorize",
            "token_endpoint": self.origin + "/token",
            "registration_endpoint": self.origin + "/register",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": list(self.auth_methods),
            "authorization_response_iss_parameter_supported": True,
        }
        if self.scopes is not None:
            document["scopes_supported"] = list(self.scopes)
        if self.dpop:
            document["dpop_signing_alg_values_supported"] = ["ES256"]
        return {name: value for name, value in {**document, **self.change}.items() if value is not None}

    def serve(self, raw: bytes) -> bytes:
        one = read(raw)
        self.seen.append(one)
        if one.path in self.script:
            return self.script[one.path](one)
        if one.path == self.metadata_path:
            return answer(200, self.metadata)
        route = {"/authorize": self._authorize, "/token": self._token, "/register": self._register}.get(one.path)
        return answer(404, {}) if route is None else route(one)

    def _register(self, one: Seen) -> bytes:
        asked = json.loads(one.body)
        client_id = f"client-{len(self.clients)}-{self.port}"
        method = asked.get("token_endpoint_auth_method", "client_secret_basic")
        method = method if method in self.auth_methods else self.auth_methods[0]
        document = {**asked, "client_id": client_id, "token_endpoint_auth_method": method}
        if method != "none":
            document["client_secret"] = "s/ec:ret" + client_id
        self.clients[client_id] = document
        return answer(201, document)

    def _authorize(self, one: Seen) -> bytes:
        asked = one.query
        client = self.clients.get(asked["client_id"])
        if client is not None and asked["redirect_uri"] not in client["redirect_uris"]:
            return answer(400, {"error": "invalid_redirect_uri"})
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        parameters = {"code": code, "state": asked["state"], "iss": self.issuer}
        changed = self.redirect(parameters) if self.redirect else None
        where = changed if isinstance(changed, str) else f"{asked['redirect_uri']}?{urlencode(parameters)}"
        return answer(302, b"", location=where)

    def _authenticated(self, one: Seen) -> str | None:
        """The client id of a token request, if its authentication is right."""
        client_id, secret, method = one.form.get("client_id"), one.form.get("client_secret"), "none"
        if one.headers.get("authorization", "").startswith("Basic "):
            pair = base64.b64decode(one.headers["authorization"][6:]).decode()
            client_id, secret = (unquote_plus(part) for part in pair.split(":"))
            method = "client_secret_basic"
        elif secret is not None:
            method = "client_secret_post"
        elif "client_assertion" in one.form:
            self.assertions.append(one.form["client_assertion"])
            method = "private_key_jwt"
        client = self.clients.get(client_id or "")
        if client is not None and (
            client.get("client_secret") != secret or client["token_endpoint_auth_method"] != method
        ):
            return None
        return client_id if method in self.auth_methods else None

    def _token(self, one: Seen) -> bytes:
        form = one.form
        if self.dpop_nonce and f'"nonce": "{self.dpop_nonce}"' not in _payload(one.headers.get("dpop", "")):
            return answer(400, {"error": "use_dpop_nonce"}, DPoP_Nonce=self.dpop_nonce)
        client_id = self._authenticated(one)
        if client_id is None:
            return answer(401, {"error": "invalid_client"})
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            challenge = (
                base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
            )
            if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
                return answer(400, {"error": "invalid_grant"})
            if asked["resource"] != form["resource"] or asked["client_id"] != client_id:
                return answer(400, {"error": "invalid_target"})
            scope = asked.get("scope", "")
        elif form["grant_type"] == "refresh_token":
            known = self.refresh_tokens.pop(form["refresh_token"], None)
            if known is None or known["client_id"] != client_id:
                return answer(400, {"error": "invalid_grant"})
            scope = known["scope"]
        else:
            scope = form.get("scope", "")
        return answer(200, self.issue(client_id, form.get("resource", ""), scope, one.headers.get("dpop")))

    def issue(self, client_id: str, resource: str, scope: str, proof: str | None = None) -> dict[str, Any]:
        token = secrets.token_urlsafe(16)
        self.tokens[token] = {"resource": resource, "scope": scope, "client_id": client_id}
        said: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
        if proof is not None and self.dpop:
            from joserfc import jwk

            header = json.loads(base64.urlsafe_b64decode(proof.split(".")[0] + "=="))
            self.tokens[token]["cnf"] = {"jkt": jwk.import_key(header["jwk"]).thumbprint()}
            said["token_type"] = "DPoP"
        if self.expires_in is not None:
            said["expires_in"] = self.expires_in
        if scope:
            said["scope"] = scope
        if self.refreshes:
            refresh = secrets.token_urlsafe(16)
            self.refresh_tokens[refresh] = {"client_id": client_id, "scope": scope}
            said["refresh_token"] = refresh
        return said


def _payload(proof: str) -> str:
    try:
        return json.dumps(json.loads(base64.urlsafe_b64decode(proof.split(".")[1] + "==")))
    except (IndexError, ValueError):
        return ""


@dataclass
class Server:
    """A resource server that takes the tokens of its authority, at `path`."""

    authority: Authority
    path: str = "/mcp"
    prm_path: str = "/.well-known/oauth-protected-resource/mcp"
    hint: bool = True
    scope_hint: str = ""
    prm_scopes: tuple[str, ...] | None = None
    resource: str | None = None
    needed: str = ""
    scheme: str = "Bearer"
    dpop_nonce: str = ""
    revoked: set[str] = field(default_factory=set)
    change: dict[str, Any] = field(default_factory=dict)
    script: dict[str, Callable[[Seen], bytes]] = field(default_factory=dict)

    seen: list[Seen] = field(default_factory=list)
    proofs: ProofChecker = field(default_factory=ProofChecker)
    port: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return self.origin + self.path

    def at(self, path: str) -> list[Seen]:
        return [one for one in self.seen if one.path == path]

    def serve(self, raw: bytes) -> bytes:
        one = read(raw)
        self.seen.append(one)
        if one.path in self.script:
            return self.script[one.path](one)
        if one.path == self.prm_path:
            return answer(200, self.prm)
        return self._call(one) if one.path == self.path else answer(404, {})

    @property
    def prm(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "resource": self.resource or self.url,
            "authorization_servers": [self.authority.issuer],
        }
        if self.prm_scopes is not None:
            document["scopes_supported"] = list(self.prm_scopes)
        return {name: value for name, value in {**document, **self.change}.items() if value is not None}

    def _call(self, one: Seen) -> bytes:
        scheme, _, token = one.headers.get("authorization", "").partition(" ")
        known = self.authority.tokens.get(token)
        if known is None or scheme != self.scheme or token in self.revoked:
            return self.challenge(
                401,
                f'scope="{self.scope_hint}"' if self.scope_hint else "",
                **({"error": "invalid_token"} if token else {}),
            )
        if known["resource"] != (self.resource or self.url):
            return self.challenge(401, error="invalid_token")
        if self.scheme == "DPoP":
            proof = one.headers.get("dpop", "")
            if self.dpop_nonce and f'"nonce": "{self.dpop_nonce}"' not in _payload(proof):
                return self.challenge(401, error="use_dpop_nonce", nonce=self.dpop_nonce)
            found = self.proofs.check(
                proof,
                method=one.method,
                urls=[normalize(self.url) or ""],
                token=token,
                bound_to=confirmed_key(known) or "",
            )
            if type(found).__name__ != "Proven":
                return self.challenge(401, error="invalid_dpop_proof")
        if not set(self.needed.split()) <= set(known["scope"].split()):
            return self.challenge(403, f'scope="{self.needed}"', error="insufficient_scope")
        return answer(200, {"ok": True})

    def challenge(self, status: int, extra: str = "", *, error: str = "", nonce: str = "") -> bytes:
        parts = [f'error="{error}"'] if error else []
        parts += [f'resource_metadata="{self.origin}{self.prm_path}"'] if self.hint else []
        parts += [extra] if extra else []
        headers = {"www-authenticate": f"{self.scheme} {', '.join(parts)}"} if parts else {}
        if nonce:
            headers["dpop-nonce"] = nonce
        return answer(status, {}, **headers)


@asynccontextmanager
async def pair(authority: Authority | None = None, **options: Any) -> AsyncIterator[tuple[Authority, Server]]:
    """An authority and a server that trusts it, both listening."""
    authority = authority or Authority()
    server = Server(authority, **options)
    async with listening(authority), listening(server):
        yield authority, server


@asynccontextmanager
async def listening(peer: Authority | Server) -> AsyncIterator[None]:
    import asyncio

    raw = Recorder(peer.serve)
    listener = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    peer.port = listener.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        listener.close()


async def call(auth: OAuthClient, url: str, *, operation: str = "tools/call x") -> Fetched:
    """One POST as an HTTP client makes it: the loop of the documentation."""
    fetcher = GuardedFetcher(Rules(loopback=True))
    attempt = 0
    while True:
        sent = await auth.headers_for("POST", url)
        response = await fetcher.fetch(Ask("POST", url, sent))
        auth.observe(url, response.headers.get("dpop-nonce"))
        if response.status not in (401, 403):
            return response
        attempt += 1
        again = await auth.on_challenge(
            response.status,
            response.headers.get("www-authenticate"),
            method="POST",
            url=url,
            sent=sent,
            attempt=attempt,
            dpop_nonce=response.headers.get("dpop-nonce"),
            operation=operation,
        )
        if not again:
            return response
