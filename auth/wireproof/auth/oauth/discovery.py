"""What a server and its authorization server say of themselves, and whether to believe it. Pure; fetching is elsewhere.

Spec: MCP 2026-07-28 basic/authorization/authorization-server-discovery; RFC 9728 sections 2 and 3.3; RFC 8414
sections 2 and 3.3; MCP 2025-03-26 basic/authorization 2.3 (servers without metadata).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from wireproof.auth.addresses import BadURL, Target, read_url, shorten
from wireproof.auth.documents import text, texts
from wireproof.auth.oauth.errors import DiscoveryFailed, IssuerMismatch, ResourceMismatch
from wireproof.schemas.jsonrpc import JSONObject

MAX_SERVERS: Final = 16
"""Authorization servers of one resource that are looked at."""


@dataclass(frozen=True, slots=True)
class ResourceMetadata:
    """What a protected resource says. `resource` is byte for byte what it wrote; `scopes` None when it says nothing."""

    resource: str
    authorization_servers: tuple[str, ...]
    scopes: tuple[str, ...] | None = None
    dpop_required: bool = False
    found: bool = True
    """False for a server without metadata (2025-03-26), for which its origin stands in."""


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """What an authorization server says. Tuples are None where it says nothing."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str | None = None
    registration_endpoint: str | None = None
    scopes: tuple[str, ...] | None = None
    code_challenge_methods: tuple[str, ...] | None = None
    token_auth_methods: tuple[str, ...] | None = None
    dpop_algorithms: tuple[str, ...] = ()
    iss_supported: bool = False
    client_metadata_documents: bool = False
    guessed: bool = False
    """True when there was no document and the default paths of 2025-03-26 are used."""

    @property
    def offers_s256(self) -> bool:
        """True when PKCE with S256 is offered; guessed metadata cannot say, and 2025-03-26 requires it there."""
        return self.guessed or "S256" in (self.code_challenge_methods or ())


def is_inside(url: str, resource: str) -> bool:
    """True when `url` is the resource or lies below it: same origin, path prefix by whole segments, same query."""
    try:
        asked, owner = read_url(url), read_url(resource)
    except BadURL:
        return False
    if asked.origin != owner.origin or "#" in resource:
        return False
    asked_path, _, asked_query = asked.path.partition("?")
    owner_path, _, owner_query = owner.path.partition("?")
    if owner_query and owner_query != asked_query:
        return False
    return asked_path == owner_path or asked_path.startswith(owner_path.rstrip("/") + "/")


def read_resource_metadata(document: JSONObject | None, *, server: str) -> ResourceMetadata:
    """Read RFC 9728 metadata that was fetched for `server`. Raises `DiscoveryFailed` and `ResourceMismatch`."""
    if document is None:
        raise DiscoveryFailed(f"the resource metadata of {shorten(server)} is no JSON object; tell its operator")
    resource = text(document, "resource")
    servers = texts(document, "authorization_servers")
    if resource is None or not servers:
        raise DiscoveryFailed(
            f'the resource metadata of {shorten(server)} lacks "resource" or "authorization_servers"; tell its operator'
        )
    if not is_inside(server, resource):
        raise ResourceMismatch(resource, server)
    required = document.get("dpop_bound_access_tokens_required") is True
    return ResourceMetadata(resource, servers[:MAX_SERVERS], texts(document, "scopes_supported"), required)


def assumed_resource_metadata(server: str) -> ResourceMetadata:
    """For a server without metadata: it is its own resource, and its origin is its authorization server."""
    target = read_url(server)
    return ResourceMetadata(server.partition("#")[0], (target.origin,), found=False)


def read_server_metadata(document: JSONObject, *, issuers: Collection[str], loopback: bool) -> ServerMetadata:
    """Read RFC 8414 or OpenID Connect metadata that was fetched for one of `issuers`.

    Raises `IssuerMismatch` when it names another one (plain string comparison), `DiscoveryFailed` when an endpoint is
    missing or is no https URL (http on this machine passes with `loopback`).
    """
    issuer = text(document, "issuer") or ""
    if issuer not in issuers:
        raise IssuerMismatch(issuer, next(iter(issuers)))
    token_endpoint = endpoint(document, "token_endpoint", loopback=loopback)
    if token_endpoint is None:
        raise DiscoveryFailed(f"the metadata of {shorten(issuer)} names no token endpoint; tell its operator")
    return ServerMetadata(
        issuer=issuer,
        token_endpoint=token_endpoint,
        authorization_endpoint=endpoint(document, "authorization_endpoint", loopback=loopback),
        registration_endpoint=endpoint(document, "registration_endpoint", loopback=loopback),
        scopes=texts(document, "scopes_supported"),
        code_challenge_methods=texts(document, "code_challenge_methods_supported"),
        token_auth_methods=texts(document, "token_endpoint_auth_methods_supported"),
        dpop_algorithms=texts(document, "dpop_signing_alg_values_supported") or (),
        iss_supported=document.get("authorization_response_iss_parameter_supported") is True,
        client_metadata_documents=document.get("client_id_metadata_document_supported") is True,
    )


def guessed_server_metadata(origin: str) -> ServerMetadata:
    """The default endpoints of MCP 2025-03-26, for a server that publishes no metadata at all."""
    return ServerMetadata(
        issuer=origin,
        token_endpoint=f"{origin}/token",
        authorization_endpoint=f"{origin}/authorize",
        registration_endpoint=f"{origin}/register",
        guessed=True,
    )


def endpoint(document: JSONObject, name: str, *, loopback: bool) -> str | None:
    """The URL of an endpoint, None when absent. Raises `DiscoveryFailed` for one that must not be used."""
    url = text(document, name)
    if url is None:
        return None
    try:
        target = read_url(url)
    except BadURL as error:
        raise DiscoveryFailed(f"the {name} {error}; tell the operator of the authorization server") from None
    if not is_secure(target, loopback=loopback) or "#" in url:
        raise DiscoveryFailed(
            f"the {name} {shorten(url)!r} is not https; tell the operator of the authorization server"
        )
    return url


def is_secure(target: Target, *, loopback: bool) -> bool:
    """True for https, and for http to this machine where `loopback` is allowed."""
    return target.scheme == "https" or (loopback and target.is_loopback_name)
