"""What a client gives back: thin views over the wire documents, so that nothing a server says is lost.

Every view has `.wire`, the document as it came. Spec: 2026-07-28 server/tools, server/resources, server/prompts.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from wireproof.mcp_tools.client.errors import ServerMisbehaved
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object


class Wire:
    """The base of the views: one JSON object of the server."""

    __slots__ = ("__dict__", "wire")

    def __init__(self, wire: JSONObject) -> None:
        self.wire: Final = wire

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.wire == self.wire

    __hash__ = None  # type: ignore[assignment]  # a view of a mutable document

    def __repr__(self) -> str:
        name = self.wire.get("name") or self.wire.get("uri") or self.wire.get("uriTemplate")
        return f"{type(self).__name__}({name!r})" if name else f"{type(self).__name__}({self.wire!r})"

    @property
    def meta(self) -> JSONObject:
        """The `_meta` object, {} when absent."""
        meta: JSONValue = self.wire.get("_meta")
        return meta if is_object(meta) else {}

    def _text(self, key: str) -> str:
        value: JSONValue = self.wire.get(key)
        return value if isinstance(value, str) else ""


class Named(Wire):
    """Something a server lists by name."""

    @property
    def name(self) -> str:
        """The programmatic name."""
        return self._text("name")

    @property
    def title(self) -> str:
        """The name for people: `title`, else the name."""
        return self._text("title") or self.name

    @property
    def description(self) -> str:
        """What it is; "" when the server does not say."""
        return self._text("description")


class Tool(Named):
    """A tool as `tools/list` shows it."""

    @property
    def input_schema(self) -> JSONObject:
        """The JSON Schema of the arguments."""
        schema: JSONValue = self.wire.get("inputSchema")
        return schema if is_object(schema) else {"type": "object"}

    @property
    def output_schema(self) -> JSONObject | None:
        """The JSON Schema of the structured result, when the tool has one."""
        schema: JSONValue = self.wire.get("outputSchema")
        return schema if is_object(schema) else None

    @property
    def annotations(self) -> JSONObject:
        """The hints (`readOnlyHint` …), which are not to be trusted."""
        value: JSONValue = self.wire.get("annotations")
        return value if is_object(value) else {}


class Resource(Named):
    """A resource as `resources/list` shows it."""

    @property
    def uri(self) -> str:
        """Its URI."""
        return self._text("uri")

    @property
    def mime_type(self) -> str:
        """Its media type; "" when unknown."""
        return self._text("mimeType")


class ResourceTemplate(Named):
    """A family of resources."""

    @property
    def uri_template(self) -> str:
        """The RFC 6570 template."""
        return self._text("uriTemplate")


class Prompt(Named):
    """A prompt as `prompts/list` shows it."""

    @property
    def arguments(self) -> list[JSONObject]:
        """Name, description and `required` of each argument."""
        value: JSONValue = self.wire.get("arguments")
        return [item for item in value if is_object(item)] if is_array(value) else []


class Content(Wire):
    """One content block: text, image, audio, resource_link, resource, tool_use or tool_result."""

    def __repr__(self) -> str:
        return f"Content({self.type!r}, {self.text[:60]!r})" if self.type == "text" else f"Content({self.type!r})"

    @property
    def type(self) -> str:
        """The kind of block."""
        return self._text("type")

    @property
    def text(self) -> str:
        """The text of a text block, or of an embedded text resource; "" for others."""
        resource: JSONValue = self.wire.get("resource")
        return self._text("text") or (str(resource.get("text", "")) if is_object(resource) else "")

    @property
    def mime_type(self) -> str:
        """The media type; "" for text."""
        return self._text("mimeType")

    @cached_property
    def data(self) -> bytes:
        """The bytes of an image, audio or embedded blob; b"" for others. Raises `ServerMisbehaved` for bad base64."""
        resource: JSONValue = self.wire.get("resource")
        encoded = self._text("data") or (str(resource.get("blob", "")) if is_object(resource) else "")
        return _decoded(encoded)


class ResourceContents(Wire):
    """One part of what `resources/read` gives."""

    @property
    def uri(self) -> str:
        """The URI of this part."""
        return self._text("uri")

    @property
    def mime_type(self) -> str:
        """Its media type; "" when unknown."""
        return self._text("mimeType")

    @property
    def text(self) -> str:
        """The text; "" for a blob."""
        return self._text("text")

    @cached_property
    def data(self) -> bytes:
        """The bytes: of the blob, else of the text in UTF-8. Raises `ServerMisbehaved` for bad base64."""
        return _decoded(self._text("blob")) if "blob" in self.wire else self.text.encode()


class PromptMessage(Wire):
    """One message of a prompt."""

    @property
    def role(self) -> str:
        """`user` or `assistant`."""
        return self._text("role")

    @property
    def content(self) -> Content:
        """Its content block."""
        value: JSONValue = self.wire.get("content")
        return Content(value if is_object(value) else {})


class PromptResult(Wire):
    """What `prompts/get` gives."""

    @cached_property
    def messages(self) -> list[PromptMessage]:
        """The messages in order."""
        return [PromptMessage(item) for item in objects(self.wire, "messages")]


class CallResult(Wire):
    """What a tool answered. `read` turns the structured content into a value (see `Client.call_tool`)."""

    __slots__ = ("_read",)

    def __init__(self, wire: JSONObject, read: Callable[[JSONValue], Any] | None = None) -> None:
        super().__init__(wire)
        self._read = read

    def __repr__(self) -> str:
        return f"CallResult({self.structured if self.structured is not None else self.text!r})"

    @property
    def is_error(self) -> bool:
        """True when the tool says that it failed."""
        return self.wire.get("isError") is True

    @cached_property
    def content(self) -> list[Content]:
        """The content blocks in order."""
        return [Content(item) for item in objects(self.wire, "content")]

    @property
    def text(self) -> str:
        """The text blocks, one a line."""
        return "\n".join(block.text for block in self.content if block.type == "text")

    @property
    def structured(self) -> JSONValue:
        """The `structuredContent` as it came; None when there is none."""
        return self.wire.get("structuredContent")

    @cached_property
    def data(self) -> Any:
        """The structured content rebuilt by the tool's output schema; without one as it came, else the text.

        `Any`: the shape is the server's. Raises `ServerMisbehaved` when it does not fit the schema.
        """
        if self.structured is None:
            return self.text
        return self.structured if self._read is None else self._read(self.structured)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a call is. `total` is None when the server does not know."""

    progress: float
    total: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """A log message of the server. `level` is one of the eight of RFC 5424, `data` any JSON."""

    level: str
    data: JSONValue
    logger: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """A list changed: `kind` is tools, prompts or resources. The client's cache of it is dropped already."""

    kind: str


@dataclass(frozen=True, slots=True)
class Updated:
    """A resource has new contents."""

    uri: str


@dataclass(frozen=True, slots=True)
class Completions:
    """What `completion/complete` suggests. `total` and `has_more` are None when the server does not say."""

    values: list[str]
    total: int | None = None
    has_more: bool | None = None


def objects(wire: JSONObject, key: str) -> list[JSONObject]:
    """The objects of an array member. Raises `ServerMisbehaved` when it is no array of objects."""
    value: JSONValue = wire.get(key)
    if not is_array(value) or not all(is_object(item) for item in value):
        raise ServerMisbehaved(f"the server's answer has no array of objects {key!r}")
    return value


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ServerMisbehaved("the server sent data that is no base64") from None
