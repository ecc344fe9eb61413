"""Instances of a JSON Schema from a source of randomness: mostly valid, now and then wrong on purpose. Pure.

One generator with two faces: `instance` for bulk, and `from_schema`, where Hypothesis holds the randomness and shrinks.
"""

from __future__ import annotations

import sys
from random import Random
from typing import TYPE_CHECKING, Final

from wireproof.conformance.inputs import minimal, resolve
from wireproof.conformance.shapes import as_list, as_object
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MAX_DEPTH: Final = 6
MAX_ITEMS: Final = 4
TEXTS: Final = (
    "",
    "a",
    "x" * 300,
    "0",
    "null",
    "../../etc/passwd",
    "ünï ✓ 🎉",
    "\u202egnirts",
    "\x00\x1f\x7f",
    "\ud800",
    "'; DROP TABLE t; --",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "%s%n%x",
    "\r\nX-Header: y",
    "<script>",
)
_LARGE: Final = (2**31, -(2**31) - 1, 2**53, 2**63, 2**64, 10**30)
NUMBERS: Final[tuple[JSONValue, ...]] = (0, 1, -1, *_LARGE, 0.1, -0.0, 1e308, 5e-324)
_EMPTY: Final[tuple[JSONValue, ...]] = ([], {}, [None], {"a": None}, [[[]]])
ANYTHING: Final[tuple[JSONValue, ...]] = (None, True, False, 0, -1, 1.5, "", "text", *_EMPTY)


def instance(
    schema: JSONValue, rng: Random, *, wrong: float = 0.0, root: JSONValue = None, depth: int = 0
) -> JSONValue:
    """A value for the schema; with probability `wrong` at each place, one that need not fit.

    Takes Draft 2020-12 as far as its keywords say what to build; falls back to the smallest instance.
    """
    top = schema if root is None else root
    if rng.random() < wrong:
        return anything(rng)
    if not is_object(schema):
        return anything(rng)
    if depth > MAX_DEPTH:
        return minimal(schema, top)
    if "$ref" in schema:
        return instance(resolve(schema["$ref"], top), rng, wrong=wrong, root=top, depth=depth + 1)
    if "const" in schema:
        return schema["const"]
    choices = schema.get("enum")
    if is_array(choices) and choices:
        return rng.choice(choices)
    for key in ("anyOf", "oneOf"):
        options = schema.get(key)
        if is_array(options) and options:
            merged = {
                **{name: value for name, value in schema.items() if name != key},
                **as_object(rng.choice(options)),
            }
            return instance(merged, rng, wrong=wrong, root=top, depth=depth + 1)
    if is_array(schema.get("allOf")):
        return minimal(schema, top)
    return _of_kind(_kind(schema, rng), schema, rng, wrong, top, depth)


def _kind(schema: JSONObject, rng: Random) -> str:
    kind = schema.get("type")
    if is_array(kind) and kind:
        kind = rng.choice(kind)
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "any"


def _of_kind(kind: str, schema: JSONObject, rng: Random, wrong: float, root: JSONValue, depth: int) -> JSONValue:
    if kind == "object":
        return _object(schema, rng, wrong, root, depth)
    if kind == "array":
        low = int(schema.get("minItems") or 0)
        high = min(int(schema.get("maxItems", MAX_ITEMS)), max(low, MAX_ITEMS))
        items = schema.get("items", {})
        count = rng.randint(min(low, 100), max(min(low, 100), high))
        return [instance(items, rng, wrong=wrong, root=root, depth=depth + 1) for _ in range(count)]
    if kind in {"integer", "number"}:
        return _number(kind, schema, rng)
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "null":
        return None
    return _text(schema, rng) if kind == "string" else anything(rng)


def _object(schema: JSONObject, rng: Random, wrong: float, root: JSONValue, depth: int) -> JSONObject:
    properties = as_object(schema.get("properties"))
    required = {name for name in as_list(schema.get("required")) if isinstance(name, str)}
    found: JSONObject = {}
    for name in [*properties, *sorted(required - set(properties))]:
        if (name in required and rng.random() >= wrong / 4) or rng.random() < 0.5:
            found[name] = instance(properties.get(name, {}), rng, wrong=wrong, root=root, depth=depth + 1)
    if rng.random() < wrong:
        found[text(rng)] = anything(rng)
    elif "additionalProperties" not in schema and rng.random() < 0.05:
        name = text(rng)
        if name not in properties:
            found[name] = anything(rng)
    return found


def _number(kind: str, schema: JSONObject, rng: Random) -> JSONValue:
    low: JSONValue = schema.get("minimum")
    high: JSONValue = schema.get("maximum")
    if any(name in schema for name in ("multipleOf", "exclusiveMinimum", "exclusiveMaximum")):
        return minimal(schema)
    if low is None and high is None:
        chosen = rng.choice(NUMBERS)
        return int(chosen) if kind == "integer" else chosen
    floor = float(low if low is not None else high - 100)
    ceiling = max(floor, float(high if high is not None else floor + 100))
    return rng.randint(int(floor), int(ceiling)) if kind == "integer" else rng.uniform(floor, ceiling)


def _text(schema: JSONObject, rng: Random) -> JSONValue:
    if "pattern" in schema or "format" in schema:
        return minimal(schema)
    low, high = int(schema.get("minLength") or 0), int(schema.get("maxLength", 10_000))
    return (text(rng) + "x" * min(low, 10_000))[: max(high, 0)]


def text(rng: Random) -> str:
    """A text: one that broke something before, or any characters at all."""
    if rng.random() < 0.7:
        return rng.choice(TEXTS)
    return "".join(chr(_point(rng)) for _ in range(rng.randint(0, 12)))


def _point(rng: Random) -> int:
    return rng.randint(0, 0x7F) if rng.random() < 0.6 else rng.randint(0, sys.maxunicode)


def anything(rng: Random) -> JSONValue:
    """Any JSON value, small."""
    pick = rng.random()
    if pick < 0.6:
        return rng.choice(ANYTHING)
    if pick < 0.8:
        return text(rng)
    return rng.choice(NUMBERS)


def from_schema(schema: JSONValue, *, wrong: float = 0.0) -> SearchStrategy[JSONValue]:
    """A Hypothesis strategy of instances. Half surrogate pairs and the like are among them, as JSON can hold them."""
    from hypothesis import strategies as st

    return st.randoms(use_true_random=False).map(lambda rng: instance(schema, rng, wrong=wrong))
