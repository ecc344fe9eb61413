"""Reading members of JSON documents that strangers wrote: the right type, or absent. Knows no document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from wireproof.schemas.jsonrpc import JSONObject, JSONValue


def read_object(data: bytes | str) -> JSONObject | None:
    """Decode a JSON object; None for anything else, nothing raised."""
    try:
        return as_object(json.loads(data))
    except (ValueError, RecursionError):
        return None


def as_object(value: JSONValue) -> JSONObject | None:
    """The value when it is a JSON object, else None."""
    return cast("JSONObject", value) if isinstance(value, dict) else None


def as_list(value: JSONValue) -> Sequence[JSONValue] | None:
    """The value when it is a JSON array, else None."""
    return cast("Sequence[JSONValue]", value) if isinstance(value, list) else None


def text(document: JSONObject, name: str) -> str | None:
    """The member when it is a non-empty string, else None."""
    value: JSONValue = document.get(name)
    return value if isinstance(value, str) and value else None


def texts(document: JSONObject, name: str) -> tuple[str, ...] | None:
    """The strings of an array member, others left out; None when the member is no array."""
    values = as_list(document.get(name))
    return None if values is None else tuple(value for value in values if isinstance(value, str))


def number(document: JSONObject, name: str) -> float | None:
    """The member when it is a finite number, else None."""
    value: JSONValue = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 2**53 else None
