"""The table of keywords, and the order in which they run.

Spec: JSON Schema 2020-12 Core 8 to 11, Validation 6; draft-07 Validation 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wireproof.schemas.json_schema import applicators, assertions, children
from wireproof.schemas.json_schema.compiling import KINDS, Site
from wireproof.schemas.json_schema.evaluation import Check, Path, Run, Seen
from wireproof.schemas.jsonrpc import JSONValue

_ANY: Final = KINDS
_OBJECT: Final = (dict,)
_ARRAY: Final = (list,)
_STRING: Final = (str,)
_NUMBER: Final = (int, float)

Factory = Callable[[Site], Check | None]

# (keywords of which any calls for the row, value types it looks at, factory); rows run from top to bottom.
_ROWS: Final[tuple[tuple[tuple[str, ...], tuple[type, ...], Factory], ...]] = (
    (("type",), _ANY, assertions.type_),
    (("const",), _ANY, assertions.const),
    (("enum",), _ANY, assertions.enum),
    (("multipleOf",), _NUMBER, assertions.multiple_of),
    (("minimum",), _NUMBER, assertions.minimum),
    (("maximum",), _NUMBER, assertions.maximum),
    (("exclusiveMinimum",), _NUMBER, assertions.exclusive_minimum),
    (("exclusiveMaximum",), _NUMBER, assertions.exclusive_maximum),
    (("minLength",), _STRING, assertions.min_length),
    (("maxLength",), _STRING, assertions.max_length),
    (("pattern",), _STRING, assertions.pattern),
    (("minItems",), _ARRAY, assertions.min_items),
    (("maxItems",), _ARRAY, assertions.max_items),
    (("uniqueItems",), _ARRAY, assertions.unique_items),
    (("required",), _OBJECT, assertions.required),
    (("minProperties",), _OBJECT, assertions.min_properties),
    (("maxProperties",), _OBJECT, assertions.max_properties),
    (("dependentRequired",), _OBJECT, assertions.dependent_required),
    (("$ref",), _ANY, applicators.reference),
    (("$dynamicRef",), _ANY, applicators.dynamic_reference),
    (("propertyNames",), _OBJECT, children.property_names),
    (("properties", "patternProperties", "additionalProperties"), _OBJECT, children.properties),
    (("prefixItems", "items"), _ARRAY, children.items),
    (("draft7Items",), _ARRAY, children.draft_7_items),
    (("contains",), _ARRAY, children.contains),
    (("dependentSchemas",), _OBJECT, applicators.dependent_schemas),
    (("dependencies",), _OBJECT, applicators.dependencies),
    (("allOf",), _ANY, applicators.all_of),
    (("anyOf",), _ANY, applicators.any_of),
    (("oneOf",), _ANY, applicators.one_of),
    (("not",), _ANY, applicators.not_),
    (("if",), _ANY, applicators.if_),
)
_UNEVALUATED: Final[tuple[tuple[str, type, Factory], ...]] = (
    ("unevaluatedItems", list, children.unevaluated_items),
    ("unevaluatedProperties", dict, children.unevaluated_properties),
)


def compile_keywords(site: Site) -> dict[type, tuple[Check, ...]]:
    """The checks of one schema object by the type of the value."""
    dialect = site.place.resource.dialect
    present = set(site.schema)
    if dialect.ref_overrides:
        present = {"$ref"} if "$ref" in present else present
        if "items" in present:
            present = (present - {"items"}) | {"draft7Items"}
    present &= dialect.keywords
    groups: dict[type, list[Check]] = {kind: [] for kind in KINDS}
    for keywords, kinds, factory in _ROWS:
        if not present.isdisjoint(keywords):
            check = factory(site)
            if check is not None:
                for kind in kinds:
                    groups[kind].append(check)
    checks = {kind: tuple(group) for kind, group in groups.items()}
    for keyword, kind, factory in _UNEVALUATED:
        if keyword in present:
            last = factory(site)
            if last is not None:
                checks[kind] = (_watching(checks[kind], last),)
    return checks


def _watching(checks: tuple[Check, ...], last: Check) -> Check:
    """The checks, and then `last` on what none of them has evaluated."""

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        own = Seen()
        ok = True
        for each in checks:
            if not each(run, value, path, own):
                if run.violations is None:
                    return False
                ok = False
        if not last(run, value, path, own):
            return False
        if ok and seen is not None:
            seen.merge(own)
        return ok

    return check
