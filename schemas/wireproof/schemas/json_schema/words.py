"""Values in the words of a violation message: short, and never a dump of the whole value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from wireproof.schemas.jsonrpc import JSONValue

_NOUNS: Final = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    type(None): "null",
}
_TYPES: Final = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "null": "null",
}


def kind_of(value: object) -> type:
    """The Python type of a value."""
    return type(value)


def noun(value: JSONValue) -> str:
    """What kind of value it is, and which one when it is short."""
    if value is None:
        return "null"
    if isinstance(value, (str, bool, int, float)):
        return f"{_NOUNS[type(value)].partition(' ')[2]} {show(value)}" if type(value) in _NOUNS else show(value)
    return _NOUNS.get(kind_of(value), "a value that is not JSON")


def show(value: JSONValue, limit: int = 60) -> str:
    """The value as JSON, shortened."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "of many digits"
    if isinstance(value, (dict, list)):
        return _NOUNS[list if isinstance(value, list) else dict]
    text = json.dumps(value[:limit] if isinstance(value, str) else value, ensure_ascii=False)
    return text if len(text) < limit else f"{text[: limit - 1]}…"


def type_name(name: str) -> str:
    """A type of JSON Schema with its article."""
    return _TYPES[name]


def listed(items: Iterable[str], last: str = "or", limit: int = 12) -> str:
    """`a, b or c`, cut when there are many."""
    names = list(items)
    if len(names) > limit:
        return f"{', '.join(names[:limit])} {last} {len(names) - limit} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def plural(count: int, word: str) -> str:
    """`1 item`, `2 items`."""
    return f"{count} {word}" if count == 1 else f"{count} {word[:-1]}ies" if word.endswith("y") else f"{count} {word}s"
