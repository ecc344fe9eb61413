"""The headers that mirror a request over HTTP: `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*`.

Pure. Spec: 2026-07-28 basic/transports/streamable-http#request-metadata, #custom-headers-from-tool-parameters.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

_PLAIN: Final = re.compile(r"(?![ \t])[\x20-\x7e]*(?<![ \t])")
_SENTINEL: Final = re.compile(r"=\?base64\?.*\?=", re.DOTALL)
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PRIMITIVE: Final = {"integer", "string", "boolean"}
_SAFE: Final = 2**53 - 1
_NESTED: Final = ("items", "prefixItems", "contains", "additionalProperties", "unevaluatedProperties")
_NESTED_MAPS: Final = ("$defs", "definitions", "patternProperties", "dependentSchemas")
_NESTED_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NESTED_ONE: Final = ("not", "if", "then", "else", *_NESTED, "unevaluatedItems", "propertyNames")


class BadHeaderAnnotation(ValueError):
    """An `x-mcp-header` that a client must refuse; the tool is dropped."""


@dataclass(frozen=True, slots=True)
class ParamHeader:
    """One annotated argument: the header's full name and the path of the value."""

    name: str
    path: tuple[str, ...]


def encode_value(value: str) -> str:
    """A header value: plain when it can be, else in the base64 form."""
    if _PLAIN.fullmatch(value) and not _SENTINEL.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode('utf-8', 'surrogatepass')).decode()}?="


def param_headers(schema: JSONObject) -> tuple[ParamHeader, ...]:
    """The annotated arguments of an input schema. Raises `BadHeaderAnnotation` with the reason."""
    found = tuple(_annotated(schema, ()))
    names = [header.name.lower() for header in found]
    if len(set(names)) < len(names):
        raise BadHeaderAnnotation("two arguments have the same x-mcp-header (its case does not count)")
    return found


def header_fields(headers: tuple[ParamHeader, ...], arguments: JSONObject) -> list[tuple[str, str]]:
    """The `Mcp-Param-*` fields of these arguments; absent and null values have none."""
    fields: list[tuple[str, str]] = []
    for header in headers:
        value = _at(arguments, header.path)
        text = _as_text(value)
        if text is not None:
            fields.append((header.name, encode_value(text)))
    return fields


def _annotated(schema: JSONObject, path: tuple[str, ...]) -> Iterator[ParamHeader]:
    if "x-mcp-header" in schema:
        yield ParamHeader(_header_name(schema, path), path)
    for part in _unreachable(schema):
        if _mentions(part):
            raise BadHeaderAnnotation("an x-mcp-header stands where no plain chain of properties leads to")
    properties: JSONValue = schema.get("properties")
    if is_object(properties):
        for name, part in properties.items():
            if is_object(part):
                yield from _annotated(part, (*path, name))


def _header_name(schema: JSONObject, path: tuple[str, ...]) -> str:
    name: JSONValue = schema["x-mcp-header"]
    where = ".".join(path) or "the arguments"
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise BadHeaderAnnotation(f"the x-mcp-header of {where} is no header name")
    if not path or not _is_primitive(schema):
        raise BadHeaderAnnotation(f"the x-mcp-header of {where} is on no integer, string or boolean")
    return f"Mcp-Param-{name}"


def _is_primitive(schema: JSONObject) -> bool:
    """An integer, string or boolean, which may also be null."""
    choices: JSONValue = schema.get("anyOf", [schema])
    kinds: list[JSONValue] = []
    for choice in choices if is_array(choices) else []:
        kind: JSONValue = choice.get("type") if is_object(choice) else None
        kinds.extend(kind if is_array(kind) else [kind])
    named = [kind for kind in kinds if kind != "null"]
    return bool(named) and all(isinstance(kind, str) and kind in _PRIMITIVE for kind in named)


def _unreachable(schema: JSONObject) -> Iterator[JSONValue]:
    for key in _NESTED_ONE:
        if key in schema:
            yield schema[key]
    for key in _NESTED_LISTS:
        yield schema.get(key)
    for key in _NESTED_MAPS:
        yield schema.get(key)


def _mentions(part: JSONValue) -> bool:
    pending: list[JSONValue] = [part]
    while pending:
        here = pending.pop()
        if is_object(here):
            if "x-mcp-header" in here:
                return True
            pending.extend(here.values())
        elif is_array(here):
            pending.extend(here)
    return False


def _at(value: JSONValue, path: tuple[str, ...]) -> JSONValue:
    for part in path:
        value = value.get(part) if is_object(value) else None
    return value


def _as_text(value: JSONValue) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) <= _SAFE:
        return str(value)
    return value if isinstance(value, str) else None
