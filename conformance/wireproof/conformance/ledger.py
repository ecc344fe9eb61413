"""What a requirement of a specification is, as data. Knows no check and no wire.

A requirement is observable from outside, or `unobservable` says why not; `gap` names one that could be observed and
that no check shows yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

STDIO: Final = "stdio"
HTTP: Final = "http"
WEBSOCKET: Final = "websocket"
SSE: Final = "http+sse"
JSONRPC: Final = "jsonrpc"
REST: Final = "http+json"
GRPC: Final = "grpc"

ANY_MCP: Final = frozenset({STDIO, HTTP, WEBSOCKET, SSE})
DUPLEX: Final = frozenset({STDIO, WEBSOCKET, SSE})
ON_STDIO: Final = frozenset({STDIO})
ON_HTTP: Final = frozenset({HTTP})
ANY_A2A: Final = frozenset({JSONRPC, REST, GRPC})
A2A_WEB: Final = frozenset({JSONRPC, REST})

MODERN: Final = frozenset({"2026-07-28"})
LEGACY: Final = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"})
ALL: Final = MODERN | LEGACY
SINCE_0326: Final = ALL - {"2024-11-05"}
SINCE_0618: Final = SINCE_0326 - {"2025-03-26"}
LEGACY_HTTP: Final = LEGACY - {"2024-11-05"}
A2A_1: Final = frozenset({"1.0"})
A2A_03: Final = frozenset({"0.3"})
A2A_ALL: Final = A2A_1 | A2A_03


class Level(StrEnum):
    """How hard the specification says it. A broken SHOULD is a warning, not a failure."""

    MUST = "MUST"
    MUST_NOT = "MUST NOT"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"

    @property
    def is_strict(self) -> bool:
        """True when breaking it is a failure."""
        return self in {Level.MUST, Level.MUST_NOT}


class Role(StrEnum):
    """Who has to keep it."""

    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One rule: a stable id of words, and where and for whom it holds."""

    id: str
    protocol: str
    level: Level
    role: Role
    section: str
    text: str
    revisions: frozenset[str]
    transports: frozenset[str]
    unobservable: str = ""
    gap: str = ""

    @property
    def kind(self) -> str:
        """`observable`, `gap` (observable, no check yet) or `unobservable`."""
        if self.unobservable:
            return "unobservable"
        return "gap" if self.gap else "observable"

    @property
    def url(self) -> str:
        """The section on the specification's site, of the newest revision that has the rule; "" for a rule of ours."""
        if self.id.startswith("house."):
            return ""
        if self.protocol == "a2a":
            return f"https://a2a-protocol.org/latest/specification/#{self.section}"
        if self.section.startswith("extensions/"):
            return f"https://modelcontextprotocol.io/{self.section}"
        if self.section.startswith("jsonrpc"):
            return "https://www.jsonrpc.org/specification"
        return f"https://modelcontextprotocol.io/specification/{max(self.revisions)}/{self.section}"


class Ledger:
    """All requirements, by id."""

    def __init__(self, rows: Iterable[Requirement]) -> None:
        """Take the rows; raises ValueError when an id comes twice."""
        self._rows: dict[str, Requirement] = {}
        for row in rows:
            if row.id in self._rows:
                raise ValueError(f"two requirements are called {row.id!r}")
            self._rows[row.id] = row

    def __getitem__(self, id_: str) -> Requirement:
        """The requirement of this id; raises KeyError."""
        return self._rows[id_]

    def __contains__(self, id_: str) -> bool:
        """True when the ledger holds this id."""
        return id_ in self._rows

    def __len__(self) -> int:
        """How many requirements there are."""
        return len(self._rows)

    def rows(self, *, kind: str | None = None, role: Role | None = None) -> list[Requirement]:
        """The requirements in the order of the chapters, of one kind and role when named."""
        return [
            row
            for row in self._rows.values()
            if (kind is None or row.kind == kind) and (role is None or row.role is role)
        ]

    def counts(self) -> dict[str, int]:
        """How many requirements are of each kind."""
        kinds = [row.kind for row in self._rows.values()]
        return {kind: kinds.count(kind) for kind in ("observable", "gap", "unobservable")}
