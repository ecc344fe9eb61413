"""Token checks by asking the authorization server. Knows RFC 7662 and nothing of headers or status codes."""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from urllib.parse import quote_plus

from wireproof.auth.fetcher import Fetcher, FetchError, Rules, form
from wireproof.auth.verifier import NOT_ACCEPTED, ClaimRules, Denied, VerifierUnavailable
from wireproof.schemas.caller import Principal

MAX_TOKEN: Final = 16 * 1024
_OK: Final = 200


class IntrospectionVerifier:
    """Verifies opaque tokens at the introspection endpoint of their authorization server.

    Answers are kept for `keep` seconds (0: never), at most `entries` of them, the oldest leaving first; a revoked token
    is therefore known to be so after `keep` seconds at the latest. `aud` must hold the resource, as with JWTs.
    """

    def __init__(
        self,
        endpoint: str,
        fetcher: Fetcher,
        rules: ClaimRules,
        *,
        client_id: str,
        client_secret: str,
        keep: float = 10,
        entries: int = 10_000,
        fetch_rules: Rules | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint, self._fetcher, self._rules = endpoint, fetcher, rules
        self._authorization = basic(client_id, client_secret)
        self._keep, self._entries, self._fetch_rules, self._clock = keep, entries, fetch_rules, clock
        self._known: OrderedDict[bytes, tuple[float, Principal | Denied]] = OrderedDict()

    async def verify(self, token: str, *, resource: str) -> Principal | Denied:
        """The principal of the token. Raises `VerifierUnavailable` when the endpoint gives no answer to go by."""
        if len(token) > MAX_TOKEN:
            return Denied(NOT_ACCEPTED, f"longer than {MAX_TOKEN} characters")
        key = hashlib.sha256(f"{resource}\n{token}".encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(key)
        if known is not None and self._clock() < known[0]:
            return known[1]
        verdict = await self._ask(token, resource)
        if self._keep > 0:
            self._remember(key, verdict)
        return verdict

    async def _ask(self, token: str, resource: str) -> Principal | Denied:
        fields = {"token": token, "token_type_hint": "access_token"}
        ask = form(self._endpoint, fields, {"authorization": self._authorization})
        try:
            answer = await self._fetcher.fetch(ask, rules=self._fetch_rules)
        except FetchError as error:
            raise VerifierUnavailable("the introspection endpoint cannot be reached") from error
        claims = answer.json
        if answer.status != _OK or claims is None:
            raise VerifierUnavailable(f"the introspection endpoint answers with status {answer.status}")
        if claims.get("active") is not True:
            return Denied(NOT_ACCEPTED, "not active")
        return self._rules.read(claims, resource=resource, now=self._clock())

    def _remember(self, key: bytes, verdict: Principal | Denied) -> None:
        until = self._clock() + self._keep
        if isinstance(verdict, Principal) and verdict.expires_at is not None:
            until = min(until, verdict.expires_at)
        self._known[key] = (until, verdict)
        self._known.move_to_end(key)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)


def basic(client_id: str, client_secret: str) -> str:
    """The `Authorization` value of HTTP Basic as OAuth spells it (RFC 6749 section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + b64encode(pair.encode()).decode()
