"""From a typed function to JSON Schema and a compiled validator; shared by tools and skills.

Plain annotations (JSON's own types, Optional, Literal, Enum, list, dict) compile straight to pydantic-core, so that a
server of plain functions starts without importing pydantic. Everything else goes through pydantic itself.
Knows no protocol.
"""

# `type(x) is dict` narrows to a dict of unknown types for pyright; what JSON holds is open anyway.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import enum
import inspect
import sys
import types
import typing
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic_core import SchemaValidator, ValidationError, to_jsonable_python

from wireproof.schemas.docstring import read_docstring
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

_MISSING: Final = inspect.Parameter.empty


class SignatureError(TypeError):
    """A function whose signature cannot be offered; the message says which parameter and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One argument that does not fit. `path` is dotted, `text` a sentence that a model can act on."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


class ArgumentsInvalid(ValueError):
    """Arguments that do not fit their schema."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Inputs:
    """The compiled parameters of a function."""

    json_schema: JSONObject
    names: tuple[str, ...]
    _validator: Any = field(repr=False)
    _fields: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)

    def validate(self, arguments: JSONObject) -> dict[str, Any]:
        """The arguments as the function takes them. Raises `ArgumentsInvalid`."""
        try:
            valid = self._validator.validate_python(arguments)
        except ValidationError as error:
            valid = self._retry(arguments, error)
        if self._fields is None:
            return typing.cast("dict[str, Any]", valid)
        return {name: getattr(valid, attribute) for attribute, name in self._fields}

    def _retry(self, arguments: JSONObject, error: ValidationError) -> Any:
        whole = _with_whole_numbers(arguments)  # JSON Schema: 3.0 is an integer
        if whole is not None:
            try:
                return self._validator.validate_python(whole)
            except ValidationError as again:
                error = again
        raise ArgumentsInvalid(tuple(_problem(item) for item in error.errors(include_url=False))) from None


@dataclass(frozen=True, slots=True)
class Output:
    """The compiled return annotation. `json_schema` always describes an object; `wrapped` says that a value that is
    none travels as `{"result": value}`."""

    json_schema: JSONObject
    wrapped: bool
    _dump: Callable[[Any], JSONValue] = field(repr=False)

    def dump(self, value: object) -> JSONValue:
        """The value as JSON, validated. Raises `ArgumentsInvalid` when it is not what the annotation promises."""
        try:
            dumped = self._dump(value)
        except ValidationError as error:
            raise ArgumentsInvalid(tuple(_problem(item) for item in error.errors(include_url=False))) from None
        return {"result": dumped} if self.wrapped else dumped


def compile_inputs(
    function: Callable[..., Any],
    *,
    skip: Container[str] = (),
    hints: Mapping[str, Any] | None = None,
    lax: bool = False,
) -> Inputs:
    """Compile the parameters of `function`, without those named in `skip`.

    `lax` is for arguments that travel as strings (prompts, URI templates): "3" is taken for an `int`.
    Raises `SignatureError`.
    """
    hints = type_hints(function) if hints is None else hints
    described = read_docstring(inspect.getdoc(function) or "").parameters
    wanted: list[tuple[str, Any, Any]] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in skip:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise SignatureError(
                f"parameter {name!r} of {function.__qualname__} cannot be passed by name: "
                "declare each argument as an ordinary or keyword-only parameter"
            )
        wanted.append((name, hints.get(name, Any), parameter.default))
    strings = all(annotation in (str, str | None) for _, annotation, _ in wanted)
    plain = _compile_plain(wanted, described) if strings or not lax else None
    return plain if plain is not None else _compile_model(function, wanted, described)


def compile_output(annotation: Any) -> Output | None:
    """Compile a return annotation; None where there is nothing to promise (no annotation, None, Any)."""
    if annotation in (_MISSING, None, type(None), Any):
        return None
    found = plain_type(annotation)
    if found is not None:
        core, schema = found
        validator = SchemaValidator(typing.cast("Any", core))
        wrapped = schema.get("type") != "object"
        return Output(_wrap(schema) if wrapped else schema, wrapped, _plain_dump(validator, annotation))
    from pydantic import PydanticSchemaGenerationError, TypeAdapter

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(with_known_typed_dicts(annotation))
        schema = adapter.json_schema(mode="serialization")
    except PydanticSchemaGenerationError as error:
        raise SignatureError(
            f"the return annotation {annotation!r} has no JSON form: return a model, a dataclass or JSON values"
        ) from error

    def dump(value: Any) -> JSONValue:
        return adapter.dump_python(adapter.validate_python(value), mode="json", by_alias=True)

    if not _is_object(schema):
        return Output(_wrap(schema), wrapped=True, _dump=dump)
    return Output(schema, wrapped=False, _dump=dump)


