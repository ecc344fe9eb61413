"""Prompts and completion.

Spec: MCP server/prompts, server/utilities/completion (all revisions).
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from wireproof.schemas.mcp.rules import JULY, JUNE, MARCH, MaxItems, RequiredSince, Since, Until
from wireproof.schemas.mcp.types.basics import (
    BaseMetadata,
    CacheablePage,
    Icons,
    NotificationParams,
    PaginatedRequestParams,
    RequestParamsBase,
    Result,
    Role,
    WithMeta,
)
from wireproof.schemas.mcp.types.content import ContentBlock
from wireproof.schemas.mcp.types.envelopes import NotificationBase, RequestBase, ResponseBase
from wireproof.schemas.mcp.types.retries import InputRequiredResult, InputResponses


class PromptArgument(BaseMetadata):
    """An argument of a prompt."""

    description: NotRequired[str]
    required: NotRequired[bool]


class Prompt(BaseMetadata, Icons, WithMeta):
    """A prompt that a server offers."""

    arguments: NotRequired[list[PromptArgument]]
    description: NotRequired[str]


class PromptMessage(TypedDict):
    """A message of a prompt."""

    content: ContentBlock
    role: Role


class ListPromptsRequest(RequestBase):
    """Asks for a page of the prompts."""

    method: Literal["prompts/list"]
    params: NotRequired[Annotated[PaginatedRequestParams, RequiredSince(JULY)]]


class ListPromptsResult(CacheablePage):
    """A page of the prompts."""

    prompts: list[Prompt]


class ListPromptsResultResponse(ResponseBase):
    """The answer to `prompts/list`."""

    result: ListPromptsResult


class GetPromptRequestParams(RequestParamsBase):
    """Which prompt, and its arguments."""

    arguments: NotRequired[dict[str, str]]
    inputResponses: NotRequired[Annotated[InputResponses, Since(JULY)]]
    name: str
    requestState: NotRequired[Annotated[str, Since(JULY)]]


class GetPromptRequest(RequestBase):
    """Fills in a prompt."""

    method: Literal["prompts/get"]
    params: GetPromptRequestParams


class GetPromptResult(Result):
    """A prompt, filled in."""

    description: NotRequired[str]
    messages: list[PromptMessage]


class GetPromptResultResponse(ResponseBase):
    """The answer to `prompts/get`."""

    result: InputRequiredResult | GetPromptResult


class PromptListChangedNotification(NotificationBase):
    """The prompts have changed."""

    method: Literal["notifications/prompts/list_changed"]
    params: NotRequired[NotificationParams]


class PromptReference(BaseMetadata):
    """Names a prompt."""

    type: Literal["ref/prompt"]


class ResourceReference(TypedDict):
    """Names a resource or a template, up to 2025-03-26."""

    type: Literal["ref/resource"]
    uri: str


class ResourceTemplateReference(TypedDict):
    """Names a template."""

    type: Literal["ref/resource"]
    uri: str


class CompletionArgument(TypedDict):
    """The argument that is being typed."""

    name: str
    value: str


class CompletionContext(TypedDict):
    """The arguments that are settled."""

    arguments: NotRequired[dict[str, str]]


class CompleteRequestParams(RequestParamsBase):
    """What is to be completed."""

    argument: CompletionArgument
    context: NotRequired[Annotated[CompletionContext, Since(JUNE)]]
    ref: (
        PromptReference | Annotated[ResourceReference, Until(MARCH)] | Annotated[ResourceTemplateReference, Since(JUNE)]
    )


class CompleteRequest(RequestBase):
    """Asks for values of an argument."""

    method: Literal["completion/complete"]
    params: CompleteRequestParams


class Completion(TypedDict):
    """Values of an argument, best first."""

    hasMore: NotRequired[bool]
    total: NotRequired[int]
    values: Annotated[list[str], MaxItems(100, since=JULY)]


class CompleteResult(Result):
    """The values."""

    completion: Completion


class CompleteResultResponse(ResponseBase):
    """The answer to `completion/complete`."""

    result: CompleteResult
