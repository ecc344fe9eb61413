"""Resources and resource templates: functions whose result a client reads by URI.

Spec: 2026-07-28 server/resources.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict
from urllib.parse import urlsplit

from pydantic_core import to_jsonable_python

from wireproof.mcp_tools.content import ResourceContents, json_text
from wireproof.mcp_tools.context import Context
from wireproof.mcp_tools.injection import Needs, find_needs
from wireproof.mcp_tools.uri_template import UriTemplate
from wireproof.schemas.docstring import read_docstring
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array
from wireproof.schemas.mcp.revisions import Revision
from wireproof.schemas.signature import Inputs, SignatureError, compile_inputs, type_hints

_ABSENT: Final[Mapping[Revision, frozenset[str]]] = {
    Revision.V2024_11_05: frozenset({"title", "icons", "_meta"}),
    Revision.V2025_03_26: frozenset({"title", "icons", "_meta"}),
    Revision.V2025_06_18: frozenset({"icons"}),
    Revision.V2025_11_25: frozenset(),
    Revision.V2026_07_28: frozenset(),
}


class ResourceOptions(TypedDict, total=False):
    """What an author may say of a resource besides its URI and function; every field may stay out.

    `cache_s` is how long a client may keep what it read; 0 means that it should ask each time. `public` says that
    the contents are the same for every caller.
    """

    name: str | None
    title: str | None
    description: str | None
    mime_type: str | None
    size: int | None
    annotations: Mapping[str, JSONValue] | None
    icons: Sequence[Mapping[str, JSONValue]] | None
    meta: Mapping[str, JSONValue] | None
    timeout_s: float | None
    cache_s: float
    public: bool


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, or with `template` a family of them. `definition` is of the newest revision."""

    uri: str
    function: Callable[..., Any]
    definition: JSONObject
    inputs: Inputs
    needs: Needs
    is_async: bool
    options: ResourceOptions
    template: UriTemplate | None = None

    @classmethod
    def of(cls, uri: str, function: Callable[..., Any], options: ResourceOptions) -> Resource:
        """Compile. A URI with `{…}` is a template. Raises `SignatureError` or `TemplateError`."""
        hints = type_hints(function)
        needs = find_needs(function, Context, hints)
        inputs = compile_inputs(function, skip=needs.names, hints=hints, lax=True)
        template = UriTemplate.parse(uri) if "{" in uri else None
        _check(uri, function, inputs, template)
        is_async = inspect.iscoroutinefunction(function)
        definition = _definition(uri, function, options, is_template=template is not None)
        return cls(uri, function, definition, inputs, needs, is_async, options, template)

    def render(self, revision: Revision) -> JSONObject:
        """The definition as that revision says it."""
        absent = _ABSENT[revision]
        return {key: value for key, value in self.definition.items() if key not in absent}

    def contents(self, uri: str, value: Any) -> list[JSONObject]:
        """The contents of a returned value: text, bytes, ResourceContents, a list of them, or JSON data."""
        if isinstance(value, ResourceContents):
            return [value.wire()]
        if is_array(value) and value and all(isinstance(item, ResourceContents) for item in value):
            return [item.wire() for item in value]
        mime = self.options.get("mime_type")
        if isinstance(value, bytes | bytearray):
            return [ResourceContents(uri, blob=bytes(value), mime_type=mime or "application/octet-stream").wire()]
        if isinstance(value, str):
            return [ResourceContents(uri, text=value, mime_type=mime or "text/plain").wire()]
        text = json_text(to_jsonable_python(value, by_alias=True, inf_nan_mode="null"))
        return [ResourceContents(uri, text=text, mime_type=mime or "application/json").wire()]


def has_traversal(values: Mapping[str, str]) -> bool:
    """True when a template value tries to leave its place: a `..` segment, a NUL, a backslash or an absolute path."""
    for value in values.values():
        if "\0" in value or "\\" in value or value.startswith("/") or ".." in value.split("/"):
            return True
    return False


def _check(uri: str, function: Callable[..., Any], inputs: Inputs, template: UriTemplate | None) -> None:
    if not urlsplit(uri.partition("{")[0]).scheme:
        raise SignatureError(f"resource URI {uri!r} has no scheme: write for example 'data://{uri}'")
    wanted, given = set(inputs.names), set(template.names if template is not None else ())
    required = set(inputs.json_schema.get("required", ()))
    if wanted - given or required - given:
        names = ", ".join(sorted(wanted - given))
        raise SignatureError(f"{function.__qualname__} takes {names}, which the resource URI {uri!r} does not name")
    if given - wanted:
        names = ", ".join(sorted(given - wanted))
        raise SignatureError(f"the resource URI {uri!r} names {names}, which {function.__qualname__} does not take")


def _definition(uri: str, function: Callable[..., Any], options: ResourceOptions, *, is_template: bool) -> JSONObject:
    described = read_docstring(inspect.getdoc(function) or "").description
    definition: JSONObject = {"uriTemplate" if is_template else "uri": uri}
    definition["name"] = options.get("name") or getattr(function, "__name__", uri)
    annotations, icons, meta = options.get("annotations"), options.get("icons"), options.get("meta")
    optional = {
        "title": options.get("title"),
        "description": options.get("description", described or None),
        "mimeType": options.get("mime_type"),
        "size": None if is_template else options.get("size"),
        "annotations": dict(annotations) if annotations else None,
        "icons": [dict(icon) for icon in icons] if icons else None,
        "_meta": dict(meta) if meta else None,
    }
    definition.update({key: value for key, value in optional.items() if value is not None})
    return definition
