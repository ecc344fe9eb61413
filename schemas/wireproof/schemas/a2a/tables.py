"""The A2A 1.0 data model as data: messages, fields, enums and operations, as the specification's proto has them.

Spec: A2A 1.0 section 4 and `specification/a2a.proto`. JSON names are the fields' names in lowerCamelCase.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

_MESSAGES: Final = """
SendMessageConfiguration
    1 accepted_output_modes string repeated
    2 task_push_notification_config TaskPushNotificationConfig
    3 history_length int32 optional
    4 return_immediately bool
Task
    1 id string required
    2 context_id string
    3 status TaskStatus required
    4 artifacts Artifact repeated
    5 history Message repeated
    6 metadata Struct
TaskStatus
    1 state TaskState required
    2 message Message
    3 timestamp Timestamp
Part
    1 text string oneof=content
    2 raw bytes oneof=content
    3 url string oneof=content
    4 data Value oneof=content
    5 metadata Struct
    6 filename string
    7 media_type string
Message
    1 message_id string required
    2 context_id string
    3 task_id string
    4 role Role required
    5 parts Part repeated required
    6 metadata Struct
    7 extensions string repeated
    8 reference_task_ids string repeated
Artifact
    1 artifact_id string required
    2 name string
    3 description string
    4 parts Part repeated required
    5 metadata Struct
    6 extensions string repeated
TaskStatusUpdateEvent
    1 task_id string required
    2 context_id string required
    3 status TaskStatus required
    4 metadata Struct
TaskArtifactUpdateEvent
    1 task_id string required
    2 context_id string required
    3 artifact Artifact required
    4 append bool
    5 last_chunk bool
    6 metadata Struct
AuthenticationInfo
    1 scheme string required
    2 credentials string
AgentInterface
    1 url string required
    2 protocol_binding string required
    3 tenant string
    4 protocol_version string required
AgentCard
    1 name string required
    2 description string required
    3 supported_interfaces AgentInterface repeated required
    4 provider AgentProvider
    5 version string required
    6 documentation_url string optional
    7 capabilities AgentCapabilities required
    8 security_schemes map<string,SecurityScheme>
    9 security_requirements SecurityRequirement repeated
    10 default_input_modes string repeated required
    11 default_output_modes string repeated required
    12 skills AgentSkill repeated required
    13 signatures AgentCardSignature repeated
    14 icon_url string optional
AgentProvider
    1 url string required
    2 organization string required
AgentCapabilities
    1 streaming bool optional
    2 push_notifications bool optional
    3 extensions AgentExtension repeated
    4 extended_agent_card bool optional
AgentExtension
    1 uri string
    2 description string
    3 required bool
    4 params Struct
AgentSkill
    1 id string required
    2 name string required
    3 description string required
    4 tags string repeated required
    5 examples string repeated
    6 input_modes string repeated
    7 output_modes string repeated
    8 security_requirements SecurityRequirement repeated
AgentCardSignature
    1 protected string required
    2 signature string required
    3 header Struct
TaskPushNotificationConfig
    1 tenant string
    2 id string
    3 task_id string
    4 url string required
    5 token string
    6 authentication AuthenticationInfo
StringList
    1 list string repeated
SecurityRequirement
    1 schemes map<string,StringList>
SecurityScheme
    1 api_key_security_scheme APIKeySecurityScheme oneof=scheme
    2 http_auth_security_scheme HTTPAuthSecurityScheme oneof=scheme
    3 oauth2_security_scheme OAuth2SecurityScheme oneof=scheme
    4 open_id_connect_security_scheme OpenIdConnectSecurityScheme oneof=scheme
    5 mtls_security_scheme MutualTlsSecurityScheme oneof=scheme
APIKeySecurityScheme
    1 description string
    2 location string required
    3 name string required
HTTPAuthSecurityScheme
    1 description string
    2 scheme string required
    3 bearer_format string
OAuth2SecurityScheme
    1 description string
    2 flows OAuthFlows required
    3 oauth2_metadata_url string
OpenIdConnectSecurityScheme
    1 description string
    2 open_id_connect_url string required
MutualTlsSecurityScheme
    1 description string
OAuthFlows
    1 authorization_code AuthorizationCodeOAuthFlow oneof=flow
    2 client_credentials ClientCredentialsOAuthFlow oneof=flow
    3 implicit ImplicitOAuthFlow oneof=flow
    4 password PasswordOAuthFlow oneof=flow
    5 device_code DeviceCodeOAuthFlow oneof=flow
AuthorizationCodeOAuthFlow
    1 authorization_url string required
    2 token_url string required
    3 refresh_url string
    4 scopes map<string,string> required
    5 pkce_required bool
ClientCredentialsOAuthFlow
    1 token_url string required
    2 refresh_url string
    3 scopes map<string,string> required
ImplicitOAuthFlow
    1 authorization_url string
    2 refresh_url string
    3 scopes map<string,string>
PasswordOAuthFlow
    1 token_url string
    2 refresh_url string
    3 scopes map<string,string>
DeviceCodeOAuthFlow
    1 device_authorization_url string required
    2 token_url string required
    3 refresh_url string
    4 scopes map<string,string> required
