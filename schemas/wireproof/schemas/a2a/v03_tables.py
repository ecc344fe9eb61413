"""The proto of A2A 0.3 as data, in the form of `tables`: what its gRPC and HTTP+JSON bindings carry.

Spec: A2A 0.3.0 `specification/grpc/a2a.proto`, with the three fields that later 0.3 releases added (metadata of a
part, name of a file, icon_url of a card).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

from wireproof.schemas.a2a.tables import Field, Operation, messages, parse_messages

_SAME: Final = (
    "Task",
    "TaskArtifactUpdateEvent",
    "AgentProvider",
    "StringList",
    "SecurityScheme",
    "APIKeySecurityScheme",
    "HTTPAuthSecurityScheme",
    "OAuth2SecurityScheme",
    "OpenIdConnectSecurityScheme",
    "MutualTlsSecurityScheme",
    "ClientCredentialsOAuthFlow",
    "ImplicitOAuthFlow",
    "PasswordOAuthFlow",
    "AgentExtension",
    "AgentCardSignature",
)
"""Messages whose fields and numbers 1.0 kept."""

_MESSAGES: Final = """
SendMessageConfiguration
    1 accepted_output_modes string repeated
    2 push_notification PushNotificationConfig
    3 history_length int32
    4 blocking bool
TaskStatus
    1 state TaskState
    2 update Message json=message
    3 timestamp Timestamp
Part
    1 text string oneof=part
    2 file FilePart oneof=part
    3 data DataPart oneof=part
    4 metadata Struct
FilePart
    1 file_with_uri string oneof=file
    2 file_with_bytes bytes oneof=file
    3 mime_type string
    4 name string
DataPart
    1 data Struct
Message
    1 message_id string
    2 context_id string
    3 task_id string
    4 role Role
    5 content Part repeated
    6 metadata Struct
    7 extensions string repeated
Artifact
    1 artifact_id string
    3 name string
    4 description string
    5 parts Part repeated
    6 metadata Struct
    7 extensions string repeated
TaskStatusUpdateEvent
    1 task_id string
    2 context_id string
    3 status TaskStatus
    4 final bool
    5 metadata Struct
PushNotificationConfig
    1 id string
    2 url string
    3 token string
    4 authentication AuthenticationInfo
AuthenticationInfo
    1 schemes string repeated
    2 credentials string
AgentInterface
    1 url string
    2 transport string
AgentCard
    16 protocol_version string
    1 name string
    2 description string
    3 url string
    14 preferred_transport string
    15 additional_interfaces AgentInterface repeated
    4 provider AgentProvider
    5 version string
    6 documentation_url string
    7 capabilities AgentCapabilities
    8 security_schemes map<string,SecurityScheme>
    9 security Security repeated
    10 default_input_modes string repeated
    11 default_output_modes string repeated
    12 skills AgentSkill repeated
    13 supports_authenticated_extended_card bool
    17 signatures AgentCardSignature repeated
    18 icon_url string
AgentCapabilities
    1 streaming bool
    2 push_notifications bool
    3 extensions AgentExtension repeated
AgentSkill
    1 id string
    2 name string
    3 description string
    4 tags string repeated
    5 examples string repeated
    6 input_modes string repeated
    7 output_modes string repeated
    8 security Security repeated
TaskPushNotificationConfig
    1 name string
    2 push_notification_config PushNotificationConfig
Security
    1 schemes map<string,StringList>
OAuthFlows
    1 authorization_code AuthorizationCodeOAuthFlow oneof=flow
    2 client_credentials ClientCredentialsOAuthFlow oneof=flow
    3 implicit ImplicitOAuthFlow oneof=flow
    4 password PasswordOAuthFlow oneof=flow
AuthorizationCodeOAuthFlow
    1 authorization_url string
    2 token_url string
    3 refresh_url string
    4 scopes map<string,string>
SendMessageRequest
    1 request Message json=message
    2 configuration SendMessageConfiguration
    3 metadata Struct
GetTaskRequest
    1 name string
    2 history_length int32
CancelTaskRequest
    1 name string
GetTaskPushNotificationConfigRequest
    1 name string
DeleteTaskPushNotificationConfigRequest
    1 name string
CreateTaskPushNotificationConfigRequest
    1 parent string
    2 config_id string
    3 config TaskPushNotificationConfig
TaskSubscriptionRequest
    1 name string
ListTaskPushNotificationConfigRequest
    1 parent string
    2 page_size int32
    3 page_token string
GetAgentCardRequest
SendMessageResponse
    1 task Task oneof=payload
    2 msg Message oneof=payload json=message
StreamResponse
    1 task Task oneof=payload
    2 msg Message oneof=payload json=message
    3 status_update TaskStatusUpdateEvent oneof=payload
    4 artifact_update TaskArtifactUpdateEvent oneof=payload
ListTaskPushNotificationConfigResponse
    1 configs TaskPushNotificationConfig repeated
    2 next_page_token string
"""

ENUMS_03: Final[Mapping[str, Mapping[str, int]]] = {
    "TaskState": {
        "TASK_STATE_UNSPECIFIED": 0,
        "TASK_STATE_SUBMITTED": 1,
        "TASK_STATE_WORKING": 2,
        "TASK_STATE_COMPLETED": 3,
        "TASK_STATE_FAILED": 4,
        "TASK_STATE_CANCELLED": 5,
        "TASK_STATE_INPUT_REQUIRED": 6,
        "TASK_STATE_REJECTED": 7,
        "TASK_STATE_AUTH_REQUIRED": 8,
    },
    "Role": {"ROLE_UNSPECIFIED": 0, "ROLE_USER": 1, "ROLE_AGENT": 2},
}

RPCS_03: Final[Mapping[str, Operation]] = {
    "SendMessage": Operation("SendMessage", "SendMessageRequest", "SendMessageResponse", False),
    "SendStreamingMessage": Operation("SendStreamingMessage", "SendMessageRequest", "StreamResponse", True),
    "GetTask": Operation("GetTask", "GetTaskRequest", "Task", False),
    "CancelTask": Operation("CancelTask", "CancelTaskRequest", "Task", False),
    "TaskSubscription": Operation("SubscribeToTask", "TaskSubscriptionRequest", "StreamResponse", True),
    "CreateTaskPushNotificationConfig": Operation(
        "CreateTaskPushNotificationConfig",
        "CreateTaskPushNotificationConfigRequest",
        "TaskPushNotificationConfig",
        False,
    ),
    "GetTaskPushNotificationConfig": Operation(
        "GetTaskPushNotificationConfig", "GetTaskPushNotificationConfigRequest", "TaskPushNotificationConfig", False
    ),
    "ListTaskPushNotificationConfig": Operation(
        "ListTaskPushNotificationConfigs",
        "ListTaskPushNotificationConfigRequest",
        "ListTaskPushNotificationConfigResponse",
        False,
    ),
    "GetAgentCard": Operation("GetExtendedAgentCard", "GetAgentCardRequest", "AgentCard", False),
    "DeleteTaskPushNotificationConfig": Operation(
        "DeleteTaskPushNotificationConfig", "DeleteTaskPushNotificationConfigRequest", "Empty", False
    ),
}
"""The RPCs of 0.3: each with the operation of 1.0 that it is, and its own messages."""


@functools.cache
def messages_03() -> Mapping[str, tuple[Field, ...]]:
    """Every message of the 0.3 proto with its fields."""
    current = messages()
    return {**{name: current[name] for name in _SAME}, **parse_messages(_MESSAGES)}
