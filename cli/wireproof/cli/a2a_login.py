"""`auth login` and `auth logout`: tokens by the OAuth flows that a card declares, kept for later calls.

The tokens of an agent lie under the address of its card, in one file that only its owner can read.
Spec: a2a-cli 0.2 section 12.2; RFC 8628; OAuth 2.1 section 4.2.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wireproof.a2a.client.discovery import card_urls
from wireproof.auth.addresses import BadURL, read_url
from wireproof.auth.documents import text
from wireproof.auth.fetcher import Ask, GuardedFetcher, Rules
from wireproof.auth.oauth.device import DeviceCode, TokenSource, authorize_device
from wireproof.auth.oauth.discovery import endpoint
from wireproof.auth.oauth.errors import AuthorizationError
from wireproof.auth.oauth.exchange import Net
from wireproof.auth.oauth.registration import ClientInformation
from wireproof.auth.oauth.store import FileStore, StoreUnavailable
from wireproof.auth.oauth.tokens import stored_tokens
from wireproof.cli.a2a_settings import UsageError
from wireproof.cli.a2a_show import OK
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

if TYPE_CHECKING:
    from wireproof.cli.a2a_call import Call

DEVICE: Final = "device-code"
CREDENTIALS: Final = "client-credentials"
_SPARE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where one scheme of a card gives tokens; `device_url` is empty where it has no such flow."""

    token_url: str
    device_url: str
    scopes: frozenset[str]


def place(reference: str) -> str:
    """The address of the card that a reference means: what tokens are kept under."""
    from wireproof.cli.a2a_call import target_of

    return card_urls(str(target_of(reference)))[0]


def vault() -> FileStore:
    """Where tokens are kept. Raises `UsageError` when the folder cannot be made."""
    folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "wireproof"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}; set XDG_DATA_HOME") from None
    return FileStore(folder / "tokens.json")


def _net(url: str) -> Net:
    """The guarded network; this machine only where the agent itself is here."""
    try:
        here = read_url(url).is_loopback_name
    except BadURL as error:
        raise UsageError(f"-a {error}") from None
    return Net(GuardedFetcher(), Rules(loopback=here))


async def login(call: Call) -> int:
    """`auth login`. Raises `UsageError` and what the agent's client raises."""
    options, settings = call.options, call.settings
    client_id = settings.text("client_id")
    if not client_id:
        raise UsageError("name the client that the authorization server knows: --client-id, or A2ACLI_CLIENT_ID")
    async with call.agent(anonymous=True) as agent:
        card = agent.card
    url = place(settings.text("agent_card"))
    net = _net(url)
    name, found = await _endpoints(net, card, options.scheme or "")
    secret = settings.text("client_secret") or None
    flow = options.flow or (DEVICE if found.device_url else CREDENTIALS)
    source = TokenSource(token_url=found.token_url, client=ClientInformation(client_id, secret), resource=url)
    scopes = frozenset(options.scope or ()) or found.scopes
    if flow == DEVICE and not found.device_url:
        raise UsageError(f"the scheme {name!r} of the card has no device flow: --flow client-credentials")
    if flow == CREDENTIALS and secret is None:
        raise UsageError("client credentials need a secret: A2ACLI_CLIENT_SECRET, or --client-secret")
    try:
        if flow == DEVICE:
            tokens = await authorize_device(net, found.device_url, source, scopes, lambda code: _tell(call, code))
        else:
            tokens = await source.with_credentials(net, scopes)
        await vault().save(url, {**tokens.document, "token_url": found.token_url})
    except (AuthorizationError, StoreUnavailable) as error:
        raise UsageError(str(error)) from None
    if call.printer.as_json:
        call.printer.document({"agentCard": url, "scheme": name, "expiresAt": tokens.expires_at})
    else:
        call.printer.field("Logged in", url)
        call.printer.field("Scheme", name)
    return OK


def _tell(call: Call, code: DeviceCode) -> None:
    call.printer.note(f"open {code.uri} and enter the code {code.user_code}")
    if code.complete_uri:
        call.printer.note(f"or open {code.complete_uri}")


async def logout(call: Call) -> int:
    """`auth logout`."""
    url = place(call.settings.text("agent_card"))
    try:
        await vault().delete(url)
    except StoreUnavailable as error:
        raise UsageError(str(error)) from None
    if call.printer.as_json:
        call.printer.document({})
    else:
        call.printer.field("Logged out", url)
    return OK


async def kept_token(call: Call, reference: str) -> str:
    """The token of an earlier login for this agent, renewed when it ran out; "" when there is none."""
    url = place(reference)
    store = vault()
    try:
        document = await store.load(url)
        tokens = stored_tokens(document)
        if document is None or tokens is None:
            return ""
        if tokens.lives_until(time.time() + _SPARE_S):
            return tokens.access_token
        token_url = text(document, "token_url")
        if token_url is None or tokens.refresh_token is None:
            call.printer.note("warning: the login for this agent ran out: wireproof auth login")
            return ""
        secret = call.settings.text("client_secret") or None
        source = TokenSource(token_url=token_url, client=ClientInformation(tokens.client_id, secret), resource=url)
        async with store.hold(url):
            fresh = await source.refreshed(_net(url), tokens)
            await store.save(url, {**fresh.document, "token_url": token_url})
        return fresh.access_token
    except StoreUnavailable as error:
        raise UsageError(str(error)) from None
    except AuthorizationError as error:
        call.printer.note(f"warning: the login for this agent could not be renewed ({error}): wireproof auth login")
        return ""


async def _endpoints(net: Net, card: JSONObject, wanted: str) -> tuple[str, Endpoints]:
    """The scheme to log in by, and its endpoints. Raises `UsageError`."""
    schemes: Mapping[str, JSONValue] = card.get("securitySchemes") or {}
    for name, scheme in schemes.items():
        if (wanted and name != wanted) or not is_object(scheme):
            continue
        try:
            found = await _of_scheme(net, scheme)
        except AuthorizationError as error:
            raise UsageError(f"the scheme {name!r} of the card: {error}") from None
        if found is not None:
            return name, found
    offered = ", ".join(schemes) or "none"
    named = f"scheme {wanted!r}" if wanted else "scheme"
    raise UsageError(f"the card has no {named} to log in by (its schemes: {offered}); give --bearer or --api-key")


async def _of_scheme(net: Net, scheme: JSONObject) -> Endpoints | None:
    oauth, openid = scheme.get("oauth2SecurityScheme"), scheme.get("openIdConnectSecurityScheme")
    here = net.rules.loopback
    if is_object(oauth) and is_object(oauth.get("flows")):
        flows: JSONObject = oauth["flows"]
        for kind in ("deviceCode", "clientCredentials"):
            flow: JSONValue = flows.get(kind)
            if is_object(flow):
                token = endpoint(flow, "tokenUrl", loopback=here)
                device = endpoint(flow, "deviceAuthorizationUrl", loopback=here)
                if token is not None:
                    scopes: JSONValue = flow.get("scopes")
                    return Endpoints(token, device or "", frozenset(scopes if is_object(scopes) else ()))
    if is_object(openid):
        url = endpoint(openid, "openIdConnectUrl", loopback=here)
        document = (await net.ask(Ask("GET", url))).json if url is not None else None
        token = endpoint(document or {}, "token_endpoint", loopback=here)
        if token is not None:
            device = endpoint(document or {}, "device_authorization_endpoint", loopback=here)
            return Endpoints(token, device or "", frozenset({"openid"}))
    return None
