"""The marks that a message type carries to say how it differs between revisions.

They stand in `Annotated[...]` on a field or on a member of a union; `validation` reads them, type checkers pass over
them. They are no tuples: `typing` keeps equal `Annotated` forms as one, and tuples of two kinds may be equal. A field
outside its span is unknown there, and unknown fields are let through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wireproof.schemas.mcp.revisions import Revision

NOVEMBER_2024: Final = Revision.V2024_11_05
MARCH: Final = Revision.V2025_03_26
JUNE: Final = Revision.V2025_06_18
NOVEMBER: Final = Revision.V2025_11_25
JULY: Final = Revision.V2026_07_28


@dataclass(frozen=True, slots=True)
class Since:
    """It exists in this revision and later ones."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class Until:
    """This is the last revision in which it exists."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class RequiredSince:
    """The field, optional before, is required from this revision on."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class OptionalIn:
    """The field, required elsewhere, is optional in this revision."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class Was:
    """Up to and including a revision it had another type."""

    type: object
    until: Revision


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The number is not smaller."""

    bound: int


@dataclass(frozen=True, slots=True)
class AtMost:
    """The number is not larger."""

    bound: int


@dataclass(frozen=True, slots=True)
class MaxItems:
    """The array is not longer, from a revision on."""

    bound: int
    since: Revision


@dataclass(frozen=True, slots=True)
class OpenJSON:
    """Any JSON value of one Python type (`object` for every type).

    The JSON Schema of 2026-07-28 lets neither null nor a number with a fraction into it, although the prose does.
    """

    type: type
    narrow_since: Revision = JULY


@dataclass(frozen=True, slots=True)
class WholeBySchema:
    """The prose says number, the JSON Schema says integer."""
