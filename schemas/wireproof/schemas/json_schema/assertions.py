"""The keywords that look at one value and hold no subschema.

Spec: JSON Schema 2020-12 Validation section 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wireproof.schemas.json_schema.compiling import Site
from wireproof.schemas.json_schema.equality import divides, key, size
from wireproof.schemas.json_schema.evaluation import Check, Path, Run, Seen
from wireproof.schemas.json_schema.words import kind_of, listed, noun, plural, show, type_name
from wireproof.schemas.jsonrpc import JSONValue, is_array

_TYPES: Final[dict[str, frozenset[type]]] = {
    "object": frozenset((dict,)),
    "array": frozenset((list,)),
    "string": frozenset((str,)),
    "integer": frozenset((int,)),
    "number": frozenset((int, float)),
    "boolean": frozenset((bool,)),
    "null": frozenset((type(None),)),
}


def type_(site: Site) -> Check:
    """`type`: a name or an array of names."""
    value = site.schema["type"]
    names = [value] if type(value) is str else site.strings("type", value)
    if not names or not all(name in _TYPES for name in names):
        raise site.invalid("type", "one of, or an array of, " + listed(_TYPES))
    allowed = frozenset[type]().union(*(_TYPES[name] for name in names))
    whole = "integer" in names and "number" not in names
    wanted = listed(type_name(name) for name in names)
    where = site.where("type")

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        kind = kind_of(value)
        if kind in allowed or (whole and kind is float and value.is_integer()):
            return True
        if kind not in _PLAIN and any(isinstance(value, each) for each in allowed):
            return True
        return run.violations is not None and run.fail(path, where, f"must be {wanted}, got {noun(value)}")

    return check


_PLAIN: Final = frozenset((dict, list, str, int, float, bool, type(None)))


def const(site: Site) -> Check:
    """`const`."""
    wanted = key(site.schema["const"])
    text = show(site.schema["const"])
    where = site.where("const")

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        run.charge(size(value))
        if key(value) == wanted:
            return True
        return run.violations is not None and run.fail(path, where, f"must be {text}, got {noun(value)}")

    return check


def enum(site: Site) -> Check:
    """`enum`."""
    values = site.schema["enum"]
    if not is_array(values):
        raise site.invalid("enum", "an array")
    allowed = frozenset(key(value) for value in values)
    text = listed(show(value) for value in values) if values else "nothing"
    where = site.where("enum")

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        if type(value) is not str:
            run.charge(size(value))
        if key(value) in allowed:
            return True
        return run.violations is not None and run.fail(path, where, f"must be one of {text}, got {noun(value)}")

    return check


def multiple_of(site: Site) -> Check:
    """`multipleOf`, exact in decimals."""
    divisor = site.number("multipleOf")
    if divisor <= 0:
        raise site.invalid("multipleOf", "more than 0")
    return _number(site, "multipleOf", lambda value: divides(divisor, value), f"a multiple of {show(divisor)}")


def minimum(site: Site) -> Check:
    """`minimum`."""
    bound = site.number("minimum")
    return _number(site, "minimum", lambda value: value >= bound, f"at least {show(bound)}")


def maximum(site: Site) -> Check:
    """`maximum`."""
    bound = site.number("maximum")
    return _number(site, "maximum", lambda value: value <= bound, f"at most {show(bound)}")


def exclusive_minimum(site: Site) -> Check:
    """`exclusiveMinimum`."""
    bound = site.number("exclusiveMinimum")
    return _number(site, "exclusiveMinimum", lambda value: value > bound, f"more than {show(bound)}")


def exclusive_maximum(site: Site) -> Check:
    """`exclusiveMaximum`."""
    bound = site.number("exclusiveMaximum")
    return _number(site, "exclusiveMaximum", lambda value: value < bound, f"less than {show(bound)}")


def _number(site: Site, keyword: str, fits: Callable[[int | float], bool], rule: str) -> Check:
    where = site.where(keyword)

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        if fits(value):
            return True
        return run.violations is not None and run.fail(path, where, f"must be {rule}, got {show(value)}")

    return check


def min_length(site: Site) -> Check:
    """`minLength`, in code points."""
    return _at_least(site, "minLength", "character")


def max_length(site: Site) -> Check:
    """`maxLength`, in code points."""
    return _at_most(site, "maxLength", "character")


def min_items(site: Site) -> Check:
    """`minItems`."""
    return _at_least(site, "minItems", "item")


def max_items(site: Site) -> Check:
    """`maxItems`."""
    return _at_most(site, "maxItems", "item")


def min_properties(site: Site) -> Check:
    """`minProperties`."""
    return _at_least(site, "minProperties", "property")


def max_properties(site: Site) -> Check:
    """`maxProperties`."""
    return _at_most(site, "maxProperties", "property")


def _at_least(site: Site, keyword: str, word: str) -> Check:
    bound = site.count(keyword)
    where = site.where(keyword)

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        if len(value) >= bound:
            return True
        return run.fail(path, where, f"must have at least {plural(bound, word)}, has {len(value)}")

    return check


def _at_most(site: Site, keyword: str, word: str) -> Check:
    bound = site.count(keyword)
    where = site.where(keyword)

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        if len(value) <= bound:
            return True
        return run.fail(path, where, f"must have at most {plural(bound, word)}, has {len(value)}")

    return check


def pattern(site: Site) -> Check:
    """`pattern`: found anywhere in the string, in linear time."""
    text = site.schema["pattern"]
    if type(text) is not str:
        raise site.invalid("pattern", "a string")
    where = site.where("pattern")
    matches = site.compiler.pattern(text, where)
    rule = f"must match the pattern {show(text)}"

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        if len(value) > 1000:
            run.charge(len(value) // 1000)
        if matches(value):
            return True
        return run.violations is not None and run.fail(path, where, f"{rule}, got {show(value)}")

    return check


def unique_items(site: Site) -> Check | None:
    """`uniqueItems`, by JSON equality."""
    wanted = site.schema["uniqueItems"]
    if type(wanted) is not bool:
        raise site.invalid("uniqueItems", "a boolean")
    where = site.where("uniqueItems")

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        run.charge(size(value))
        known: dict[object, int] = {}
        for index, item in enumerate(value):
            first = known.setdefault(key(item), index)
            if first != index:
                return run.fail(path, where, f"must not repeat an item, but items {first} and {index} are equal")
        return True

    return check if wanted else None


def required(site: Site) -> Check:
    """`required`."""
    names = tuple(site.strings("required", site.schema["required"]))
    where = site.where("required")

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        for name in names:
            if name not in value:
                return run.violations is not None and _missing(run, value, path)
        return True

    def _missing(run: Run, value: JSONValue, path: Path) -> bool:
        for name in names:
            if name not in value:
                run.fail((path, name), where, "is required")
        return False

    return check


def dependent_required(site: Site) -> Check:
    """`dependentRequired`."""
    rules = {
        name: site.strings("dependentRequired", names) for name, names in site.mapping("dependentRequired").items()
    }
    return required_with(site, "dependentRequired", rules)


def required_with(site: Site, keyword: str, rules: dict[str, list[str]]) -> Check:
    """Properties that the presence of another one requires."""
    where = site.where(keyword)

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        ok = True
        for trigger, names in rules.items():
            if trigger not in value:
                continue
            for name in names:
                if name not in value:
                    ok = run.fail((path, name), where, f"is required when {show(trigger)} is present")
        return ok

    return check
