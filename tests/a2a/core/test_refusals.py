"""Requests that are answered with an error, each from the one table, and nothing stored."""

from __future__ import annotations

from typing import Any

import pytest

from wireproof.a2a import A2AError, Kind
from wireproof.a2a.errors import DOMAIN, ERROR_INFO
from wireproof.schemas.a2a.tables import OPERATIONS
from wireproof.tasks.errors import StoreRefused

from .agents import ME, agent, refused, request

PART = {"text": "x"}


def message(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"messageId": "m", "role": "ROLE_USER", "parts": [PART]}
    made.update(changes)
    return {"message": {key: value for key, value in made.items() if value is not ...}}


BAD = [
    ([], ""),
    ("text", ""),
    ({}, "message"),
    ({"message": None}, "message"),
    ({"message": []}, "message"),
    (message(messageId=...), "message.messageId"),
    (message(messageId=""), "message.messageId"),
    (message(messageId=7), "message.messageId"),
    (message(role=...), "message.role"),
    (message(role="user"), "message.role"),
    (message(role="ROLE_UNSPECIFIED"), "message.role"),
    (message(role="ROLE_AGENT"), "message.role"),
    (message(role=9), "message.role"),
    (message(parts=...), "message.parts"),
    (message(parts=[]), "message.parts"),
    (message(parts=PART), "message.parts"),
    (message(parts=[{}]), "message.parts[0]"),
    (message(parts=[PART, {"text": "a", "data": 1}]), "message.parts[1]"),
    (message(parts=[{"text": 1}]), "message.parts[0].text"),
    (message(parts=[{"raw": "no base64!"}]), "message.parts[0].raw"),
    (message(parts=[{"text": "x", "mediaType": 1}]), "message.parts[0].mediaType"),
    (message(parts=[None]), "message.parts[0]"),
    (message(metadata=[]), "message.metadata"),
    (message(extensions=[1]), "message.extensions[0]"),
    (message(contextId=1), "message.contextId"),
    (message(message_id="n"), "message.messageId"),
    ({**message(), "configuration": {"historyLength": -1}}, "historyLength"),
    ({**message(), "configuration": {"historyLength": 2**31}}, "configuration.historyLength"),
    ({**message(), "configuration": {"historyLength": True}}, "configuration.historyLength"),
    ({**message(), "configuration": {"returnImmediately": "yes"}}, "configuration.returnImmediately"),
    ({**message(), "configuration": {"acceptedOutputModes": "text"}}, "configuration.acceptedOutputModes"),
    (
        {**message(), "configuration": {"taskPushNotificationConfig": {}}},
        "configuration.taskPushNotificationConfig.url",
    ),
    ({**message(), "tenant": 1}, "tenant"),
]


@pytest.mark.parametrize("operation", ["SendMessage", "SendStreamingMessage"])
@pytest.mark.parametrize(("params", "field"), BAD)
async def test_a_message_that_does_not_fit_is_refused_by_its_field(operation: str, params: Any, field: str) -> None:
    async with agent().core as core:
        call = core.call if operation == "SendMessage" else core.stream
        error = await refused(lambda: call(operation, params, ME))
        assert (await core.call("ListTasks", {}, ME))["totalSize"] == 0
    assert error.kind is Kind.INVALID_PARAMS
    assert [violation.field for violation in error.violations] == [field]


@pytest.mark.parametrize(
    ("operation", "params", "field"),
    [
        ("GetTask", {}, "id"),
        ("GetTask", {"id": ""}, "id"),
        ("GetTask", {"id": 1}, "id"),
        ("GetTask", {"id": "t", "historyLength": -1}, "historyLength"),
        ("CancelTask", {}, "id"),
        ("SubscribeToTask", {}, "id"),
        ("CreateTaskPushNotificationConfig", {"taskId": "t"}, "url"),
        ("CreateTaskPushNotificationConfig", {"url": "https://example.com/"}, "taskId"),
        ("GetTaskPushNotificationConfig", {"id": "c"}, "taskId"),
        ("GetTaskPushNotificationConfig", {"taskId": "t"}, "id"),
        ("ListTaskPushNotificationConfigs", {}, "taskId"),
        ("ListTaskPushNotificationConfigs", {"taskId": "t", "pageSize": -1}, "pageSize"),
        ("DeleteTaskPushNotificationConfig", {"taskId": "t"}, "id"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(operation: str, params: Any, field: str) -> None:
    async with agent().core as core:
        call = core.stream if OPERATIONS[operation].streams else core.call
        error = await refused(lambda: call(operation, params, ME))
    assert error.kind is Kind.INVALID_PARAMS
    assert [violation.field for violation in error.violations] == [field]


@pytest.mark.parametrize("operation", ["message/send", "sendMessage", "", "SendStreamingMessage"])
async def test_an_unknown_operation_is_no_method(operation: str) -> None:
    async with agent().core as core:
        error = await refused(lambda: core.call(operation, request(), ME))
    assert error.kind is Kind.METHOD_NOT_FOUND


async def test_a_unary_operation_is_no_stream() -> None:
    async with agent().core as core:
        error = await refused(lambda: core.stream("SendMessage", request(), ME))
    assert error.kind is Kind.METHOD_NOT_FOUND


async def test_unknown_fields_and_the_other_spellings_of_proto_json_are_taken() -> None:
    odd = {
        "message": {"message_id": "m", "role": 1, "parts": [{"text": "hi", "media_type": "text/plain"}], "new": 1},
        "configuration": {"history_length": "0", "newer": {}},
        "metadata": {"skillId": "echo"},
    }
    async with agent().core as core:
        answer = await core.call("SendMessage", odd, ME)
    assert answer["message"]["parts"] == [{"text": "echo hi"}]


TABLE = {
    "TASK_NOT_FOUND": (-32001, 404, "NOT_FOUND"),
    "TASK_NOT_CANCELABLE": (-32002, 400, "FAILED_PRECONDITION"),
    "PUSH_NOTIFICATION_NOT_SUPPORTED": (-32003, 400, "FAILED_PRECONDITION"),
    "UNSUPPORTED_OPERATION": (-32004, 400, "FAILED_PRECONDITION"),
    "CONTENT_TYPE_NOT_SUPPORTED": (-32005, 400, "INVALID_ARGUMENT"),
    "INVALID_AGENT_RESPONSE": (-32006, 500, "INTERNAL"),
    "EXTENDED_AGENT_CARD_NOT_CONFIGURED": (-32007, 400, "FAILED_PRECONDITION"),
    "EXTENSION_SUPPORT_REQUIRED": (-32008, 400, "FAILED_PRECONDITION"),
    "VERSION_NOT_SUPPORTED": (-32009, 400, "FAILED_PRECONDITION"),
}
"""Spec: A2A 1.0.1 section 5.4."""


def test_every_error_of_the_specification_has_its_three_forms_and_its_details() -> None:
    kinds = [kind for kind in Kind if kind.row.reason]
    assert {kind.row.reason: (kind.row.code, kind.row.http, kind.row.grpc) for kind in kinds} == TABLE
    for kind in kinds:
        info = {"@type": ERROR_INFO, "reason": kind.row.reason, "domain": DOMAIN, "metadata": {"a": "b"}}
        assert A2AError(kind, metadata={"a": "b"}).details() == [info]


async def test_a_keyring_that_is_too_weak_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREPROOF_KEYRING", "short")
    with pytest.raises(StoreRefused, match="WIREPROOF_KEYRING"):
        async with agent().core:
            pass
