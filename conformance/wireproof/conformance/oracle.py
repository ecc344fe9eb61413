"""Holds results against the wire schemas of `mcp_types`, and values against JSON Schemas with `jsonschema`.

Independent of our own models on purpose. Imports both libraries when first asked.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from wireproof.conformance.patience import TookTooLong, limited
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

PATIENCE: Final = 1.0
"""Seconds that one value may take; a pattern of a stranger can take for ever, and then nothing is held against it."""


def result_problem(method: str, revision: str, result: JSONObject) -> str:
    """What is wrong with a server's result for this method in this revision; "" when it fits or has no schema."""
    from pydantic import ValidationError

    model: Any = _models().get((method, revision))
    if model is None:
        return ""
    adapter: Any = _adapter(_branch(model, result))
    try:
        adapter.validate_python(result)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return ""


def _branch(model: Any, result: JSONObject) -> Any:
    """The part of a union that `resultType` names: each part alone takes members it does not know."""
    parts: tuple[Any, ...] = getattr(model, "__args__", ())
    if not parts:
        return model
    asks = result.get("resultType") == "input_required"
    return next(part for part in parts if (part.__name__ == "InputRequiredResult") == asks)


@cache
def _models() -> dict[tuple[str, str], Any]:
    from mcp_types.methods import SERVER_RESULTS

    return dict(SERVER_RESULTS)


@cache
def _adapter(model: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(model)


def schema_problem(schema: JSONValue) -> str:
    """Why this is no valid JSON Schema of its dialect, 2020-12 by default; "" when it is one."""
    from jsonschema import validators
    from jsonschema.exceptions import SchemaError

    if not is_object(schema):
        return "a schema must be an object"
    kind: Any = validators.validator_for(schema, default=validators.Draft202012Validator)
    try:
        with limited(PATIENCE):
            kind.check_schema(schema)
    except TookTooLong:
        return ""
    except SchemaError as error:
        return str(error.message)
    return ""


@cache
def _nowhere() -> Any:
    import referencing

    return vars(referencing)["Registry"]()


def value_problem(schema: JSONValue, value: JSONValue) -> str:
    """Why the value does not fit the schema; "" when it does. Follows no network reference."""
    from jsonschema import validators
    from jsonschema.exceptions import ValidationError

    kind: Any = validators.validator_for(schema, default=validators.Draft202012Validator)
    try:
        with limited(PATIENCE):
            kind(schema, registry=_nowhere()).validate(value)
    except TookTooLong:
        return ""
    except ValidationError as error:
        return str(error.message)
    except Exception as error:  # an unresolved reference of a stranger
        return str(error)
    return ""
