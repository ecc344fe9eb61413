"""What can go wrong on the way to a token: one small tree, each error with what to do next. Knows no I/O."""

from __future__ import annotations

import re
from typing import Final

from wireproof.auth.addresses import shorten

_PLAIN: Final = re.compile(r"[^\x20-\x7e]")


class AuthorizationError(Exception):
    """No token could be had. The message says why and what to do next; it never holds a secret."""


class DiscoveryFailed(AuthorizationError):
    """The server's authorization could not be found out: metadata is missing, malformed or out of reach."""


class ResourceMismatch(DiscoveryFailed):
    """The protected resource metadata speaks for another server than the one that was asked."""

    def __init__(self, resource: str, server: str) -> None:
        super().__init__(
            f"{shorten(server)} presents metadata of {shorten(plain(resource))}; no token is asked for. "
            "Check the URL of the server"
        )
        self.resource = resource
        self.server = server


class IssuerMismatch(DiscoveryFailed):
    """Authorization server metadata names another issuer than the one it was fetched for."""

    def __init__(self, issuer: str, expected: str) -> None:
        super().__init__(
            f"the metadata of {shorten(expected)} claims to be of {shorten(plain(issuer))}; it is not used. "
            "Tell the operator of the server"
        )
        self.issuer = issuer
        self.expected = expected


class PKCENotSupported(AuthorizationError):
    """The authorization server does not offer PKCE with S256, so a code could be stolen on its way."""

    def __init__(self, issuer: str) -> None:
        super().__init__(
            f"{shorten(issuer)} does not offer PKCE with S256; authorization is refused. Tell its operator"
        )
        self.issuer = issuer


class RegistrationNeeded(AuthorizationError):
    """There is no way to get a client id here without a person."""

    def __init__(self, issuer: str) -> None:
        super().__init__(
            f"{shorten(issuer)} takes neither client metadata documents nor dynamic registration; "
            "register a client there and pass it as ClientInformation"
        )
        self.issuer = issuer


class RegistrationFailed(AuthorizationError):
    """Dynamic registration was refused; `error` is the server's code, such as `invalid_redirect_uri`."""

    def __init__(self, issuer: str, error: str, description: str) -> None:
        text = f" ({plain(description)})" if description else ""
        super().__init__(
            f"{shorten(issuer)} refused the registration: {plain(error)}{text}. Change redirect_uris or "
            "application_type, or register by hand and pass ClientInformation"
        )
        self.issuer = issuer
        self.error = error


class AuthorizationServerChanged(AuthorizationError):
    """The server now names another authorization server than the one the given client credentials are for."""

    def __init__(self, expected: str, offered: tuple[str, ...]) -> None:
        super().__init__(
            f"the client credentials are for {shorten(expected)}, the server now trusts {shorten(', '.join(offered))}; "
            "register there and pass the new credentials"
        )
        self.expected = expected
        self.offered = offered


class BadRedirect(AuthorizationError):
    """The answer to the authorization request is not from whom it should be; its content is not used."""


class AuthorizationDenied(AuthorizationError):
    """The authorization server said no. `error` is its code, such as `access_denied`."""

    def __init__(self, error: str, description: str) -> None:
        text = f": {plain(description)}" if description else ""
        super().__init__(f"authorization was refused with {plain(error)}{text}. Try again, or ask for less")
        self.error = error


class NobodyAnswered(AuthorizationError):
    """The user did not finish the authorization in time."""


class TokenRefused(AuthorizationError):
    """The token endpoint said no. `error` is its code, such as `invalid_grant`; empty when it gave none."""

    def __init__(self, error: str, description: str, status: int) -> None:
        text = f": {plain(description)}" if description else ""
        super().__init__(
            f"the token endpoint answered {status} {plain(error)}{text}. Check the client credentials and the grant"
        )
        self.error = error
        self.status = status


class NotAccepted(AuthorizationError):
    """The server goes on refusing although each answer of its authorization server was followed."""


def plain(text: str) -> str:
    """A stranger's text as printable ASCII, cut."""
    return shorten(_PLAIN.sub("?", text), 200)
