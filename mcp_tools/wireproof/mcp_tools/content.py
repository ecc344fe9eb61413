"""Content blocks: what tools, prompts and resources give to a model, and their wire form in each revision.

Blocks that a revision does not know are sent as the nearest block that it knows, so nothing is lost.
Spec: 2026-07-28 server/tools (tool result), server/prompts (prompt messages).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import to_json

from wireproof.schemas.jsonrpc import JSONObject, JSONValue
from wireproof.schemas.mcp.revisions import Revision


def _base64(data: bytes | str) -> str:
    return data if isinstance(data, str) else base64.b64encode(data).decode("ascii")


def _with(
    block: JSONObject, annotations: Mapping[str, JSONValue] | None, meta: Mapping[str, JSONValue] | None
) -> JSONObject:
    if annotations:
        block["annotations"] = dict(annotations)
    if meta:
        block["_meta"] = dict(meta)
    return block


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text."""

    text: str
    annotations: Mapping[str, JSONValue] | None = None
    meta: Mapping[str, JSONValue] | None = None

    def wire(self) -> JSONObject:
        """The block of the newest revision."""
        return _with({"type": "text", "text": self.text}, self.annotations, self.meta)


@dataclass(frozen=True, slots=True)
class Image:
    """An image; `data` is bytes, or text that is base64 already."""

    data: bytes | str
    mime_type: str = "image/png"
    annotations: Mapping[str, JSONValue] | None = None
    meta: Mapping[str, JSONValue] | None = None

    def wire(self) -> JSONObject:
        """The block of the newest revision."""
        block = {"type": "image", "data": _base64(self.data), "mimeType": self.mime_type}
        return _with(block, self.annotations, self.meta)


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound; `data` is bytes, or text that is base64 already. Since 2025-03-26."""

    data: bytes | str
    mime_type: str = "audio/wav"
    annotations: Mapping[str, JSONValue] | None = None
    meta: Mapping[str, JSONValue] | None = None

    def wire(self) -> JSONObject:
        """The block of the newest revision."""
        block = {"type": "audio", "data": _base64(self.data), "mimeType": self.mime_type}
        return _with(block, self.annotations, self.meta)


@dataclass(frozen=True, slots=True)
class ResourceLink:
    """A pointer to a resource that the client may read. Since 2025-06-18."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size: int | None = None
    annotations: Mapping[str, JSONValue] | None = None
    meta: Mapping[str, JSONValue] | None = None

    def wire(self) -> JSONObject:
        """The block of the newest revision."""
        block: JSONObject = {"type": "resource_link", "uri": self.uri, "name": self.name}
        optional = {"title": self.title, "description": self.description, "mimeType": self.mime_type, "size": self.size}
        block.update({key: value for key, value in optional.items() if value is not None})
        return _with(block, self.annotations, self.meta)


@dataclass(frozen=True, slots=True)
class ResourceContents:
    """The contents of one resource: text, or bytes that travel as base64."""

    uri: str
    text: str | None = None
    blob: bytes | str | None = None
    mime_type: str | None = None
    meta: Mapping[str, JSONValue] | None = None

    def wire(self) -> JSONObject:
        """TextResourceContents or BlobResourceContents."""
        contents: JSONObject = {"uri": self.uri}
        if self.mime_type is not None:
            contents["mimeType"] = self.mime_type
        if self.blob is not None:
            contents["blob"] = _base64(self.blob)
        else:
            contents["text"] = self.text or ""
        return _with(contents, None, self.meta)


@dataclass(frozen=True, slots=True)
class EmbeddedResource:
    """A resource sent along whole."""

    resource: ResourceContents
    annotations: Mapping[str, JSONValue] | None = None
    meta: Mapping[str, JSONValue] | None = None

    def wire(self) -> JSONObject:
        """The block of the newest revision."""
        return _with({"type": "resource", "resource": self.resource.wire()}, self.annotations, self.meta)


Block: TypeAlias = Text | Image | Audio | ResourceLink | EmbeddedResource
BLOCKS: Final = (Text, Image, Audio, ResourceLink, EmbeddedResource)


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message of a prompt."""

    role: Literal["user", "assistant"]
    content: Block

    def wire(self, revision: Revision) -> JSONObject:
        """PromptMessage of that revision."""
        return {"role": self.role, "content": render_block(self.content.wire(), revision)}


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool's answer with nothing left to guess.

    `structured` must fit the tool's output schema. `is_error` marks a failure that the model reads.
    """

    content: Iterable[Block] = ()
    structured: JSONValue = None
    is_error: bool = False
    meta: Mapping[str, JSONValue] = field(default_factory=dict[str, JSONValue])


def json_text(value: JSONValue) -> str:
    """A JSON value as text for a model: a string as it stands, everything else as JSON."""
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    return to_json(value, inf_nan_mode="null").decode()


def to_blocks(value: object) -> list[JSONObject] | None:
    """The wire blocks of a returned value; None when it holds no block and must be rendered as data."""
    if isinstance(value, BLOCKS):
        return [value.wire()]
    items: list[Any] = [*value] if isinstance(value, list | tuple) else []
    if any(isinstance(item, BLOCKS) for item in items):
        return [item.wire() if isinstance(item, BLOCKS) else Text(json_text(item)).wire() for item in items]
    return None


def render_block(block: JSONObject, revision: Revision) -> JSONObject:
    """A block of the newest revision as that revision can say it."""
    kind = block["type"]
    since = _BLOCK_SINCE.get(kind)
    if since is not None and revision < since:
        block = _as_embedded(block) if kind == "audio" else _as_text(block)
    if revision < Revision.V2025_06_18 and "_meta" in block:
        block = {key: value for key, value in block.items() if key != "_meta"}
    return block


_BLOCK_SINCE: Final = {"audio": Revision.V2025_03_26, "resource_link": Revision.V2025_06_18}


def _as_embedded(block: JSONObject) -> JSONObject:
    resource = {"uri": "wireproof:audio", "mimeType": block["mimeType"], "blob": block["data"]}
    return {"type": "resource", "resource": resource}


def _as_text(block: JSONObject) -> JSONObject:
    label = block.get("title") or block["name"]
    return {"type": "text", "text": f"{label}: {block['uri']}"}
