"""How client and server get to know each other: capabilities, `initialize`, `server/discover`, `ping`.

Spec: MCP basic/lifecycle (up to 2025-11-25), server/discover (2026-07-28), basic/utilities/ping.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from wireproof.schemas.mcp.rules import JULY, JUNE, MARCH, NOVEMBER, Since, Until
from wireproof.schemas.mcp.types.basics import (
    CacheableResult,
    Implementation,
    JSONObject,
    NotificationParams,
    RequestParams,
    RequestParamsBase,
    Result,
)
from wireproof.schemas.mcp.types.envelopes import NotificationBase, RequestBase, ResponseBase


class RootsCapability(TypedDict):
    """The client can list its roots."""

    listChanged: NotRequired[Annotated[bool, Until(NOVEMBER)]]


class SamplingCapability(TypedDict):
    """The client can ask its model."""

    context: NotRequired[Annotated[JSONObject, Since(NOVEMBER)]]
    tools: NotRequired[Annotated[JSONObject, Since(NOVEMBER)]]


class ElicitationCapability(TypedDict):
    """The client can ask its user."""

    form: NotRequired[Annotated[JSONObject, Since(NOVEMBER)]]
    url: NotRequired[Annotated[JSONObject, Since(NOVEMBER)]]


class ElicitationTasks(TypedDict):
    """Elicitations that may be tasks."""

    create: NotRequired[JSONObject]


class SamplingTasks(TypedDict):
    """Samplings that may be tasks."""

    createMessage: NotRequired[JSONObject]


class ClientTaskRequests(TypedDict):
    """Requests to the client that may be tasks."""

    elicitation: NotRequired[ElicitationTasks]
    sampling: NotRequired[SamplingTasks]


class ClientTasksCapability(TypedDict):
    """The client can run requests as tasks."""

    cancel: NotRequired[JSONObject]
    list: NotRequired[JSONObject]
    requests: NotRequired[ClientTaskRequests]


class ClientCapabilities(TypedDict):
    """What a client can do."""

    elicitation: NotRequired[Annotated[ElicitationCapability, Since(JUNE)]]
    experimental: NotRequired[dict[str, JSONObject]]
    extensions: NotRequired[Annotated[dict[str, JSONObject], Since(JULY)]]
    roots: NotRequired[RootsCapability]
    sampling: NotRequired[SamplingCapability]
    tasks: NotRequired[Annotated[ClientTasksCapability, Since(NOVEMBER), Until(NOVEMBER)]]


class ListCapability(TypedDict):
    """The server has a list, and may tell when it changes."""

    listChanged: NotRequired[bool]


class ResourcesCapability(ListCapability):
    """The server has resources, and may tell when one changes."""

    subscribe: NotRequired[bool]


class ToolTasks(TypedDict):
    """Tool requests that may be tasks."""

    call: NotRequired[JSONObject]


class ServerTaskRequests(TypedDict):
    """Requests to the server that may be tasks."""

    tools: NotRequired[ToolTasks]


class ServerTasksCapability(TypedDict):
    """The server can run requests as tasks."""

    cancel: NotRequired[JSONObject]
    list: NotRequired[JSONObject]
    requests: NotRequired[ServerTaskRequests]


class ServerCapabilities(TypedDict):
    """What a server can do."""

    completions: NotRequired[Annotated[JSONObject, Since(MARCH)]]
    experimental: NotRequired[dict[str, JSONObject]]
    extensions: NotRequired[Annotated[dict[str, JSONObject], Since(JULY)]]
    logging: NotRequired[JSONObject]
    prompts: NotRequired[ListCapability]
    resources: NotRequired[ResourcesCapability]
    tasks: NotRequired[Annotated[ServerTasksCapability, Since(NOVEMBER), Until(NOVEMBER)]]
    tools: NotRequired[ListCapability]


class InitializeRequestParams(RequestParamsBase):
    """What a client opens a session with."""

    capabilities: ClientCapabilities
    clientInfo: Implementation
    protocolVersion: str


class InitializeRequest(RequestBase):
    """Opens a session."""

    method: Literal["initialize"]
    params: InitializeRequestParams


class InitializeResult(Result):
    """What a server answers to it."""

    capabilities: ServerCapabilities
    instructions: NotRequired[str]
    protocolVersion: str
    serverInfo: Implementation


class InitializedNotification(NotificationBase):
    """The client is ready."""

    method: Literal["notifications/initialized"]
    params: NotRequired[NotificationParams]


class PingRequest(RequestBase):
    """Asks whether the other side is there."""

    method: Literal["ping"]
    params: NotRequired[RequestParams]


class DiscoverRequest(RequestBase):
    """Asks what the server is and can do."""

    method: Literal["server/discover"]
    params: RequestParams


class DiscoverResult(CacheableResult):
    """What the server is and can do."""

    capabilities: ServerCapabilities
    instructions: NotRequired[str]
    supportedVersions: list[str]


class DiscoverResultResponse(ResponseBase):
    """The answer to `server/discover`."""

    result: DiscoverResult
