"""JSON in its one canonical form, to the byte. Pure; knows no card and no signature. Spec: RFC 8785."""

from __future__ import annotations

import json
import math
from typing import Final

from wireproof.schemas.jsonrpc import JSONValue, is_array, is_object

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps; RFC 8785 signs no number that a reader may change."""
_MAX_DEPTH: Final = 200
_FIXED_UP_TO: Final = 21
"""Digits before the point up to which ECMAScript writes no exponent."""


class NotCanonical(ValueError):
    """A value that has no canonical form: NaN, infinity, an unsafe integer, a lone surrogate, or no JSON at all."""


def canonical(value: JSONValue) -> bytes:
    """The canonical UTF-8 bytes. Raises `NotCanonical`."""
    found: list[str] = []
    _write(value, found, 0)
    try:
        return "".join(found).encode()
    except UnicodeEncodeError:
        raise NotCanonical("a string holds half of a surrogate pair") from None


def _write(value: JSONValue, found: list[str], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise NotCanonical(f"nested deeper than {_MAX_DEPTH}")
    if is_object(value):
        _write_object(value, found, depth)
    elif is_array(value):
        for index, item in enumerate(value):
            found.append("," if index else "[")
            _write(item, found, depth + 1)
        found.append("]" if value else "[]")
    else:
        found.append(_scalar(value))


def _write_object(value: dict[str, JSONValue], found: list[str], depth: int) -> None:
    try:
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))  # by UTF-16 code units, section 3.2.3
    except (UnicodeEncodeError, AttributeError):
        raise NotCanonical("a member's name is no Unicode string") from None
    for index, name in enumerate(names):
        found.append("," if index else "{")
        found.append(_scalar(name))
        found.append(":")
        _write(value[name], found, depth + 1)
    found.append("}" if names else "{}")


def _scalar(value: JSONValue) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # escapes exactly what section 3.2.2.2 wants
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise NotCanonical("an integer beyond 2^53 - 1: write it as a string")
        return str(value)
    if isinstance(value, float):
        return number(value)
    raise NotCanonical(f"a {type(value).__name__} is no JSON value")


def number(value: float) -> str:
    """A double as ECMAScript's `Number::toString` writes it. Raises `NotCanonical` for NaN and infinity."""
    if not math.isfinite(value):
        raise NotCanonical("NaN and infinity are no JSON numbers")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    # repr gives the shortest digits that read back as this double, which is what ECMAScript asks for
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).rstrip("0")
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    return sign + _placed(stripped, point)


def _placed(digits: str, point: int) -> str:
    """The digits with the decimal point after `point` of them. ECMA-262, Number::toString, steps 6 to 10."""
    count = len(digits)
    if count <= point <= _FIXED_UP_TO:
        return digits + "0" * (point - count)
    if 0 < point <= _FIXED_UP_TO:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    exponent = f"e{point - 1:+d}"
    return digits[0] + (f".{digits[1:]}" if count > 1 else "") + exponent
