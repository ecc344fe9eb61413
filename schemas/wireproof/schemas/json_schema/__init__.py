"""JSON Schema 2020-12 and draft-07: compile a schema once, check values many times, never open the network.

Knows no protocol. Every schema and every value may come from a stranger: all work is bounded by `Limits`.

Spec: JSON Schema 2020-12 Core and Validation; draft-07.
"""

from wireproof.schemas.json_schema.compiling import CompiledSchema, compile  # noqa: A004 - read as json_schema.compile
from wireproof.schemas.json_schema.defaults import apply_defaults
from wireproof.schemas.json_schema.errors import (
    EvaluationLimit,
    InvalidSchema,
    SchemaError,
    SchemaTooLarge,
    UnknownDialect,
    UnresolvedReference,
    UnsupportedPattern,
    Violation,
)
from wireproof.schemas.json_schema.limits import Limits

__all__ = [
    "CompiledSchema",
    "EvaluationLimit",
    "InvalidSchema",
    "Limits",
    "SchemaError",
    "SchemaTooLarge",
    "UnknownDialect",
    "UnresolvedReference",
    "UnsupportedPattern",
    "Violation",
    "apply_defaults",
    "compile",
]
