"""What a protocol decides about its own HTTP form, so that the HTTP driver needs no method names.

The driver asks once for each POST, after the ingress guard and the strict decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from wireproof.schemas.jsonrpc import Batch, Message
from wireproof.transports.exchange import Headers


class Route(Enum):
    """Where one POST belongs."""

    EXCHANGE = "exchange"
    """An exchange of its own: a new endpoint, one answer, no session (MCP 2026-07-28, A2A)."""
    OPEN = "open"
    """The message that opens a session (MCP `initialize`): a new session and its endpoint."""
    SESSION = "session"
    """A message of an open session, named by the session header."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A POST that is answered without reaching an endpoint."""

    status: int
    body: bytes


Decision: TypeAlias = Route | Rejection


class Dialect(Protocol):
    """The protocol's say over HTTP; pure and without state."""

    def route(self, message: Message | Batch, headers: Headers) -> Decision:
        """Decide from the message and its headers where it belongs."""
        ...

    def status(self, code: int) -> int:
        """The HTTP status of an exchange whose only message is an error response with this JSON-RPC code."""
        ...

    def scopes(self, message: Message | Batch) -> frozenset[str]:
        """The scopes that this operation needs; empty when it needs none. Asked only where a gate stands."""
        ...

    def primed(self, headers: Headers) -> bool:
        """True when the sender understands an SSE event that has an id and no data (MCP since 2025-11-25).

        Only such a client can be asked to come back for its answer.
        """
        ...
