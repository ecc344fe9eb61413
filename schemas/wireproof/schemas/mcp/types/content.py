"""Content blocks: what tools return, prompts hold and models say.

Spec: MCP server/tools#tool-result, server/prompts#data-types, client/sampling#data-types.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypeAlias

from wireproof.schemas.mcp.rules import JUNE, MARCH, NOVEMBER, Since, Was
from wireproof.schemas.mcp.types.basics import AnnotatedObject, Annotations, BaseMetadata, Icons, WithMeta


class TextContent(AnnotatedObject, WithMeta):
    """Text."""

    text: str
    type: Literal["text"]


class ImageContent(AnnotatedObject, WithMeta):
    """An image; `data` is base64."""

    data: str
    mimeType: str
    type: Literal["image"]


class AudioContent(AnnotatedObject, WithMeta):
    """Sound; `data` is base64."""

    data: str
    mimeType: str
    type: Literal["audio"]


class ResourceContents(WithMeta):
    """What a resource holds: the part that text and bytes share."""

    mimeType: NotRequired[str]
    uri: str


class TextResourceContents(ResourceContents):
    """A resource that is text."""

    text: str


class BlobResourceContents(ResourceContents):
    """A resource that is bytes; `blob` is base64."""

    blob: str


class EmbeddedResource(AnnotatedObject, WithMeta):
    """A resource, put into the message."""

    resource: TextResourceContents | BlobResourceContents
    type: Literal["resource"]


class Resource(BaseMetadata, Icons, WithMeta):
    """A resource that a server offers."""

    annotations: NotRequired[Annotations]
    description: NotRequired[str]
    mimeType: NotRequired[str]
    size: NotRequired[int]
    uri: str


class ResourceLink(Resource):
    """A resource that the client can read, named in the message."""

    type: Literal["resource_link"]


class ToolUseContent(WithMeta):
    """A model wants a tool to be called."""

    id: str
    input: dict[str, Any]
    name: str
    type: Literal["tool_use"]


ContentBlock: TypeAlias = (
    TextContent
    | ImageContent
    | Annotated[AudioContent, Since(MARCH)]
    | Annotated[ResourceLink, Since(JUNE)]
    | EmbeddedResource
)


class ToolResultContent(WithMeta):
    """What the tool that a model wanted has returned."""

    content: list[ContentBlock]
    isError: NotRequired[bool]
    structuredContent: NotRequired[Annotated[Any, Was(dict[str, Any], until=NOVEMBER)]]
    toolUseId: str
    type: Literal["tool_result"]


SamplingMessageContentBlock: TypeAlias = (
    TextContent
    | ImageContent
    | Annotated[AudioContent, Since(MARCH)]
    | Annotated[ToolUseContent, Since(NOVEMBER)]
    | Annotated[ToolResultContent, Since(NOVEMBER)]
)
SamplingContent: TypeAlias = (
    TextContent
    | ImageContent
    | Annotated[AudioContent, Since(MARCH)]
    | Annotated[ToolUseContent, Since(NOVEMBER)]
    | Annotated[ToolResultContent, Since(NOVEMBER)]
    | Annotated[list[SamplingMessageContentBlock], Since(NOVEMBER)]
)
