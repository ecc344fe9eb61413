"""Content in one protocol as content in the other. Pure.

Spec: MCP 2026-07-28 server/tools (tool result); A2A 1.0 section 4.1.6.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from wireproof.mcp_tools import Audio, EmbeddedResource, Image, ResourceContents, ResourceLink, Text
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object


def artifact_parts(result: JSONObject) -> list[JSONObject]:
    """The parts of a CallToolResult: its structured content, and each block that does not merely repeat it."""
    parts: list[JSONObject] = []
    structured: JSONValue = result.get("structuredContent")
    if structured is not None:
        parts.append({"data": structured})
    blocks = [block for block in result.get("content", ()) if structured is None or not _repeats(block, structured)]
    return parts + [part_of_block(block) for block in blocks]


def _repeats(block: JSONObject, structured: JSONValue) -> bool:
    if block.get("type") != "text":
        return False
    try:
        said = from_json(block["text"])
    except ValueError:
        said = block["text"]
    wrapped = structured.get("result") if is_object(structured) and len(structured) == 1 else structured
    return bool(said in (structured, wrapped))


def part_of_block(block: JSONObject) -> JSONObject:
    """One content block as a Part."""
    kind = block.get("type")
    if kind == "text":
        return {"text": block["text"]}
    if kind in ("image", "audio"):
        return {"raw": block["data"], "mediaType": block["mimeType"]}
    if kind == "resource_link":
        return _named({"url": block["uri"]}, block.get("name"), block.get("mimeType"))
    if kind == "resource":
        contents: JSONObject = block["resource"]
        part: JSONObject = {"text": contents["text"]} if "text" in contents else {"raw": contents["blob"]}
        return _named(part, contents.get("uri"), contents.get("mimeType"))
    return {"data": block}


def _named(part: JSONObject, name: Any, media_type: Any) -> JSONObject:
    given = {"filename": name, "mediaType": media_type}
    return {**part, **{key: value for key, value in given.items() if isinstance(value, str) and value}}


def block_of_part(part: JSONObject) -> Text | Image | Audio | ResourceLink | EmbeddedResource | None:
    """One Part as a content block; None for data, which is structured content."""
    media_type = str(part.get("mediaType") or "")
    name = str(part.get("filename") or "")
    if "text" in part:
        return Text(part["text"])
    if "url" in part:
        return ResourceLink(part["url"], name or part["url"], mime_type=media_type or None)
    if "raw" in part:
        if media_type.startswith("image/"):
            return Image(part["raw"], media_type)
        if media_type.startswith("audio/"):
            return Audio(part["raw"], media_type)
        contents = ResourceContents(f"a2a:{name or 'file'}", blob=part["raw"], mime_type=media_type or None)
        return EmbeddedResource(contents)
    return None
