"""The state of checking one value: its budget, what it found, and the dynamic scope it is in.

Knows no keyword. Every check is a closure `(run, value, path, seen) -> bool`.

Spec: JSON Schema 2020-12 Core 7.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from wireproof.schemas.json_schema.errors import EvaluationLimit, Violation
from wireproof.schemas.json_schema.limits import Limits
from wireproof.schemas.json_schema.resources import Resource, escape
from wireproof.schemas.jsonrpc import JSONValue

Path: TypeAlias = tuple[Any, str | int] | None
"""The way to the value in hand: (the way to its parent, its name there)."""
Check: TypeAlias = Callable[["Run", JSONValue, Path, "Seen | None"], bool]

_SLICE: Final = 4096


class Seen:
    """The parts of one object or array that some keyword has evaluated (annotations for `unevaluated*`)."""

    __slots__ = ("all_items", "all_names", "indexes", "items", "names")

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.all_names = False
        self.items = 0
        """Evaluated from the start."""
        self.all_items = False
        self.indexes: set[int] = set()

    def merge(self, other: Seen) -> None:
        """Take over what a successful subschema has evaluated of the same value."""
        self.names |= other.names
        self.all_names = self.all_names or other.all_names
        self.items = max(self.items, other.items)
        self.all_items = self.all_items or other.all_items
        self.indexes |= other.indexes


class Run:
    """One value being checked. Raises `EvaluationLimit` from within when a bound is reached."""

    __slots__ = ("_deadline", "_left", "_limits", "_total", "depth", "scope", "violations")

    def __init__(self, limits: Limits, scope: list[Resource], violations: list[Violation] | None) -> None:
        self._limits = limits
        self._left = 0
        self._total = limits.steps
        self._deadline = time.monotonic() + limits.seconds
        self.depth = 0
        self.scope = scope
        self.violations = violations
        """None while only the verdict is wanted."""

    def charge(self, steps: int = 1) -> None:
        """Pay for work."""
        self._left -= steps
        if self._left < 0:
            self._refill()

    def _refill(self) -> None:
        self._total += self._left
        if self._total < 0:
            raise EvaluationLimit(f"checking this value takes more than {self._limits.steps} steps")
        if time.monotonic() > self._deadline:
            raise EvaluationLimit(f"checking this value takes more than {self._limits.seconds} s")
        self._left = min(_SLICE, self._total)
        self._total -= self._left

    def enter(self) -> None:
        """Follow a reference; `leave` comes after it."""
        self.depth += 1
        if self.depth > self._limits.reference_depth:
            raise EvaluationLimit(f"more than {self._limits.reference_depth} references inside each other")

    def fail(self, path: Path, schema: str, message: str) -> Literal[False]:
        """Report a violation, when they are wanted."""
        if self.violations is not None and len(self.violations) < self._limits.violations:
            self.violations.append(Violation(pointer(path), schema, message))
        return False

    def quietly(self, check: Check, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        """The verdict alone."""
        kept, self.violations = self.violations, None
        verdict = check(self, value, path, seen)
        self.violations = kept
        return verdict

    def aside(self, check: Check, value: JSONValue, path: Path) -> list[Violation]:
        """The violations of a check, without reporting them."""
        found: list[Violation] = []
        kept, self.violations = self.violations, found
        check(self, value, path, None)
        self.violations = kept
        return found


def pointer(path: Path) -> str:
    """The JSON pointer of a way."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(escape(str(step)))
    return "".join(f"/{step}" for step in reversed(steps))
