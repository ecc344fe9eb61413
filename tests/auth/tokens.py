"""Key pairs, key sets and access tokens for tests."""

from __future__ import annotations

import time
from typing import Any

from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig", "alg": "ES256"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER_EC = ECKey.generate_key("P-256", {"kid": "other"})
JWKS: dict[str, Any] = {"keys": [key.as_dict(private=False) for key in (RSA, EC, ED)]}
ISSUER = "https://as.example"
RESOURCE = "https://mcp.example/mcp"
ALGORITHM = {"RSA": "RS256", "EC": "ES256", "OKP": "Ed25519", "oct": "HS256"}


def claims(**changes: Any) -> dict[str, Any]:
    """Claims of a good token; a change to None takes a claim away."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": RESOURCE,
        "exp": now + 86_400,
        "iat": now,
        "scope": "mcp:read",
        "client_id": "c",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def sign(said: dict[str, Any], key: Any = EC, *, alg: str | None = None, **header: Any) -> str:
    """A signed JWT with these claims."""
    chosen = alg or ALGORITHM[key.key_type]
    head = {"alg": chosen, "kid": key.kid or "x", "typ": "at+jwt", **header}
    head = {name: value for name, value in head.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[chosen], strict_check_header=False)
    return jwt.encode(head, said, key, registry=registry, default_type=None)


def token(**changes: Any) -> str:
    """A good token but for these changes of its claims."""
    return sign(claims(**changes))


__all__ = [
    "EC",
    "ED",
    "ISSUER",
    "JWKS",
    "OTHER_EC",
    "OTHER_RSA",
    "RESOURCE",
    "RSA",
    "KeySet",
    "OctKey",
    "claims",
    "sign",
    "token",
]
