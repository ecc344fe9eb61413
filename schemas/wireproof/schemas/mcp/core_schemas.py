"""From typed dictionaries and their marks to the core schema of one revision.

Knows the shape of annotations, and no message.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object
from wireproof.schemas.mcp import rules
from wireproof.schemas.mcp.revisions import Revision
from wireproof.schemas.mcp.rules import (
    AtLeast,
    AtMost,
    MaxItems,
    OpenJSON,
    OptionalIn,
    RequiredSince,
    Since,
    Until,
    Was,
    WholeBySchema,
)
from wireproof.schemas.mcp.validation import BRANCH

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

Annotation: TypeAlias = Any
_ANY: Final[JSONObject] = {"type": "any"}
_INTEGRAL: Final = "mcp_integer"


def core_schema_of(name: str, revision: Revision, numbers: bool) -> CoreSchema | None:
    """The core schema of a definition; None when no revision has it."""
    annotation = _names().get("AnnotatedObject" if name == "Annotated" else name)
    if annotation is None or name.startswith("_"):
        return None
    return typing.cast("CoreSchema", _Compilation(revision, numbers).of(annotation))


@cache
def _names() -> dict[str, Annotation]:
    """Every type by its name."""
    from wireproof.schemas.mcp.types import MODULES

    found: dict[str, Annotation] = {}
    for module in MODULES:
        found |= {
            name: value
            for name, value in vars(module).items()
            if not name.startswith("__") and name not in _FOREIGN and not isinstance(value, types.ModuleType)
        }
    return found


_FOREIGN: Final = frozenset((*vars(rules), *dir(typing)))


@cache
def _fields(definition: type) -> dict[str, Annotation]:
    """The fields of a typed dictionary, evaluated."""
    return typing.get_type_hints(definition, localns=_names(), include_extras=True)


class _Compilation:
    def __init__(self, revision: Revision, numbers: bool) -> None:
        self._revision = revision
        self._numbers = numbers
        self._known: dict[type, JSONObject] = {}

    def of(self, annotation: Annotation) -> JSONObject:
        """The core schema of any annotation."""
        kind, marks = _unwrap(annotation)
        for mark in marks:
            if isinstance(mark, Was) and self._revision <= mark.until:
                return self.of(mark.type)
            if isinstance(mark, OpenJSON):
                return self._open(mark)
        if typing.is_typeddict(kind):
            return self._object(kind)
        origin = _origin_of(kind)
        if origin in (typing.Union, types.UnionType):
            return self._union(typing.get_args(kind))
        if origin is Literal:
            return _literal(typing.get_args(kind))
        if origin in (list, dict):
            return self._container(origin, typing.get_args(kind), marks)
        return self._plain(kind, marks)

    def exists(self, marks: tuple[Any, ...]) -> bool:
        """Whether what carries the marks exists in this revision."""
        for mark in marks:
            if isinstance(mark, Since) and self._revision < mark.revision:
                return False
            if isinstance(mark, Until) and self._revision > mark.revision:
                return False
        return True

    def _object(self, definition: type) -> JSONObject:
        known = self._known.get(definition)
        if known is None:
            fields: JSONObject = {}
            for name, annotation in _fields(definition).items():
                optional = _origin_of(annotation) is typing.NotRequired
                inner = typing.get_args(annotation)[0] if optional else annotation
                marks = _unwrap(inner)[1]
                if self.exists(marks):
                    fields[name] = {
                        "type": "typed-dict-field",
                        "schema": self.of(inner),
                        "required": self._required(optional, marks),
                    }
            known = self._known[definition] = {"type": "typed-dict", "fields": fields, "extra_behavior": "ignore"}
        return known

    def _required(self, optional: bool, marks: tuple[Any, ...]) -> bool:
        for mark in marks:
            if isinstance(mark, RequiredSince):
                return self._revision >= mark.revision
            if isinstance(mark, OptionalIn):
                return self._revision != mark.revision
        return not optional

    def _union(self, members: tuple[Annotation, ...]) -> JSONObject:
        present = [member for member in members if self.exists(_unwrap(member)[1])]
        choices = [self.of(member) for member in present]
        if len(choices) == 1:
            return choices[0]
        objects = [choice for choice in choices if choice["type"] == "typed-dict"]
        tagged = _tagged(objects)
        if tagged is not None:
            choices = [tagged, *[choice for choice in choices if choice["type"] != "typed-dict"]]
            if len(choices) == 1:
                return tagged
        labelled = [(choice, f"{BRANCH}{index}") for index, choice in enumerate(choices)]
        return {"type": "union", "choices": labelled, "mode": "left_to_right"}

    def _container(self, origin: type, arguments: tuple[Annotation, ...], marks: tuple[Any, ...]) -> JSONObject:
        inner = self.of(arguments[-1])
        if origin is dict:
            return {"type": "dict"} if inner == _ANY else {"type": "dict", "values_schema": inner}
        schema: JSONObject = {"type": "list"} if inner == _ANY else {"type": "list", "items_schema": inner}
        for mark in marks:
            if isinstance(mark, MaxItems) and self._revision >= mark.since:
                schema["max_length"] = mark.bound
        return schema

    def _plain(self, kind: Annotation, marks: tuple[Any, ...]) -> JSONObject:
        if kind is int:
            return _number(marks, whole=True)
        if kind is float:
            return _number(marks, whole=not self._numbers and any(isinstance(mark, WholeBySchema) for mark in marks))
        schemas: dict[object, JSONObject] = {Any: _ANY, str: {"type": "str"}, bool: {"type": "bool", "strict": True}}
        if kind in (None, type(None)):
            return {"type": "none"}
        found = schemas.get(kind)
        if found is None:
            raise TypeError(f"no core schema for {kind!r}")
        return found

    def _open(self, mark: OpenJSON) -> JSONObject:
        if self._numbers or self._revision < mark.narrow_since:
            kinds: dict[object, JSONObject] = {object: _ANY, dict: {"type": "dict"}, list: {"type": "list"}}
            return kinds[mark.type]
        return _function(_narrow(mark.type))


def _origin_of(annotation: Annotation) -> Any:
    """`typing.get_origin`, whose own type says less than it gives."""
    return typing.get_origin(annotation)


def _unwrap(annotation: Annotation) -> tuple[Annotation, tuple[Any, ...]]:
    """The type inside `NotRequired` and `Annotated`, and the marks on it."""
    if _origin_of(annotation) is typing.NotRequired:
        annotation = typing.get_args(annotation)[0]
    if _origin_of(annotation) is typing.Annotated:
        return annotation.__origin__, annotation.__metadata__
    return annotation, ()


def _tagged(objects: list[JSONObject]) -> JSONObject | None:
    """The objects as a union that one field tells apart; None when none does."""
    if len(objects) < 2:
        return None
    for name in ("type", "method"):
        tags = [_tag(each, name) for each in objects]
        if None not in tags and len(set(tags)) == len(tags):
            choices = dict(zip(tags, objects, strict=True))
            return {"type": "tagged-union", "discriminator": name, "choices": choices}
    return None


def _tag(schema: JSONObject, name: str) -> str | None:
    tag = schema["fields"].get(name)
    if tag is None or not tag["required"] or tag["schema"]["type"] != "literal":
        return None
    expected: list[str] = tag["schema"]["expected"]
    return expected[0] if len(expected) == 1 else None


def _literal(values: tuple[Any, ...]) -> JSONObject:
    if all(isinstance(value, str) for value in values):
        return {"type": "literal", "expected": list(values)}
    (wanted,) = values

    def check(value: JSONValue) -> JSONValue:
        if type(value) in (int, float) and value == wanted:
            return value
        raise _refusal("mcp_number", f"must be {wanted}")

    return _function(check)


def _number(marks: tuple[Any, ...], *, whole: bool) -> JSONObject:
    """A JSON number; 1.0 is an integer, true is not."""
    bounds: JSONObject = {}
    for mark in marks:
        if isinstance(mark, AtLeast):
            bounds["ge"] = mark.bound
        elif isinstance(mark, AtMost):
            bounds["le"] = mark.bound
    integer: JSONObject = {"type": "int", "strict": True, **bounds}
    fraction: JSONObject = {"type": "float", "strict": True, **bounds}
    if whole:
        fraction = {
            "type": "function-after",
            "schema": fraction,
            "function": {"type": "no-info", "function": _integral},
        }
    choices = [(integer, f"{BRANCH}integer"), (fraction, f"{BRANCH}number")]
    return {"type": "union", "choices": choices, "mode": "left_to_right"}


def _integral(value: float) -> float:
    if not value.is_integer():
        raise _refusal(_INTEGRAL, "must be an integer")
    return value


def _narrow(kind: type) -> Callable[[JSONValue], JSONValue]:
    """Refuses null and fractions at any depth below the value itself."""

    def check(value: JSONValue) -> JSONValue:
        if kind is not object and type(value) is not kind:
            raise _refusal("mcp_kind", "must be an object" if kind is dict else "must be an array")
        pending = [value]
        while pending:
            item = pending.pop()
            if is_object(item):
                pending.extend(item.values())
            elif is_array(item):
                pending.extend(item)
            elif item is None or (type(item) is float and not item.is_integer()):
                raise _refusal("mcp_narrow", "must hold no null and no number with a fraction (MCP 2026-07-28)")
        return value

    return check


def _function(check: Callable[[JSONValue], JSONValue]) -> JSONObject:
    return {"type": "function-plain", "function": {"type": "no-info", "function": check}}


def _refusal(kind: str, text: str) -> Exception:
    from pydantic_core import PydanticCustomError

    return PydanticCustomError(typing.cast("Any", kind), typing.cast("Any", text))
