"""Instances of a JSON Schema: the smallest that fits, and ones that do not. Pure; never follows a network reference."""

from __future__ import annotations

from random import Random
from typing import Final

from wireproof.conformance.patience import TookTooLong, limited
from wireproof.conformance.shapes import as_list, as_object
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

MAX_DEPTH: Final = 12
_FORMATS: Final[dict[str, str]] = {
    "date": "2024-02-29",
    "date-time": "2024-02-29T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}


def minimal(schema: JSONValue, root: JSONValue = None, depth: int = 0) -> JSONValue:
    """The smallest instance that the schema takes, as far as its keywords say; {} for what it cannot read."""
    if not is_object(schema) or depth > MAX_DEPTH:
        return {}
    top = schema if root is None else root
    if "$ref" in schema:
        return minimal(resolve(schema["$ref"], top), top, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if is_array(schema.get("enum")) and schema["enum"]:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        options = schema.get(key)
        if is_array(options) and options and "properties" not in schema:
            return minimal(options[0], top, depth + 1)
    if is_array(schema.get("allOf")) and "properties" not in schema:
        return minimal(_merged(schema, top), top, depth + 1)
    return _of_type(_type_of(schema), schema, top, depth)


def resolve(reference: JSONValue, root: JSONValue) -> JSONValue:
    """What a local reference points at; {} for any other."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return {}
    found: JSONValue = root
    for part in reference[1:].strip("/").split("/"):
        if not part:
            continue
        name = part.replace("~1", "/").replace("~0", "~")
        found = as_object(found).get(name, {})
    return found


def _merged(schema: JSONObject, root: JSONValue) -> JSONObject:
    merged: JSONObject = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        inner = resolve(part["$ref"], root) if is_object(part) and "$ref" in part else part
        if is_object(inner):
            properties = {**merged.get("properties", {}), **inner.get("properties", {})}
            required = [*merged.get("required", []), *inner.get("required", [])]
            merged = {**merged, **inner, "properties": properties, "required": required}
    return merged


def _type_of(schema: JSONObject) -> str:
    kind = schema.get("type")
    if is_array(kind):
        kind = next((name for name in kind if name != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _of_type(kind: str, schema: JSONObject, root: JSONValue, depth: int) -> JSONValue:
    if kind == "object":
        properties: JSONObject = as_object(schema.get("properties"))
        return {name: minimal(properties.get(name, {}), root, depth + 1) for name in as_list(schema.get("required"))}
    if kind == "array":
        count = int(schema.get("minItems") or 0)
        return [minimal(as_object(schema.get("items")), root, depth + 1) for _ in range(min(count, 100))]
    if kind in {"integer", "number"}:
        return _number(kind, schema)
    if kind == "boolean":
        return False
    if kind == "null":
        return None
    return _text(schema)


def _number(kind: str, schema: JSONObject) -> JSONValue:
    step = schema.get("multipleOf") or 1
    low = schema.get("minimum")
    if low is None and schema.get("exclusiveMinimum") is not None:
        low = schema["exclusiveMinimum"] + step
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None:
        low = min(1, high) if high is not None else 1
        if schema.get("exclusiveMaximum") is not None and low >= schema["exclusiveMaximum"]:
            low = schema["exclusiveMaximum"] - step
    return int(low) if kind == "integer" else low


def _text(schema: JSONObject) -> str:
    known = _FORMATS.get(str(schema.get("format")))
    if known is not None:
        return known
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return _matching(pattern)
    return "a" * max(1, int(schema.get("minLength") or 1))


def _matching(pattern: str) -> str:
    try:
        from hypothesis import HealthCheck, Phase, find, settings
        from hypothesis.strategies import from_regex

        calm = [HealthCheck.too_slow, HealthCheck.data_too_large]
        quiet = settings(database=None, max_examples=20, phases=[Phase.generate], suppress_health_check=calm)
        with limited(1.0):
            return find(from_regex(pattern), lambda _: True, settings=quiet, random=Random(0))  # noqa: S311
    except (Exception, TookTooLong):  # a pattern of a stranger that Python cannot read
        return "a"


def wrong(schema: JSONValue) -> list[tuple[str, JSONObject]]:
    """Arguments that an object schema must refuse, each with what is wrong about it; [] when it takes anything."""
    if not is_object(schema):
        return []
    good = minimal(schema)
    base: JSONObject = good if is_object(good) else {}
    found: list[tuple[str, JSONObject]] = []
    for name in as_list(schema.get("required")):
        found.append((f"without the required {name!r}", {key: value for key, value in base.items() if key != name}))
        break
    properties: JSONObject = as_object(schema.get("properties"))
    for name, inner in properties.items():
        kind = inner.get("type") if is_object(inner) else None
        if kind in {"integer", "number", "boolean", "object", "array"}:
            found.append((f"with a text for the {kind} {name!r}", {**base, name: "no such value"}))
            break
    return found
