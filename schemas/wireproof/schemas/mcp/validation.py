"""Checking messages against the schema of a revision: typed dictionaries and their marks, compiled to pydantic-core.

Values are decoded JSON and are never changed. A value passes exactly when the official JSON Schema of the revision
lets it pass.

Spec: schema.json of each revision.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wireproof.schemas.jsonrpc import JSONValue, is_array, is_object
from wireproof.schemas.mcp.revisions import Revision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Problem(NamedTuple):
    """Why a message does not fit; the first and closest reason."""

    pointer: str
    """JSON pointer into the message; empty for the message itself."""
    text: str
    """What must be true; never holds more than a few characters of the message."""

    def __str__(self) -> str:
        return f"{self.pointer}: {self.text}" if self.pointer else self.text


class UnknownDefinition(LookupError):
    """The revision has no definition of that name."""


class Validator:
    """One definition of one revision, ready to check decoded JSON; may be shared between threads."""

    __slots__ = ("_explain", "is_valid", "name", "revision")

    def __init__(
        self,
        name: str,
        revision: Revision,
        is_valid: Callable[[JSONValue], bool],
        explain: Callable[[JSONValue], list[Any]],
    ) -> None:
        self.name = name
        self.revision = revision
        self.is_valid = is_valid
        self._explain = explain

    def check(self, value: JSONValue) -> Problem | None:
        """None for a value that fits, else why it does not."""
        if self.is_valid(value):
            return None
        return _closest(value, self._explain(value))

    def __repr__(self) -> str:
        return f"<Validator {self.name} of {self.revision.value}>"


_CACHE: Final[dict[tuple[str, Revision, bool], Validator]] = {}
_LOCK: Final = threading.Lock()


def validator(name: str, revision: Revision, *, numbers: bool = False) -> Validator:
    """The validator of a definition, such as `"CallToolRequestParams"`; compiled when first asked for.

    The JSON Schemas let neither null nor a number with a fraction into elicited content and, in 2026-07-28, into
    capabilities and metadata typed `JSONObject`, although the prose allows both; `numbers=True` follows the prose.

    Raises `UnknownDefinition` when that revision has none of that name.
    """
    found = _CACHE.get((name, revision, numbers))
    if found is None:
        with _LOCK:
            found = _CACHE[name, revision, numbers] = _build(name, revision, numbers)
    return found


def _build(name: str, revision: Revision, numbers: bool) -> Validator:
    from pydantic_core import SchemaValidator, ValidationError

    from wireproof.schemas.mcp.core_schemas import core_schema_of
    from wireproof.schemas.mcp.spans import defined

    schema = core_schema_of(name, revision, numbers)
    if schema is None or not defined(name, revision):
        raise UnknownDefinition(f"MCP {revision.value} has no definition {name[:60]!r}")
    compiled = SchemaValidator(schema, {"strict": True})

    def explain(value: JSONValue) -> list[Any]:
        try:
            compiled.validate_python(value)
        except ValidationError as error:
            return error.errors(include_url=False, include_input=False)
        return []

    return Validator(name, revision, compiled.isinstance_python, explain)


BRANCH: Final = "\x00"
"""Marks a step that names a member of a union, not a place in the message."""

_TEXTS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "float_type": "must be a number",
    "bool_type": "must be a boolean",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "typed_dict_type": "must be an object",
    "none_required": "must be null",
}


def _closest(value: JSONValue, errors: list[Any]) -> Problem:
    if not errors:
        return Problem("", "does not fit the schema")
    branches: dict[tuple[str, ...], list[Any]] = {}
    for error in errors:
        names = tuple(str(step) for step in error["loc"] if str(step).startswith(BRANCH))
        branches.setdefault(names, []).append(error)
    best = min(branches.values(), key=_distance)
    error = best[0]
    return Problem(_pointer(value, error["loc"]), _text(error))


def _distance(errors: list[Any]) -> tuple[int, int]:
    """A branch of a union is close when its kind fits and few of its fields do not."""
    wrong_kind = sum(error["type"] in ("literal_error", "dict_type", "list_type") for error in errors)
    return wrong_kind, len(errors) - max(len(error["loc"]) for error in errors)


def _pointer(value: JSONValue, loc: tuple[str | int, ...]) -> str:
    from wireproof.schemas.json_schema.resources import escape

    steps: list[str] = []
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if is_object(value) and (step in value or (last and not str(step).startswith(BRANCH))):
            value = value.get(str(step))
        elif is_array(value) and isinstance(step, int):
            value = value[step]
        else:
            continue  # names a member of a union
        steps.append(escape(str(step)))
    text = "".join(f"/{step}" for step in steps)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _text(error: Any) -> str:
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        name = str(context["discriminator"]).strip("'")
        expected = context.get("expected_tags")
        return f"needs a {name}" + (f" of {expected}" if expected else "")
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = context.get("ge", context.get("le"))
        return f"must be at {'least' if 'ge' in context else 'most'} {bound:g}"
    if kind == "too_long":
        return f"must have at most {context['max_length']} items"
    return _TEXTS.get(kind) or (error["msg"] if kind.startswith("mcp_") else "does not fit the schema")
