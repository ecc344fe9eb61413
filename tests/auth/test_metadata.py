"""What a protected resource says of itself, and where."""

from __future__ import annotations

import pytest

from wireproof.auth.metadata import ProtectedResource, issuer_metadata_urls, well_known_urls

WELL_KNOWN = {
    "https://a.example": ["https://a.example/.well-known/oauth-protected-resource"],
    "https://a.example/": ["https://a.example/.well-known/oauth-protected-resource"],
    "https://a.example/public/mcp": [
        "https://a.example/.well-known/oauth-protected-resource/public/mcp",
        "https://a.example/.well-known/oauth-protected-resource",
    ],
    "https://a.example:8443/mcp/?x=1": [
        "https://a.example:8443/.well-known/oauth-protected-resource/mcp/?x=1",
        "https://a.example:8443/.well-known/oauth-protected-resource",
    ],
}


@pytest.mark.parametrize("resource", WELL_KNOWN)
def test_the_path_form_comes_before_the_root(resource: str) -> None:
    assert list(well_known_urls(resource)) == WELL_KNOWN[resource]


ISSUERS = {
    "https://as.example": [
        "https://as.example/.well-known/oauth-authorization-server",
        "https://as.example/.well-known/openid-configuration",
    ],
    "https://as.example/": [
        "https://as.example/.well-known/oauth-authorization-server",
        "https://as.example/.well-known/openid-configuration",
    ],
    "https://as.example/tenant1": [
        "https://as.example/.well-known/oauth-authorization-server/tenant1",
        "https://as.example/.well-known/openid-configuration/tenant1",
        "https://as.example/tenant1/.well-known/openid-configuration",
    ],
}


@pytest.mark.parametrize("issuer", ISSUERS)
def test_issuer_metadata_is_looked_for_in_the_prescribed_order(issuer: str) -> None:
    assert list(issuer_metadata_urls(issuer)) == ISSUERS[issuer]


def test_the_document_holds_what_is_set_and_nothing_else() -> None:
    plain = ProtectedResource("https://a.example/mcp", ("https://as.example",))
    assert plain.document == {
        "resource": "https://a.example/mcp",
        "authorization_servers": ["https://as.example"],
        "bearer_methods_supported": ["header"],
    }
    full = ProtectedResource(
        "https://a.example/mcp",
        ("https://as.example",),
        scopes=("r",),
        name="A",
        dpop_required=True,
        dpop_algorithms=("ES256",),
        extra={"resource": "https://evil.example", "policy": "p"},
    )
    assert full.document["resource"] == "https://a.example/mcp"
    assert full.document["policy"] == "p"
    assert full.document["dpop_bound_access_tokens_required"] is True
    assert full.paths == ("/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource")
    assert full.url == "https://a.example/.well-known/oauth-protected-resource/mcp"


@pytest.mark.parametrize("resource", ["", "a.example", "ftp://a.example", "https://a.example#x", "https:///x"])
def test_a_bad_resource_is_refused(resource: str) -> None:
    with pytest.raises(ValueError, match="absolute"):
        ProtectedResource(resource, ("https://as.example",))


def test_a_resource_needs_an_authorization_server() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ProtectedResource("https://a.example", ())
