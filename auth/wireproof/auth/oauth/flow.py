"""The authorization code flow as two pure steps: make the request and its record, then judge the answer by the record.

Spec: MCP 2026-07-28 basic/authorization, Authorization Response Validation; OAuth 2.1 section 4.1; RFC 7636;
RFC 8707; RFC 9207 section 2.4.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from wireproof.auth.addresses import BadURL, read_url, shorten
from wireproof.auth.oauth.discovery import ServerMetadata, is_secure
from wireproof.auth.oauth.errors import AuthorizationDenied, BadRedirect, DiscoveryFailed, PKCENotSupported
from wireproof.auth.oauth.scopes import spell


@dataclass(frozen=True, slots=True, repr=False)
class PendingAuthorization:
    """One authorization request: the URL to open, and what its answer will be judged by. Good for one answer."""

    url: str
    state: str
    verifier: str
    issuer: str
    iss_supported: bool
    redirect_uri: str
    resource: str
    scopes: frozenset[str]

    def __repr__(self) -> str:
        return f"PendingAuthorization({shorten(self.issuer)!r})"  # the verifier is a secret


def begin(
    server: ServerMetadata,
    *,
    client_id: str,
    redirect_uri: str,
    resource: str,
    scopes: frozenset[str],
    loopback: bool,
) -> PendingAuthorization:
    """Make an authorization request. Raises `PKCENotSupported`, or `DiscoveryFailed` for a URL not to be opened."""
    if server.authorization_endpoint is None:
        raise DiscoveryFailed(f"{shorten(server.issuer)} names no authorization endpoint; use another grant")
    if not server.offers_s256:
        raise PKCENotSupported(server.issuer)
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(32)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    fields = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": resource,
    }
    if scopes:
        fields["scope"] = spell(scopes)
    if "offline_access" in scopes:
        fields["prompt"] = "consent"
    joint = "&" if "?" in server.authorization_endpoint else "?"
    url = openable(server.authorization_endpoint + joint + urlencode(fields), loopback=loopback)
    return PendingAuthorization(
        url, state, verifier, server.issuer, server.iss_supported, redirect_uri, resource, scopes
    )


def openable(url: str, *, loopback: bool) -> str:
    """The URL, when it may be shown to a browser: https, or http on this machine. Raises `DiscoveryFailed`."""
    try:
        target = read_url(url)
    except BadURL as error:
        raise DiscoveryFailed(f"the authorization URL {error}; it is not opened") from None
    if not is_secure(target, loopback=loopback):
        raise DiscoveryFailed(f"the authorization URL {shorten(url)!r} is not https; it is not opened")
    return url


def finish(pending: PendingAuthorization, redirect: str) -> str:
    """The authorization code in `redirect`, the URL that the answer came to.

    Raises `BadRedirect` when state or issuer are not those of the request, before anything else is looked at, and
    `AuthorizationDenied` with the server's error.
    """
    if redirect.partition("#")[0].partition("?")[0] != pending.redirect_uri.partition("?")[0]:
        raise BadRedirect("the answer came to another address than the redirect URI; it is not used. Try again")
    pairs = parse_qsl(redirect.partition("#")[0].partition("?")[2], keep_blank_values=True)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadRedirect("the answer repeats a parameter; it is not used. Try again")
    if not hmac.compare_digest(fields.get("state", "").encode(), pending.state.encode()):
        raise BadRedirect("the answer does not belong to this request (state); it is not used. Try again")
    _check_issuer(pending, fields.get("iss"))
    if "error" in fields:
        raise AuthorizationDenied(fields["error"], fields.get("error_description", ""))
    code = fields.get("code")
    if not code:
        raise BadRedirect("the answer holds no code; try again")
    return code


def _check_issuer(pending: PendingAuthorization, said: str | None) -> None:
    """RFC 9207 section 2.4, by plain comparison: no case folding, no slash, no port is forgiven."""
    if said is None:
        if pending.iss_supported:
            raise BadRedirect(
                f"{shorten(pending.issuer)} promises to name itself in its answers and did not; it is not used. "
                "Tell its operator"
            )
    elif said != pending.issuer:
        raise BadRedirect(
            f"the answer is of another authorization server than {shorten(pending.issuer)}; it is not used. "
            "Somebody may be mixing them up"
        )
