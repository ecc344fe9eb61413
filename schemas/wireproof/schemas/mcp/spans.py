"""In which revisions a definition exists; what is not listed exists in all.

Parameter types that older schemas wrote in place (`CallToolRequestParams`, …) are named in all revisions here.

Spec: schema.json of each revision.
"""

from __future__ import annotations

from typing import Final

from wireproof.schemas.mcp.revisions import Revision
from wireproof.schemas.mcp.rules import JULY, JUNE, MARCH, NOVEMBER, NOVEMBER_2024

_ROWS: Final = (
    (NOVEMBER_2024, NOVEMBER_2024, "Annotated"),
    (NOVEMBER_2024, MARCH, "ResourceReference"),
    (NOVEMBER_2024, JUNE, "JSONRPCError"),
    (
        NOVEMBER_2024,
        NOVEMBER,
        "InitializeRequest InitializeRequestParams InitializeResult InitializedNotification PingRequest "
        "RootsListChangedNotification ServerRequest SetLevelRequest SetLevelRequestParams SubscribeRequest "
        "SubscribeRequestParams UnsubscribeRequest UnsubscribeRequestParams",
    ),
    (MARCH, MARCH, "JSONRPCBatchRequest JSONRPCBatchResponse"),
    (MARCH, JULY, "AudioContent ToolAnnotations"),
    (
        JUNE,
        JULY,
        "BooleanSchema ElicitRequest ElicitRequestFormParams ElicitRequestParams ElicitResult EnumSchema "
        "LegacyTitledEnumSchema NumberSchema PrimitiveSchemaDefinition ResourceLink ResourceTemplateReference "
        "StringSchema",
    ),
    (
        NOVEMBER,
        NOVEMBER,
        "CancelTaskRequest CancelTaskResult CreateTaskResult ElicitationCompleteNotification GetTaskPayloadRequest "
        "GetTaskPayloadResult GetTaskRequest GetTaskResult ListTasksRequest ListTasksResult RelatedTaskMetadata Task "
        "TaskAugmentedRequestParams TaskMetadata TaskStatus TaskStatusNotification TaskStatusNotificationParams "
        "ToolExecution URLElicitationRequiredError",
    ),
    (
        NOVEMBER,
        JULY,
        "ElicitRequestURLParams Icon Icons JSONRPCErrorResponse MultiSelectEnumSchema SingleSelectEnumSchema "
        "TitledMultiSelectEnumSchema TitledSingleSelectEnumSchema ToolChoice ToolResultContent ToolUseContent "
        "UntitledMultiSelectEnumSchema UntitledSingleSelectEnumSchema",
    ),
    (
        JULY,
        JULY,
        "CallToolResultResponse CompleteResultResponse DiscoverRequest DiscoverResult DiscoverResultResponse "
        "GetPromptResultResponse HeaderMismatchError InputRequest InputRequests InputRequiredResult InputResponse "
        "InputResponseRequestParams InputResponses ListPromptsResultResponse ListResourceTemplatesResultResponse "
        "ListResourcesResultResponse ListToolsResultResponse MissingRequiredClientCapabilityError "
        "ReadResourceResultResponse ResultType SubscriptionFilter SubscriptionsAcknowledgedNotification "
        "SubscriptionsAcknowledgedNotificationParams SubscriptionsListenRequest SubscriptionsListenRequestParams "
        "SubscriptionsListenResult SubscriptionsListenResultMetaObject SubscriptionsListenResultResponse "
        "UnsupportedProtocolVersionError",
    ),
)
_SPANS: Final = {name: (first, last) for first, last, names in _ROWS for name in names.split()}


def defined(name: str, revision: Revision) -> bool:
    """Whether the revision has a definition of that name, given that any has."""
    first, last = _SPANS.get(name, (NOVEMBER_2024, JULY))
    return first <= revision <= last
