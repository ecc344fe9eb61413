"""What a server asks of a client: its model and its roots.

Spec: MCP client/sampling, client/roots (all revisions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NotRequired, TypedDict

from wireproof.schemas.mcp.rules import NOVEMBER, AtLeast, AtMost, Since, Until, Was
from wireproof.schemas.mcp.types.basics import (
    JSONObject,
    MetaObject,
    NotificationParams,
    RequestMetaObject,
    RequestParams,
    Role,
    WithMeta,
)
from wireproof.schemas.mcp.types.content import SamplingContent
from wireproof.schemas.mcp.types.envelopes import AskBase, NotificationBase
from wireproof.schemas.mcp.types.tasks import TaskMetadata

if TYPE_CHECKING:
    from wireproof.schemas.mcp.types.tools import Tool


class SamplingMessage(TypedDict):
    """A message to or from the model."""

    _meta: NotRequired[Annotated[MetaObject, Since(NOVEMBER)]]
    content: SamplingContent
    role: Role


class ModelHint(TypedDict):
    """A part of a model's name."""

    name: NotRequired[str]


class ModelPreferences(TypedDict):
    """What matters in the choice of a model; priorities from 0 to 1."""

    costPriority: NotRequired[Annotated[float, AtLeast(0), AtMost(1)]]
    hints: NotRequired[list[ModelHint]]
    intelligencePriority: NotRequired[Annotated[float, AtLeast(0), AtMost(1)]]
    speedPriority: NotRequired[Annotated[float, AtLeast(0), AtMost(1)]]


class ToolChoice(TypedDict):
    """Whether the model may, must or must not use tools."""

    mode: NotRequired[Literal["auto", "none", "required"]]


class CreateMessageRequestParams(TypedDict):
    """What the model is asked."""

    _meta: NotRequired[Annotated[RequestMetaObject, Since(NOVEMBER), Until(NOVEMBER)]]
    includeContext: NotRequired[Literal["allServers", "none", "thisServer"]]
    maxTokens: int
    messages: list[SamplingMessage]
    metadata: NotRequired[JSONObject]
    modelPreferences: NotRequired[ModelPreferences]
    stopSequences: NotRequired[list[str]]
    systemPrompt: NotRequired[str]
    task: NotRequired[Annotated[TaskMetadata, Since(NOVEMBER), Until(NOVEMBER)]]
    temperature: NotRequired[float]
    toolChoice: NotRequired[Annotated[ToolChoice, Since(NOVEMBER)]]
    tools: NotRequired[Annotated[list[Tool], Since(NOVEMBER)]]


class CreateMessageRequest(AskBase):
    """Asks the client's model."""

    method: Literal["sampling/createMessage"]
    params: CreateMessageRequestParams


class CreateMessageResult(TypedDict):
    """What the model said."""

    _meta: NotRequired[MetaObject]
    content: SamplingContent
    model: str
    role: Role
    stopReason: NotRequired[str]


class Root(WithMeta):
    """A place that the server may work in."""

    name: NotRequired[str]
    uri: str


class ListRootsRequestParams(TypedDict):
    """No parameters but metadata."""

    _meta: NotRequired[MetaObject]


class ListRootsRequest(AskBase):
    """Asks for the roots."""

    method: Literal["roots/list"]
    params: NotRequired[Annotated[ListRootsRequestParams, Was(RequestParams, until=NOVEMBER)]]


class ListRootsResult(TypedDict):
    """The roots."""

    _meta: NotRequired[Annotated[MetaObject, Until(NOVEMBER)]]
    roots: list[Root]


class RootsListChangedNotification(NotificationBase):
    """The roots have changed."""

    method: Literal["notifications/roots/list_changed"]
    params: NotRequired[NotificationParams]
