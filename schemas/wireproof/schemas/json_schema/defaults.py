"""Filling in the `default`s of a schema.

Spec: JSON Schema 2020-12 Validation 9.2 (an annotation: applying it is the reader's choice).
"""

from __future__ import annotations

from copy import deepcopy

from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object


def apply_defaults(schema: JSONObject | bool, value: JSONValue) -> JSONValue:
    """A copy of `value` in which each absent property that has a `default` has it.

    Looks through `properties` and a single `items` schema, up to 64 levels; never through references or
    combinations, where more than one default could be meant. Nothing is checked.
    """
    return _fill(schema, deepcopy(value), 64)


def _fill(schema: JSONValue, value: JSONValue, levels: int) -> JSONValue:
    if not is_object(schema) or levels == 0:
        return value
    if is_object(value) and is_object(schema.get("properties")):
        for name, part in schema["properties"].items():
            if name in value:
                value[name] = _fill(part, value[name], levels - 1)
            elif is_object(part) and "default" in part:
                value[name] = deepcopy(part["default"])
    if is_array(value) and is_object(schema.get("items")):
        return [_fill(schema["items"], item, levels - 1) for item in value]
    return value
