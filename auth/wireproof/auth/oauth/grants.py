"""The ways to a token: authorization code, client credentials, an identity provider, a workload identity.

Each is one object that knows its own steps; who the parties are, and what goes over the network, it is given.
Spec: MCP 2026-07-28 basic/authorization; io.modelcontextprotocol/oauth-client-credentials;
io.modelcontextprotocol/enterprise-managed-authorization; RFC 6749 section 4.4; RFC 7523; RFC 8693.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from wireproof.auth.documents import text
from wireproof.auth.oauth import flow
from wireproof.auth.oauth.agents import UserAgent
from wireproof.auth.oauth.discovery import ResourceMetadata, ServerMetadata, endpoint
from wireproof.auth.oauth.errors import AuthorizationError, TokenRefused
from wireproof.auth.oauth.exchange import Net, find_server, request_token
from wireproof.auth.oauth.registration import ClientInformation
from wireproof.auth.oauth.scopes import spell, with_offline_access
from wireproof.auth.oauth.tokens import TokenSet, granted_tokens
from wireproof.auth.proofs import ProofKey

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
ID_JAG: Final = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105

Secret: TypeAlias = str | Callable[[], Awaitable[str]]
"""A credential, or how to get a fresh one."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who takes part in one authorization, and how to become a client of the authorization server.

    `enroll` takes the redirect URI (None where there is none) and gives the client to appear as.
    """

    net: Net
    resource: ResourceMetadata
    server: ServerMetadata
    enroll: Callable[[str | None], Awaitable[ClientInformation]]
    registered_uris: tuple[str, ...] = ()
    proof_key: ProofKey | None = None

    async def request(
        self,
        client: ClientInformation,
        fields: Mapping[str, str],
        *,
        requested: frozenset[str],
        before: TokenSet | None = None,
    ) -> TokenSet:
        """Ask the authorization server for tokens for this resource. Raises `TokenRefused`."""
        document = await request_token(
            self.net,
            self.server.token_endpoint,
            {**fields, "resource": self.resource.resource},
            client=client,
            method=client.method_at(self.server),
            audience=self.server.issuer,
            proof_key=self.proof_key,
        )
        return granted_tokens(
            document,
            issuer=self.server.issuer,
            resource=self.resource.resource,
            client_id=client.client_id,
            requested=requested,
            now=time.time(),
            proof_key_pem=None if self.proof_key is None else self.proof_key.pem.decode(),
            before=before,
        )


class Grant(Protocol):
    """One way to a token."""

    async def obtain(self, party: Party, scopes: frozenset[str]) -> TokenSet:
        """Get tokens that cover `scopes`. Raises `AuthorizationError`."""
        ...

    async def aclose(self) -> None:
        """Give back what the grant holds."""
        ...


@dataclass(slots=True)
class AuthorizationCode:
    """A user says yes in a browser. With `offline_access`, a refresh token is asked for where the server offers it."""

    agent: UserAgent
    offline_access: bool = True

    async def obtain(self, party: Party, scopes: frozenset[str]) -> TokenSet:
        """Send the user there, judge the answer, exchange the code. Raises `AuthorizationError`."""
        redirect_uri = await self.agent.prepare(party.registered_uris)
        client = await party.enroll(redirect_uri)
        wanted = with_offline_access(scopes, party.server.scopes) if self.offline_access else scopes
        pending = flow.begin(
            party.server,
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            resource=party.resource.resource,
            scopes=wanted,
            loopback=party.net.rules.loopback,
        )
        code = flow.finish(pending, await self.agent.authorize(pending.url, pending.state))
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": pending.verifier,
        }
        return await party.request(client, fields, requested=wanted)

    async def aclose(self) -> None:
        """Close the user agent."""
        await self.agent.aclose()


class ClientCredentials:
    """The program speaks for itself, with a secret or a private key that the server knows."""

    async def obtain(self, party: Party, scopes: frozenset[str]) -> TokenSet:
        """Ask for a token. Raises `AuthorizationError`."""
        client = await party.enroll(None)
        return await party.request(client, _with_scope({"grant_type": "client_credentials"}, scopes), requested=scopes)

    async def aclose(self) -> None:
        """Nothing to give back."""


@dataclass(slots=True)
class WorkloadIdentity:
    """The platform's signed statement of who this workload is, presented as a JWT bearer grant (RFC 7523).

    `assertion` is called for each token, so that it may read a file that the platform renews.
    """

    assertion: Secret = field(repr=False)

    async def obtain(self, party: Party, scopes: frozenset[str]) -> TokenSet:
        """Present the statement once; a refusal is final. Raises `AuthorizationError`."""
        client = await party.enroll(None)
        fields = {"grant_type": JWT_BEARER, "assertion": await _reveal(self.assertion)}
        return await party.request(client, _with_scope(fields, scopes), requested=scopes)

    async def aclose(self) -> None:
        """Nothing to give back."""


@dataclass(slots=True)
class EnterpriseManaged:
    """The enterprise's identity provider decides: its ID token becomes an ID-JAG, and that becomes the token.

    `token_endpoint` of the provider may be left out when its metadata is at `issuer`. `client` is who we are at the
    provider. No user is sent to the authorization server of the resource.
    """

    issuer: str
    client: ClientInformation
    id_token: Secret = field(repr=False)
    token_endpoint: str | None = None

    async def obtain(self, party: Party, scopes: frozenset[str]) -> TokenSet:
        """Exchange the ID token, then present what came of it. Raises `AuthorizationError`."""
        client = await party.enroll(None)
        assertion = await self._assertion(party, scopes)
        fields = _with_scope({"grant_type": JWT_BEARER, "assertion": assertion}, scopes)
        return await party.request(client, fields, requested=scopes)

    async def _assertion(self, party: Party, scopes: frozenset[str]) -> str:
        fields = {
            "grant_type": TOKEN_EXCHANGE,
            "requested_token_type": ID_JAG,
            "audience": party.server.issuer,
            "resource": party.resource.resource,
            "subject_token": await _reveal(self.id_token),
            "subject_token_type": ID_TOKEN,
        }
        url, method = await self._provider(party.net)
        document = await request_token(
            party.net, url, _with_scope(fields, scopes), client=self.client, method=method, audience=self.issuer
        )
        assertion = None if document is None else text(document, "access_token")
        if document is None or assertion is None or document.get("issued_token_type") != ID_JAG:
            raise TokenRefused("", "the identity provider issued no ID-JAG", 200)
        return assertion

    async def _provider(self, net: Net) -> tuple[str, str]:
        if self.token_endpoint is None:
            server = await find_server(net, self.issuer, legacy=False)
            return server.token_endpoint, self.client.method_at(server)
        url = endpoint({"token_endpoint": self.token_endpoint}, "token_endpoint", loopback=net.rules.loopback)
        if url is None:
            raise AuthorizationError("the identity provider has no token endpoint; pass its URL")
        return url, self.client.method_at(ServerMetadata(self.issuer, url))

    async def aclose(self) -> None:
        """Nothing to give back."""


def _with_scope(fields: Mapping[str, str], scopes: frozenset[str]) -> dict[str, str]:
    return {**fields, "scope": spell(scopes)} if scopes else dict(fields)


async def _reveal(secret: Secret) -> str:
    return secret if isinstance(secret, str) else await secret()
