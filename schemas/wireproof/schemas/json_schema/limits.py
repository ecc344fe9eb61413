"""The bounds of compiling one schema and checking one value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds; the first five hold when a schema is compiled, the others each time a value is checked."""

    nesting: int = 64
    """Levels of subschemas inside each other."""
    subschemas: int = 10_000
    """Subschemas in all documents together."""
    patterns: int = 200
    """Different regular expressions."""
    pattern_length: int = 1000
    """Characters of one regular expression."""
    pattern_weight: int = 5000
    """Size of one regular expression after its counted repetitions are written out."""
    reference_depth: int = 250
    """References that are followed inside each other while a value is checked."""
    steps: int = 500_000
    """Subschema evaluations, and compared elements; the same value always takes the same number."""
    seconds: float = 2.0
    """Wall time, checked every few thousand steps."""
    violations: int = 20
    """Violations that are reported; the rest is not looked for."""


DEFAULT_LIMITS = Limits()