def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The resolved annotations of a function. Raises `SignatureError` naming one that cannot be resolved."""
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        raise SignatureError(
            f"an annotation of {getattr(function, '__qualname__', function)!s} names {error.name!r}, which is "
            "not known at module level: define or import it there"
        ) from error


def plain_type(annotation: Any) -> tuple[JSONObject, JSONObject] | None:
    """The pydantic-core schema and the JSON Schema of a plain annotation; None when it is not plain."""
    if annotation is Any or annotation is object:
        return {"type": "any"}, {}
    if isinstance(annotation, type) and annotation in _SCALARS:
        return _SCALARS[annotation]
    if annotation is None:
        return _SCALARS[type(None)]
    if isinstance(annotation, enum.EnumMeta):
        return _plain_enum(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    make = _CONTAINERS.get(origin if origin is not None else annotation)
    return make(arguments) if make is not None else None


_SCALARS: Final[dict[type, tuple[JSONObject, JSONObject]]] = {
    bool: ({"type": "bool", "strict": True}, {"type": "boolean"}),
    int: ({"type": "int", "strict": True}, {"type": "integer"}),
    float: ({"type": "float", "strict": True, "allow_inf_nan": False}, {"type": "number"}),
    str: ({"type": "str", "strict": True}, {"type": "string"}),
    type(None): ({"type": "none"}, {"type": "null"}),
}


def _plain_list(arguments: tuple[Any, ...]) -> tuple[JSONObject, JSONObject] | None:
    items = plain_type(arguments[0]) if arguments else plain_type(Any)
    if items is None:
        return None
    return (
        {"type": "list", "items_schema": items[0], "strict": True},
        {"type": "array", "items": items[1]} if items[1] else {"type": "array"},
    )


def _plain_dict(arguments: tuple[Any, ...]) -> tuple[JSONObject, JSONObject] | None:
    if arguments and arguments[0] is not str:
        return None
    values = plain_type(arguments[1]) if arguments else plain_type(Any)
    if values is None:
        return None
    keys = {"type": "str", "strict": True}
    return (
        {"type": "dict", "keys_schema": keys, "values_schema": values[0], "strict": True},
        {"type": "object", "additionalProperties": values[1]} if values[1] else {"type": "object"},
    )


def _plain_union(arguments: tuple[Any, ...]) -> tuple[JSONObject, JSONObject] | None:
    choices = [plain_type(choice) for choice in arguments]
    known = [choice for choice in choices if choice is not None]
    if len(known) != len(choices):
        return None
    core = {"type": "union", "choices": [choice[0] for choice in known]}
    return core, {"anyOf": [choice[1] for choice in known]}


def _plain_literal(arguments: tuple[Any, ...]) -> tuple[JSONObject, JSONObject] | None:
    if any(type(value) not in (str, int, bool, type(None)) for value in arguments):
        return None
    schema: JSONObject = {"enum": list(arguments)}
    if all(type(value) is str for value in arguments):
        schema = {"type": "string", "enum": list(arguments)}
    return {"type": "literal", "expected": list(arguments)}, schema


def _plain_enum(annotation: enum.EnumMeta) -> tuple[JSONObject, JSONObject] | None:
    values = [member.value for member in annotation]  # type: ignore[var-annotated]
    if not values or any(type(value) not in (str, int) for value in values):
        return None
    schema: JSONObject = {"enum": values}
    if all(type(value) is str for value in values):
        schema = {"type": "string", "enum": values}
    return {"type": "enum", "cls": annotation, "members": list(annotation)}, schema


_CONTAINERS: Final[dict[Any, Callable[[tuple[Any, ...]], tuple[JSONObject, JSONObject] | None]]] = {
    list: _plain_list,
    dict: _plain_dict,
    typing.Union: _plain_union,
    types.UnionType: _plain_union,
    Literal: _plain_literal,
}


def _compile_plain(wanted: list[tuple[str, Any, Any]], described: Mapping[str, str]) -> Inputs | None:
    fields: JSONObject = {}
    properties: JSONObject = {}
    required: list[str] = []
    for name, annotation, default in wanted:
        text = described.get(name)
        if typing.get_origin(annotation) is typing.Annotated:
            annotation, *extra = typing.get_args(annotation)
            if len(extra) != 1 or not isinstance(extra[0], str):
                return None
            text = extra[0]
        found = plain_type(annotation)
        if found is None or not _is_plain_default(default):
            return None
        core, schema = found
        fields[name] = {"type": "typed-dict-field", "schema": core, "required": default is _MISSING}
        schema = dict(schema)
        if text:
            schema["description"] = text
        if default is _MISSING:
            required.append(name)
        else:
            schema["default"] = default.value if isinstance(default, enum.Enum) else default
        properties[name] = schema
    core_schema = {"type": "typed-dict", "fields": fields, "extra_behavior": "forbid"}
    json_schema: JSONObject = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        json_schema["required"] = required
    return Inputs(json_schema, tuple(properties), SchemaValidator(typing.cast("Any", core_schema)))


def _is_plain_default(default: Any) -> bool:
    return default is _MISSING or type(default) in (str, int, float, bool, type(None)) or isinstance(default, enum.Enum)


def _compile_model(
    function: Callable[..., Any], wanted: list[tuple[str, Any, Any]], described: Mapping[str, str]
) -> Inputs:
    from pydantic import ConfigDict, Field, PydanticSchemaGenerationError, create_model

    fields: dict[str, Any] = {}
    for index, (name, annotation, default) in enumerate(wanted):
        if typing.get_origin(annotation) is typing.Annotated:
            first, *extra = typing.get_args(annotation)
            extra = [Field(description=item) if isinstance(item, str) else item for item in extra]
            annotation = typing.Annotated[(first, *extra)]
        annotation = typing.Annotated[with_known_typed_dicts(annotation), Field(alias=name)]
        fields[f"p{index}"] = (annotation, ... if default is _MISSING else default)
    try:
        model = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
        schema = model.model_json_schema(by_alias=True)
    except PydanticSchemaGenerationError as error:
        raise SignatureError(f"a parameter of {function.__qualname__} has no JSON form: {error.message}") from error
    _tidy(schema, described)
    attributes = tuple((f"p{index}", name) for index, (name, _, _) in enumerate(wanted))
    return Inputs(schema, tuple(name for name, _, _ in wanted), model.__pydantic_validator__, attributes)


def _tidy(schema: JSONObject, described: Mapping[str, str]) -> None:
    schema.pop("title", None)
    for name, part in schema.setdefault("properties", {}).items():
        if part.get("title", "").replace(" ", "").lower() == name.replace("_", "").lower():
            part.pop("title", None)
        if name in described:
            part.setdefault("description", described[name])
    schema.setdefault("additionalProperties", False)


def _plain_dump(validator: SchemaValidator, annotation: Any) -> Callable[[Any], JSONValue]:
    if annotation in (str, int, bool):

        def dump_same(value: Any) -> JSONValue:
            return value if type(value) is annotation else to_jsonable_python(validator.validate_python(value))

        return dump_same

    def dump(value: Any) -> JSONValue:
        return to_jsonable_python(validator.validate_python(value))

    return dump


def with_known_typed_dicts(annotation: Any) -> Any:
    """The annotation with each `typing.TypedDict` as the one that pydantic takes before Python 3.12."""
    if sys.version_info >= (3, 12):
        return annotation
    import typing_extensions

    if isinstance(annotation, type) and typing.is_typeddict(annotation):
        if type(annotation).__module__ == "typing_extensions":
            return annotation
        fields: dict[str, Any] = {}
        for name, hint in typing.get_type_hints(annotation, include_extras=True).items():
            bare = typing.get_args(hint)[0] if typing.get_origin(hint) in _PRESENCE else hint
            kind = typing_extensions.Required if name in _required_keys(annotation) else typing_extensions.NotRequired
            fields[name] = kind[with_known_typed_dicts(bare)]
        make: Any = typing_extensions.TypedDict
        made: Any = make(annotation.__name__, fields)
        made.__doc__ = annotation.__doc__
        return made
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None or origin is Literal:
        return annotation
    known = tuple(with_known_typed_dicts(argument) for argument in arguments)
    if known == arguments:
        return annotation
    if origin in (types.UnionType, typing.Union):
        return typing.Union[known]  # noqa: UP007
    return typing.Annotated[known] if origin is typing.Annotated else origin[known]


def _required_keys(definition: Any) -> frozenset[str]:
    keys: frozenset[str] = definition.__required_keys__
    return keys


_PRESENCE: Final = (typing.Required, typing.NotRequired)


def _is_object(schema: JSONObject) -> bool:
    if schema.get("type") == "object":
        return True
    reference = schema.get("$ref", "")
    target = schema.get("$defs", {}).get(reference.rpartition("/")[2], {}) if reference else {}
    if target.get("type") == "object":
        schema["type"] = "object"  # said again at the top, where clients look for it
        return True
    return False


def _wrap(schema: JSONObject) -> JSONObject:
    definitions = schema.pop("$defs", None)
    wrapped: JSONObject = {"type": "object", "properties": {"result": schema}, "required": ["result"]}
    if definitions:
        wrapped["$defs"] = definitions
    return wrapped


def _with_whole_numbers(value: Any) -> Any | None:
    """The value with each whole float as an integer; None when it holds none."""
    changed = False

    def walk(item: Any, depth: int) -> Any:
        nonlocal changed
        if type(item) is float and item.is_integer():
            changed = True
            return int(item)
        if depth and type(item) is dict:
            return {key: walk(part, depth - 1) for key, part in item.items()}
        if depth and type(item) is list:
            return [walk(part, depth - 1) for part in item]
        return item

    whole = walk(value, 64)
    return whole if changed else None


_SENTENCES: Final[dict[str, str]] = {
    "missing": "is required",
    "missing_argument": "is required",
    "extra_forbidden": "is not an argument",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a string",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dataclass_type": "must be an object",
    "none_required": "must be null",
}


def _problem(error: Mapping[str, Any]) -> Problem:
    path = ".".join(str(part) for part in error["loc"])
    sentence = _SENTENCES.get(error["type"])
    if sentence is None:
        expected = error.get("ctx", {}).get("expected")
        sentence = f"must be {expected}" if expected else str(error["msg"]).replace("Input should be", "must be")
    if error["type"] not in ("missing", "extra_forbidden", "missing_argument"):
        sentence += f", got {_kind(error.get('input'))}"
    return Problem(path, sentence)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null"}
    if type(value) in names:
        return names[type(value)]
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
