"""The known dialects: which keywords each has, and which of them hold subschemas.

Spec: JSON Schema 2020-12 Core 8.1 and 10; draft-07 Core 5 and Validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from wireproof.schemas.json_schema.errors import UnknownDialect
from wireproof.schemas.json_schema.metaschemas import DRAFT_07, DRAFT_2020_12, VOCABULARY
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object


class Holds(Enum):
    """How a keyword holds its subschemas."""

    ONE = "one"
    LIST = "list"
    MAP = "map"
    ONE_OR_LIST = "one or list"
    MAP_OR_STRINGS = "map of schemas or string arrays"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect as the compiler needs it."""

    keywords: frozenset[str]
    """The keywords that assert or apply."""
    holds: Mapping[str, Holds]
    ref_overrides: bool = False
    """Draft-07: a `$ref` makes every keyword beside it void."""
    has_anchors: bool = True


_VALIDATION: Final = frozenset(
    (
        "type",
        "const",
        "enum",
        "multipleOf",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "maxItems",
        "minItems",
        "uniqueItems",
        "maxProperties",
        "minProperties",
        "required",
    )
)
_CORE: Final = frozenset(("$ref", "$dynamicRef"))
_BY_VOCABULARY: Final = {
    "core": _CORE,
    "applicator": frozenset(
        (
            "prefixItems",
            "items",
            "contains",
            "additionalProperties",
            "properties",
            "patternProperties",
            "dependentSchemas",
            "propertyNames",
            "dependencies",
            "if",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
        )
    ),
    "unevaluated": frozenset(("unevaluatedItems", "unevaluatedProperties")),
    "validation": _VALIDATION | {"dependentRequired"},
    "meta-data": frozenset[str](),
    "format-annotation": frozenset[str](),
    "content": frozenset[str](),
}
_SHARED: Final = {
    **dict.fromkeys(("additionalProperties", "propertyNames", "contains", "if", "then", "else", "not"), Holds.ONE),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), Holds.LIST),
    **dict.fromkeys(("properties", "patternProperties", "definitions"), Holds.MAP),
    "dependencies": Holds.MAP_OR_STRINGS,
}
_HOLDS_2020: Final = {
    **_SHARED,
    **dict.fromkeys(("items", "unevaluatedItems", "unevaluatedProperties", "contentSchema"), Holds.ONE),
    **dict.fromkeys(("$defs", "dependentSchemas"), Holds.MAP),
    "prefixItems": Holds.LIST,
}
DRAFT_2020: Final = Dialect(frozenset[str]().union(*_BY_VOCABULARY.values()), _HOLDS_2020)
DRAFT_7: Final = Dialect(
    _VALIDATION
    | frozenset(
        (
            "$ref",
            "draft7Items",
            "contains",
            "additionalProperties",
            "properties",
            "patternProperties",
            "dependencies",
            "propertyNames",
            "if",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
        )
    ),
    {**_SHARED, "items": Holds.ONE_OR_LIST, "additionalItems": Holds.ONE},
    ref_overrides=True,
    has_anchors=False,
)
_BY_URI: Final = {
    DRAFT_2020_12: DRAFT_2020,
    DRAFT_07: DRAFT_7,
    DRAFT_07.replace("http:", "https:"): DRAFT_7,
}


def dialect_of(
    schema: JSONValue, documents: Callable[[str], JSONValue | None], default: Dialect = DRAFT_2020
) -> Dialect:
    """The dialect that `$schema` names, `default` without one. Raises `UnknownDialect`.

    A metaschema among `documents` may choose vocabularies of 2020-12.
    """
    if not is_object(schema) or "$schema" not in schema:
        return default
    name = schema["$schema"]
    known = _BY_URI.get(name.rstrip("#")) if type(name) is str else None
    if known is not None:
        return known
    document = documents(name.rstrip("#")) if type(name) is str else None
    if not is_object(document):
        text = repr(name)[:100]
        raise UnknownDialect(f"the dialect {text} is not known; use {DRAFT_2020_12} or {DRAFT_07}#", "/$schema")
    return _from_vocabularies(document)


def _from_vocabularies(metaschema: JSONObject) -> Dialect:
    vocabularies: JSONValue = metaschema.get("$vocabulary")
    if not is_object(vocabularies):
        return DRAFT_2020
    keywords = _CORE
    for uri, required in vocabularies.items():
        name = uri.removeprefix(VOCABULARY) if uri.startswith(VOCABULARY) else ""
        known = _BY_VOCABULARY.get(name)
        if known is not None:
            keywords |= known
        elif required:
            raise UnknownDialect(f"the dialect requires the unknown vocabulary {uri[:100]}", "/$schema")
    return Dialect(keywords, _HOLDS_2020)
