"""The one guarded fetcher: for every URL that a stranger named.

It resolves, classifies every address, dials exactly the address that it classified, follows no redirect blindly, and
stops at its byte and time caps. Knows no OAuth, no MCP, no A2A. The dialling itself is in `dialling`.
Spec: MCP 2026-07-28 tutorials/security, Server-Side Request Forgery; A2A 1.0 section 13.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias
from urllib.parse import urlencode, urljoin

from wireproof.auth.addresses import BadURL, Reach, Target, classify, read_url, shorten
from wireproof.auth.documents import read_object
from wireproof.schemas.jsonrpc import JSONObject

if TYPE_CHECKING:
    import ssl

MAX_BODY: Final = 1024 * 1024
"""Default bound of an answer in bytes, after decompression."""
MAX_ADDRESSES: Final = 16
"""Addresses of one host that are looked at."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD: Final = frozenset({307, 308})


class FetchError(Exception):
    """A fetch that did not happen or did not end. `url` is what was asked for."""

    def __init__(self, url: str, message: str) -> None:
        super().__init__(message)
        self.url = url


class Blocked(FetchError):
    """The URL may not be fetched; nothing was sent."""


class Unreachable(FetchError):
    """Resolving, connecting, TLS or the exchange itself failed."""


class TooSlow(FetchError):
    """The total time was up."""


class TooBig(FetchError):
    """The answer is longer than the cap."""


class TooManyRedirects(FetchError):
    """The chain of redirects is longer than allowed."""


class Resolver(Protocol):
    """Turns a host name into IP addresses as text. Raises `OSError` when it cannot."""

    def __call__(self, host: str, port: int, /) -> Awaitable[Sequence[str]]: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be fetched, and how much of it.

    `loopback`: this machine's own addresses, over http too. `networks`: internal networks that may be dialled
    (`"10.1.0.0/16"`), over https alone. `hosts`: when set, only these host names, exactly. `seconds`: for the whole
    fetch, redirects and body included. `body`: bytes after decompression. `redirects`: hops that are followed, each
    checked like the first; from https to http never.
    """

    loopback: bool = False
    networks: tuple[str, ...] = ()
    hosts: frozenset[str] | None = None
    seconds: float = 15.0
    body: int = MAX_BODY
    redirects: int = 0

    def permits(self, target: Target, address: str) -> bool:
        """True when `address` may be dialled for this target."""
        reach = classify(address)
        if reach is Reach.LOOPBACK:
            return self.loopback
        if target.scheme != "https":
            return False
        return reach is Reach.PUBLIC or self._is_listed(address)

    def _is_listed(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in map(_network, self.networks) if network.version == parsed.version)


Network: TypeAlias = IPv4Network | IPv6Network


def _network(text: str) -> Network:
    return ip_network(text)


@dataclass(frozen=True, slots=True, repr=False)
class Fetched:
    """An answer, read to its end. `headers` have lower-case names; repeated fields are joined by `, `."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> JSONObject | None:
        """The body when it is a JSON object, else None."""
        return read_object(self.body)

    def __repr__(self) -> str:
        return f"Fetched({self.status}, {shorten(self.url)!r}, {len(self.body)} bytes)"  # a body may hold secrets


@dataclass(frozen=True, slots=True, repr=False)
class Ask:
    """One request. `body` goes out as it stands; its content type is among the headers."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Ask({self.method} {shorten(self.url)!r})"


class Fetcher(Protocol):
    """What the rest of this room asks for; `GuardedFetcher` is the one that ships."""

    async def fetch(self, ask: Ask, *, rules: Rules | None = None) -> Fetched:
        """Do one request. Raises `FetchError`; any HTTP status is an answer, not an error."""
        ...


async def resolve(host: str, port: int) -> Sequence[str]:
    """The system's resolver. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    return [str(entry[4][0]) for entry in found]


