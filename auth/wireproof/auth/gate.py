"""The gate of a resource server: headers, method and URL in; a principal or the exact challenge out.

Knows no HTTP framework and no operation names; a WebSocket upgrade passes the same gate.
Spec: RFC 6750 sections 2 and 3; RFC 9449 section 7; RFC 9728 section 5; MCP 2026-07-28 basic/authorization.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from wireproof.auth.addresses import read_url
from wireproof.auth.challenge import Challenge, Schemes
from wireproof.auth.metadata import ProtectedResource
from wireproof.auth.proofs import ProofChecker, Unproven, confirmed_key
from wireproof.auth.verifier import Denied, TokenVerifier, VerifierUnavailable
from wireproof.schemas.caller import ANONYMOUS, Principal

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_RETRY_S: Final = "5"


class Gate:
    """Decides who may pass, for one protected resource.

    `scopes` are needed by every request. `implies` maps a broad scope to the narrower ones that it contains.
    `anonymous` lets callers without a token in as `ANONYMOUS`, and asks them for one where an operation needs scopes.
    `proofs` takes DPoP-bound tokens; with `resource.dpop_required` it takes no others.
    """

    def __init__(
        self,
        resource: ProtectedResource,
        verifier: TokenVerifier,
        *,
        scopes: Iterable[str] = (),
        implies: Mapping[str, Iterable[str]] | None = None,
        anonymous: bool = False,
        proofs: ProofChecker | None = None,
    ) -> None:
        """Raises `ValueError` for a resource URL that cannot be read, or DPoP required without a checker."""
        if resource.dpop_required and proofs is None:
            raise ValueError("a resource that requires DPoP needs a ProofChecker")
        self.resource = resource
        self._origin = read_url(resource.resource).origin
        self._verifier = verifier
        self._scopes = frozenset(scopes)
        self._implies = _closure(implies or {})
        self._anonymous = anonymous
        self._proofs = proofs
        self._schemes = Schemes(resource.url, not resource.dpop_required, proofs.algorithms if proofs else ())

    async def authenticate(
        self,
        headers: Iterable[tuple[str, str]],
        *,
        method: str,
        url: str,
        tls: Mapping[str, object] | None = None,
    ) -> Principal | Challenge:
        """Who sends this request, or the challenge to answer with.

        `headers` are all fields with their names in any case. `url` may be a path; proofs are compared with the
        resource's own origin, so a reverse proxy in front changes nothing. Never raises for what a caller sends.
        """
        fields = [(name.lower(), value) for name, value in headers]
        shown = [value for name, value in fields if name == "authorization"]
        if _has_token(url):
            return self._refuse("invalid_request", "a token in the query is not taken; use the Authorization header")
        if not shown:
            return self._admit(ANONYMOUS) if self._anonymous else self._refuse()
        if len(shown) > 1:
            return self._refuse("invalid_request", "more than one Authorization header")
        scheme, _, token = shown[0].strip().partition(" ")
        scheme, token = scheme.lower(), token.strip()
        if scheme not in ("bearer", "dpop") or (scheme == "dpop" and self._proofs is None):
            return self._refuse()
        if not _TOKEN.fullmatch(token):
            return self._refuse("invalid_request", "the Authorization header holds no well-formed token", scheme=scheme)
        try:
            found = await self._verifier.verify(token, resource=self.resource.resource)
        except VerifierUnavailable as error:
            return Challenge(503, (("Retry-After", _RETRY_S),), reason=str(error))
        if isinstance(found, Denied):
            return self._refuse("invalid_token", found.description, reason=found.reason, scheme=scheme)
        proofs = tuple(value for name, value in fields if name == "dpop")
        return self._check_binding(found, _Shown(scheme, token, proofs, method, url)) or self._admit(found)

    def permit(self, principal: Principal, scopes: Iterable[str]) -> Challenge | None:
        """None when `principal` may do what needs `scopes`, else the 403 that names all of them (401 to anonymous)."""
        needed = self._scopes | frozenset(scopes)
        if needed <= self.granted(principal):
            return None
        if principal.is_anonymous:
            return self._schemes.challenge(scopes=needed)
        bound = "dpop" if confirmed_key(principal.claims) is not None else "bearer"
        return self._refuse("insufficient_scope", "the token lacks scopes for this", scopes=needed, scheme=bound)

    def granted(self, principal: Principal) -> frozenset[str]:
        """The scopes of a principal and all that they imply."""
        return principal.scopes.union(*(self._implies.get(scope, ()) for scope in principal.scopes))

    def _admit(self, principal: Principal) -> Principal | Challenge:
        if principal.is_anonymous:
            return principal
        return self.permit(principal, ()) or principal

    def _check_binding(self, principal: Principal, shown: _Shown) -> Challenge | None:
        """A bound token must come with its proof, an unbound one must not pretend."""
        bound_to = confirmed_key(principal.claims)
        if shown.scheme == "bearer":
            if bound_to is not None:
                return self._refuse("invalid_token", "the access token is bound to a key; use DPoP", scheme="bearer")
            if self.resource.dpop_required:
                return self._refuse("invalid_token", "this resource takes DPoP-bound tokens only")
            return None
        if self._proofs is None or bound_to is None:
            return self._refuse("invalid_token", "the access token is not bound to a key", scheme="dpop")
        if len(shown.proofs) != 1:
            return self._refuse("invalid_dpop_proof", "exactly one DPoP header is needed", scheme="dpop")
        urls = (self._origin + _path(shown.url), self.resource.resource)
        outcome = self._proofs.check(
            shown.proofs[0], method=shown.method, urls=urls, token=shown.token, bound_to=bound_to
        )
        if not isinstance(outcome, Unproven):
            return None
        error = "use_dpop_nonce" if outcome.nonce_wanted else "invalid_dpop_proof"
        text = "a nonce is needed" if outcome.nonce_wanted else "the DPoP proof is not valid"
        return self._refuse(error, text, reason=outcome.reason, scheme="dpop", nonce=self._proofs.nonce())

    def _refuse(
        self,
        error: str = "",
        description: str = "",
        *,
        reason: str = "",
        scheme: str = "",
        scopes: Iterable[str] | None = None,
        nonce: str = "",
    ) -> Challenge:
        wanted = self._scopes if scopes is None else scopes
        return self._schemes.challenge(error, description, scopes=wanted, reason=reason, nonce=nonce, scheme=scheme)


@dataclass(frozen=True, slots=True, repr=False)
class _Shown:
    """What a caller showed, and for which request."""

    scheme: str
    token: str
    proofs: tuple[str, ...]
    method: str
    url: str


def _path(url: str) -> str:
    """The path of a request target, in origin form or absolute form."""
    plain = url.partition("#")[0].partition("?")[0]
    if not plain.startswith("/"):
        plain = "/" + plain.partition("://")[2].partition("/")[2]
    return plain


def _has_token(url: str) -> bool:
    query = url.partition("?")[2].partition("#")[0]
    if "access_token" not in query and "%" not in query:
        return False
    return any(name == "access_token" for name, _ in parse_qsl(query, keep_blank_values=True))


def _closure(implies: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Each scope with everything that it implies, directly or not."""
    direct = {scope: frozenset(narrower) for scope, narrower in implies.items()}
    closed: dict[str, frozenset[str]] = {}
    for scope in direct:
        reached: set[str] = set()
        pending = [scope]
        while pending:
            for narrower in direct.get(pending.pop(), ()):
                if narrower not in reached:
                    reached.add(narrower)
                    pending.append(narrower)
        closed[scope] = frozenset(reached)
    return closed
