"""What a document of A2A 1.0 must look like, from the field table alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from wireproof.conformance.shapes import as_object
from wireproof.schemas.a2a.tables import ENUMS, Field, messages
from wireproof.schemas.jsonrpc import JSONValue, is_array, is_object

SHAPE: Final = "shape"
NAME: Final = "name"
ENUM: Final = "enum"
TIME: Final = "time"
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_NOT_EMPTY: Final = {("Message", "parts"), ("Artifact", "parts")}


class Problem(NamedTuple):
    """One thing that is wrong with a document: of which sort, where, and in which words."""

    sort: str
    path: str
    text: str


def problems(message: str, value: JSONValue, path: str = "") -> Iterator[Problem]:
    """Everything that keeps `value` from being a `message` in the JSON form. Unknown members are no problem."""
    if not is_object(value):
        yield Problem(SHAPE, path or message, "is no object")
        return
    fields = messages()[message]
    known = {field.json_name: field for field in fields}
    snake = {field.name: field.json_name for field in fields if field.name != field.json_name}
    for name in value:
        if name not in known and name in snake:
            yield Problem(NAME, f"{path}{name}", f"should be {snake[name]}")
    for field in fields:
        yield from _field(message, field, value.get(field.json_name), field.json_name in value, path)
    for group in sorted({field.oneof for field in fields if field.oneof}):
        there = [field.json_name for field in fields if field.oneof == group and field.json_name in value]
        if len(there) != 1:
            yield Problem(SHAPE, path or message, f"has {' and '.join(there) or 'nothing'} as its {group}")


def _field(message: str, field: Field, value: JSONValue, there: bool, path: str) -> Iterator[Problem]:
    where = f"{path}{field.json_name}"
    if not there or (value is None and field.type != "Value"):
        if field.required:
            yield Problem(SHAPE, where, "is missing")
        return
    if field.repeated:
        if not is_array(value):
            yield Problem(SHAPE, where, "is no list")
            return
        if not value and (message, field.json_name) in _NOT_EMPTY:
            yield Problem(SHAPE, where, "is empty")
        for index, each in enumerate(value):
            yield from _value(field.type, each, f"{where}[{index}]")
    elif field.map_of:
        if not is_object(value):
            yield Problem(SHAPE, where, "is no object")
            return
        for key, each in value.items():
            yield from _value(field.map_of, each, f"{where}.{key}")
    else:
        if field.required and value == "" and field.json_name.lower().endswith("id"):
            yield Problem(SHAPE, where, "is empty")
        yield from _value(field.type, value, where)


def _value(kind: str, value: JSONValue, where: str) -> Iterator[Problem]:
    kind = kind.rpartition(".")[2]
    if kind in ENUMS:
        if not isinstance(value, str) or value not in ENUMS[kind]:
            yield Problem(ENUM, where, f"is {value!r}, none of {', '.join(list(ENUMS[kind])[1:4])} …")
    elif kind == "Timestamp":
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            yield Problem(TIME, where, f"is {value!r}, no time in UTC that ends with Z")
    elif kind in messages():
        yield from problems(kind, value, f"{where}.")
    elif kind in {"string", "bytes"}:
        if not isinstance(value, str):
            yield Problem(SHAPE, where, "is no string")
    elif kind == "bool":
        if not isinstance(value, bool):
            yield Problem(SHAPE, where, "is no boolean")
    elif kind == "int32":
        if not isinstance(value, int) or isinstance(value, bool):
            yield Problem(SHAPE, where, "is no integer")
    elif kind == "Struct" and not is_object(value):
        yield Problem(SHAPE, where, "is no object")


def texts_of(artifacts: list[JSONValue]) -> dict[str, str]:
    """The texts of each artifact by its id, put together in order."""
    found: dict[str, str] = {}
    for artifact in artifacts:
        shown = as_object(artifact)
        parts = shown.get("parts")
        text = "".join(str(as_object(part).get("text", "")) for part in parts) if is_array(parts) else ""
        found[str(shown.get("artifactId"))] = found.get(str(shown.get("artifactId")), "") + text
    return found
