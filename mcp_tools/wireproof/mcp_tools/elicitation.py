"""Elicitation forms: from a type to the restricted schema of the specification, and back from an answer.

Spec: 2026-07-28 client/elicitation#requested-schema (flat objects of strings, numbers, booleans and enums).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, cast

from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

T = TypeVar("T")
Action = Literal["accept", "decline", "cancel"]
Fields: TypeAlias = type[Any] | JSONObject
_ACTIONS: Final = ("accept", "decline", "cancel")
_PRIMITIVES: Final = {"string", "number", "integer", "boolean"}


class FormError(TypeError):
    """A form that the specification does not allow; the message names the field."""


@dataclass(frozen=True, slots=True)
class Elicited(Generic[T]):
    """The user's answer. `data` is None unless `action` is `accept`."""

    action: Action
    data: T | None

    @property
    def accepted(self) -> bool:
        """True when the user filled the form in."""
        return self.action == "accept"


@dataclass(frozen=True, slots=True)
class Form:
    """A requested schema, and how an accepted content becomes a value."""

    schema: JSONObject
    read: Callable[[JSONObject], Any]

    @classmethod
    def of(cls, fields: Fields) -> Form:
        """The form of a type or of a raw schema. Raises `FormError`."""
        if is_object(fields):
            return _form_of_schema(fields)
        return _form_of_type(cast("type[Any]", fields))


def read_elicited(answer: JSONObject, form: Form) -> Elicited[Any] | None:
    """An ElicitResult as a value; None when its content does not fit the form."""
    action = answer.get("action")
    if action not in _ACTIONS:
        return None
    if action != "accept":
        return Elicited(cast("Action", action), None)
    content: JSONValue = answer.get("content")
    if not is_object(content):
        return None
    try:
        return Elicited("accept", form.read(content))
    except ValueError:
        return None


def _form_of_schema(schema: JSONObject) -> Form:
    from wireproof.schemas.json_schema import compile as compile_schema

    _check(schema)
    compiled = compile_schema(schema)

    def read(content: JSONObject) -> JSONObject:
        violations = compiled.validate(content)
        if violations:
            raise ValueError(str(violations[0]))
        return content

    return Form(schema, read)


_FORMS: Final[dict[type, Form]] = {}


def _form_of_type(fields: type[Any]) -> Form:
    known = _FORMS.get(fields)
    if known is not None:
        return known
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(fields)
    schema = _inline(adapter.json_schema(), {})
    schema = {key: schema[key] for key in ("type", "properties", "required") if key in schema}
    _check(schema)
    form = Form(schema, adapter.validate_python)
    if len(_FORMS) < 1000:  # types made in a loop do not pile up
        _FORMS[fields] = form
    return form


def _inline(node: JSONValue, definitions: JSONObject) -> JSONValue:
    if is_array(node):
        return [_inline(item, definitions) for item in node]
    if not is_object(node):
        return node
    definitions = node.get("$defs", definitions)
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return {key: _inline(value, definitions) for key, value in node.items() if key != "$defs"}


def _check(schema: JSONObject) -> None:
    properties = schema.get("properties")
    if schema.get("type") != "object" or not is_object(properties):
        raise FormError("a form is a flat object: give a model, dataclass, TypedDict or an object schema")
    for name, part in properties.items():
        if is_object(part) and part.get("type") == "array":
            part = part.get("items", {})
            if "anyOf" in part or "enum" in part:
                continue
        elif is_object(part) and part.get("type") in _PRIMITIVES:
            continue
        raise FormError(
            f"field {name!r} is not a string, number, boolean or enum, which is all that a form can ask for"
        )
