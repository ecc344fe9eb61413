"""Strict ProtoJSON reading of A2A documents: plain JSON in, plain JSON in its one canonical spelling out.

Accepts what ProtoJSON accepts (snake_case names, integer enums, several timestamp precisions) and ignores unknown
fields; everything else that does not fit is a violation with its path. Compiled once for each message.
Spec: A2A 1.0 sections 5.5 to 5.7; ProtoJSON.
"""

from __future__ import annotations

import base64
import binascii
import functools
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from wireproof.schemas.a2a.tables import ENUMS, Field, messages
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

_INT32: Final = 2**31
_MAX_DEPTH: Final = 100
_TIMESTAMP: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_NOT_EMPTY: Final = {("Message", "parts"), ("Artifact", "parts")}
"""Required arrays of which an empty one says nothing; lists that may be empty (skills, tasks) are not among them."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNSET: Final = {"TASK_STATE_UNSPECIFIED", "ROLE_UNSPECIFIED"}

Reader = Callable[[JSONValue, str, int], JSONValue]


class FieldViolation(NamedTuple):
    """One thing that is wrong. `field` is a path such as `message.parts[0].text`."""

    field: str
    description: str


class BadMessage(ValueError):
    """A document that is none of its kind."""

    def __init__(self, violations: tuple[FieldViolation, ...]) -> None:
        first = violations[0]
        super().__init__(f"{first.field}: {first.description}" if first.field else first.description)
        self.violations = violations


class _Bad(Exception):
    def __init__(self, path: str, description: str) -> None:
        super().__init__(description)
        self.violation = FieldViolation(path, description)


def read(message: str, value: JSONValue) -> JSONObject:
    """The document in canonical spelling: camelCase, enum names, unknown fields left out. Raises `BadMessage`."""
    try:
        return _reader(message)(value, "", 0)
    except _Bad as bad:
        raise BadMessage((bad.violation,)) from None


@functools.cache
def _reader(message: str) -> Callable[[JSONValue, str, int], JSONObject]:
    """The compiled reader of one message; nested ones are looked up when they are first needed."""
    fields = messages()[message]
    known: dict[str, tuple[Field, str]] = {}
    for field in fields:
        known[field.json_name] = known[field.name] = (field, field.json_name)
    required = tuple(field for field in fields if field.required)
    oneofs = sorted({field.oneof for field in fields if field.oneof})
    members = {name: [field.json_name for field in fields if field.oneof == name] for name in oneofs}
    readers: dict[str, Reader] = {}

    def read_message(value: JSONValue, path: str, depth: int) -> JSONObject:
        if not is_object(value):
            raise _Bad(path, f"must be an object ({message})")
        if depth > _MAX_DEPTH:
            raise _Bad(path, "is nested too deeply")
        found: JSONObject = {}
        for key, item in value.items():
            entry = known.get(key)
            if entry is None:
                continue
            field, name = entry
            if item is None and field.type != "Value":
                continue
            if name in found:
                raise _Bad(_join(path, name), "is given twice, in both of its spellings")
            reader = readers.get(name)
            if reader is None:
                reader = readers[name] = _field_reader(message, field)
            found[name] = reader(item, f"{path}.{name}" if path else name, depth + 1)
        for field in required:
            if field.json_name not in found:
                raise _Bad(_join(path, field.json_name), "is required")
        for group, names in members.items():
            given = [name for name in names if name in found]
            if len(given) != 1:
                what = "exactly one" if not given else "only one"
                raise _Bad(path, f"must have {what} of {', '.join(names)} ({group})")
        return found

    return read_message


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _field_reader(message: str, field: Field) -> Reader:
    if field.map_of:
        return _map_reader(_type_reader(field.map_of))
    one = _type_reader(field.type)
    if field.repeated:
        return _list_reader(one, not_empty=(message, field.name) in _NOT_EMPTY)
    if field.required and field.type == "string" and (message, field.name) in _SAYS_SOMETHING:
        return _nonempty(one)
    return one


_SAYS_SOMETHING: Final = {
    ("Message", "message_id"),
    ("Task", "id"),
    ("GetTaskRequest", "id"),
    ("CancelTaskRequest", "id"),
    ("SubscribeToTaskRequest", "id"),
    ("TaskPushNotificationConfig", "url"),
}


def _nonempty(one: Reader) -> Reader:
    def read_text(value: JSONValue, path: str, depth: int) -> JSONValue:
        text = one(value, path, depth)
        if not text:
            raise _Bad(path, "must not be empty")
        return text

    return read_text


def _list_reader(one: Reader, *, not_empty: bool) -> Reader:
    def read_list(value: JSONValue, path: str, depth: int) -> JSONValue:
        if not is_array(value):
            raise _Bad(path, "must be an array")
        if not_empty and not value:
            raise _Bad(path, "must have at least one element")
        return [one(item, f"{path}[{index}]", depth) for index, item in enumerate(value)]

    return read_list


def _map_reader(one: Reader) -> Reader:
    def read_map(value: JSONValue, path: str, depth: int) -> JSONValue:
        if not is_object(value):
            raise _Bad(path, "must be an object")
        return {key: one(item, f"{path}.{key}", depth) for key, item in value.items()}

    return read_map


def _type_reader(kind: str) -> Reader:
    scalar = _SCALARS.get(kind)
    if scalar is not None:
        return scalar
    if kind in ENUMS:
        return _enum_reader(kind)

    def read_nested(value: JSONValue, path: str, depth: int) -> JSONValue:
        return _reader(kind)(value, path, depth)  # compiled when it is first needed: messages may hold themselves

    return read_nested


def _enum_reader(kind: str) -> Reader:
    names = ENUMS[kind]
    numbers = {number: name for name, number in names.items()}

    def read_enum(value: JSONValue, path: str, _depth: int) -> JSONValue:
        name = numbers.get(value) if type(value) is int else value
        if not isinstance(name, str) or name not in names or name in _UNSET:
            choices = ", ".join(each for each in names if each not in _UNSET)
            raise _Bad(path, f"must be one of {choices}")
        return name

    return read_enum


def _string(value: JSONValue, path: str, _depth: int) -> JSONValue:
    if type(value) is not str:
        raise _Bad(path, "must be a string")
    return value


def _bool(value: JSONValue, path: str, _depth: int) -> JSONValue:
    if type(value) is not bool:
        raise _Bad(path, "must be true or false")
    return value


def _int32(value: JSONValue, path: str, _depth: int) -> JSONValue:
    number = value
    is_text = type(value) is str and re.fullmatch(r"-?\d{1,10}", value)
    if is_text or (type(value) is float and value.is_integer()):
        number = int(value)
    if type(number) is not int or not -_INT32 <= number < _INT32:
        raise _Bad(path, "must be a 32-bit integer")
    return number


def _bytes(value: JSONValue, path: str, _depth: int) -> JSONValue:
    """Base64 of either alphabet, padded or not; given back in the standard one."""
    if type(value) is not str:
        raise _Bad(path, "must be a base64 string")
    text = value.replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _Bad(path, "must be a base64 string") from None
    return value if text == value and len(value) % 4 == 0 else base64.b64encode(data).decode()


def _timestamp(value: JSONValue, path: str, _depth: int) -> JSONValue:
    found = _TIMESTAMP.fullmatch(value) if type(value) is str else None
    if found is None:
        raise _Bad(path, "must be an RFC 3339 timestamp such as 2026-01-31T12:00:00.000Z")
    fraction = (found.group(2) or "0")[:6]
    try:
        moment = datetime.fromisoformat(f"{found.group(1)}.{fraction:0<6}{found.group(3)}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Bad(path, "is no moment of the calendar") from None
    return timestamp(moment.timestamp())


def _struct(value: JSONValue, path: str, _depth: int) -> JSONValue:
    if not is_object(value):
        raise _Bad(path, "must be an object")
    return value


def _value(value: JSONValue, _path: str, _depth: int) -> JSONValue:
    return value


_SCALARS: Final[dict[str, Reader]] = {
    "string": _string,
    "bool": _bool,
    "int32": _int32,
    "bytes": _bytes,
    "Timestamp": _timestamp,
    "Struct": _struct,
    "Value": _value,
}


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as A2A writes it: UTC with milliseconds."""
    milliseconds = math.floor(seconds * 1000 + 1e-2)  # a float of now is good to a quarter of a microsecond
    return f"{_to_the_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@functools.lru_cache(maxsize=64)
def _to_the_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]  # four digits for early years, too


def seconds_of(text: str) -> float:
    """The seconds since the epoch of a timestamp that was read."""
    return datetime.fromisoformat(text).timestamp()
