"""Tools: listing and calling them.

Spec: MCP server/tools (all revisions).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from wireproof.schemas.mcp.rules import JULY, JUNE, MARCH, NOVEMBER, RequiredSince, Since, Until, Was
from wireproof.schemas.mcp.types.basics import (
    BaseMetadata,
    CacheablePage,
    Icons,
    NotificationParams,
    PaginatedRequestParams,
    RequestParamsBase,
    Result,
    WithMeta,
)
from wireproof.schemas.mcp.types.content import ContentBlock
from wireproof.schemas.mcp.types.envelopes import NotificationBase, RequestBase, ResponseBase
from wireproof.schemas.mcp.types.retries import InputRequiredResult, InputResponses
from wireproof.schemas.mcp.types.tasks import TaskMetadata


class ToolAnnotations(TypedDict):
    """Hints on what a tool does; nothing that may be trusted."""

    destructiveHint: NotRequired[bool]
    idempotentHint: NotRequired[bool]
    openWorldHint: NotRequired[bool]
    readOnlyHint: NotRequired[bool]
    title: NotRequired[str]


class ToolExecution(TypedDict):
    """Whether a tool may run as a task (2025-11-25)."""

    taskSupport: NotRequired[Literal["forbidden", "optional", "required"]]


ToolInputSchema = TypedDict(
    "ToolInputSchema",
    {
        "$schema": "NotRequired[Annotated[str, Since(NOVEMBER)]]",
        "properties": "NotRequired[Annotated[dict[str, dict[str, Any]], Until(NOVEMBER)]]",
        "required": "NotRequired[Annotated[list[str], Until(NOVEMBER)]]",
        "type": "Literal['object']",
    },
)
ToolOutputSchema = TypedDict(
    "ToolOutputSchema",
    {
        "$schema": "NotRequired[Annotated[str, Since(NOVEMBER)]]",
        "properties": "NotRequired[Annotated[dict[str, dict[str, Any]], Until(NOVEMBER)]]",
        "required": "NotRequired[Annotated[list[str], Until(NOVEMBER)]]",
        "type": "Annotated[Literal['object'], Until(NOVEMBER)]",
    },
)


class Tool(BaseMetadata, Icons, WithMeta):
    """A tool that a server offers."""

    annotations: NotRequired[Annotated[ToolAnnotations, Since(MARCH)]]
    description: NotRequired[str]
    execution: NotRequired[Annotated[ToolExecution, Since(NOVEMBER), Until(NOVEMBER)]]
    inputSchema: ToolInputSchema
    outputSchema: NotRequired[Annotated[ToolOutputSchema, Since(JUNE)]]


class ListToolsRequest(RequestBase):
    """Asks for a page of the tools."""

    method: Literal["tools/list"]
    params: NotRequired[Annotated[PaginatedRequestParams, RequiredSince(JULY)]]


class ListToolsResult(CacheablePage):
    """A page of the tools."""

    tools: list[Tool]


class ListToolsResultResponse(ResponseBase):
    """The answer to `tools/list`."""

    result: ListToolsResult


class CallToolRequestParams(RequestParamsBase):
    """Which tool, and its arguments."""

    arguments: NotRequired[dict[str, Any]]
    inputResponses: NotRequired[Annotated[InputResponses, Since(JULY)]]
    name: str
    requestState: NotRequired[Annotated[str, Since(JULY)]]
    task: NotRequired[Annotated[TaskMetadata, Since(NOVEMBER), Until(NOVEMBER)]]


class CallToolRequest(RequestBase):
    """Calls a tool."""

    method: Literal["tools/call"]
    params: CallToolRequestParams


class CallToolResult(Result):
    """What a tool has returned."""

    content: list[ContentBlock]
    isError: NotRequired[bool]
    structuredContent: NotRequired[Annotated[Any, Since(JUNE), Was(dict[str, Any], until=NOVEMBER)]]


class CallToolResultResponse(ResponseBase):
    """The answer to `tools/call`."""

    result: InputRequiredResult | CallToolResult


class ToolListChangedNotification(NotificationBase):
    """The tools have changed."""

    method: Literal["notifications/tools/list_changed"]
    params: NotRequired[NotificationParams]
