"""Security schemes: what the Agent Card declares, and what enforces it, as one thing.

    Agent("Vault", security_schemes={"key": APIKey("X-API-Key", {"s3cret": Principal("ops")}), "jwt": Bearer(verifier)})

Spec: A2A 1.0 sections 4.5 (the declarations), 7.2 to 7.4 (authentication), 13.4.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final, Literal, Protocol
from urllib.parse import parse_qs

from wireproof.auth.challenge import Challenge, render
from wireproof.auth.verifier import Denied, StaticVerifier, TokenVerifier, VerifierUnavailable
from wireproof.schemas.caller import ANONYMOUS, Principal
from wireproof.schemas.jsonrpc import JSONObject

Requirement = Mapping[str, Sequence[str]]
"""Schemes that are needed together, by name, each with the scopes that it must bring."""

_RETRY_S: Final = "5"
log = logging.getLogger("wireproof.a2a.security")


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """What a request shows of its sender. Header names are in lower case.

    `tls` is what the server knows of the connection: ASGI's `tls` extension (`client_cert_chain`,
    `client_cert_name`), or gRPC's authentication context; None where there is no TLS or the server does not tell.
    """

    headers: Mapping[str, str]
    query: str = ""
    tls: Mapping[str, object] | None = None


class Scheme(Protocol):
    """One way to say who calls: declared in the card, and checked on every request."""

    def wire(self) -> JSONObject:
        """The SecurityScheme of the card."""
        ...

    async def identify(self, shown: Shown) -> Principal | Denied | None:
        """The sender; None when the request shows nothing of this scheme. Raises `VerifierUnavailable`."""
        ...

    def challenge(self, denied: Denied | None, scopes: Iterable[str]) -> str:
        """How `WWW-Authenticate` asks for it; empty where HTTP has no way to ask."""
        ...


class APIKey:
    """A key in a header, in the query or in a cookie.

    `keys` maps each key to whom it stands for, or verifies keys as if they were tokens.
    """

    def __init__(
        self,
        name: str,
        keys: Mapping[str, Principal] | TokenVerifier,
        *,
        location: Literal["header", "query", "cookie"] = "header",
        description: str = "",
    ) -> None:
        self.name, self.location, self.description = name, location, description
        self._verifier = StaticVerifier(keys) if isinstance(keys, Mapping) else keys

    def wire(self) -> JSONObject:
        """See `Scheme.wire`."""
        return {"apiKeySecurityScheme": {**_described(self.description), "location": self.location, "name": self.name}}

    async def identify(self, shown: Shown) -> Principal | Denied | None:
        """See `Scheme.identify`."""
        key = self._key(shown)
        return None if key is None else await self._verifier.verify(key, resource="")

    def _key(self, shown: Shown) -> str | None:
        if self.location == "header":
            return shown.headers.get(self.name.lower())
        if self.location == "query":
            return next(iter(parse_qs(shown.query, keep_blank_values=True).get(self.name, ())), None)
        try:
            found = SimpleCookie(shown.headers.get("cookie", "")).get(self.name)
        except CookieError:
            return None
        return None if found is None else found.value

    def challenge(self, denied: Denied | None, scopes: Iterable[str]) -> str:
        """See `Scheme.challenge`."""
        return render("ApiKey", {**_error(denied), "in": self.location, "name": self.name})


class Basic:
    """A user name and a password (RFC 7617). `check` gives the user's principal, or None for a wrong pair."""

    def __init__(
        self,
        check: Mapping[str, str] | Callable[[str, str], Awaitable[Principal | None]],
        *,
        realm: str = "agent",
        description: str = "",
    ) -> None:
        """A mapping of users to passwords is for tests and small things: keep hashes and give a function instead."""
        self.realm, self.description = realm, description
        self._check = check if callable(check) else _table(check)

    def wire(self) -> JSONObject:
        """See `Scheme.wire`."""
        return {"httpAuthSecurityScheme": {**_described(self.description), "scheme": "Basic"}}

    async def identify(self, shown: Shown) -> Principal | Denied | None:
        """See `Scheme.identify`."""
        scheme, _, text = shown.headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, colon, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Denied("the credentials cannot be read")
        found = await self._check(user, password) if colon else None
        return found or Denied("the user name or the password is wrong")

    def challenge(self, denied: Denied | None, scopes: Iterable[str]) -> str:
        """See `Scheme.challenge`."""
        return render("Basic", {"realm": self.realm, "charset": "UTF-8"})


