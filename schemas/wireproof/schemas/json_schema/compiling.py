"""From a schema to closures: every keyword is read once, when the schema is compiled.

Spec: JSON Schema 2020-12 Core 7 to 11; draft-07.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from wireproof.schemas.json_schema.errors import (
    EvaluationLimit,
    InvalidSchema,
    SchemaTooLarge,
    UnsupportedPattern,
    Violation,
)
from wireproof.schemas.json_schema.evaluation import Check, Path, Run, Seen
from wireproof.schemas.json_schema.limits import DEFAULT_LIMITS, Limits
from wireproof.schemas.json_schema.patterns import PatternError, translate
from wireproof.schemas.json_schema.resources import Library, Place, Resource, escape
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

KINDS: Final[tuple[type, ...]] = (dict, list, str, int, float, bool, type(None))
"""The Python types of decoded JSON."""


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A schema ready to check values; it may be shared between threads."""

    json_schema: JSONObject | bool
    limits: Limits
    _check: Check = field(repr=False)
    _root: Resource = field(repr=False)

    def is_valid(self, value: JSONValue) -> bool:
        """Whether the value fits. Raises `EvaluationLimit`."""
        return self._run(value, None)

    def validate(self, value: JSONValue) -> tuple[Violation, ...]:
        """What does not fit, in the order of the schema; empty for a valid value. Raises `EvaluationLimit`.

        At most `Limits.violations` are looked for.
        """
        if self._run(value, None):
            return ()
        found: list[Violation] = []
        self._run(value, found)
        return tuple(found)

    def _run(self, value: JSONValue, violations: list[Violation] | None) -> bool:
        run = Run(self.limits, [self._root], violations)
        try:
            return self._check(run, value, None, None)
        except RecursionError:
            raise EvaluationLimit("the value, or the schema on it, is nested too deeply to check") from None


def compile(  # noqa: A001 - read as json_schema.compile
    schema: JSONObject | bool, *, limits: Limits = DEFAULT_LIMITS, documents: Mapping[str, JSONValue] | None = None
) -> CompiledSchema:
    """Compile a schema that is a decoded JSON value; later changes to it have no effect that may be relied on.

    `$schema` may name 2020-12 (the default) or draft-07. References reach the schema itself, the metaschemas and
    `documents` (by absolute URI); nothing is fetched. `format` and `content*` are annotations and check nothing.

    Raises `InvalidSchema`, `UnknownDialect`, `UnresolvedReference`, `UnsupportedPattern` or `SchemaTooLarge`, all
    of them `SchemaError`.
    """
    try:
        compiler = Compiler(Library(documents or {}, limits), limits)
        place = compiler.library.add(schema, "")
        node = compiler.node(place)
        compiler.finish()
    except RecursionError:
        raise SchemaTooLarge("the schema is nested too deeply") from None
    return CompiledSchema(schema, limits, node.check, place.resource)


