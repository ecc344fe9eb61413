"""From a tool's output schema to a function that turns its structured content into a Python value.

Objects with named properties become frozen dataclasses, date-times and dates become their types, the wrapper
`{"result": …}` that servers put around plain values is taken off. Compiled once for each schema.
"""

from __future__ import annotations

import dataclasses
import keyword
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from wireproof.mcp_tools.client.errors import ServerMisbehaved
from wireproof.schemas.json_schema import SchemaError
from wireproof.schemas.json_schema import compile as compile_schema
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

Read = Callable[[JSONValue], Any]
_MAX_DEPTH: Final = 32


def reader_of(tool: str, schema: JSONObject, *, validate: bool) -> Read:
    """The function that checks (when `validate`) and rebuilds a structured content. It raises `ServerMisbehaved`.

    A schema that cannot be used checks nothing and rebuilds nothing: it is the server's fault, not the caller's.
    """
    try:
        checker = compile_schema(schema)
    except SchemaError:
        return _as_it_is
    build = _builder(schema, schema, 0)
    wrapped = _is_wrapper(schema)

    def read(value: JSONValue) -> Any:
        if validate:
            try:
                violations = checker.validate(value)
            except SchemaError as error:
                raise ServerMisbehaved(f"the result of {tool!r} cannot be checked: {error}") from None
            if violations:
                raise ServerMisbehaved(f"the result of {tool!r} does not fit its output schema: {violations[0]}")
        if wrapped and is_object(value):
            return _builder(schema, schema["properties"]["result"], 0)(value.get("result"))
        return build(value)

    return read


def _as_it_is(value: JSONValue) -> Any:
    return value


def _is_wrapper(schema: JSONObject) -> bool:
    properties: JSONValue = schema.get("properties")
    return is_object(properties) and list(properties) == ["result"] and schema.get("required") == ["result"]


def _builder(root: JSONObject, schema: JSONValue, depth: int) -> Read:
    schema = _resolved(root, schema)
    if not is_object(schema) or depth > _MAX_DEPTH:
        return _as_it_is
    kind: JSONValue = schema.get("type")
    if kind == "array" and "items" in schema:
        build_item = _builder(root, schema["items"], depth + 1)
        return lambda value: [build_item(item) for item in value] if is_array(value) else value
    if kind == "object" and is_object(schema.get("properties")):
        return _object_builder(root, schema, depth)
    if kind == "string":
        return _STRINGS.get(str(schema.get("format")), _as_it_is)
    choices: JSONValue = schema.get("anyOf")
    if is_array(choices) and len(choices) == 2 and {"type": "null"} in choices:
        inner = _builder(root, _first_but_null(choices), depth + 1)
        return lambda value: None if value is None else inner(value)
    return _as_it_is


def _first_but_null(choices: list[JSONValue]) -> JSONValue:
    return next((choice for choice in choices if choice != {"type": "null"}), None)


def _object_builder(root: JSONObject, schema: JSONObject, depth: int) -> Read:
    properties: JSONObject = schema["properties"]
    if not all(_is_field(name) for name in properties):
        return _as_it_is
    required: JSONValue = schema.get("required", [])
    names = sorted(properties, key=lambda name: name not in required)
    builders = {name: _builder(root, properties[name], depth + 1) for name in names}
    fields = [(name, Any) if name in required else (name, Any, dataclasses.field(default=None)) for name in names]
    title = str(schema.get("title", "Result"))
    made = dataclasses.make_dataclass(title if _is_field(title) else "Result", fields, frozen=True)

    def build(value: JSONValue) -> Any:
        if not is_object(value) or not value.keys() <= builders.keys():
            return value  # nothing that a server said may be lost
        return made(**{name: builders[name](item) for name, item in value.items()})

    return build


def _is_field(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _resolved(root: JSONObject, schema: JSONValue) -> JSONValue:
    """Follow local references; a chain that does not end is left alone."""
    for _ in range(_MAX_DEPTH):
        if not is_object(schema) or not isinstance(schema.get("$ref"), str):
            return schema
        target: JSONValue = root
        for part in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
            if part:
                target = target.get(part.replace("~1", "/").replace("~0", "~")) if is_object(target) else None
        schema = target
    return None


def _moment(value: JSONValue) -> Any:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def _day(value: JSONValue) -> Any:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return value


_STRINGS: Final[dict[str, Read]] = {"date-time": _moment, "date": _day}
