"""Protected resource metadata: the document that names a resource's authorization servers, and where it is served.

Values and paths only; serving them is a transport's business. Spec: RFC 9728 sections 2 and 3;
MCP 2026-07-28 basic/authorization/authorization-server-discovery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from wireproof.schemas.jsonrpc import JSONObject, JSONValue

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """What a resource server says of itself.

    `resource` is its canonical URI, without a fragment. `authorization_servers` holds at least one issuer.
    `scopes` are the minimal ones for basic use, best without `offline_access`, which is no need of a resource.
    `extra` adds members of RFC 9728 section 2 that have no field here; it cannot replace one that has.
    """

    resource: str
    authorization_servers: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    name: str = ""
    documentation: str = ""
    jwks_uri: str = ""
    dpop_required: bool = False
    dpop_algorithms: tuple[str, ...] = ()
    extra: Mapping[str, JSONValue] = field(default_factory=dict[str, JSONValue])

    def __post_init__(self) -> None:
        """Raises `ValueError` for a resource that is no absolute http(s) URI, or no authorization server."""
        parts = urlsplit(self.resource)
        if parts.scheme not in ("http", "https") or not parts.hostname or "#" in self.resource:
            raise ValueError(f"a resource is an absolute http(s) URI without a fragment, not {self.resource!r}")
        if not self.authorization_servers:
            raise ValueError("a protected resource names at least one authorization server")

    @property
    def document(self) -> JSONObject:
        """The JSON document to serve, with `application/json`."""
        known: JSONObject = {
            "resource": self.resource,
            "authorization_servers": list(self.authorization_servers),
            "scopes_supported": list(self.scopes),
            "bearer_methods_supported": ["header"],
            "resource_name": self.name,
            "resource_documentation": self.documentation,
            "jwks_uri": self.jwks_uri,
            "dpop_bound_access_tokens_required": self.dpop_required,
            "dpop_signing_alg_values_supported": list(self.dpop_algorithms),
        }
        return {**self.extra, **{name: value for name, value in known.items() if value}}

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths to serve the document at: the path form, and the root form behind it."""
        return well_known_paths(self.resource)

    @property
    def url(self) -> str:
        """Where a challenge points: the path form on the resource's own origin."""
        return well_known_urls(self.resource)[0]


def well_known_paths(resource: str) -> tuple[str, ...]:
    """The well-known paths of a resource, in the order a client must try them: path form, then root."""
    path = urlsplit(resource).path
    path = "" if path == "/" else path
    return (WELL_KNOWN + path, WELL_KNOWN) if path else (WELL_KNOWN,)


def well_known_urls(resource: str) -> tuple[str, ...]:
    """The same as URLs on the resource's origin; the query of the resource stays with the path form."""
    parts = urlsplit(resource)
    origin = f"{parts.scheme}://{parts.netloc}"
    query = f"?{parts.query}" if parts.query else ""
    first, *rest = (origin + path for path in well_known_paths(resource))
    return (first + query, *rest)


def issuer_metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where an issuer's metadata may be, in the order that a client must try.

    Spec: MCP 2026-07-28 basic/authorization/authorization-server-discovery; RFC 8414 sections 3.1 and 5.
    """
    parts = urlsplit(issuer)
    origin = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.rstrip("/")
    oauth, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
    if not path:
        return (origin + oauth, origin + openid)
    return (origin + oauth + path, origin + openid + path, origin + path + openid)