class Bearer:
    """An access token (RFC 6750). `resource` is what tokens must be issued for, where the verifier asks for it."""

    def __init__(
        self, verifier: TokenVerifier, *, resource: str = "", bearer_format: str = "", description: str = ""
    ) -> None:
        self._verifier, self._resource = verifier, resource
        self.bearer_format, self.description = bearer_format, description

    def wire(self) -> JSONObject:
        """See `Scheme.wire`."""
        shown: JSONObject = {**_described(self.description), "scheme": "Bearer"}
        if self.bearer_format:
            shown["bearerFormat"] = self.bearer_format
        return {"httpAuthSecurityScheme": shown}

    async def identify(self, shown: Shown) -> Principal | Denied | None:
        """See `Scheme.identify`."""
        scheme, _, token = shown.headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        return await self._verifier.verify(token.strip(), resource=self._resource)

    def challenge(self, denied: Denied | None, scopes: Iterable[str]) -> str:
        """See `Scheme.challenge`."""
        return render("Bearer", {**_error(denied), "scope": " ".join(sorted(scopes))})


class OAuth2(Bearer):
    """Access tokens of OAuth 2. `flows` is the OAuthFlows document: how a client gets one."""

    def __init__(
        self,
        verifier: TokenVerifier,
        flows: JSONObject,
        *,
        resource: str = "",
        metadata_url: str = "",
        description: str = "",
    ) -> None:
        super().__init__(verifier, resource=resource, description=description)
        self.flows, self.metadata_url = flows, metadata_url

    def wire(self) -> JSONObject:
        """See `Scheme.wire`."""
        shown: JSONObject = {**_described(self.description), "flows": self.flows}
        if self.metadata_url:
            shown["oauth2MetadataUrl"] = self.metadata_url
        return {"oauth2SecurityScheme": shown}


class OpenIDConnect(Bearer):
    """Access tokens of an OpenID provider; `url` is that of its discovery document."""

    def __init__(self, verifier: TokenVerifier, url: str, *, resource: str = "", description: str = "") -> None:
        super().__init__(verifier, resource=resource, description=description)
        self.url = url

    def wire(self) -> JSONObject:
        """See `Scheme.wire`."""
        return {"openIdConnectSecurityScheme": {**_described(self.description), "openIdConnectUrl": self.url}}


class MutualTLS:
    """A client certificate. `identify` says whose it is, from `Shown.tls`, or from the header that a proxy sets.

    A header (as `Client-Cert`, RFC 9440) may only be believed where the proxy removes what callers send under its name.
    """

    def __init__(self, identify: Callable[[Shown], Awaitable[Principal | None]], *, description: str = "") -> None:
        self._identify, self.description = identify, description

    def wire(self) -> JSONObject:
        """See `Scheme.wire`."""
        return {"mtlsSecurityScheme": _described(self.description)}

    async def identify(self, shown: Shown) -> Principal | Denied | None:
        """See `Scheme.identify`."""
        return await self._identify(shown)

    def challenge(self, denied: Denied | None, scopes: Iterable[str]) -> str:
        """See `Scheme.challenge`: a certificate is asked for in the handshake."""
        return ""


