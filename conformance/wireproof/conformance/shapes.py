"""Reading the JSON of a stranger without trusting its shape. Pure."""

from __future__ import annotations

from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object


def as_object(value: object) -> JSONObject:
    """The value when it is an object, else an empty one."""
    return value if is_object(value) else {}


def as_list(value: object) -> list[JSONValue]:
    """The value when it is an array, else an empty one."""
    return value if is_array(value) else []


def at(value: object, *path: str) -> JSONValue:
    """What stands at this path of member names, None where it ends earlier."""
    for name in path:
        value = as_object(value).get(name)
    return value
