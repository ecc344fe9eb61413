"""What can be wrong: with a schema, with a value, or with the effort that a value would take."""

from __future__ import annotations

from typing import NamedTuple


class Violation(NamedTuple):
    """One way in which a value does not fit its schema."""

    instance: str
    """JSON pointer into the value; empty for the value itself."""
    schema: str
    """JSON pointer of the keyword in its schema document."""
    message: str
    """What must be true and what was found, in words that the writer of the value can act on."""

    def __str__(self) -> str:
        return f"{self.instance}: {self.message}" if self.instance else self.message


class SchemaError(ValueError):
    """A schema that cannot be used. `pointer` says where in the schema."""

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(f"{message} (at {pointer or 'the root'} of the schema)")
        self.pointer = pointer


class InvalidSchema(SchemaError):
    """A keyword has a value that its specification does not allow."""


class UnknownDialect(SchemaError):
    """`$schema` names a dialect, or requires a vocabulary, that is not known here."""


class UnresolvedReference(SchemaError):
    """A reference whose target is not in the schema and not among the documents given; nothing is fetched."""


class UnsupportedPattern(SchemaError):
    """A regular expression that is malformed, too large, or needs more than linear time."""


class SchemaTooLarge(SchemaError):
    """The schema exceeds a bound of `Limits`."""


class EvaluationLimit(SchemaError):
    """Checking a value would exceed a bound of `Limits`; the value is neither valid nor invalid."""

    def __init__(self, message: str) -> None:
        ValueError.__init__(self, message)
        self.pointer = ""
