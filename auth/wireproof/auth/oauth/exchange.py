"""What the OAuth client sends over the network: metadata requests, registrations and token requests, all guarded.

Judging what comes back is the business of the pure modules. Spec: RFC 8414, 9728, 7591; OAuth 2.1 section 3.2;
RFC 7523 section 2.2; RFC 9449 sections 5 and 8.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from wireproof.auth.addresses import BadURL, read_url, shorten
from wireproof.auth.documents import read_object, text
from wireproof.auth.fetcher import Ask, Fetched, Fetcher, FetchError, Rules, form
from wireproof.auth.introspection import basic
from wireproof.auth.metadata import issuer_metadata_urls, well_known_urls
from wireproof.auth.oauth import discovery
from wireproof.auth.oauth.discovery import ResourceMetadata, ServerMetadata
from wireproof.auth.oauth.errors import AuthorizationError, DiscoveryFailed, RegistrationFailed, TokenRefused
from wireproof.auth.oauth.registration import (
    BASIC,
    NONE,
    POST,
    PRIVATE_KEY,
    ClientInformation,
    read_registration,
)
from wireproof.auth.proofs import ProofKey
from wireproof.schemas.jsonrpc import JSONObject

MAX_NONCES: Final = 64
_OK: Final = 200
_CREATED: Final = frozenset({200, 201})
_SERVER_ERROR: Final = 500
_ASSERTION_S: Final = 120
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(slots=True)
class Nonces:
    """The newest DPoP nonce of each origin; the oldest origin leaves when there are too many."""

    _known: dict[str, str] = field(default_factory=dict[str, str])

    def get(self, url: str) -> str | None:
        """The nonce to put into a proof for this URL."""
        return self._known.get(_origin(url))

    def learn(self, url: str, nonce: str | None) -> None:
        """Keep the `DPoP-Nonce` of an answer from this URL."""
        if nonce and len(nonce) <= 4096:
            origin = _origin(url)
            self._known.pop(origin, None)
            self._known[origin] = nonce
            if len(self._known) > MAX_NONCES:
                self._known.pop(next(iter(self._known)))


def _origin(url: str) -> str:
    try:
        return read_url(url).origin
    except BadURL:
        return ""


@dataclass(frozen=True, slots=True)
class Net:
    """The fetcher and the rules for one server: http and this machine only if the server itself is here."""

    fetcher: Fetcher
    rules: Rules
    nonces: Nonces = field(default_factory=Nonces)

    async def ask(self, ask: Ask, *, redirects: int = 0) -> Fetched:
        """One request. Raises `AuthorizationError`."""
        try:
            return await self.fetcher.fetch(ask, rules=replace(self.rules, redirects=redirects))
        except FetchError as error:
            raise DiscoveryFailed(f"{error}; check the URL and the network") from error


async def find_resource(net: Net, server: str, metadata_url: str | None) -> ResourceMetadata:
    """The metadata of a resource: where the challenge points, else the path form, else the root form, else assumed.

    Raises `DiscoveryFailed` and `ResourceMismatch`.
    """
    if metadata_url is not None:
        answer = await net.ask(Ask("GET", metadata_url), redirects=2)
        if answer.status != _OK:
            raise DiscoveryFailed(f"{shorten(metadata_url)} answers {answer.status}; tell the operator of the server")
        return discovery.read_resource_metadata(answer.json, server=server)
    document = await _first_document(net, well_known_urls(server.partition("#")[0]))
    if document is None:
        return discovery.assumed_resource_metadata(server)
    return discovery.read_resource_metadata(document, server=server)


async def find_server(net: Net, issuer: str, *, legacy: bool) -> ServerMetadata:
    """The metadata of an authorization server, from the places and in the order of the specification.

    `legacy` allows the default endpoints of 2025-03-26 where there is no document. Raises `DiscoveryFailed` and
    `IssuerMismatch`.
    """
    try:
        target = read_url(issuer)
    except BadURL as error:
        raise DiscoveryFailed(f"the authorization server {error}; tell the operator of the server") from None
    if not discovery.is_secure(target, loopback=net.rules.loopback) or "?" in issuer or "#" in issuer:
        raise DiscoveryFailed(f"{shorten(issuer)} is no https issuer; tell the operator of the server")
    document = await _first_document(net, issuer_metadata_urls(issuer))
    if document is not None:
        issuers = (issuer, issuer + "/") if legacy else (issuer,)
        return discovery.read_server_metadata(document, issuers=issuers, loopback=net.rules.loopback)
    if legacy:
        return discovery.guessed_server_metadata(issuer)
    raise DiscoveryFailed(f"{shorten(issuer)} publishes no metadata; tell the operator of the authorization server")


async def _first_document(net: Net, urls: Sequence[str]) -> JSONObject | None:
    failed: Fetched | None = None
    for url in urls:
        answer = await net.ask(Ask("GET", url), redirects=2)
        if answer.status == _OK and answer.json is not None:
            return answer.json
        if answer.status >= _SERVER_ERROR:
            failed = answer
    if failed is not None:
        raise DiscoveryFailed(f"{shorten(failed.url)} answers {failed.status}; try again later")
    return None


async def register(net: Net, server: ServerMetadata, document: JSONObject) -> ClientInformation:
    """Register a client. Raises `RegistrationFailed` with the server's reason."""
    if server.registration_endpoint is None:
        raise RegistrationFailed(server.issuer, "no registration endpoint", "")
    body = json.dumps(document).encode()
    answer = await net.ask(Ask("POST", server.registration_endpoint, {"content-type": "application/json"}, body))
    said = answer.json
    if answer.status not in _CREATED:
        error, description = _error(answer)
        raise RegistrationFailed(server.issuer, error or f"status {answer.status}", description)
    return read_registration(said, issuer=server.issuer, redirect_uris=document["redirect_uris"])