class GuardedFetcher:
    """Fetches strangers' URLs under `Rules`. Holds no connection between fetches, so there is nothing to close.

    `trust` replaces the system's certificates, for authorities of your own.
    """

    def __init__(
        self, rules: Rules = Rules(), *, resolver: Resolver = resolve, trust: ssl.SSLContext | None = None
    ) -> None:
        self.rules = rules
        self._resolve = resolver
        self._trust = trust

    async def fetch(self, ask: Ask, *, rules: Rules | None = None) -> Fetched:
        """Do one request under `rules`, or those of this fetcher.

        Raises `Blocked` before anything is sent, `Unreachable`, `TooSlow`, `TooBig`, `TooManyRedirects`.
        """
        chosen = rules or self.rules
        try:
            async with asyncio.timeout(chosen.seconds):
                return await self._follow(ask, chosen)
        except TimeoutError:
            raise TooSlow(ask.url, f"{shorten(ask.url)} did not answer within {chosen.seconds:g} s") from None

    async def get(self, url: str, *, rules: Rules | None = None, headers: Mapping[str, str] | None = None) -> Fetched:
        """GET a URL. Raises as `fetch` does."""
        return await self.fetch(Ask("GET", url, headers or {}), rules=rules)

    async def _follow(self, ask: Ask, rules: Rules) -> Fetched:
        first = target = self._read(ask.url, rules)
        for _ in range(rules.redirects + 1):
            addresses = await self._addresses(target, rules)
            answer = await self._exchange(target, addresses, ask, rules)
            where = answer.headers.get("location")
            if answer.status not in _REDIRECTS or where is None or rules.redirects == 0:
                return answer
            following = self._read(urljoin(target.url, where), rules)
            if target.scheme == "https" and following.scheme == "http":
                raise Blocked(ask.url, f"{shorten(target.url)} redirects from https to http")
            ask = _redirected(ask, target, following, answer.status)
            target = following
        raise TooManyRedirects(first.url, f"{shorten(first.url)} redirects more than {rules.redirects} times")

    @staticmethod
    def _read(url: str, rules: Rules) -> Target:
        try:
            target = read_url(url)
        except BadURL as error:
            raise Blocked(url, str(error)) from None
        if rules.hosts is not None and target.host not in rules.hosts:
            raise Blocked(url, f"{shorten(target.host)} is not among the hosts that may be asked")
        if target.scheme == "http" and not rules.loopback:
            raise Blocked(url, f"{shorten(url)} is not https")
        return target

    async def _addresses(self, target: Target, rules: Rules) -> Sequence[str]:
        """Every address of the host, each one permitted: one bad address condemns the name."""
        literal = target.literal
        if literal is not None:
            found: Sequence[str] = [literal]
        else:
            try:
                found = list(dict.fromkeys(await self._resolve(target.host, target.port)))
            except (OSError, UnicodeError) as error:
                raise Unreachable(target.url, f"{shorten(target.host)} has no address") from error
        if not found or len(found) > MAX_ADDRESSES:
            raise Unreachable(target.url, f"{shorten(target.host)} has {len(found)} addresses")
        for address in found:
            if not rules.permits(target, address):
                raise Blocked(target.url, _refused(target, address))
        return found

    async def _exchange(self, target: Target, addresses: Sequence[str], ask: Ask, rules: Rules) -> Fetched:
        from wireproof.auth.dialling import exchange

        return await exchange(target, addresses, ask, max_body=rules.body, trust=self._trust)


def _refused(target: Target, address: str) -> str:
    if classify(address) is Reach.PUBLIC:
        return f"{shorten(target.url)} is not https"
    return f"{shorten(target.host)} leads to the {classify(address).value} address {shorten(address)}"


def _redirected(ask: Ask, old: Target, new: Target, status: int) -> Ask:
    """The request of the next hop: secrets stay on their origin, and a POST becomes a GET where HTTP says so."""
    headers = dict(ask.headers)
    if old.origin != new.origin:
        headers = {name: value for name, value in headers.items() if name.lower() in ("accept", "user-agent")}
    if status in _KEEPS_METHOD or ask.method in ("GET", "HEAD"):
        if ask.body and old.origin != new.origin:
            raise Blocked(ask.url, f"{shorten(old.url)} redirects a body to another origin")
        return replace(ask, url=new.url, headers=headers)
    return Ask("GET", new.url, {name: value for name, value in headers.items() if name.lower() != "content-type"})


def form(url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Ask:
    """A POST of form fields that asks for JSON."""
    head = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json", **(headers or {})}
    return Ask("POST", url, head, urlencode(fields).encode())
