"""Which network addresses may be dialled for a stranger's URL, and which URLs are read at all. Pure; no I/O.

The rule is a list of what is public, not of what is bad: an address that fits no public range is refused.
Spec: RFC 6890 and the IANA special-purpose registries; RFC 4291, 6052, 3056, 4380, 5214; RFC 9110 section 4.2.4;
MCP 2026-07-28 tutorials/security, Server-Side Request Forgery.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

MAX_URL: Final = 8192
"""Characters of the longest URL that is read."""


class Reach(Enum):
    """Where an address leads."""

    PUBLIC = "public"
    LOOPBACK = "loopback"
    INTERNAL = "internal"
    """Private, link-local, shared, multicast, reserved, or a form that hides another address."""


_V4_LOOPBACK: Final = IPv4Network("127.0.0.0/8")
_V4_INTERNAL: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata address
        "169.254.0.0/16",  # link-local, and every other cloud's metadata address
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # a cloud's host agent on a public address
    )
)
_V6_PUBLIC: Final = IPv6Network("2000::/3")
_V6_INTERNAL: Final = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})


def classify(address: str) -> Reach:
    """Where an IP address leads. A text that is no plain IP address, such as one with a zone id, is INTERNAL."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return Reach.INTERNAL
    return _classify_v4(parsed) if isinstance(parsed, IPv4Address) else _classify_v6(parsed)


def _classify_v4(address: IPv4Address) -> Reach:
    if address in _V4_LOOPBACK:
        return Reach.LOOPBACK
    return Reach.INTERNAL if any(address in block for block in _V4_INTERNAL) else Reach.PUBLIC


def _classify_v6(address: IPv6Address) -> Reach:
    if address.scope_id is not None:
        return Reach.INTERNAL
    if address == IPv6Address("::1"):
        return Reach.LOOPBACK
    if address in _NAT64:
        hidden = IPv4Address(int(address) & 0xFFFF_FFFF)
        return Reach.PUBLIC if _classify_v4(hidden) is Reach.PUBLIC else Reach.INTERNAL
    if address not in _V6_PUBLIC or any(address in block for block in _V6_INTERNAL):
        return Reach.INTERNAL  # mapped and compatible IPv4 live outside 2000::/3
    interface = (int(address) >> 32) & 0xFFFF_FFFF
    return Reach.INTERNAL if interface in _ISATAP else Reach.PUBLIC


class BadURL(ValueError):
    """A URL that is not read, and why."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{shorten(url)!r} is refused: {reason}")
        self.url = url
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was read strictly. `host` is lower case, without brackets; `path` includes the query."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, the port left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @property
    def literal(self) -> str | None:
        """The host when it is an IP address already."""
        try:
            return str(ip_address(self.host))
        except ValueError:
            return None

    @property
    def is_loopback_name(self) -> bool:
        """True for `localhost` and loopback literals: the names that a user means his own machine by."""
        name = self.host.removesuffix(".")
        return name == "localhost" or (self.literal is not None and classify(self.host) is Reach.LOOPBACK)


_PORTS: Final = {"http": 80, "https": 443}
_HOSTNAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_NUMBER: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f\\^`{}|<>\"]")


def read_url(url: str) -> Target:
    """Read a URL that may be fetched or opened: http(s), one host, nothing that two readers could read differently.

    Raises `BadURL` for any other scheme, user info, control characters, spaces, backslashes, non-ASCII characters
    (write host names in their `xn--` form), zone ids, percent signs in the host, and IPv4 addresses in any spelling
    but four decimal numbers. The fragment is dropped.
    """
    if len(url) > MAX_URL:
        raise BadURL(url, f"longer than {MAX_URL} characters")
    if not url.isascii() or _FORBIDDEN.search(url) is not None:
        raise BadURL(url, "it holds characters that do not belong in a URL")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadURL(url, "it cannot be read") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise BadURL(url, "only http and https URLs are taken")
    if "@" in parts.netloc:
        raise BadURL(url, "user names and passwords do not belong in a URL")
    host = _read_host(url, parts)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(url, scheme, host, _PORTS[scheme] if port is None else port, path)


def _read_host(url: str, parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if parts.netloc.endswith(":") or parts.port == 0:
        raise BadURL(url, "its port is empty or zero")
    if ":" in host:
        if "%" in host:
            raise BadURL(url, "zone ids are not taken")
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise BadURL(url, "its IPv6 address cannot be read") from None
    if "[" in parts.netloc:
        raise BadURL(url, "brackets are for IPv6 addresses")
    if len(host) > 254 or not _HOSTNAME.fullmatch(host):
        raise BadURL(url, "it has no plain host name")
    if _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        # A resolver reads 127.1, 0x7f.1 and 2130706433 as addresses too; only the plain form is taken.
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise BadURL(url, "an IPv4 address is written as four decimal numbers") from None
    return host


def shorten(text: str, limit: int = 120) -> str:
    """A stranger's text, cut for a message."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
