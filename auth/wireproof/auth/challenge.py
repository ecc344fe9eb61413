"""`WWW-Authenticate`: the challenges that a resource server answers with, and the reading of those of others.

Text in, values out; knows no token and no HTTP stack.
Spec: RFC 9110 section 11.6.1; RFC 6750 section 3; RFC 9449 section 7.1; RFC 9728 section 5.1;
MCP 2026-07-28 basic/authorization, Error Handling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

MAX_HEADER: Final = 16 * 1024
"""Characters of a `WWW-Authenticate` value that are read."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SPACE: Final = re.compile(r"[ \t]*")
_SEPARATORS: Final = re.compile(r"[ \t,]*")
_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
# RFC 6750 section 3: what error_description may hold; quote and backslash are left out, so nothing needs escaping.
_UNFIT: Final = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
_SCOPE_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")

STATUS_OF: Final[Mapping[str, int]] = MappingProxyType(
    {
        "": 401,
        "invalid_request": 400,
        "invalid_token": 401,
        "insufficient_scope": 403,
        "invalid_dpop_proof": 401,
        "use_dpop_nonce": 401,
    }
)
"""The HTTP status of each error; the empty one asks a caller that showed nothing."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The answer to a caller who may not pass.

    `status` is 400, 401, 403, or 503 when the token could not be checked at all. `headers` go out as they stand.
    `reason` is for the log and must not be sent.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    error: str = ""
    description: str = ""
    reason: str = ""

    @property
    def www_authenticate(self) -> str:
        """The `WWW-Authenticate` text, all schemes in one value; empty when there is none."""
        return ", ".join(value for name, value in self.headers if name == "WWW-Authenticate")


@dataclass(frozen=True, slots=True)
class Schemes:
    """Which schemes a resource takes and what it says of itself in each challenge."""

    metadata_url: str = ""
    bearer: bool = True
    dpop_algorithms: tuple[str, ...] = ()

    def challenge(
        self,
        error: str = "",
        description: str = "",
        *,
        scopes: Iterable[str] = (),
        reason: str = "",
        nonce: str = "",
        scheme: str = "",
    ) -> Challenge:
        """The challenge for `error` (a key of `STATUS_OF`).

        `scopes` are all that the operation needs. `scheme` is the one that the caller used: the error stands there
        alone, the other scheme is only offered. `nonce` becomes a `DPoP-Nonce` header.
        """
        wanted = " ".join(sorted(set(scopes)))
        values: list[tuple[str, str]] = []
        names = (["Bearer"] if self.bearer else []) + (["DPoP"] if self.dpop_algorithms else [])
        for name in names:
            blamed = not scheme or name.lower() == scheme.lower() or len(names) == 1
            parameters = {"error": error, "error_description": description} if error and blamed else {}
            parameters |= {"scope": wanted, "resource_metadata": self.metadata_url}
            if name == "DPoP":
                parameters["algs"] = " ".join(self.dpop_algorithms)
            values.append(("WWW-Authenticate", render(name, parameters)))
        if nonce:
            values.append(("DPoP-Nonce", nonce))
        return Challenge(STATUS_OF[error], tuple(values), error, description, reason or description)


def render(scheme: str, parameters: Mapping[str, str]) -> str:
    """One challenge as text. Empty parameters are left out; characters that a quoted string cannot hold become `?`."""
    pairs = ", ".join(f'{name}="{_UNFIT.sub("?", value)}"' for name, value in parameters.items() if value)
    return f"{scheme} {pairs}" if pairs else scheme


@dataclass(frozen=True, slots=True)
class Parsed:
    """One challenge of another server: its scheme in lower case, and its parameters by lower-case name."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def error(self) -> str:
        """The `error` code, empty when there is none."""
        return self.parameters.get("error", "")

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scopes of the challenge, None when it names none."""
        text = self.parameters.get("scope")
        return None if text is None else frozenset(split_scopes(text))


def split_scopes(text: str) -> tuple[str, ...]:
    """The well-formed scope tokens of a space-delimited list, in order, without repeats (RFC 6749 section 3.3)."""
    return tuple(dict.fromkeys(part for part in text.split(" ") if _SCOPE_TOKEN.fullmatch(part)))


def parse(text: str | None) -> tuple[Parsed, ...]:
    """Read a `WWW-Authenticate` value, or several joined by commas.

    Never raises. What cannot be read is skipped up to the next comma; a parameter that repeats keeps its first value.
    """
    if not text:
        return ()
    return tuple(_Reader(text[:MAX_HEADER]).challenges())


class _Reader:
    """A linear reader: each step moves on, so hostile text costs no more than its length."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def challenges(self) -> list[Parsed]:
        found: list[tuple[str, dict[str, str]]] = []
        while self._at < len(self._text):
            self._take(_SEPARATORS)
            word = self._take(_TOKEN)
            self._take(_SPACE)
            if word is None:
                self._to_comma()
            elif not self._text.startswith("=", self._at):
                found.append((word.lower(), {}))
                self._take(_TOKEN68)
            elif found:
                self._parameter(found[-1][1], word.lower())
            else:
                self._to_comma()
        return [Parsed(scheme, MappingProxyType(parameters)) for scheme, parameters in found]

    def _parameter(self, into: dict[str, str], name: str) -> None:
        self._at += 1
        self._take(_SPACE)
        quoted = self._take(_QUOTED)
        value = self._take(_TOKEN) if quoted is None else _PAIR.sub(r"\1", quoted[1:-1])
        if value is None:
            self._to_comma()
        elif _UNPRINTABLE.search(value) is None:
            into.setdefault(name, value)

    def _to_comma(self) -> None:
        comma = self._text.find(",", self._at)
        self._at = len(self._text) if comma < 0 else comma

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match.group()
