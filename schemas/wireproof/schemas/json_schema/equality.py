"""JSON equality and exact divisibility: what two values being the same means to a schema.

Spec: JSON Schema 2020-12 Core 4.2.2 (1 and 1.0 are equal, true and 1 are not); Validation 6.2.1.
"""

from __future__ import annotations

from collections.abc import Hashable

from wireproof.schemas.jsonrpc import JSONValue, is_array, is_object


def key(value: JSONValue) -> Hashable:
    """A hashable stand-in: two JSON values are equal exactly when their keys are."""
    if value is True or value is False:
        return ("flag", value)
    if is_object(value):
        return ("object", frozenset((name, key(item)) for name, item in value.items()))
    if is_array(value):
        return ("array", *[key(item) for item in value])
    plain: Hashable = value
    return plain


def size(value: JSONValue) -> int:
    """How many values it holds, itself included."""
    count, pending = 0, [value]
    while pending:
        item = pending.pop()
        count += 1
        if is_object(item):
            pending.extend(item.values())
        elif is_array(item):
            pending.extend(item)
    return count


def divides(divisor: float, value: float) -> bool:
    """Whether `value` is a whole multiple of `divisor`, by the decimals that were written rather than by binary."""
    if type(divisor) is int and type(value) is int:
        return value % divisor == 0
    digits, exponent = _decimal(value)
    divisor_digits, divisor_exponent = _decimal(divisor)
    low = min(exponent, divisor_exponent)
    scaled: int = digits * 10 ** (exponent - low)
    divisor_scaled: int = divisor_digits * 10 ** (divisor_exponent - low)
    return scaled % divisor_scaled == 0


def _decimal(number: float) -> tuple[int, int]:
    """The number as digits and a power of ten."""
    if isinstance(number, int):
        return number, 0
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, decimals = mantissa.partition(".")
    return int(whole + decimals), int(exponent or 0) - len(decimals)
