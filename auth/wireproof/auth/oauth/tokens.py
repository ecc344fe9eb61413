"""A set of tokens: what the token endpoint gave, for whom, from whom. Pure.

Spec: OAuth 2.1 sections 3.2.3 and 4.3; RFC 9449 section 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from wireproof.auth.challenge import split_scopes
from wireproof.auth.documents import number, text, texts
from wireproof.auth.oauth.errors import TokenRefused
from wireproof.schemas.jsonrpc import JSONObject

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_MAX_TOKEN: Final = 16 * 1024
_MAX_LIFE: Final = 10 * 365 * 86400.0


@dataclass(frozen=True, slots=True, repr=False)
class TokenSet:
    """Tokens for one server from one authorization server.

    `requested` are the scopes that were asked for, over all step-ups. `expires_at` is in epoch seconds, None when the
    server did not say. `proof_key_pem` is set when the token is bound to that DPoP key.
    """

    access_token: str
    issuer: str
    resource: str
    client_id: str
    requested: frozenset[str] = frozenset()
    granted: frozenset[str] = frozenset()
    expires_at: float | None = None
    refresh_token: str | None = None
    proof_key_pem: str | None = None

    def __repr__(self) -> str:
        return f"TokenSet(issuer={self.issuer!r}, resource={self.resource!r}, expires_at={self.expires_at})"

    @property
    def is_bound(self) -> bool:
        """True when the token goes with DPoP proofs."""
        return self.proof_key_pem is not None

    def lives_until(self, moment: float) -> bool:
        """True when the token is still good at `moment` (epoch seconds), as far as is known."""
        return self.expires_at is None or moment < self.expires_at

    @property
    def document(self) -> JSONObject:
        """These tokens as JSON, for a store."""
        return {
            "access_token": self.access_token,
            "issuer": self.issuer,
            "resource": self.resource,
            "client_id": self.client_id,
            "requested": sorted(self.requested),
            "granted": sorted(self.granted),
            "expires_at": self.expires_at,
            "refresh_token": self.refresh_token,
            "proof_key_pem": self.proof_key_pem,
        }


def stored_tokens(document: JSONObject | None) -> TokenSet | None:
    """Tokens out of a store; None when they cannot be read."""
    if document is None:
        return None
    access, issuer, resource, client = (
        text(document, name) for name in ("access_token", "issuer", "resource", "client_id")
    )
    if access is None or issuer is None or resource is None or client is None or not _TOKEN.fullmatch(access):
        return None
    return TokenSet(
        access,
        issuer,
        resource,
        client,
        frozenset(texts(document, "requested") or ()),
        frozenset(texts(document, "granted") or ()),
        number(document, "expires_at"),
        text(document, "refresh_token"),
        text(document, "proof_key_pem"),
    )


def granted_tokens(
    document: JSONObject | None,
    *,
    issuer: str,
    resource: str,
    client_id: str,
    requested: frozenset[str],
    now: float,
    proof_key_pem: str | None = None,
    before: TokenSet | None = None,
) -> TokenSet:
    """Read a token response. A refresh token and scopes that it leaves out stay as they were `before`.

    Raises `TokenRefused` for one without a usable token, or of a type that is not understood.
    """
    access = None if document is None else text(document, "access_token")
    if document is None or access is None or len(access) > _MAX_TOKEN or not _TOKEN.fullmatch(access):
        raise TokenRefused("", "the answer holds no usable access token", 200)
    kind = (text(document, "token_type") or "").lower()
    if kind not in ("bearer", "dpop") or (kind == "dpop" and proof_key_pem is None):
        raise TokenRefused("", f"tokens of type {kind!r} are not understood", 200)
    life = number(document, "expires_in")
    scope = text(document, "scope")
    kept = requested if before is None else before.granted
    return TokenSet(
        access,
        issuer,
        resource,
        client_id,
        requested,
        kept if scope is None else frozenset(split_scopes(scope)),
        None if life is None else now + min(max(life, 0.0), _MAX_LIFE),
        text(document, "refresh_token") or (None if before is None else before.refresh_token),
        proof_key_pem if kind == "dpop" else None,
    )
