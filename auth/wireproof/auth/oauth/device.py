"""The device authorization grant: a code that the user types in elsewhere, and the wait for what comes of it.

Spec: RFC 8628.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from wireproof.auth.documents import number, text
from wireproof.auth.fetcher import form
from wireproof.auth.oauth.errors import AuthorizationDenied, DiscoveryFailed, NobodyAnswered, TokenRefused
from wireproof.auth.oauth.exchange import Net, authenticate, request_token
from wireproof.auth.oauth.registration import BASIC, NONE, ClientInformation
from wireproof.auth.oauth.scopes import spell
from wireproof.auth.oauth.tokens import TokenSet, granted_tokens

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_PAUSE_S: Final = 5.0
_SLOWER_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 60.0
_LONGEST_LIFE_S: Final = 3600.0
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the user is shown. `complete_uri` holds the code already; empty when the server gives none."""

    user_code: str
    uri: str
    complete_uri: str
    lasts_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """The endpoints of one authorization server, and who asks there."""

    token_url: str
    client: ClientInformation
    issuer: str = ""
    resource: str = ""

    @property
    def method(self) -> str:
        """How the client authenticates."""
        return self.client.method or (NONE if self.client.client_secret is None else BASIC)

    async def request(self, net: Net, fields: dict[str, str], *, before: TokenSet | None = None) -> TokenSet:
        """Ask the token endpoint. Raises `TokenRefused`."""
        audience = self.issuer or self.token_url
        said = await request_token(
            net, self.token_url, fields, client=self.client, method=self.method, audience=audience
        )
        return granted_tokens(
            said,
            issuer=audience,
            resource=self.resource,
            client_id=self.client.client_id,
            requested=frozenset(fields.get("scope", "").split()),
            now=time.time(),
            before=before,
        )

    async def with_credentials(self, net: Net, scopes: frozenset[str]) -> TokenSet:
        """The client credentials grant. Raises `TokenRefused`."""
        wanted = {"scope": spell(scopes)} if scopes else {}
        return await self.request(net, {"grant_type": "client_credentials", **wanted})

    async def refreshed(self, net: Net, tokens: TokenSet) -> TokenSet:
        """New tokens for old ones with a refresh token. Raises `TokenRefused`."""
        fields = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""}
        return await self.request(net, fields, before=tokens)


async def authorize_device(
    net: Net,
    device_url: str,
    source: TokenSource,
    scopes: frozenset[str],
    show: Callable[[DeviceCode], None],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> TokenSet:
    """Ask for a code, show it, and ask for the tokens until the user has answered.

    Raises `AuthorizationDenied` when the user said no, `NobodyAnswered` when the code ran out, `TokenRefused`.
    """
    wanted = {"client_id": source.client.client_id, **({"scope": spell(scopes)} if scopes else {})}
    headers, fields = authenticate(wanted, client=source.client, method=source.method, audience=source.token_url)
    answer = await net.ask(form(device_url, fields, headers))
    said = answer.json
    if answer.status != _OK or said is None:
        problem = text(said or {}, "error") or ""
        raise TokenRefused(problem, text(said or {}, "error_description") or "", answer.status)
    device, user, uri = (text(said, name) for name in ("device_code", "user_code", "verification_uri"))
    if device is None or user is None or uri is None:
        raise DiscoveryFailed("the device authorization endpoint gave no code; tell the operator")
    lasts = min(number(said, "expires_in") or _LONGEST_LIFE_S, _LONGEST_LIFE_S)
    show(DeviceCode(user, uri, text(said, "verification_uri_complete") or "", lasts))
    pause = min(max(number(said, "interval") or _PAUSE_S, 0.0), _LONGEST_PAUSE_S)
    return await _polled(net, source, device, scopes, pause, lasts, sleep)


async def _polled(
    net: Net,
    source: TokenSource,
    device: str,
    scopes: frozenset[str],
    pause: float,
    lasts: float,
    sleep: Callable[[float], Awaitable[None]],
) -> TokenSet:
    fields = {"grant_type": _GRANT, "device_code": device, **({"scope": spell(scopes)} if scopes else {})}
    ends = time.monotonic() + lasts
    while time.monotonic() < ends:
        await sleep(pause)
        try:
            return await source.request(net, fields)
        except TokenRefused as refused:
            if refused.error == "slow_down":
                pause = min(pause + _SLOWER_S, _LONGEST_PAUSE_S)
            elif refused.error == "access_denied":
                raise AuthorizationDenied("access_denied", "the user said no") from None
            elif refused.error == "expired_token":
                break
            elif refused.error != "authorization_pending":
                raise
    raise NobodyAnswered("the code ran out before it was typed in; log in again")
