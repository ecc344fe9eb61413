"""Who we are at an authorization server: the order of ways to a client id, and the registration document. Pure.

Spec: MCP 2026-07-28 basic/authorization/client-registration; RFC 7591; client ID metadata documents draft 00.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wireproof.auth.addresses import BadURL, read_url
from wireproof.auth.documents import number, text, texts
from wireproof.auth.oauth.discovery import ServerMetadata
from wireproof.auth.oauth.errors import RegistrationFailed, RegistrationNeeded
from wireproof.schemas.jsonrpc import JSONObject

_VISIBLE: Final = re.compile(r"[\x20-\x7e]+")
NONE, BASIC, POST, PRIVATE_KEY = "none", "client_secret_basic", "client_secret_post", "private_key_jwt"


@dataclass(frozen=True, slots=True, repr=False)
class ClientInformation:
    """A client that is known at one authorization server.

    `issuer` names that server; None binds it to the first one that is met. `method` is how it authenticates at the
    token endpoint; None chooses by what the server takes. `private_key_pem` is for `private_key_jwt`.
    """

    client_id: str
    client_secret: str | None = None
    issuer: str | None = None
    method: str | None = None
    private_key_pem: bytes | None = None
    algorithm: str = "ES256"
    redirect_uris: tuple[str, ...] = ()
    secret_expires_at: float | None = None

    def __repr__(self) -> str:
        return f"ClientInformation({self.client_id!r}, issuer={self.issuer!r})"  # the secret stays out of logs

    def method_at(self, server: ServerMetadata) -> str:
        """How this client authenticates at the server's token endpoint."""
        if self.method is not None:
            return self.method
        if self.private_key_pem is not None:
            return PRIVATE_KEY
        if self.client_secret is None:
            return NONE
        offered = server.token_auth_methods
        return POST if offered is not None and BASIC not in offered and POST in offered else BASIC

    @property
    def document(self) -> JSONObject:
        """This registration as JSON, for a store."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "issuer": self.issuer,
            "token_endpoint_auth_method": self.method,
            "redirect_uris": list(self.redirect_uris),
            "client_secret_expires_at": self.secret_expires_at,
        }


@dataclass(frozen=True, slots=True)
class ClientProfile:
    """How we present ourselves where nobody knows us.

    `metadata_url` is an https URL with a path at which our client metadata document is served; it is then our client id
    at every server that takes such documents. `web` says that the redirect URI is a website's, not a native program's.
    """

    name: str = "Wireproof"
    metadata_url: str | None = None
    uri: str | None = None
    web: bool = False
    extra: JSONObject = field(default_factory=dict[str, object])

    def __post_init__(self) -> None:
        """Raises `ValueError` for a metadata URL that is not https or has no path."""
        if self.metadata_url is None:
            return
        try:
            target = read_url(self.metadata_url)
        except BadURL as error:
            raise ValueError(str(error)) from None
        if target.scheme != "https" or target.path == "/" or "#" in self.metadata_url:
            raise ValueError(f"a client metadata URL is https and has a path, not {self.metadata_url!r}")

    def metadata_document(self, redirect_uris: Sequence[str]) -> JSONObject:
        """The client metadata document to serve at `metadata_url`. Raises `ValueError` when that is not set."""
        if self.metadata_url is None:
            raise ValueError("there is no metadata_url to serve a document at")
        return {"client_id": self.metadata_url, **self._common(redirect_uris, NONE)}

    def registration_document(self, redirect_uris: Sequence[str], server: ServerMetadata) -> JSONObject:
        """What to send to a registration endpoint."""
        offered = server.token_auth_methods
        method = next((one for one in (NONE, BASIC, POST) if offered is None or one in offered), NONE)
        return self._common(redirect_uris, method)

    def _common(self, redirect_uris: Sequence[str], method: str) -> JSONObject:
        document: JSONObject = {
            "client_name": self.name,
            "redirect_uris": list(redirect_uris),
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": method,
            "application_type": "web" if self.web else "native",
        }
        if self.uri is not None:
            document["client_uri"] = self.uri
        return {**self.extra, **document}


class Way(Enum):
    """How to get a client id."""

    GIVEN = "given"
    STORED = "stored"
    METADATA_DOCUMENT = "metadata document"
    REGISTER = "register"


def choose_way(
    server: ServerMetadata,
    profile: ClientProfile,
    *,
    given: ClientInformation | None,
    stored: ClientInformation | None,
    redirect_uri: str | None,
    now: float | None = None,
) -> Way:
    """The way to a client id, in the order of the specification. Raises `RegistrationNeeded` when there is none.

    A stored registration counts only for its issuer, its redirect URI, and as long as its secret lives.
    """
    if given is not None:
        return Way.GIVEN
    if server.client_metadata_documents and profile.metadata_url is not None:
        return Way.METADATA_DOCUMENT
    if stored is not None and stored.issuer == server.issuer:
        alive = not stored.secret_expires_at or (time.time() if now is None else now) < stored.secret_expires_at
        if alive and (redirect_uri is None or redirect_uri in stored.redirect_uris):
            return Way.STORED
    if server.registration_endpoint is not None:
        return Way.REGISTER
    raise RegistrationNeeded(server.issuer)


def read_registration(document: JSONObject | None, *, issuer: str, redirect_uris: Sequence[str]) -> ClientInformation:
    """Read the answer of a registration endpoint, or a stored registration. Raises `RegistrationFailed`."""
    client_id = None if document is None else text(document, "client_id")
    if document is None or client_id is None or not _VISIBLE.fullmatch(client_id):
        raise RegistrationFailed(issuer, "no client_id", "")
    secret = text(document, "client_secret")
    method = text(document, "token_endpoint_auth_method") or (NONE if secret is None else None)
    if method in (BASIC, POST) and secret is None:
        raise RegistrationFailed(issuer, f"{method} without a client_secret", "")
    expires = number(document, "client_secret_expires_at")
    uris = texts(document, "redirect_uris") or tuple(redirect_uris)
    return ClientInformation(client_id, secret, issuer, method, redirect_uris=uris, secret_expires_at=expires or None)
