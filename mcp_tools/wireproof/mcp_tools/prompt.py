"""Prompts: functions that make messages from string arguments. Spec: 2026-07-28 server/prompts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from wireproof.mcp_tools.content import BLOCKS, PromptMessage, Text
from wireproof.mcp_tools.context import Context
from wireproof.mcp_tools.injection import Needs, find_needs
from wireproof.schemas.docstring import read_docstring
from wireproof.schemas.jsonrpc import JSONObject, JSONValue
from wireproof.schemas.mcp.revisions import Revision
from wireproof.schemas.signature import Inputs, compile_inputs, type_hints

_ABSENT: Final[Mapping[Revision, frozenset[str]]] = {
    Revision.V2024_11_05: frozenset({"title", "icons", "_meta"}),
    Revision.V2025_03_26: frozenset({"title", "icons", "_meta"}),
    Revision.V2025_06_18: frozenset({"icons"}),
    Revision.V2025_11_25: frozenset(),
    Revision.V2026_07_28: frozenset(),
}


class PromptOptions(TypedDict, total=False):
    """What an author may say of a prompt besides its function; every field may stay out."""

    name: str | None
    title: str | None
    description: str | None
    icons: Sequence[Mapping[str, JSONValue]] | None
    meta: Mapping[str, JSONValue] | None
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A compiled prompt. `definition` is of the newest revision."""

    name: str
    function: Callable[..., Any]
    definition: JSONObject
    inputs: Inputs
    needs: Needs
    is_async: bool
    timeout_s: float | None

    @classmethod
    def of(cls, function: Callable[..., Any], options: PromptOptions) -> Prompt:
        """Compile a function. Raises `SignatureError`."""
        hints = type_hints(function)
        needs = find_needs(function, Context, hints)
        inputs = compile_inputs(function, skip=needs.names, hints=hints, lax=True)
        name = options.get("name") or function.__name__
        definition = _definition(name, function, options, inputs)
        return cls(
            name, function, definition, inputs, needs, inspect.iscoroutinefunction(function), options.get("timeout_s")
        )

    def render(self, revision: Revision) -> JSONObject:
        """The definition as that revision says it."""
        absent = _ABSENT[revision]
        return {key: value for key, value in self.definition.items() if key not in absent}

    def messages(self, value: Any, revision: Revision) -> JSONObject:
        """The GetPromptResult of a returned value: text, a block, a message, or a list of these."""
        items: list[Any] = [*value] if isinstance(value, list | tuple) else [value]
        result: JSONObject = {"messages": [_message(item).wire(revision) for item in items]}
        description = self.definition.get("description")
        if description:
            result["description"] = description
        return result


def _message(item: Any) -> PromptMessage:
    if isinstance(item, PromptMessage):
        return item
    if isinstance(item, str):
        return PromptMessage("user", Text(item))
    if isinstance(item, BLOCKS):
        return PromptMessage("user", item)
    raise TypeError(f"a prompt returns text, content blocks or PromptMessage objects, not {type(item).__name__}")


def _definition(name: str, function: Callable[..., Any], options: PromptOptions, inputs: Inputs) -> JSONObject:
    described = read_docstring(inspect.getdoc(function) or "").description
    description = options.get("description", described)
    title, icons, meta = options.get("title"), options.get("icons"), options.get("meta")
    required = inputs.json_schema.get("required", ())
    arguments: list[JSONObject] = []
    for argument, schema in inputs.json_schema["properties"].items():
        entry: JSONObject = {"name": argument, "required": argument in required}
        if "description" in schema:
            entry["description"] = schema["description"]
        arguments.append(entry)
    definition: JSONObject = {"name": name}
    if title:
        definition["title"] = title
    if description:
        definition["description"] = description
    if arguments:
        definition["arguments"] = arguments
    if icons:
        definition["icons"] = [dict(icon) for icon in icons]
    if meta:
        definition["_meta"] = dict(meta)
    return definition
