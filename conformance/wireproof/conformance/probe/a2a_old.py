"""Requests and results of A2A 0.3 over JSON-RPC, to and from the form of 1.0 that the checks read. Pure."""

from __future__ import annotations

from typing import Final

from wireproof.conformance.shapes import as_list, as_object
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

METHODS: Final = {
    "SendMessage": "message/send",
    "SendStreamingMessage": "message/stream",
    "GetTask": "tasks/get",
    "ListTasks": "tasks/list",
    "CancelTask": "tasks/cancel",
    "SubscribeToTask": "tasks/resubscribe",
    "CreateTaskPushNotificationConfig": "tasks/pushNotificationConfig/set",
    "GetTaskPushNotificationConfig": "tasks/pushNotificationConfig/get",
    "ListTaskPushNotificationConfigs": "tasks/pushNotificationConfig/list",
    "DeleteTaskPushNotificationConfig": "tasks/pushNotificationConfig/delete",
    "GetExtendedAgentCard": "agent/getAuthenticatedExtendedCard",
}
_ROLES: Final = {"ROLE_USER": "user", "ROLE_AGENT": "agent"}


def params(operation: str, given: JSONObject) -> JSONObject:
    """The parameters of 1.0 as 0.3 has them."""
    if operation in {"SendMessage", "SendStreamingMessage"}:
        made: JSONObject = {"message": _message_to(as_object(given.get("message")))}
        configuration = as_object(given.get("configuration"))
        said: JSONObject = {
            key: configuration[key] for key in ("historyLength", "acceptedOutputModes") if key in configuration
        }
        said["blocking"] = not configuration.get("returnImmediately", False)
        return {**made, "configuration": said}
    if operation == "CreateTaskPushNotificationConfig":
        config = {key: value for key, value in given.items() if key != "taskId"}
        return {"taskId": given.get("taskId"), "pushNotificationConfig": config}
    if operation.endswith(("PushNotificationConfig", "PushNotificationConfigs")):
        found: JSONObject = {"id": given.get("taskId")}
        if "id" in given:
            found["pushNotificationConfigId"] = given["id"]
        return found
    return given


def _message_to(message: JSONObject) -> JSONObject:
    made = {**message, "kind": "message"}
    if "role" in message:
        made["role"] = _ROLES.get(str(message["role"]), message["role"])
    if "parts" in message:
        made["parts"] = [{**as_object(part), "kind": "text"} for part in as_list(message["parts"])]
    return made


def result(operation: str, value: JSONValue) -> JSONValue:
    """A result of 0.3 in the form of 1.0, as far as the checks read it."""
    if operation in {"SendMessage", "SendStreamingMessage"}:
        return event(as_object(value))
    if operation in {"GetTask", "CancelTask"}:
        return _task(as_object(value))
    return value


def event(value: JSONObject) -> JSONObject:
    """A Task, Message or event of 0.3 as the StreamResponse of 1.0."""
    kind = value.get("kind")
    if kind == "task":
        return {"task": _task(value)}
    if kind == "message":
        return {"message": _message(value)}
    plain = {name: each for name, each in value.items() if name not in {"kind", "final"}}
    if kind == "status-update":
        return {"statusUpdate": {**plain, "status": _status(as_object(plain.get("status")))}}
    if kind == "artifact-update":
        return {"artifactUpdate": {**plain, "artifact": _parted(as_object(plain.get("artifact")))}}
    return value


def _task(value: JSONObject) -> JSONObject:
    made = {name: each for name, each in value.items() if name != "kind"}
    made["status"] = _status(as_object(value.get("status")))
    if "artifacts" in value:
        made["artifacts"] = [_parted(as_object(each)) for each in as_list(value["artifacts"])]
    if "history" in value:
        made["history"] = [_message(as_object(each)) for each in as_list(value["history"])]
    return made


def _status(value: JSONObject) -> JSONObject:
    made = dict(value)
    state = value.get("state")
    if isinstance(state, str):
        made["state"] = "TASK_STATE_" + state.upper().replace("-", "_")
    if is_object(value.get("message")):
        made["message"] = _message(as_object(value["message"]))
    return made


def _message(value: JSONObject) -> JSONObject:
    made = _parted({name: each for name, each in value.items() if name != "kind"})
    names = {old: new for new, old in _ROLES.items()}
    made["role"] = names.get(str(value.get("role")), value.get("role"))
    return made


def _parted(value: JSONObject) -> JSONObject:
    parts = [
        {name: each for name, each in as_object(part).items() if name != "kind"} for part in as_list(value.get("parts"))
    ]
    return {**value, "parts": [_file(part) for part in parts]}


def _file(part: JSONObject) -> JSONObject:
    file = part.pop("file", None)
    if not is_object(file):
        return part
    names = {"bytes": "raw", "uri": "url", "name": "filename", "mimeType": "mediaType"}
    return {**part, **{names.get(key, key): each for key, each in file.items()}}
