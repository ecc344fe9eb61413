"""The metaschemas of the known dialects, so that a schema may refer to them without anything being fetched.

Only what validates is here; titles and comments are left out.

Spec: JSON Schema 2020-12 Core 8.1; draft-07 Core 6.
"""

from __future__ import annotations

from typing import Final

from wireproof.schemas.jsonrpc import JSONObject, JSONValue

DRAFT_2020_12: Final = "https://json-schema.org/draft/2020-12/schema"
DRAFT_07: Final = "http://json-schema.org/draft-07/schema"
VOCABULARY: Final = "https://json-schema.org/draft/2020-12/vocab/"
_META: Final = "https://json-schema.org/draft/2020-12/meta/"

_META_REF: Final[JSONObject] = {"$dynamicRef": "#meta"}
_META_MAP: Final[JSONObject] = {"type": "object", "additionalProperties": _META_REF}
_META_LIST: Final[JSONObject] = {"type": "array", "minItems": 1, "items": _META_REF}
_STRING: Final[JSONObject] = {"type": "string"}
_BOOLEAN: Final[JSONObject] = {"type": "boolean"}
_NUMBER: Final[JSONObject] = {"type": "number"}
_COUNT: Final[JSONObject] = {"type": "integer", "minimum": 0}
_STRINGS: Final[JSONObject] = {"type": "array", "items": _STRING, "uniqueItems": True}
_TYPE_NAMES: Final[JSONObject] = {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]}
_TYPES: Final[JSONObject] = {
    "anyOf": [_TYPE_NAMES, {"type": "array", "items": _TYPE_NAMES, "minItems": 1, "uniqueItems": True}]
}
_ANCHOR: Final[JSONObject] = {"type": "string", "pattern": "^[A-Za-z_][-A-Za-z0-9._]*$"}


def _vocabulary(name: str, properties: JSONObject) -> JSONObject:
    return {
        "$schema": DRAFT_2020_12,
        "$id": _META + name,
        "$vocabulary": {VOCABULARY + name: True},
        "$dynamicAnchor": "meta",
        "type": ["object", "boolean"],
        "properties": properties,
    }


_CORE: Final[JSONObject] = {
    "$id": {"type": "string", "pattern": "^[^#]*#?$"},
    "$schema": _STRING,
    "$ref": _STRING,
    "$anchor": _ANCHOR,
    "$dynamicRef": _STRING,
    "$dynamicAnchor": _ANCHOR,
    "$vocabulary": {"type": "object", "additionalProperties": _BOOLEAN},
    "$comment": _STRING,
    "$defs": _META_MAP,
}
_APPLICATOR: Final[JSONObject] = {
    "prefixItems": _META_LIST,
    "properties": _META_MAP,
    "patternProperties": {**_META_MAP, "propertyNames": {"format": "regex"}},
    "dependentSchemas": _META_MAP,
    "allOf": _META_LIST,
    "anyOf": _META_LIST,
    "oneOf": _META_LIST,
} | dict.fromkeys(
    ("items", "contains", "additionalProperties", "propertyNames", "if", "then", "else", "not"), _META_REF
)
_VALIDATION: Final[JSONObject] = {
    "type": _TYPES,
    "const": True,
    "enum": {"type": "array"},
    "multipleOf": {"type": "number", "exclusiveMinimum": 0},
    "pattern": {"type": "string", "format": "regex"},
    "uniqueItems": _BOOLEAN,
    "required": _STRINGS,
    "dependentRequired": {"type": "object", "additionalProperties": _STRINGS},
    **dict.fromkeys(("maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"), _NUMBER),
    **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems", "maxContains", "minContains"), _COUNT),
    **dict.fromkeys(("maxProperties", "minProperties"), _COUNT),
}
_META_DATA: Final[JSONObject] = {
    "title": _STRING,
    "description": _STRING,
    "default": True,
    "deprecated": _BOOLEAN,
    "readOnly": _BOOLEAN,
    "writeOnly": _BOOLEAN,
    "examples": {"type": "array"},
}
_VOCABULARIES: Final[dict[str, JSONObject]] = {
    "core": _CORE,
    "applicator": _APPLICATOR,
    "unevaluated": dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), _META_REF),
    "validation": _VALIDATION,
    "meta-data": _META_DATA,
    "format-annotation": {"format": _STRING},
    "content": {"contentEncoding": _STRING, "contentMediaType": _STRING, "contentSchema": _META_REF},
}
_SELF: Final[JSONObject] = {"$ref": "#"}
_SELF_MAP: Final[JSONObject] = {"type": "object", "additionalProperties": _SELF}
_SELF_LIST: Final[JSONObject] = {"type": "array", "minItems": 1, "items": _SELF}
_DRAFT_07_KEYWORDS: Final[JSONObject] = {
    **{name: rule for name, rule in _VALIDATION.items() if name not in ("maxContains", "minContains")},
    "$id": _STRING,
    "$schema": _STRING,
    "$ref": _STRING,
    "$comment": _STRING,
    "title": _STRING,
    "description": _STRING,
    "default": True,
    "readOnly": _BOOLEAN,
    "writeOnly": _BOOLEAN,
    "examples": {"type": "array"},
    "format": _STRING,
    "contentMediaType": _STRING,
    "contentEncoding": _STRING,
    "items": {"anyOf": [_SELF, _SELF_LIST]},
    "definitions": _SELF_MAP,
    "properties": _SELF_MAP,
    "patternProperties": {**_SELF_MAP, "propertyNames": {"format": "regex"}},
    "dependencies": {"type": "object", "additionalProperties": {"anyOf": [_SELF, _STRINGS]}},
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _SELF_LIST),
    **dict.fromkeys(("additionalItems", "contains", "additionalProperties", "propertyNames"), _SELF),
    **dict.fromkeys(("if", "then", "else", "not"), _SELF),
}
del _DRAFT_07_KEYWORDS["dependentRequired"]


def metaschema(uri: str) -> JSONValue | None:
    """The metaschema of that identifier (without a fragment); None when it is not known here."""
    return _BY_URI.get(uri)


_BY_URI: Final[dict[str, JSONObject]] = {
    DRAFT_2020_12: {
        "$schema": DRAFT_2020_12,
        "$id": DRAFT_2020_12,
        "$vocabulary": {VOCABULARY + name: True for name in _VOCABULARIES},
        "$dynamicAnchor": "meta",
        "allOf": [{"$ref": f"meta/{name}"} for name in _VOCABULARIES],
        "type": ["object", "boolean"],
        "properties": {
            "definitions": _META_MAP,
            "dependencies": {"type": "object", "additionalProperties": {"anyOf": [_META_REF, _STRINGS]}},
        },
    },
    DRAFT_07: {
        "$schema": f"{DRAFT_07}#",
        "$id": f"{DRAFT_07}#",
        "type": ["object", "boolean"],
        "properties": _DRAFT_07_KEYWORDS,
    },
    **{_META + name: _vocabulary(name, properties) for name, properties in _VOCABULARIES.items()},
}