SendMessageRequest
    1 tenant string
    2 message Message required
    3 configuration SendMessageConfiguration
    4 metadata Struct
GetTaskRequest
    1 tenant string
    2 id string required
    3 history_length int32 optional
ListTasksRequest
    1 tenant string
    2 context_id string
    3 status TaskState
    4 page_size int32 optional
    5 page_token string
    6 history_length int32 optional
    7 status_timestamp_after Timestamp
    8 include_artifacts bool optional
ListTasksResponse
    1 tasks Task repeated required
    2 next_page_token string required
    3 page_size int32 required
    4 total_size int32 required
CancelTaskRequest
    1 tenant string
    2 id string required
    3 metadata Struct
GetTaskPushNotificationConfigRequest
    1 tenant string
    2 task_id string required
    3 id string required
DeleteTaskPushNotificationConfigRequest
    1 tenant string
    2 task_id string required
    3 id string required
SubscribeToTaskRequest
    1 tenant string
    2 id string required
ListTaskPushNotificationConfigsRequest
    4 tenant string
    1 task_id string required
    2 page_size int32
    3 page_token string
GetExtendedAgentCardRequest
    1 tenant string
SendMessageResponse
    1 task Task oneof=payload
    2 message Message oneof=payload
StreamResponse
    1 task Task oneof=payload
    2 message Message oneof=payload
    3 status_update TaskStatusUpdateEvent oneof=payload
    4 artifact_update TaskArtifactUpdateEvent oneof=payload
ListTaskPushNotificationConfigsResponse
    1 configs TaskPushNotificationConfig repeated
    2 next_page_token string
"""
"""A message, then one line a field: number, name, type, and what holds of it."""

ENUMS: Final[Mapping[str, Mapping[str, int]]] = {
    "TaskState": {
        "TASK_STATE_UNSPECIFIED": 0,
        "TASK_STATE_SUBMITTED": 1,
        "TASK_STATE_WORKING": 2,
        "TASK_STATE_COMPLETED": 3,
        "TASK_STATE_FAILED": 4,
        "TASK_STATE_CANCELED": 5,
        "TASK_STATE_INPUT_REQUIRED": 6,
        "TASK_STATE_REJECTED": 7,
        "TASK_STATE_AUTH_REQUIRED": 8,
    },
    "Role": {"ROLE_UNSPECIFIED": 0, "ROLE_USER": 1, "ROLE_AGENT": 2},
}


class Operation(NamedTuple):
    """One RPC: its name, its messages, and whether the answer is a stream."""

    name: str
    request: str
    response: str
    streams: bool


OPERATIONS: Final[Mapping[str, Operation]] = {
    name: Operation(name, request, response, streams)
    for name, request, response, streams in (
        ("SendMessage", "SendMessageRequest", "SendMessageResponse", False),
        ("SendStreamingMessage", "SendMessageRequest", "StreamResponse", True),
        ("GetTask", "GetTaskRequest", "Task", False),
        ("ListTasks", "ListTasksRequest", "ListTasksResponse", False),
        ("CancelTask", "CancelTaskRequest", "Task", False),
        ("SubscribeToTask", "SubscribeToTaskRequest", "StreamResponse", True),
        ("CreateTaskPushNotificationConfig", "TaskPushNotificationConfig", "TaskPushNotificationConfig", False),
        ("GetTaskPushNotificationConfig", "GetTaskPushNotificationConfigRequest", "TaskPushNotificationConfig", False),
        (
            "ListTaskPushNotificationConfigs",
            "ListTaskPushNotificationConfigsRequest",
            "ListTaskPushNotificationConfigsResponse",
            False,
        ),
        ("GetExtendedAgentCard", "GetExtendedAgentCardRequest", "AgentCard", False),
        ("DeleteTaskPushNotificationConfig", "DeleteTaskPushNotificationConfigRequest", "Empty", False),
    )
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `type` is a scalar, a message, an enum, or `map<string,…>`."""

    number: int
    name: str
    json_name: str
    type: str
    repeated: bool = False
    optional: bool = False
    required: bool = False
    oneof: str = ""

    @property
    def map_of(self) -> str:
        """The type of a map's values; "" for no map."""
        return self.type[len("map<string,") : -1] if self.type.startswith("map<") else ""


@functools.cache
def messages() -> Mapping[str, tuple[Field, ...]]:
    """Every message with its fields in the order of the proto."""
    return parse_messages(_MESSAGES)


def parse_messages(table: str) -> Mapping[str, tuple[Field, ...]]:
    """The messages of a table: a message's name, then one indented line a field."""
    found: dict[str, list[Field]] = {}
    fields: list[Field] = []
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            fields = found.setdefault(line, [])
            continue
        number, name, kind, *flags = line.split()
        said = dict(flag.split("=") for flag in flags if "=" in flag)
        marks = {"repeated": "repeated" in flags, "optional": "optional" in flags, "required": "required" in flags}
        json_name = said.get("json") or camel(name)
        fields.append(Field(int(number), name, json_name, kind, oneof=said.get("oneof", ""), **marks))
    return {name: tuple(fields) for name, fields in found.items()}


def camel(name: str) -> str:
    """The JSON name of a field."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
