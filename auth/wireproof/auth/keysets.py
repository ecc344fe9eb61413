"""Where signature keys come from: a fixed set, or an issuer's JWKS, cached and rotated. Knows no claim rules.

Spec: RFC 7517 section 5; RFC 8414 section 2 (`jwks_uri`); OpenID Connect Core section 10.1.1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from wireproof.auth.documents import text
from wireproof.auth.fetcher import Ask, Fetcher, FetchError, Rules
from wireproof.auth.flight import SingleFlight
from wireproof.auth.jose import BadToken, PublicKey, read_key_set
from wireproof.auth.metadata import issuer_metadata_urls
from wireproof.schemas.jsonrpc import JSONObject

_OK: Final = 200


class KeysUnavailable(Exception):
    """The keys of an issuer cannot be had now; a token can be neither accepted nor refused."""


class KeySource(Protocol):
    """Gives the keys that may verify a token with this key id."""

    async def keys(self, kid: str | None) -> tuple[PublicKey, ...]:
        """The keys. Raises `KeysUnavailable`."""
        ...


class FixedKeys:
    """The keys of a JWK set that is given once. Raises `BadToken` when it is none."""

    def __init__(self, key_set: JSONObject) -> None:
        self._keys = read_key_set(key_set)

    async def keys(self, kid: str | None) -> tuple[PublicKey, ...]:
        """All of them."""
        return self._keys


class IssuerKeys:
    """The keys of an issuer, fetched when needed and kept.

    Fresh for `ttl` seconds. An unknown key id fetches again, but no more often than every `pause` seconds, so strangers
    cannot make us ask. When fetching fails, keys stay in use for `stale` seconds more. Fetches are a single flight.
    """

    def __init__(
        self,
        issuer: str,
        fetcher: Fetcher,
        *,
        jwks_uri: str | None = None,
        rules: Rules | None = None,
        ttl: float = 600,
        pause: float = 30,
        stale: float = 3600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._fetcher = fetcher
        self._jwks_uri = jwks_uri
        self._rules = rules
        self._ttl, self._pause, self._stale, self._clock = ttl, pause, stale, clock
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched_at = float("-inf")
        self._asked_at = float("-inf")
        self._flight: SingleFlight[None] = SingleFlight()

    async def keys(self, kid: str | None) -> tuple[PublicKey, ...]:
        """The keys of the issuer. Raises `KeysUnavailable` when there are none to go by."""
        age = self._clock() - self._fetched_at
        known = kid is None or any(key.kid in (None, kid) for key in self._keys)
        if (age >= self._ttl or not known) and self._clock() - self._asked_at >= self._pause:
            await self._flight.join(self._refresh)
            age = self._clock() - self._fetched_at
        if age >= self._ttl + self._stale:
            raise KeysUnavailable(f"the keys of {self._issuer} cannot be fetched")
        return self._keys

    async def aclose(self) -> None:
        """End a fetch in flight."""
        await self._flight.aclose()

    async def _refresh(self) -> None:
        self._asked_at = self._clock()
        try:
            self._keys = await self._fetch()
        except (FetchError, BadToken):
            return  # the old keys live on until they are stale
        finally:
            self._asked_at = self._clock()
        self._fetched_at = self._clock()

    async def _fetch(self) -> tuple[PublicKey, ...]:
        if self._jwks_uri is None:
            self._jwks_uri = await self._discover()
        answer = await self._fetcher.fetch(Ask("GET", self._jwks_uri), rules=self._rules)
        if answer.status != _OK:
            raise BadToken(f"the key set answers with status {answer.status}")
        return read_key_set(answer.json)

    async def _discover(self) -> str:
        for url in issuer_metadata_urls(self._issuer):
            answer = await self._fetcher.fetch(Ask("GET", url), rules=self._rules)
            document = answer.json
            if answer.status == _OK and document is not None and document.get("issuer") == self._issuer:
                found = text(document, "jwks_uri")
                if found is not None:
                    return found
        raise BadToken("the issuer's metadata names no key set")