class SecurityGate:
    """Lets in who meets one of the requirements: every scheme of it, with its scopes. A gate of `wireproof.transports`.

    The principal is that of the requirement's first scheme. An empty requirement lets callers in who show nothing; who
    shows something wrong is refused all the same.
    """

    def __init__(self, schemes: Mapping[str, Scheme], requirements: Sequence[Requirement]) -> None:
        """Raises `ValueError` for a requirement of a scheme that is not there."""
        for requirement in requirements:
            if unknown := set(requirement) - set(schemes):
                raise ValueError(f"no security scheme is called {', '.join(sorted(unknown))}: declare it")
        self._schemes: Final = dict(schemes)
        self._requirements: Final = tuple(requirements)

    async def authenticate(
        self,
        headers: Iterable[tuple[str, str]],
        *,
        method: str,
        url: str,
        tls: Mapping[str, object] | None = None,
    ) -> Principal | Challenge:
        """Who sends this request, or the challenge to answer with."""
        shown = Shown(_joined(headers), url.partition("?")[2], tls)
        try:
            found = {name: await scheme.identify(shown) for name, scheme in self._schemes.items()}
        except VerifierUnavailable as error:
            return Challenge(503, (("Retry-After", _RETRY_S),), reason=str(error))
        lacking = False
        for requirement in self._requirements:
            met, scoped = self._meets(requirement, found)
            if met is not None:
                return met
            lacking = lacking or scoped
        return self._refusal(found, lacking=lacking)

    def _meets(
        self, requirement: Requirement, found: Mapping[str, Principal | Denied | None]
    ) -> tuple[Principal | None, bool]:
        """Who meets a requirement, or nobody; True when nothing but scopes is missing."""
        if not requirement:
            nothing = all(each is None for each in found.values())
            return (ANONYMOUS if nothing else None), False
        people = [found[name] for name in requirement]
        callers = [each for each in people if isinstance(each, Principal)]
        if len(callers) < len(people):
            return None, False
        wanted = zip(callers, requirement.values(), strict=True)
        return (callers[0], False) if all(set(scopes) <= each.scopes for each, scopes in wanted) else (None, True)

    def _refusal(self, found: Mapping[str, Principal | Denied | None], *, lacking: bool) -> Challenge:
        scopes = {name: set[str]() for name in self._schemes}
        for requirement in self._requirements:
            for name, wanted in requirement.items():
                scopes[name].update(wanted)
        if lacking:
            return self._insufficient(scopes)
        refused = {name: each for name, each in found.items() if isinstance(each, Denied)}
        asked = [self._schemes[name].challenge(refused.get(name), wanted) for name, wanted in scopes.items()]
        headers = tuple(("WWW-Authenticate", text) for text in asked if text)
        reason = next(iter(refused.values()), Denied("Authentication required"))
        error = "invalid_token" if refused else ""
        if refused:
            log.warning(
                "a caller was refused: %s", "; ".join(f"{name}: {_why(each)}" for name, each in refused.items())
            )
        return Challenge(401 if headers else 403, headers, error, reason.description, reason.reason)

    def _insufficient(self, scopes: Mapping[str, set[str]]) -> Challenge:
        wanted = " ".join(sorted(set[str]().union(*scopes.values())))
        text = render("Bearer", {"error": "insufficient_scope", "scope": wanted})
        return Challenge(403, (("WWW-Authenticate", text),), "insufficient_scope", f"this needs the scopes: {wanted}")

    def permit(self, principal: Principal, scopes: Iterable[str]) -> Challenge | None:
        """None when the principal may do what needs these scopes."""
        wanted = set(scopes)
        return None if wanted <= principal.scopes else self._insufficient({"": wanted})


def gate_of(declared: Mapping[str, Scheme | JSONObject], requirements: Sequence[Requirement]) -> SecurityGate | None:
    """What enforces the declarations; None when there are none, or only documents, which need a gate of their own."""
    schemes: dict[str, Scheme] = {}
    for name, each in declared.items():
        if isinstance(each, Mapping):
            return None
        schemes[name] = each
    return SecurityGate(schemes, requirements) if schemes else None


def _table(passwords: Mapping[str, str]) -> Callable[[str, str], Awaitable[Principal | None]]:
    async def check(user: str, password: str) -> Principal | None:
        known = passwords.get(user)
        right = hmac.compare_digest((known or "").encode(), password.encode())
        return Principal(user, issuer="basic") if right and known is not None else None

    return check


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Fields by name; one that repeats is one value, so that two credentials are no credential (RFC 9110 5.3)."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _why(denied: Denied) -> str:
    return denied.reason or denied.description


def _described(description: str) -> JSONObject:
    return {"description": description} if description else {}


def _error(denied: Denied | None) -> dict[str, str]:
    return {} if denied is None else {"error": "invalid_token", "error_description": denied.description}
