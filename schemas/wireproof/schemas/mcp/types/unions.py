"""All requests, notifications and results of each side.

Spec: the unions at the end of every revision's schema.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from wireproof.schemas.mcp.rules import JULY, JUNE, NOVEMBER, Since, Until
from wireproof.schemas.mcp.types.basics import Result
from wireproof.schemas.mcp.types.elicitation import ElicitationCompleteNotification, ElicitRequest, ElicitResult
from wireproof.schemas.mcp.types.lifecycle import (
    DiscoverRequest,
    DiscoverResult,
    InitializedNotification,
    InitializeRequest,
    InitializeResult,
    PingRequest,
)
from wireproof.schemas.mcp.types.prompts import (
    CompleteRequest,
    CompleteResult,
    GetPromptRequest,
    GetPromptResult,
    ListPromptsRequest,
    ListPromptsResult,
    PromptListChangedNotification,
)
from wireproof.schemas.mcp.types.resources import (
    ListResourcesRequest,
    ListResourcesResult,
    ListResourceTemplatesRequest,
    ListResourceTemplatesResult,
    ReadResourceRequest,
    ReadResourceResult,
    ResourceListChangedNotification,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsListenRequest,
    SubscriptionsListenResult,
    UnsubscribeRequest,
)
from wireproof.schemas.mcp.types.retries import InputRequiredResult
from wireproof.schemas.mcp.types.sampling import (
    CreateMessageRequest,
    CreateMessageResult,
    ListRootsRequest,
    ListRootsResult,
    RootsListChangedNotification,
)
from wireproof.schemas.mcp.types.tasks import (
    CancelTaskRequest,
    CancelTaskResult,
    GetTaskPayloadRequest,
    GetTaskPayloadResult,
    GetTaskRequest,
    GetTaskResult,
    ListTasksRequest,
    ListTasksResult,
    TaskStatusNotification,
)
from wireproof.schemas.mcp.types.tools import (
    CallToolRequest,
    CallToolResult,
    ListToolsRequest,
    ListToolsResult,
    ToolListChangedNotification,
)
from wireproof.schemas.mcp.types.utilities import (
    CancelledNotification,
    LoggingMessageNotification,
    ProgressNotification,
    SetLevelRequest,
)

ClientRequest: TypeAlias = (
    Annotated[InitializeRequest, Until(NOVEMBER)]
    | Annotated[PingRequest, Until(NOVEMBER)]
    | Annotated[DiscoverRequest, Since(JULY)]
    | ListResourcesRequest
    | ListResourceTemplatesRequest
    | ReadResourceRequest
    | Annotated[SubscribeRequest, Until(NOVEMBER)]
    | Annotated[UnsubscribeRequest, Until(NOVEMBER)]
    | Annotated[SubscriptionsListenRequest, Since(JULY)]
    | ListPromptsRequest
    | GetPromptRequest
    | ListToolsRequest
    | CallToolRequest
    | Annotated[GetTaskRequest, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[GetTaskPayloadRequest, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[CancelTaskRequest, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[ListTasksRequest, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[SetLevelRequest, Until(NOVEMBER)]
    | CompleteRequest
)
ClientNotification: TypeAlias = (
    CancelledNotification
    | Annotated[InitializedNotification, Until(NOVEMBER)]
    | Annotated[ProgressNotification, Until(NOVEMBER)]
    | Annotated[TaskStatusNotification, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[RootsListChangedNotification, Until(NOVEMBER)]
)
ClientResult: TypeAlias = (
    Result
    | Annotated[GetTaskResult, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[GetTaskPayloadResult, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[CancelTaskResult, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[ListTasksResult, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[CreateMessageResult, Until(NOVEMBER)]
    | Annotated[ListRootsResult, Until(NOVEMBER)]
    | Annotated[ElicitResult, Since(JUNE), Until(NOVEMBER)]
)
ServerRequest: TypeAlias = (
    PingRequest
    | Annotated[GetTaskRequest, Since(NOVEMBER)]
    | Annotated[GetTaskPayloadRequest, Since(NOVEMBER)]
    | Annotated[CancelTaskRequest, Since(NOVEMBER)]
    | Annotated[ListTasksRequest, Since(NOVEMBER)]
    | CreateMessageRequest
    | ListRootsRequest
    | Annotated[ElicitRequest, Since(JUNE)]
)
ServerNotification: TypeAlias = (
    CancelledNotification
    | ProgressNotification
    | ResourceListChangedNotification
    | Annotated[SubscriptionsAcknowledgedNotification, Since(JULY)]
    | ResourceUpdatedNotification
    | PromptListChangedNotification
    | ToolListChangedNotification
    | Annotated[TaskStatusNotification, Since(NOVEMBER), Until(NOVEMBER)]
    | LoggingMessageNotification
    | Annotated[ElicitationCompleteNotification, Since(NOVEMBER), Until(NOVEMBER)]
)
ServerResult: TypeAlias = (
    Result
    | Annotated[InputRequiredResult, Since(JULY)]
    | Annotated[InitializeResult, Until(NOVEMBER)]
    | Annotated[DiscoverResult, Since(JULY)]
    | ListResourcesResult
    | ListResourceTemplatesResult
    | ReadResourceResult
    | Annotated[SubscriptionsListenResult, Since(JULY)]
    | ListPromptsResult
    | GetPromptResult
    | ListToolsResult
    | CallToolResult
    | Annotated[GetTaskResult, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[GetTaskPayloadResult, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[CancelTaskResult, Since(NOVEMBER), Until(NOVEMBER)]
    | Annotated[ListTasksResult, Since(NOVEMBER), Until(NOVEMBER)]
    | CompleteResult
)
