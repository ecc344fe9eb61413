"""The OAuth client of one server: which headers a request gets, and what a challenge leads to.

It keeps the tokens of the moment, renews them as a single flight, and never holds anything while a request of its
caller runs. Knows no MCP and no HTTP client. Spec: MCP 2026-07-28 basic/authorization.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Literal, Protocol

from wireproof.auth.addresses import BadURL, Target, read_url, shorten
from wireproof.auth.challenge import Parsed, parse
from wireproof.auth.fetcher import Fetcher, GuardedFetcher, Rules
from wireproof.auth.flight import SingleFlight
from wireproof.auth.oauth.agents import BrowserAgent
from wireproof.auth.oauth.discovery import ResourceMetadata, ServerMetadata
from wireproof.auth.oauth.errors import (
    AuthorizationDenied,
    AuthorizationError,
    AuthorizationServerChanged,
    NotAccepted,
    RegistrationNeeded,
    TokenRefused,
)
from wireproof.auth.oauth.exchange import Net, find_resource, find_server, register
from wireproof.auth.oauth.grants import AuthorizationCode, Grant, Party
from wireproof.auth.oauth.registration import (
    NONE,
    ClientInformation,
    ClientProfile,
    Way,
    choose_way,
    read_registration,
)
from wireproof.auth.oauth.scopes import first_scopes, wider_scopes
from wireproof.auth.oauth.store import MemoryStore, TokenStore
from wireproof.auth.oauth.tokens import TokenSet, stored_tokens
from wireproof.auth.proofs import ProofKey

MAX_ATTEMPTS: Final = 3
"""Challenges of one request that are followed."""
_SCHEMES: Final = frozenset({"bearer", "dpop"})
MAX_REFUSALS: Final = 256
"""Step-ups that led nowhere and are remembered; the oldest is forgotten first."""


class ClientAuth(Protocol):
    """What an HTTP client needs in order to be let in."""

    async def headers_for(self, method: str, url: str) -> dict[str, str]:
        """The headers to add to one request; ask again for each try. Raises `AuthorizationError`."""
        ...

    async def on_challenge(
        self,
        status: int,
        www_authenticate: str | None,
        *,
        method: str,
        url: str,
        sent: Mapping[str, str],
        attempt: int = 1,
        dpop_nonce: str | None = None,
        operation: str = "",
    ) -> bool:
        """Answer a 401 or 403; True when the request should be sent again. Raises `AuthorizationError`."""
        ...

    def observe(self, url: str, dpop_nonce: str | None) -> None:
        """Take note of the `DPoP-Nonce` of any other response."""
        ...

    async def aclose(self) -> None:
        """Give back what is held."""
        ...


class OAuthClient:
    """Gets and renews tokens for one server; the `ClientAuth` that ships.

    `grant` is the way to a token; by default a user and a browser. `client` is a registration made beforehand, used at
    its own issuer only. `profile` is how we present ourselves elsewhere. `store` keeps tokens and registrations.
    `scopes` are asked for on top of what the server names. `dpop` is "auto" (where the server takes proofs), "always"
    or "never". `rules` bound every fetch; by default this machine may be asked only when the server is on it.
    A token is renewed `leeway` seconds before it expires.
    """

    def __init__(
        self,
        server: str,
        *,
        grant: Grant | None = None,
        client: ClientInformation | None = None,
        profile: ClientProfile | None = None,
        store: TokenStore | None = None,
        scopes: frozenset[str] = frozenset(),
        dpop: Literal["auto", "always", "never"] = "auto",
        fetcher: Fetcher | None = None,
        rules: Rules | None = None,
        leeway: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises `BadURL` for a server that is no http(s) or ws(s) URL."""
        self._server = _over_http(server)
        self._target: Target = read_url(self._server)
        self._grant: Grant = AuthorizationCode(BrowserAgent()) if grant is None else grant
        self._given = client
        self._profile = profile or ClientProfile()
        self._store: TokenStore = MemoryStore() if store is None else store
        self._scopes, self._dpop, self._leeway, self._clock = scopes, dpop, leeway, clock
        rules = rules or Rules(loopback=self._target.is_loopback_name)
        self._net = Net(fetcher or GuardedFetcher(), rules)
        self._key = f"tokens {self._target.origin}{self._target.path}"
        self._tokens: TokenSet | None = None
        self._loaded = False
        self._proof_key: ProofKey | None = None
        self._renewal: SingleFlight[None] = SingleFlight()
        self._refused: dict[tuple[str, frozenset[str]], None] = {}

    # What callers use

    async def headers_for(self, method: str, url: str) -> dict[str, str]:
        """The headers of one request: none for another origin, none before the first challenge.

        Renews a token that is about to expire. Raises `AuthorizationError` when that fails and the token is no good.
        """
        if not self._is_ours(url):
            return {}
        tokens = await self._current()
        if tokens is not None and not tokens.lives_until(self._clock() + self._leeway):
            tokens = await self._renewed(tokens)
        if tokens is None:
            return {}
        if not tokens.is_bound:
            return {"Authorization": f"Bearer {tokens.access_token}"}
        proof = self._key_of(tokens).proof(method, url, token=tokens.access_token, nonce=self._net.nonces.get(url))
        return {"Authorization": f"DPoP {tokens.access_token}", "DPoP": proof}

    async def on_challenge(
        self,
        status: int,
        www_authenticate: str | None,
        *,
        method: str,
        url: str,
        sent: Mapping[str, str],
        attempt: int = 1,
        dpop_nonce: str | None = None,
        operation: str = "",
    ) -> bool:
        """Answer a challenge: learn a nonce, refresh, authorize anew, or ask for more scopes.

        False when it is none that a token could answer. Raises `AuthorizationError`; `NotAccepted` when the server goes
        on refusing after `MAX_ATTEMPTS`, or refused the same step-up before.
        """
        if not self._is_ours(url) or status not in (401, 403):
            return False
        challenges = parse(www_authenticate)
        if challenges and all(one.scheme not in _SCHEMES for one in challenges):
            return False
        self._net.nonces.learn(url, dpop_nonce)
        if status == 403 and all(one.error != "insufficient_scope" for one in challenges):
            return False
        if attempt > MAX_ATTEMPTS:
            raise NotAccepted(f"{shorten(self._server)} refuses each new token; tell its operator")
        if dpop_nonce and "DPoP" in sent and any(one.error == "use_dpop_nonce" for one in challenges):
            return True
        failed = sent.get("Authorization", "").partition(" ")[2]
        tokens = await self._current()
        if tokens is not None and failed != tokens.access_token:
            return True  # it was renewed while that request was on its way
        if status == 403:
            await self._step_up(challenges, tokens, operation)
        else:
            await self._renewal.join(lambda: self._reauthorize(challenges, failed))
        return True

    def observe(self, url: str, dpop_nonce: str | None) -> None:
        """Take note of the `DPoP-Nonce` of any other response."""
        if dpop_nonce and self._is_ours(url):
            self._net.nonces.learn(url, dpop_nonce)

    async def aclose(self) -> None:
        """End what is in flight and close the grant. Stored tokens stay."""
        await self._renewal.aclose()
        await self._grant.aclose()

    async def forget(self) -> None:
        """Throw away the tokens of this server, here and in the store."""
        self._tokens, self._loaded = None, True
        await self._store.delete(self._key)

    # Tokens of the moment

    def _is_ours(self, url: str) -> bool:
        try:
            return read_url(_over_http(url)).origin == self._target.origin
        except BadURL:
            return False

    async def _current(self) -> TokenSet | None:
        if not self._loaded:
            found = stored_tokens(await self._store.load(self._key))
            if not self._loaded:
                self._tokens, self._loaded = found, True
        return self._tokens

    async def _keep(self, tokens: TokenSet) -> None:
        self._tokens, self._loaded = tokens, True
        await self._store.save(self._key, tokens.document)

    def _key_of(self, tokens: TokenSet) -> ProofKey:
        pem = tokens.proof_key_pem
        assert pem is not None
        if self._proof_key is None or self._proof_key.pem.decode() != pem:
            self._proof_key = ProofKey(pem.encode())
        return self._proof_key

    # Renewing

    async def _renewed(self, tokens: TokenSet) -> TokenSet | None:
        """Fresh tokens in place of ones that are about to expire, or None when a challenge must come first."""
        if tokens.refresh_token is None:
            return tokens if tokens.lives_until(self._clock()) else None
        try:
            await self._renewal.join(lambda: self._refresh_early(tokens))
        except AuthorizationError:
            if not tokens.lives_until(self._clock()):
                raise
            return tokens
        return self._tokens

    async def _refresh_early(self, tokens: TokenSet) -> None:
        """Refresh with the issuer of the tokens; whether another one is responsible now, a 401 would tell."""
        if self._tokens is tokens:
            resource = ResourceMetadata(tokens.resource, (tokens.issuer,))
            server = await find_server(self._net, tokens.issuer, legacy=tokens.issuer == self._target.origin)
            await self._refresh(tokens, resource, server)

    async def _refresh(self, tokens: TokenSet, resource: ResourceMetadata, server: ServerMetadata) -> bool:
        """Use the refresh token; False when it is no good any more, and then all tokens are forgotten."""
        async with self._store.hold(self._key):
            stored = stored_tokens(await self._store.load(self._key))
            if stored is not None and stored.access_token != tokens.access_token and stored.issuer == server.issuer:
                self._tokens = stored  # another process was faster; its refresh token replaced ours
                return True
            client = await self._client_of(tokens, server)
            if client is None or tokens.refresh_token is None or tokens.resource != resource.resource:
                await self.forget()
                return False
            proof_key = self._key_of(tokens) if tokens.is_bound else None
            party = Party(self._net, resource, server, self._no_enrolment, proof_key=proof_key)
            fields = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
            try:
                await self._keep(await party.request(client, fields, requested=tokens.requested, before=tokens))
            except TokenRefused as error:
                if error.status >= 500:
                    raise
                await self.forget()
                return False
            return True

    async def _client_of(self, tokens: TokenSet, server: ServerMetadata) -> ClientInformation | None:
        """The registration that the tokens were issued to, if we still have it."""
        if self._given is not None and self._given.client_id == tokens.client_id:
            return self._given
        if self._profile.metadata_url == tokens.client_id:
            return ClientInformation(tokens.client_id, issuer=server.issuer, method=NONE)
        stored = await self._stored_client(server.issuer)
        return stored if stored is not None and stored.client_id == tokens.client_id else None

    # Authorizing

    async def _reauthorize(self, challenges: tuple[Parsed, ...], failed: str) -> None:
        """Answer a 401: look again who is responsible, then refresh with the same issuer, or start afresh."""
        stored = stored_tokens(await self._store.load(self._key))
        if stored is not None and stored.access_token != failed:
            self._tokens, self._loaded = stored, True  # another process was faster
            return
        tokens = self._tokens
        resource = await find_resource(self._net, self._server, _metadata_url(challenges))
        server = await self._server_of(resource)
        named = _scopes(challenges)
        if tokens is not None and tokens.issuer == server.issuer:
            asked = wider_scopes(tokens.requested, named)
            refreshable = tokens.refresh_token is not None and asked == tokens.requested
            if refreshable and await self._refresh(tokens, resource, server):
                return
        else:
            asked = first_scopes(named, resource.scopes) | self._scopes
        await self.forget()
        await self._obtain(resource, server, asked, self._wants_proofs(challenges, resource, server))

    async def _step_up(self, challenges: tuple[Parsed, ...], tokens: TokenSet | None, operation: str) -> None:
        """Answer a 403: ask for the union of what was asked for and what is challenged, once for each operation."""
        asked = wider_scopes(tokens.requested if tokens else self._scopes, _scopes(challenges))
        case = (operation, asked)
        if case in self._refused or (tokens is not None and asked == tokens.requested):
            self._remember_refusal(case)
            raise NotAccepted(
                f"{shorten(self._server)} refuses {shorten(operation) or 'this'} although all its scopes were asked "
                "for; the user may lack the right"
            )

        async def widen() -> None:
            if self._tokens is not tokens:
                return
            resource = await find_resource(self._net, self._server, _metadata_url(challenges))
            server = await self._server_of(resource)
            proofs = tokens.is_bound if tokens else self._wants_proofs(challenges, resource, server)
            await self._obtain(resource, server, asked, proofs)

        try:
            await self._renewal.join(widen)
        except (AuthorizationDenied, TokenRefused):
            self._remember_refusal(case)
            raise

    def _remember_refusal(self, case: tuple[str, frozenset[str]]) -> None:
        self._refused[case] = None
        if len(self._refused) > MAX_REFUSALS:
            self._refused.pop(next(iter(self._refused)))

    async def _server_of(self, resource: ResourceMetadata) -> ServerMetadata:
        """The authorization server to use; the one of our credentials where there are some."""
        offered = resource.authorization_servers
        issuer = offered[0]
        if self._given is not None and self._given.issuer is not None:
            issuer = self._given.issuer
            if resource.found and issuer not in offered:
                raise AuthorizationServerChanged(issuer, offered)
        server = await find_server(self._net, issuer, legacy=not resource.found and issuer in offered)
        if self._given is not None and self._given.issuer is None:
            self._given = replace(self._given, issuer=server.issuer)
        return server

    async def _obtain(
        self, resource: ResourceMetadata, server: ServerMetadata, scopes: frozenset[str], proofs: bool
    ) -> None:
        stored = await self._stored_client(server.issuer)

        async def enroll(redirect_uri: str | None) -> ClientInformation:
            return await self._enroll(server, stored, redirect_uri)

        key = (self._proof_key or ProofKey()) if proofs else None
        self._proof_key = key or self._proof_key
        uris = stored.redirect_uris if stored is not None else ()
        tokens = await self._grant.obtain(Party(self._net, resource, server, enroll, uris, key), scopes)
        if proofs and not tokens.is_bound and (self._dpop == "always" or resource.dpop_required):
            raise AuthorizationError(
                f"{shorten(server.issuer)} gave a token that is not bound to our key; tell its operator"
            )
        await self._keep(tokens)

    def _wants_proofs(self, challenges: tuple[Parsed, ...], resource: ResourceMetadata, server: ServerMetadata) -> bool:
        if self._dpop != "auto":
            return self._dpop == "always"
        schemes = {one.scheme for one in challenges}
        able = ProofKey.algorithm in server.dpop_algorithms
        return resource.dpop_required or ("dpop" in schemes and (able or "bearer" not in schemes))

    # Registrations

    async def _enroll(
        self, server: ServerMetadata, stored: ClientInformation | None, redirect_uri: str | None
    ) -> ClientInformation:
        """The client to appear as, by the first way that there is."""
        way = choose_way(server, self._profile, given=self._given, stored=stored, redirect_uri=redirect_uri)
        if way is Way.GIVEN:
            assert self._given is not None
            return self._given
        if way is Way.STORED:
            assert stored is not None
            return stored
        if way is Way.METADATA_DOCUMENT:
            assert self._profile.metadata_url is not None
            return ClientInformation(self._profile.metadata_url, issuer=server.issuer, method=NONE)
        if redirect_uri is None:
            raise RegistrationNeeded(server.issuer)  # what can be registered freely may not act without a user
        document = self._profile.registration_document([redirect_uri], server)
        fresh = await register(self._net, server, document)
        await self._store.save(f"client {server.issuer}", fresh.document)
        return fresh

    async def _stored_client(self, issuer: str) -> ClientInformation | None:
        document = await self._store.load(f"client {issuer}")
        if document is None or document.get("issuer") != issuer:
            return None
        try:
            return read_registration(document, issuer=issuer, redirect_uris=())
        except AuthorizationError:
            return None

    @staticmethod
    async def _no_enrolment(_: str | None) -> ClientInformation:
        raise AuthorizationError("a refresh registers nobody")


def _over_http(url: str) -> str:
    """The http(s) form of a WebSocket URL: its handshake is an HTTP request to the same origin."""
    return "http" + url[2:] if url[:2].lower() == "ws" else url


def _metadata_url(challenges: tuple[Parsed, ...]) -> str | None:
    found = (one.parameters.get("resource_metadata") for one in challenges if one.scheme in _SCHEMES)
    return next(filter(None, found), None)


def _scopes(challenges: tuple[Parsed, ...]) -> frozenset[str] | None:
    found = (one.scopes for one in challenges if one.scheme in _SCHEMES)
    return next((scopes for scopes in found if scopes is not None), None)
