"""The five MCP revisions, their order and the facts that tell them apart.

Dates are names here: nothing compares them as text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Revision(StrEnum):
    """A revision of MCP; ordered as they were published."""

    V2024_11_05 = "2024-11-05"
    V2025_03_26 = "2025-03-26"
    V2025_06_18 = "2025-06-18"
    V2025_11_25 = "2025-11-25"
    V2026_07_28 = "2026-07-28"

    @classmethod
    def parse(cls, text: str) -> Revision | None:
        """The revision of that name; None when there is none."""
        return _BY_NAME.get(text)

    @property
    def is_modern(self) -> bool:
        """True for revisions without a session: every request stands for itself."""
        return self is Revision.V2026_07_28

    @property
    def has_batches(self) -> bool:
        """True where a receiver must take JSON-RPC batches."""
        return self is Revision.V2025_03_26

    def __lt__(self, other: object) -> bool:
        return _RANK[self] < _RANK[_known(other)]

    def __le__(self, other: object) -> bool:
        return _RANK[self] <= _RANK[_known(other)]

    def __gt__(self, other: object) -> bool:
        return _RANK[self] > _RANK[_known(other)]

    def __ge__(self, other: object) -> bool:
        return _RANK[self] >= _RANK[_known(other)]


def _known(other: object) -> Revision:
    if isinstance(other, Revision):
        return other
    raise TypeError(f"a Revision compares with a Revision, not with {type(other).__name__}")


_BY_NAME: Final = {revision.value: revision for revision in Revision}
_RANK: Final = {revision: rank for rank, revision in enumerate(Revision)}
SESSION_REVISIONS: Final = (
    Revision.V2024_11_05,
    Revision.V2025_03_26,
    Revision.V2025_06_18,
    Revision.V2025_11_25,
)
"""The revisions that open a session with `initialize`, oldest first."""
LATEST: Final = Revision.V2026_07_28
MODERN: Final = (Revision.V2026_07_28,)
"""The revisions whose requests stand for themselves."""
