"""What many MCP messages share: ids, metadata, the result and parameter bases, names and icons.

Spec: MCP basic/index (all revisions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypeAlias, TypedDict

from wireproof.schemas.mcp.rules import (
    JULY,
    JUNE,
    NOVEMBER,
    AtLeast,
    AtMost,
    OpenJSON,
    RequiredSince,
    Since,
)

if TYPE_CHECKING:
    from wireproof.schemas.mcp.types.lifecycle import ClientCapabilities

JSONValue: TypeAlias = Annotated[Any, OpenJSON(object)]
JSONObject: TypeAlias = Annotated[dict[str, Any], OpenJSON(dict)]
JSONArray: TypeAlias = Annotated[list[Any], OpenJSON(list)]
MetaObject: TypeAlias = dict[str, Any]
RequestId: TypeAlias = str | int
ProgressToken: TypeAlias = str | int
Cursor: TypeAlias = str
ResultType: TypeAlias = str
Role: TypeAlias = Literal["assistant", "user"]
LoggingLevel: TypeAlias = Literal["alert", "critical", "debug", "emergency", "error", "info", "notice", "warning"]
CacheScope: TypeAlias = Literal["private", "public"]


class Icon(TypedDict):
    """A picture that stands for a thing."""

    mimeType: NotRequired[str]
    sizes: NotRequired[list[str]]
    src: str
    theme: NotRequired[Literal["dark", "light"]]


class Icons(TypedDict):
    """Whatever has icons."""

    icons: NotRequired[Annotated[list[Icon], Since(NOVEMBER)]]


class BaseMetadata(TypedDict):
    """A programmatic name and, since 2025-06-18, a title for people."""

    name: str
    title: NotRequired[Annotated[str, Since(JUNE)]]


class Implementation(BaseMetadata, Icons):
    """The name and version of a client or server."""

    version: str
    description: NotRequired[Annotated[str, Since(NOVEMBER)]]
    websiteUrl: NotRequired[Annotated[str, Since(NOVEMBER)]]


class Annotations(TypedDict):
    """Hints for the client on who should see a thing, and how much it matters."""

    audience: NotRequired[list[Role]]
    lastModified: NotRequired[Annotated[str, Since(JUNE)]]
    priority: NotRequired[Annotated[float, AtLeast(0), AtMost(1)]]


class AnnotatedObject(TypedDict):
    """Whatever has annotations; the definition `Annotated` of 2024-11-05."""

    annotations: NotRequired[Annotations]


class WithMeta(TypedDict):
    """Whatever has `_meta` since 2025-06-18."""

    _meta: NotRequired[Annotated[MetaObject, Since(JUNE)]]


RequestMetaObject = TypedDict(
    "RequestMetaObject",
    {
        "progressToken": "NotRequired[ProgressToken]",
        "io.modelcontextprotocol/clientCapabilities": "Annotated[ClientCapabilities, Since(JULY)]",
        "io.modelcontextprotocol/clientInfo": "NotRequired[Annotated[Implementation, Since(JULY)]]",
        "io.modelcontextprotocol/logLevel": "NotRequired[Annotated[LoggingLevel, Since(JULY)]]",
        "io.modelcontextprotocol/protocolVersion": "Annotated[str, Since(JULY)]",
    },
)
NotificationMetaObject = TypedDict(
    "NotificationMetaObject",
    {"io.modelcontextprotocol/subscriptionId": "NotRequired[Annotated[RequestId, Since(JULY)]]"},
)
ResultMetaObject = TypedDict(
    "ResultMetaObject",
    {"io.modelcontextprotocol/serverInfo": "NotRequired[Annotated[Implementation, Since(JULY)]]"},
)


class RequestParams(TypedDict):
    """The parameters of a request that has none of its own."""

    _meta: NotRequired[Annotated[RequestMetaObject, RequiredSince(JULY)]]


class RequestParamsBase(TypedDict):
    """The base of parameters; before 2025-11-25 the schemas leave their `_meta` open."""

    _meta: NotRequired[Annotated[RequestMetaObject, Since(NOVEMBER), RequiredSince(JULY)]]


class PaginatedRequestParams(RequestParamsBase):
    """The parameters of a list request."""

    cursor: NotRequired[Cursor]


class NotificationParams(TypedDict):
    """The parameters of a notification that has none of its own."""

    _meta: NotRequired[NotificationMetaObject]


class NotificationParamsBase(TypedDict):
    """The base of parameters; before 2025-11-25 the schemas leave their `_meta` open."""

    _meta: NotRequired[Annotated[NotificationMetaObject, Since(NOVEMBER)]]


class Result(TypedDict):
    """The base of every result."""

    _meta: NotRequired[ResultMetaObject]
    resultType: Annotated[ResultType, Since(JULY)]


class PaginatedResult(Result):
    """A page of a list."""

    nextCursor: NotRequired[Cursor]


class CacheableResult(Result):
    """A result that says how long, and by whom, it may be reused."""

    cacheScope: Annotated[CacheScope, Since(JULY)]
    ttlMs: Annotated[int, Since(JULY), AtLeast(0)]


class CacheablePage(PaginatedResult):
    """A page of a list that may be reused."""

    cacheScope: Annotated[CacheScope, Since(JULY)]
    ttlMs: Annotated[int, Since(JULY), AtLeast(0)]


EmptyResult: TypeAlias = Result
