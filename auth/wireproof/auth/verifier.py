"""Token checks: from the text of an access token to a verified principal, or to a refusal.

Knows claims and introspection; no headers, no status codes, no proofs of possession.
Spec: RFC 9068 section 4; RFC 8725; RFC 8707 section 2; MCP 2026-07-28 basic/authorization, Token Handling.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from wireproof.auth.challenge import split_scopes
from wireproof.auth.documents import as_list, number, text, texts
from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

if TYPE_CHECKING:
    from wireproof.auth.keysets import KeySource

DEFAULT_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA")
_ACCESS_TOKEN_TYPES: Final = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class Denied:
    """A token that is not accepted. `description` may be sent to the caller; `reason` is for the log alone."""

    description: str
    reason: str = ""


class VerifierUnavailable(Exception):
    """The token can be neither accepted nor refused now: keys or introspection cannot be reached."""


class TokenVerifier(Protocol):
    """Checks access tokens. Implementations must check that the token was issued for `resource`."""

    async def verify(self, token: str, *, resource: str) -> Principal | Denied:
        """The caller that the token stands for. Raises `VerifierUnavailable`; never raises for any token text."""
        ...


NOT_ACCEPTED: Final = "the access token is not valid"
EXPIRED: Final = "the access token has expired"
WRONG_AUDIENCE: Final = "the access token was issued for another resource"


class StaticVerifier:
    """A fixed list of tokens and whom they stand for; for tests and for servers with one shared secret."""

    def __init__(self, tokens: Mapping[str, Principal], *, clock: Callable[[], float] = time.time) -> None:
        # Looked up by digest, so that the time taken says nothing about a token.
        self._principals = {_digest(token): principal for token, principal in tokens.items()}
        self._clock = clock

    async def verify(self, token: str, *, resource: str) -> Principal | Denied:
        """The principal of the token, if it is on the list and has not expired."""
        principal = self._principals.get(_digest(token))
        if principal is None:
            return Denied(NOT_ACCEPTED, "not on the list")
        if principal.expires_at is not None and self._clock() >= principal.expires_at:
            return Denied(EXPIRED)
        return principal


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """What the claims of a token must say.

    `issuer` is compared exactly. `audiences` replaces the resource as what `aud` must hold. `leeway` is in seconds.
    `tenant_claim` names the claim that holds a tenant; when set, a token without it is refused.
    """

    issuer: str
    audiences: frozenset[str] = frozenset()
    leeway: float = 30.0
    tenant_claim: str = ""
    issuer_required: bool = True

    def read(self, claims: JSONObject, *, resource: str, now: float) -> Principal | Denied:
        """The principal that the claims describe."""
        said = claims.get("iss")
        if said != self.issuer and (self.issuer_required or said is not None):
            return Denied(NOT_ACCEPTED, "another issuer")
        refusal = self._check_time(claims, now) or self._check_audience(claims, resource)
        if refusal is not None:
            return refusal
        subject = text(claims, "sub")
        if subject is None:
            return Denied(NOT_ACCEPTED, "no subject")
        tenant = text(claims, self.tenant_claim) if self.tenant_claim else ""
        if tenant is None:
            return Denied(NOT_ACCEPTED, f"no claim {self.tenant_claim}")
        return Principal(
            subject=subject,
            issuer=self.issuer,
            tenant=tenant,
            scopes=read_scopes(claims),
            client_id=text(claims, "client_id") or text(claims, "azp") or "",
            expires_at=number(claims, "exp"),
            claims=claims,
        )

    def _check_time(self, claims: JSONObject, now: float) -> Denied | None:
        expires = number(claims, "exp")
        if expires is None:
            return Denied(NOT_ACCEPTED, "no expiry")
        if now >= expires + self.leeway:
            return Denied(EXPIRED)
        for name in ("nbf", "iat"):
            begins = number(claims, name)
            if begins is None and name in claims:
                return Denied(NOT_ACCEPTED, f"{name} is no number")
            if begins is not None and now < begins - self.leeway:
                return Denied(NOT_ACCEPTED, f"{name} is in the future")
        return None

    def _check_audience(self, claims: JSONObject, resource: str) -> Denied | None:
        said: JSONValue = claims.get("aud")
        audiences = {said} if isinstance(said, str) else set(texts(claims, "aud") or ())
        if audiences.isdisjoint(self.audiences or {resource}):
            return Denied(WRONG_AUDIENCE, "another audience")
        return None


def read_scopes(claims: JSONObject) -> frozenset[str]:
    """The scopes of a token: `scope` as text, or `scp` as text or list."""
    for name in ("scope", "scp"):
        value: JSONValue = claims.get(name)
        if isinstance(value, str):
            return frozenset(split_scopes(value))
        if as_list(value) is not None:
            return frozenset(texts(claims, name) or ())
    return frozenset()


@dataclass(slots=True)
class JWTVerifier:
    """Verifies JWT access tokens: signature, issuer, expiry and audience, each of them always.

    `keys` gives the issuer's keys (`IssuerKeys`, `FixedKeys`). Only the `algorithms` listed are taken; `none` and
    shared-secret ones cannot be listed.
    """

    rules: ClaimRules
    keys: KeySource
    algorithms: Collection[str] = DEFAULT_ALGORITHMS
    clock: Callable[[], float] = field(default=time.time, repr=False)

    def __post_init__(self) -> None:
        """Raises `ValueError` for an algorithm that must not be allowed."""
        from wireproof.auth.jose import ASYMMETRIC

        if not self.algorithms or not ASYMMETRIC.issuperset(self.algorithms):
            raise ValueError(f"algorithms must be some of {', '.join(sorted(ASYMMETRIC))}")

    async def verify(self, token: str, *, resource: str) -> Principal | Denied:
        """The principal of the token. Raises `VerifierUnavailable` when the keys cannot be had."""
        from wireproof.auth import jose
        from wireproof.auth.keysets import KeysUnavailable

        try:
            signed = jose.take_apart(token, self.algorithms)
        except jose.BadToken as error:
            return Denied(NOT_ACCEPTED, str(error))
        if str(signed.header.get("typ", "")).lower() not in _ACCESS_TOKEN_TYPES:
            return Denied(NOT_ACCEPTED, "a token of another type")
        if signed.claims.get("iss") != self.rules.issuer:
            return Denied(NOT_ACCEPTED, "another issuer")  # before its keys are asked for
        try:
            keys = await self.keys.keys(signed.kid)
        except KeysUnavailable as error:
            raise VerifierUnavailable(str(error)) from error
        if jose.verify(signed, keys) is None:
            return Denied(NOT_ACCEPTED, "no key of the issuer made this signature")
        return self.rules.read(signed.claims, resource=resource, now=self.clock())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