async def request_token(
    net: Net,
    url: str,
    fields: Mapping[str, str],
    *,
    client: ClientInformation,
    method: str,
    audience: str,
    proof_key: ProofKey | None = None,
) -> JSONObject | None:
    """Ask a token endpoint; the JSON of its good answer. `audience` is its issuer, for assertions.

    Answers a demand for a DPoP nonce once. Raises `TokenRefused`.
    """
    for again in (True, False):
        headers, body = authenticate(fields, client=client, method=method, audience=audience)
        if proof_key is not None:
            headers["DPoP"] = proof_key.proof("POST", url, nonce=net.nonces.get(url))
        answer = await net.ask(form(url, body, headers))
        net.nonces.learn(url, answer.headers.get("dpop-nonce"))
        error, description = _error(answer)
        if answer.status == _OK:
            return answer.json
        if not (again and proof_key is not None and error == "use_dpop_nonce" and answer.headers.get("dpop-nonce")):
            raise TokenRefused(error, description, answer.status)
    raise AssertionError("unreachable")


def authenticate(
    fields: Mapping[str, str], *, client: ClientInformation, method: str, audience: str
) -> tuple[dict[str, str], dict[str, str]]:
    """The headers and form fields of a token request, with the client's authentication added.

    Raises `AuthorizationError` when the credentials for `method` are missing or do not fit.
    """
    if method == NONE:
        return {}, {**fields, "client_id": client.client_id}
    if method == PRIVATE_KEY:
        return {}, {
            **fields,
            "client_id": client.client_id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": client_assertion(client, audience),
        }
    if client.client_secret is None:
        raise AuthorizationError(f"{method} needs a client_secret; pass one in ClientInformation")
    if method == POST:
        return {}, {**fields, "client_id": client.client_id, "client_secret": client.client_secret}
    if method == BASIC:
        return {"authorization": basic(client.client_id, client.client_secret)}, dict(fields)
    raise AuthorizationError(
        f"the token endpoint wants {shorten(method)!r}, which is not supported; register another way"
    )


def client_assertion(client: ClientInformation, audience: str) -> str:
    """A `private_key_jwt` assertion (RFC 7523 section 3). Raises `AuthorizationError` when the key does not fit."""
    from wireproof.auth.jose import BadToken, sign

    if client.private_key_pem is None:
        raise AuthorizationError("private_key_jwt needs a private_key_pem; pass one in ClientInformation")
    now = int(time.time())
    claims: JSONObject = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": audience,
        "jti": secrets.token_urlsafe(24),
        "iat": now,
        "exp": now + _ASSERTION_S,
    }
    try:
        return sign(claims, client.private_key_pem, algorithm=client.algorithm)
    except BadToken as error:
        raise AuthorizationError(f"{error}; check ClientInformation") from error


def _error(answer: Fetched) -> tuple[str, str]:
    said = read_object(answer.body) or {}
    return text(said, "error") or "", text(said, "error_description") or ""
