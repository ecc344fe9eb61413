"""JOSE, narrowed: compact JWS with an algorithm allow-list, public keys that fit their algorithm, and nothing else.

The one place that touches `joserfc`, imported on first use. Knows no claim rules.
Spec: RFC 7515, 7517, 7518, 7519, 7638, 8037, 9864; RFC 8725 sections 3.1 to 3.3.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wireproof.auth.documents import as_list, as_object, text
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

MAX_TOKEN: Final = 16 * 1024
"""Characters of the longest token that is read."""
MAX_KEYS: Final = 64
"""Keys of a key set that are read."""

# Algorithm -> the key type and curve that it needs (None: any).
_KEY_FOR: Final[dict[str, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
ASYMMETRIC: Final = frozenset(_KEY_FOR)
"""Every algorithm that may be allowed: no `none`, no shared secrets."""

_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MIN_RSA_BITS: Final = 2048


class BadToken(Exception):
    """A token, proof or key that was refused. The text is for the log."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, the id and algorithm that its set gives it, and its RFC 7638 thumbprint."""

    key: RSAKey | ECKey | OKPKey
    kty: str
    crv: str | None
    kid: str | None
    alg: str | None
    thumbprint: str

    def fits(self, algorithm: str) -> bool:
        """True when this key may verify `algorithm`."""
        kty, crv = _KEY_FOR.get(algorithm, ("", None))
        return self.kty == kty and (crv is None or crv == self.crv) and self.alg in (None, algorithm)


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWT that was taken apart and is **not** verified yet. Its claims mean nothing before `verify`."""

    header: JSONObject
    claims: JSONObject
    algorithm: str
    kid: str | None
    covered: bytes
    signature: bytes


def read_key(jwk: JSONValue) -> PublicKey:
    """Read one public JWK. Raises `BadToken` for private, symmetric, weak, unknown and malformed keys."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    members = as_object(jwk)
    if members is None:
        raise BadToken("a key is not a JSON object")
    if not _PRIVATE_MEMBERS.isdisjoint(members):
        raise BadToken("a key holds private or symmetric members")
    kinds: dict[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    kind = kinds.get(str(members.get("kty")))
    if kind is None:
        raise BadToken("a key is of an unknown type")
    if kind is RSAKey and len(text(members, "n") or "") * 6 < _MIN_RSA_BITS:
        raise BadToken("an RSA key is shorter than 2048 bits")
    try:
        key = kind.import_key(members)
        thumbprint = key.thumbprint()
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadToken("a key is malformed") from error
    return PublicKey(key, members["kty"], text(members, "crv"), text(members, "kid"), text(members, "alg"), thumbprint)


def read_key_set(document: JSONValue) -> tuple[PublicKey, ...]:
    """Read the usable signature keys of a JWK set; keys of other kinds and uses are left out. Raises `BadToken`."""
    entries = as_list((as_object(document) or {}).get("keys"))
    if entries is None:
        raise BadToken('a key set has no list "keys"')
    found: list[PublicKey] = []
    for entry in entries[:MAX_KEYS]:
        if (as_object(entry) or {}).get("use", "sig") == "sig":
            try:
                found.append(read_key(entry))
            except BadToken:
                continue
    return tuple(found)


def take_apart(token: str, algorithms: Collection[str]) -> Signed:
    """Split a compact JWT and check its form, its algorithm against the list, and `crit`. Raises `BadToken`."""
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.util import urlsafe_b64decode

    if len(token) > MAX_TOKEN:
        raise BadToken(f"longer than {MAX_TOKEN} characters")
    registry = jws.JWSRegistry(strict_check_header=False)
    registry.max_header_length = MAX_TOKEN
    try:
        parts = jws.extract_compact(token.encode("ascii"), registry=registry)
        registry.check_header(parts.protected)
        claims = as_object(json.loads(parts.payload))
        covered, _, signature = token.encode("ascii").rpartition(b".")
        raw_signature = urlsafe_b64decode(signature)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise BadToken("not a JWT") from error
    header: JSONObject = dict(parts.protected)
    algorithm: JSONValue = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in ASYMMETRIC:
        raise BadToken("signed with an algorithm that is not allowed")
    if "crit" in header:
        raise BadToken("needs a header extension that is not understood")
    if claims is None:
        raise BadToken("its payload is not a JSON object")
    return Signed(header, claims, algorithm, text(header, "kid"), covered, raw_signature)


def verify(signed: Signed, keys: Iterable[PublicKey]) -> PublicKey | None:
    """The key that made this signature, of those that may have; None when there is none."""
    from joserfc.jws import JWSRegistry

    algorithm = JWSRegistry.algorithms[signed.algorithm]
    for key in keys:
        if not key.fits(signed.algorithm) or (signed.kid is not None and key.kid not in (None, signed.kid)):
            continue
        try:
            if algorithm.verify(signed.covered, signed.signature, key.key):
                return key
        except (ValueError, TypeError):  # a signature of the wrong length for this key
            continue
    return None


def sign(claims: JSONObject, pem: bytes, *, algorithm: str, header: JSONObject | None = None) -> str:
    """A compact JWT of these claims, signed with a private key. Raises `BadToken` when the key does not fit."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    kinds: dict[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    kind = kinds.get(_KEY_FOR.get(algorithm, ("", None))[0])
    if kind is None:
        raise BadToken(f"{algorithm} is not an algorithm to sign with")
    try:
        key = kind.import_key(pem)
        return jwt.encode({"alg": algorithm, **(header or {})}, claims, key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError) as error:
        raise BadToken(f"the private key does not fit {algorithm}") from error
