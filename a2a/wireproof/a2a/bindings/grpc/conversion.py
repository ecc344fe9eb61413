"""Documents to protobuf messages and back, by the field tables. Pure.

A number of a `Value` is a double on this wire: whole ones come back as integers; beyond 2**53 the last digits are lost.
"""

from __future__ import annotations

import base64
import math
from datetime import datetime
from typing import Any, Final

from wireproof.a2a.bindings.grpc.descriptors import Schema
from wireproof.schemas.a2a.reading import BadMessage, FieldViolation, timestamp
from wireproof.schemas.a2a.tables import Field
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

_EXACT: Final = 2**53


def to_message(schema: Schema, name: str, document: JSONObject) -> Any:
    """The message of a document. `Any`: protobuf makes its classes at run time."""
    message = schema.new(name)
    if name != "Empty":
        _fill(schema, name, message, document)
    return message


def to_document(schema: Schema, name: str, message: Any) -> JSONObject:
    """The document of a message: fields that are set, in their JSON names. `Any`: see `to_message`.

    Raises `BadMessage` for what JSON cannot say.
    """
    if name == "Empty":
        return {}
    fields = {field.name: field for field in schema.messages[name]}
    found: JSONObject = {}
    for descriptor, value in message.ListFields():
        field = fields[descriptor.name]
        if field.map_of:
            found[field.json_name] = {key: _read(schema, field.map_of, value[key]) for key in sorted(value)}
        elif field.repeated:
            found[field.json_name] = [_read(schema, field.type, item) for item in value]
        else:
            found[field.json_name] = _read(schema, field.type, value)
    return found


# -- out ------------------------------------------------------------------------------------------------------------


def _fill(schema: Schema, name: str, message: Any, document: JSONObject) -> None:
    for field in schema.messages[name]:
        if field.json_name not in document:
            continue
        value: JSONValue = document[field.json_name]
        if value is None and field.type != "Value":
            continue
        _set(schema, field, message, value)


def _set(schema: Schema, field: Field, message: Any, value: JSONValue) -> None:
    if field.map_of:
        target = getattr(message, field.name)
        for key, item in value.items():
            if field.map_of == "string":
                target[key] = item
            else:
                _write(schema, field.map_of, target[key], item)
    elif field.repeated:
        target = getattr(message, field.name)
        for item in value:
            if field.type == "string":
                target.append(item)
            else:
                _write(schema, field.type, target.add(), item)
    elif field.type in schema.enums:
        setattr(message, field.name, schema.enums[field.type].get(value, 0))
    elif field.type == "bytes":
        setattr(message, field.name, base64.b64decode(value))
    elif field.type in ("string", "bool", "int32"):
        setattr(message, field.name, value)
    else:
        target = getattr(message, field.name)
        target.SetInParent()
        _write(schema, field.type, target, value)


def _write(schema: Schema, kind: str, target: Any, value: JSONValue) -> None:
    if kind == "Struct":
        _write_struct(target, value)
    elif kind == "Value":
        _write_value(target, value)
    elif kind == "Timestamp":
        moment = datetime.fromisoformat(value)
        target.seconds = math.floor(moment.replace(microsecond=0).timestamp())
        target.nanos = moment.microsecond * 1000
    else:
        _fill(schema, kind, target, value)


def _write_struct(target: Any, value: JSONObject) -> None:
    for key, item in value.items():
        _write_value(target.fields[key], item)


def _write_value(target: Any, value: JSONValue) -> None:
    if value is None:
        target.null_value = 0
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = float(value) if abs(value) < 1e308 else math.copysign(1e308, value)
    elif isinstance(value, str):
        target.string_value = value
    elif is_object(value):
        target.struct_value.SetInParent()
        _write_struct(target.struct_value, value)
    else:
        target.list_value.SetInParent()
        for item in value:
            _write_value(target.list_value.values.add(), item)


# -- in -------------------------------------------------------------------------------------------------------------


def _read(schema: Schema, kind: str, value: Any) -> JSONValue:
    if kind in ("string", "bool", "int32"):
        return value
    if kind == "bytes":
        return base64.b64encode(value).decode()
    if kind == "Struct":
        return _read_struct(value)
    if kind == "Value":
        return _read_value(value)
    if kind == "Timestamp":
        try:
            return timestamp(value.seconds + value.nanos / 1e9)
        except (ValueError, OverflowError, OSError):
            raise BadMessage((FieldViolation("", "a timestamp is no moment of the calendar"),)) from None
    if kind in schema.enums:
        return next((name for name, number in schema.enums[kind].items() if number == value), value)
    return to_document(schema, kind, value)


def _read_struct(value: Any) -> JSONObject:
    return {key: _read_value(item) for key, item in value.fields.items()}


def _read_value(value: Any) -> JSONValue:
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    if kind == "number_value":
        number: float = value.number_value
        if not math.isfinite(number):
            raise BadMessage((FieldViolation("", "a number must be finite"),))
        return int(number) if number.is_integer() and abs(number) <= _EXACT else number
    if kind == "struct_value":
        return _read_struct(value.struct_value)
    if kind == "list_value":
        return [_read_value(item) for item in value.list_value.values]
    return getattr(value, kind)
