"""A tool: a typed function, compiled once, and the definition that clients see.

Holds what is known before any call; `calls.py` runs it. Spec: 2026-07-28 server/tools.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from wireproof.mcp_tools.content import BLOCKS, ToolResult
from wireproof.mcp_tools.context import Context
from wireproof.mcp_tools.injection import Needs, find_needs
from wireproof.mcp_tools.tasks.options import TaskOption, TaskOptions, task_options
from wireproof.schemas.docstring import read_docstring
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.schemas.mcp.revisions import Revision
from wireproof.schemas.signature import (
    ArgumentsInvalid,
    Inputs,
    Output,
    Problem,
    SignatureError,
    compile_inputs,
    compile_output,
    type_hints,
)

_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
_HEADER: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_TYPES: Final = {"string", "integer", "boolean"}


class ToolOptions(TypedDict, total=False):
    """What an author may say of a tool besides its function; every field may stay out.

    `timeout_s` bounds one call in seconds. `scopes` are OAuth scopes that a caller needs. `input_schema` and
    `output_schema` are raw JSON Schemas, used instead of the annotations; the function then takes the arguments by
    name. `annotations` are ToolAnnotations by their wire names. `task` lets calls outlive their request: True, or
    `"required"`, `"optional"`, `"forbidden"`, or `TaskOptions`.
    """

    name: str | None
    title: str | None
    description: str | None
    annotations: Mapping[str, JSONValue] | None
    icons: Sequence[Mapping[str, JSONValue]] | None
    meta: Mapping[str, JSONValue] | None
    input_schema: JSONObject | None
    output_schema: JSONObject | None
    timeout_s: float | None
    scopes: Iterable[str]
    task: TaskOption | None


@dataclass(frozen=True, slots=True)
class Tool:
    """A compiled tool. `definition` is the Tool object of the newest revision."""

    name: str
    function: Callable[..., Any]
    definition: JSONObject
    validate: Callable[[JSONObject], dict[str, Any]]
    output: Output | None
    needs: Needs
    is_async: bool
    timeout_s: float | None
    scopes: frozenset[str]
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """`Mcp-Param-*` header names (lower case) and the path of the argument each mirrors."""
    task: TaskOptions | None = None

    @classmethod
    def of(cls, function: Callable[..., Any], options: ToolOptions) -> Tool:
        """Compile a function. Raises `SignatureError`."""
        hints = type_hints(function)
        needs = find_needs(function, Context, hints)
        inputs = _inputs(function, options, needs, hints)
        output = _output(options, hints.get("return", inspect.Parameter.empty))
        schema = inputs.json_schema
        name = options.get("name") or str(getattr(function, "__name__", ""))
        if not _NAME.fullmatch(name):
            raise SignatureError(f"tool name {name!r} is not 1 to 128 letters, digits, '_', '-' or '.': pass name=")
        is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
        return cls(
            name,
            function,
            _definition(name, function, options, schema, output),
            inputs.validate,
            output,
            needs,
            is_async,
            options.get("timeout_s"),
            _scopes(options.get("scopes", ())),
            find_headers(name, schema),
            task_options(options.get("task")),
        )

    def render(self, revision: Revision) -> JSONObject:
        """The definition as that revision says it."""
        absent = _ABSENT[revision]
        return {key: value for key, value in self.definition.items() if key not in absent}


_ABSENT: Final[Mapping[Revision, frozenset[str]]] = {
    Revision.V2024_11_05: frozenset({"title", "annotations", "outputSchema", "icons", "_meta", "execution"}),
    Revision.V2025_03_26: frozenset({"title", "outputSchema", "icons", "_meta", "execution"}),
    Revision.V2025_06_18: frozenset({"icons", "execution"}),
    Revision.V2025_11_25: frozenset(),
    Revision.V2026_07_28: frozenset({"execution"}),
}


def _definition(
    name: str, function: Callable[..., Any], options: ToolOptions, schema: JSONObject, output: Output | None
) -> JSONObject:
    description = options.get("description")
    if description is None:
        description = read_docstring(inspect.getdoc(function) or "").description
    definition: JSONObject = {"name": name}
    title, annotations = options.get("title"), options.get("annotations")
    icons, meta = options.get("icons"), options.get("meta")
    if title:
        definition["title"] = title
    if description:
        definition["description"] = description
    definition["inputSchema"] = schema
    if output is not None:
        definition["outputSchema"] = output.json_schema
    if annotations:
        definition["annotations"] = dict(annotations)
    if icons:
        definition["icons"] = [dict(icon) for icon in icons]
    if meta:
        definition["_meta"] = dict(meta)
    task = task_options(options.get("task"))
    if task is not None:
        definition["execution"] = {"taskSupport": task.support}
    return definition


def _inputs(function: Callable[..., Any], options: ToolOptions, needs: Needs, hints: dict[str, Any]) -> Inputs:
    schema = options.get("input_schema")
    if schema is None:
        return compile_inputs(function, skip=needs.names, hints=hints)
    return Inputs(schema, (), _RawSchema(schema))


class _RawSchema:
    """A raw JSON Schema in the place of a compiled signature."""

    def __init__(self, schema: JSONObject) -> None:
        from wireproof.schemas.json_schema import compile as compile_schema

        if schema.get("type") != "object":
            raise SignatureError('an input schema needs "type": "object"')
        self._compiled = compile_schema(schema)

    def validate_python(self, arguments: JSONObject) -> JSONObject:
        violations = self._compiled.validate(arguments)
        if violations:
            raise ArgumentsInvalid(tuple(Problem(_dotted(item.instance), item.message) for item in violations))
        return arguments


def _dotted(pointer: str) -> str:
    return pointer.lstrip("/").replace("/", ".")


def _output(options: ToolOptions, annotation: Any) -> Output | None:
    schema = options.get("output_schema")
    if schema is not None:
        from wireproof.schemas.json_schema import compile as compile_schema

        compiled = compile_schema(schema)

        def dump(value: Any) -> JSONValue:
            violations = compiled.validate(value)
            if violations:
                raise ArgumentsInvalid(tuple(Problem(_dotted(item.instance), item.message) for item in violations))
            return value

        return Output(schema, wrapped=False, _dump=dump)
    return None if _names_content(annotation) else compile_output(annotation)


def _names_content(annotation: Any) -> bool:
    """True when a return annotation speaks of content blocks, which carry no structured output."""
    import typing

    if annotation is ToolResult or annotation in BLOCKS:
        return True
    return any(_names_content(part) for part in typing.get_args(annotation))


def find_headers(tool: str, schema: JSONObject) -> dict[str, tuple[str, ...]]:
    """The `x-mcp-header` annotations of an input schema. Raises `SignatureError` for one that clients must refuse.

    Spec: 2026-07-28 basic/transports/streamable-http#schema-extension.
    """
    found: dict[str, tuple[str, ...]] = {}
    _walk_headers(tool, schema, (), found)
    return found


def _walk_headers(tool: str, schema: JSONObject, path: tuple[str, ...], found: dict[str, tuple[str, ...]]) -> None:
    properties: JSONValue = schema.get("properties")
    if not is_object(properties):
        return
    for name, part in properties.items():
        if not is_object(part):
            continue
        header = part.get("x-mcp-header")
        if header is not None:
            _check_header(tool, name, header, part, found)
            found[f"mcp-param-{header.lower()}"] = (*path, name)
        _walk_headers(tool, part, (*path, name), found)


def _check_header(tool: str, name: str, header: JSONValue, part: JSONObject, found: dict[str, tuple[str, ...]]) -> None:
    where = f"x-mcp-header of argument {name!r} of tool {tool!r}"
    if not isinstance(header, str) or not _HEADER.fullmatch(header):
        raise SignatureError(f"{where} is no HTTP token: use letters, digits and hyphens")
    if part.get("type") not in _HEADER_TYPES:
        raise SignatureError(f"{where} sits on a value that is no string, integer or boolean")
    if f"mcp-param-{header.lower()}" in found:
        raise SignatureError(f"{where} is given twice (case does not count)")


def _scopes(given: Iterable[str]) -> frozenset[str]:
    """Scopes as OAuth writes them in one text, or one by one."""
    return frozenset(given.split() if isinstance(given, str) else given)
