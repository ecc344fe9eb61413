"""Who is calling: the one value every room passes on and every store keys by.

Knows no protocol and no token format; `wireproof.auth` makes principals, transports carry them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wireproof.schemas.jsonrpc import JSONValue


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller, taken from the transport and never from a message.

    `subject` is empty for the anonymous caller. `issuer` names who vouches for it: a token issuer, or `os` for a
    process that spawned us. `tenant` is a verified tenant, empty where there is none. `expires_at` is in seconds
    since the epoch, None when the credential does not expire.
    """

    subject: str
    issuer: str = ""
    tenant: str = ""
    scopes: frozenset[str] = frozenset()
    client_id: str = ""
    expires_at: float | None = None
    claims: Mapping[str, JSONValue] = field(default_factory=dict[str, JSONValue], hash=False, compare=False)

    @property
    def key(self) -> str:
        """The owner key of stores, sessions, cursors and sealed state: injective over issuer, subject and tenant."""
        plain = f"{self.issuer}|{self.subject}|{self.tenant}"
        if "\\" not in plain and plain.count("|") == 2:
            return plain
        parts = (self.issuer, self.subject, self.tenant)
        return "|".join(part.replace("\\", "\\\\").replace("|", "\\p") for part in parts)

    @property
    def is_anonymous(self) -> bool:
        """True when nobody vouches for this caller."""
        return not self.subject


ANONYMOUS: Final = Principal("")
"""The caller of a listener without authentication."""

LOCAL: Final = Principal("local", issuer="os")
"""The process at the other end of our own pipes."""
