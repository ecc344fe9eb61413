"""DPoP: proofs that a caller holds the key that his token is bound to; made by clients, checked by servers.

Knows no token format beyond its hash and key thumbprint. Spec: RFC 9449 sections 4, 7, 8, 9 and 11.1.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wireproof.auth.addresses import BadURL, read_url
from wireproof.auth.documents import as_object, number, text
from wireproof.auth.sealing import Keyring, Opened, Seal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

PROOF_ALGORITHMS: Final = ("ES256", "ES384", "RS256", "PS256", "Ed25519", "EdDSA")
MAX_JTI: Final = 256


class ProofKey:
    """A client's key pair for DPoP (ES256) and the proofs that it makes. One key may serve many servers."""

    algorithm: Final = "ES256"

    def __init__(self, pem: bytes | None = None, *, clock: Callable[[], float] = time.time) -> None:
        """Take a PKCS#8 P-256 key, or make a new one. Raises `ValueError` for another kind of key."""
        from joserfc.errors import JoseError
        from joserfc.jwk import ECKey

        try:
            self._key: ECKey = ECKey.generate_key("P-256") if pem is None else ECKey.import_key(pem)
        except (JoseError, ValueError) as error:
            raise ValueError("a DPoP key is a P-256 private key in PEM form") from error
        if self._key.curve_name != "P-256" or not self._key.is_private:
            raise ValueError("a DPoP key is a P-256 private key in PEM form")
        self._public = dict(self._key.as_dict(private=False))
        self._clock = clock
        self.thumbprint: str = self._key.thumbprint()

    def __repr__(self) -> str:
        return f"ProofKey({self.thumbprint})"

    @property
    def pem(self) -> bytes:
        """The private key as PKCS#8 PEM, to keep it beside the tokens that are bound to it."""
        return self._key.as_pem(private=True)

    def proof(self, method: str, url: str, *, token: str | None = None, nonce: str | None = None) -> str:
        """A new proof for one request. `token` is the access token that goes with it; `nonce` what the server gave."""
        from joserfc import jwt

        public = {name: self._public[name] for name in ("kty", "crv", "x", "y")}
        claims: dict[str, object] = {
            "jti": secrets.token_urlsafe(24),
            "htm": method.upper(),
            "htu": url.partition("#")[0].partition("?")[0],
            "iat": int(self._clock()),
        }
        if token is not None:
            claims["ath"] = token_hash(token)
        if nonce is not None:
            claims["nonce"] = nonce
        header = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": public}
        return jwt.encode(header, claims, self._key, algorithms=[self.algorithm])


def token_hash(token: str) -> str:
    """The `ath` of an access token."""
    return urlsafe_b64encode(hashlib.sha256(token.encode("ascii", "replace")).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Proven:
    """A proof that holds. `thumbprint` is of its key; the token must be bound to it."""

    thumbprint: str


@dataclass(frozen=True, slots=True)
class Unproven:
    """A proof that does not hold. `nonce_wanted` asks for another try with a nonce."""

    reason: str
    nonce_wanted: bool = False


class ProofChecker:
    """Checks DPoP proofs and remembers their ids, so that none counts twice.

    A proof is good for `window` seconds around its `iat`. With `nonce_keys` each proof must carry a nonce of ours,
    which is sealed and so needs no store; replicas share the keys. The memory of ids is per process and holds
    `entries` of them; when it is full of live ones, new proofs are refused (policy: refuse, never forget).
    """

    def __init__(
        self,
        *,
        algorithms: Collection[str] = PROOF_ALGORITHMS,
        window: float = 120,
        nonce_keys: Keyring | None = None,
        entries: int = 100_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.algorithms = tuple(algorithms)
        self._window, self._entries, self._clock = window, entries, clock
        self._nonces = None if nonce_keys is None else Seal(nonce_keys, purpose="dpop.nonce", ttl=300, clock=clock)
        self._seen: dict[bytes, float] = {}

    def nonce(self) -> str:
        """A fresh nonce for the `DPoP-Nonce` header; empty when nonces are not used."""
        return "" if self._nonces is None else self._nonces.seal(None, owner="")

    def check(self, proof: str, *, method: str, urls: Collection[str], token: str, bound_to: str) -> Proven | Unproven:
        """Check one proof for one request. `urls` are the spellings that this request may have; never raises.

        `bound_to` is the thumbprint in the token's `cnf.jkt`. The id of a proof is remembered only when all else
        holds, so strangers cannot fill the memory.
        """
        from wireproof.auth import jose

        try:
            signed = jose.take_apart(proof, self.algorithms)
            key = jose.read_key(signed.header.get("jwk"))
        except jose.BadToken as error:
            return Unproven(str(error))
        if signed.header.get("typ") != "dpop+jwt":
            return Unproven("its typ is not dpop+jwt")
        if jose.verify(signed, [key]) is None:
            return Unproven("its signature does not hold")
        if key.thumbprint != bound_to:
            return Unproven("the token is bound to another key")
        return self._check_claims(signed.claims, method, urls, token, key.thumbprint)

    def _check_claims(
        self, claims: JSONObject, method: str, urls: Collection[str], token: str, thumbprint: str
    ) -> Proven | Unproven:
        now = self._clock()
        jti, made, where = text(claims, "jti"), number(claims, "iat"), normalize(text(claims, "htu") or "")
        if jti is None or len(jti) > MAX_JTI:
            return Unproven("its jti is missing or too long")
        if claims.get("htm") != method.upper():
            return Unproven("its htm is another method")
        if where is None or where not in map(normalize, urls):
            return Unproven("its htu is another URL")
        if made is None or abs(now - made) > self._window:
            return Unproven("its iat is too far from now")
        if claims.get("ath") != token_hash(token):
            return Unproven("its ath is of another token")
        if self._nonces is not None:
            given = self._nonces.open(text(claims, "nonce") or "", owner="")
            if not isinstance(given, Opened):
                return Unproven("its nonce is missing or stale", nonce_wanted=True)
        return self._remember(thumbprint, jti, made + self._window, now)

    def _remember(self, thumbprint: str, jti: str, until: float, now: float) -> Proven | Unproven:
        key = hashlib.sha256(f"{thumbprint}\n{jti}".encode("utf-8", "surrogatepass")).digest()
        if key in self._seen:
            return Unproven("it was used before")
        if len(self._seen) >= self._entries:
            self._seen = {known: end for known, end in self._seen.items() if end >= now}
        if len(self._seen) >= self._entries:
            return Unproven("too many proofs in a short time")
        self._seen[key] = until
        return Proven(thumbprint)


def normalize(url: str) -> str | None:
    """A URL as `htu` compares it: lower-case scheme and host, no default port, no query, no fragment; None if bad."""
    scheme = url.partition(":")[0].lower()
    plain = {"ws": "http", "wss": "https"}.get(scheme)
    try:
        target = read_url(url if plain is None else plain + url[len(scheme) :])
    except BadURL:
        return None
    return target.origin + target.path.partition("?")[0]


def confirmed_key(claims: Mapping[str, JSONValue]) -> str | None:
    """The key thumbprint that a token is bound to (`cnf.jkt`); None for a plain bearer token."""
    confirmation = as_object(claims.get("cnf"))
    return None if confirmation is None else text(confirmation, "jkt")