class Node:
    """A subschema that may be referred to before it is compiled."""

    __slots__ = ("check", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.check: Check = always


class Compiler:
    """Compiles each subschema once, whoever refers to it."""

    def __init__(self, library: Library, limits: Limits) -> None:
        self.library = library
        self._limits = limits
        self._nodes: dict[tuple[int, str], Node] = {}
        self._pending: list[Node] = []
        self._patterns: dict[str, Callable[[str], bool]] = {}

    def node(self, place: Place) -> Node:
        """The node of a place, to be compiled by `finish` at the latest."""
        known = self._nodes.get((place.document, place.pointer))
        if known is None:
            known = self._nodes[place.document, place.pointer] = Node(place)
            self._pending.append(known)
        return known

    def finish(self) -> None:
        """Compile what is referred to until nothing is left."""
        while self._pending:
            node = self._pending.pop()
            if node.check is always:
                node.check = self._compile(node.place)

    def check(self, place: Place) -> Check:
        """The check of a direct subschema, compiled now."""
        node = self.node(place)
        if node.check is always:
            node.check = self._compile(place)
        return node.check

    def pattern(self, pattern: str, pointer: str) -> Callable[[str], bool]:
        """A search of the pattern in linear time. Raises `UnsupportedPattern`."""
        known = self._patterns.get(pattern)
        if known is None:
            if len(pattern) > self._limits.pattern_length:
                raise UnsupportedPattern(f"a pattern of more than {self._limits.pattern_length} characters", pointer)
            if len(self._patterns) >= self._limits.patterns:
                raise SchemaTooLarge(f"more than {self._limits.patterns} patterns", pointer)
            known = self._patterns[pattern] = _matcher(pattern, self._limits.pattern_weight, pointer)
        return known

    def _compile(self, place: Place) -> Check:
        schema = place.value
        if not is_object(schema):
            return _everything if schema else _nothing(place.pointer)
        from wireproof.schemas.json_schema.keywords import compile_keywords

        groups = compile_keywords(Site(self, place, schema))
        check = _evaluator(groups)
        if place.pointer and place.pointer == place.resource.pointer and self.library.uses_dynamic:
            return _within(place.resource, check)
        return check


@dataclass(frozen=True, slots=True)
class Site:
    """One subschema being compiled, as its keywords see it."""

    compiler: Compiler
    place: Place
    schema: JSONObject

    def where(self, keyword: str) -> str:
        """The pointer of a keyword."""
        return f"{self.place.pointer}/{escape(keyword)}"

    def sub(self, keyword: str, *steps: str | int) -> Check:
        """The check of a subschema of this one."""
        pointer = self.where(keyword) + "".join(f"/{escape(str(step))}" for step in steps)
        return self.compiler.check(self.compiler.library.place(self.place.document, pointer))

    def invalid(self, keyword: str, rule: str) -> InvalidSchema:
        """The error for a keyword that breaks a rule of its specification."""
        return InvalidSchema(f"{keyword} must be {rule}", self.where(keyword))

    def count(self, keyword: str) -> int:
        """A keyword that is a count. Raises `InvalidSchema`."""
        value = self.schema[keyword]
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or value < 0:
            raise self.invalid(keyword, "an integer of at least 0")
        return value

    def number(self, keyword: str) -> int | float:
        """A keyword that is a number. Raises `InvalidSchema`."""
        value = self.schema[keyword]
        if type(value) is not int and type(value) is not float:
            raise self.invalid(keyword, "a number")
        return value

    def strings(self, keyword: str, value: JSONValue) -> list[str]:
        """An array of strings. Raises `InvalidSchema`."""
        if not is_array(value) or not all(type(item) is str for item in value):
            raise self.invalid(keyword, "an array of strings")
        return value

    def mapping(self, keyword: str) -> JSONObject:
        """A keyword that is an object. Raises `InvalidSchema`."""
        value = self.schema[keyword]
        if not is_object(value):
            raise self.invalid(keyword, "an object")
        return value


def always(_run: Run, _value: JSONValue, _path: Path, _seen: Seen | None) -> bool:
    """The check of a node that is not compiled yet."""
    return True


def _everything(_run: Run, _value: JSONValue, _path: Path, _seen: Seen | None) -> bool:
    return True


def _nothing(where: str) -> Check:
    def check(run: Run, _value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        return run.fail(path, where, "is not allowed here")

    return check


def _evaluator(groups: Mapping[type, tuple[Check, ...]]) -> Check:
    find = groups.get

    def evaluate(run: Run, value: object, path: Path, seen: Seen | None) -> bool:
        run.charge()
        checks = find(type(value))
        if checks is None:
            checks = _of_subtype(groups, value)
            if checks is None:
                return run.fail(path, "", f"must be a JSON value, got {type(value).__name__}")
        ok = True
        for check in checks:
            if not check(run, value, path, seen):
                if run.violations is None:
                    return False
                ok = False
        return ok

    return evaluate


def _of_subtype(groups: Mapping[type, tuple[Check, ...]], value: JSONValue) -> tuple[Check, ...] | None:
    """The checks for a value of a subclass, such as an `OrderedDict`."""
    for kind in KINDS:
        if isinstance(value, kind):
            return groups[kind]
    return None


def _within(resource: Resource, check: Check) -> Check:
    def enter(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        run.scope.append(resource)
        verdict = check(run, value, path, seen)
        run.scope.pop()
        return verdict

    return enter


def _matcher(pattern: str, max_weight: int, pointer: str) -> Callable[[str], bool]:
    from pydantic_core import SchemaError as EngineError
    from pydantic_core import SchemaValidator

    try:
        linear = translate(pattern, max_weight)
        engine = SchemaValidator(
            {"type": "str", "strict": True, "pattern": linear, "regex_engine": "rust-regex"}  # linear in the value
        )
    except PatternError as error:
        raise UnsupportedPattern(f"the pattern {pattern[:60]!r} is refused: {error}", pointer) from None
    except EngineError:
        text = f"the pattern {pattern[:60]!r} is refused: it is malformed or too large"
        raise UnsupportedPattern(text, pointer) from None
    return engine.isinstance_python
