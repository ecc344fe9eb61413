"""A2A 0.3 as a translation at the edge: requests to 1.0, answers and events back. Pure, document to document.

What 1.0 does not know is refused on the way in; what 0.3 does not know is left out on the way back.
Spec: A2A 0.3.0 `specification/json/a2a.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from wireproof.schemas.a2a.reading import BadMessage, FieldViolation
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

METHODS: Final[Mapping[str, str]] = {
    "message/send": "SendMessage",
    "message/stream": "SendStreamingMessage",
    "tasks/get": "GetTask",
    "tasks/list": "ListTasks",
    "tasks/cancel": "CancelTask",
    "tasks/resubscribe": "SubscribeToTask",
    "tasks/pushNotificationConfig/set": "CreateTaskPushNotificationConfig",
    "tasks/pushNotificationConfig/get": "GetTaskPushNotificationConfig",
    "tasks/pushNotificationConfig/list": "ListTaskPushNotificationConfigs",
    "tasks/pushNotificationConfig/delete": "DeleteTaskPushNotificationConfig",
    "agent/getAuthenticatedExtendedCard": "GetExtendedAgentCard",
}
"""The operation of 1.0 that a method of 0.3 is."""

STATES: Final[Mapping[str, str]] = {
    "submitted": "TASK_STATE_SUBMITTED",
    "working": "TASK_STATE_WORKING",
    "input-required": "TASK_STATE_INPUT_REQUIRED",
    "completed": "TASK_STATE_COMPLETED",
    "canceled": "TASK_STATE_CANCELED",
    "failed": "TASK_STATE_FAILED",
    "rejected": "TASK_STATE_REJECTED",
    "auth-required": "TASK_STATE_AUTH_REQUIRED",
}
OLD_STATES: Final = {new: old for old, new in STATES.items()}
ROLES: Final[Mapping[str, str]] = {"user": "ROLE_USER", "agent": "ROLE_AGENT"}
OLD_ROLES: Final = {new: old for old, new in ROLES.items()}
_ENDS_STREAM: Final = {
    "TASK_STATE_COMPLETED",
    "TASK_STATE_CANCELED",
    "TASK_STATE_FAILED",
    "TASK_STATE_REJECTED",
    "TASK_STATE_INPUT_REQUIRED",
}
_SCHEMES: Final[Mapping[str, str]] = {
    "apiKeySecurityScheme": "apiKey",
    "httpAuthSecurityScheme": "http",
    "oauth2SecurityScheme": "oauth2",
    "openIdConnectSecurityScheme": "openIdConnect",
    "mtlsSecurityScheme": "mutualTLS",
}


# -- requests, 0.3 to 1.0 -----------------------------------------------------------------------------------------


def request_from_03(operation: str, params: JSONObject) -> JSONObject:
    """The request of 1.0. Raises `BadMessage`."""
    translate = _REQUESTS.get(operation)
    return params if translate is None else translate(params)


def _send(params: JSONObject) -> JSONObject:
    message: JSONValue = params.get("message")
    if message is None:
        raise _bad("message", "is required")
    request: JSONObject = {"message": message_from_03(message, "message")}
    if params.get("metadata") is not None:
        request["metadata"] = params["metadata"]
    given: JSONValue = params.get("configuration")
    if given is None:
        return request
    if not is_object(given):
        raise _bad("configuration", "must be an object")
    configuration = {key: given[key] for key in ("acceptedOutputModes", "historyLength") if given.get(key) is not None}
    if given.get("blocking") is False:
        configuration["returnImmediately"] = True
    if given.get("pushNotificationConfig") is not None:
        configuration["taskPushNotificationConfig"] = _push(given["pushNotificationConfig"])
    request["configuration"] = configuration
    return request


def message_from_03(message: JSONValue, path: str = "message") -> JSONObject:
    """A Message of 1.0. Raises `BadMessage`."""
    if not is_object(message):
        raise _bad(path, "must be an object")
    if message.get("kind", "message") != "message":
        raise _bad(f"{path}.kind", 'must be "message"')
    if message.get("role") not in ROLES:
        raise _bad(f"{path}.role", "must be one of user, agent")
    parts: JSONValue = message.get("parts")
    if not is_array(parts):
        raise _bad(f"{path}.parts", "must be an array")
    made = {key: value for key, value in message.items() if key != "kind" and value is not None}
    made["role"] = ROLES[message["role"]]
    made["parts"] = [part_from_03(part, f"{path}.parts[{index}]") for index, part in enumerate(parts)]
    return made


def part_from_03(part: JSONValue, path: str) -> JSONObject:
    """A Part of 1.0. Raises `BadMessage`."""
    if not is_object(part):
        raise _bad(path, "must be an object")
    made: JSONObject = {}
    kind: JSONValue = part.get("kind")
    if kind == "text":
        made["text"] = part.get("text")
    elif kind == "data":
        if not is_object(part.get("data")):
            raise _bad(f"{path}.data", "must be an object")
        made["data"] = part["data"]
    elif kind == "file":
        made.update(_file(part.get("file"), f"{path}.file"))
    else:
        raise _bad(f"{path}.kind", "must be one of text, file, data")
    if part.get("metadata") is not None:
        made["metadata"] = part["metadata"]
    return made


def _file(file: JSONValue, path: str) -> JSONObject:
    if not is_object(file):
        raise _bad(path, "must be an object")
    names = {"bytes": "raw", "uri": "url", "name": "filename", "mimeType": "mediaType"}
    return {new: file[old] for old, new in names.items() if file.get(old) is not None}


def _push(config: JSONValue) -> JSONObject:
    if not is_object(config):
        raise _bad("pushNotificationConfig", "must be an object")
    made = {key: config[key] for key in ("id", "url", "token") if config.get(key) is not None}
    authentication: JSONValue = config.get("authentication")
    if is_object(authentication):
        schemes: JSONValue = authentication.get("schemes")
        if not is_array(schemes) or not schemes:
            raise _bad("pushNotificationConfig.authentication.schemes", "must have at least one element")
        made["authentication"] = {"scheme": schemes[0]}
        if authentication.get("credentials") is not None:
            made["authentication"]["credentials"] = authentication["credentials"]
    return made


def _set_push(params: JSONObject) -> JSONObject:
    return {**_push(params.get("pushNotificationConfig")), "taskId": params.get("taskId", "")}


def _one_push(params: JSONObject) -> JSONObject:
    """Without a configuration's id, 0.3 means the task's own one."""
    return {"taskId": params.get("id"), "id": params.get("pushNotificationConfigId") or params.get("id")}


def _list_tasks(params: JSONObject) -> JSONObject:
    status: JSONValue = params.get("status")
    return {**params, "status": STATES.get(status, status)} if isinstance(status, str) else params


_REQUESTS: Final[Mapping[str, Callable[[JSONObject], JSONObject]]] = {
    "SendMessage": _send,
    "SendStreamingMessage": _send,
    "ListTasks": _list_tasks,
    "CreateTaskPushNotificationConfig": _set_push,
    "GetTaskPushNotificationConfig": _one_push,
    "DeleteTaskPushNotificationConfig": _one_push,
    "ListTaskPushNotificationConfigs": lambda params: {"taskId": params.get("id")},
}


# -- answers and events, 1.0 to 0.3 ---------------------------------------------------------------------------------


def result_to_03(operation: str, result: JSONValue) -> JSONValue:
    """The result of the 0.3 method for that of the operation."""
    translate = _RESULTS.get(operation)
    return result if translate is None else translate(result)


def event_to_03(event: JSONObject) -> JSONObject:
    """One event of a stream."""
    ((name, value),) = event.items()
    if name == "statusUpdate":
        update = {**value, "kind": "status-update", "status": _status(value["status"])}
        update["final"] = value["status"]["state"] in _ENDS_STREAM
        return update
    if name == "artifactUpdate":
        return {**value, "kind": "artifact-update", "artifact": _artifact(value["artifact"])}
    return task_to_03(value) if name == "task" else message_to_03(value)


def task_to_03(task: JSONObject) -> JSONObject:
    """A Task of 0.3."""
    made = {**task, "kind": "task", "status": _status(task["status"])}
    made.setdefault("contextId", "")
    if "artifacts" in task:
        made["artifacts"] = [_artifact(artifact) for artifact in task["artifacts"]]
    if "history" in task:
        made["history"] = [message_to_03(message) for message in task["history"]]
    return made


def message_to_03(message: JSONObject) -> JSONObject:
    """A Message of 0.3."""
    parts = [part_to_03(part) for part in message["parts"]]
    return {**message, "kind": "message", "role": OLD_ROLES[message["role"]], "parts": parts}


def part_to_03(part: JSONObject) -> JSONObject:
    """A Part of 0.3. Data that is no object is wrapped, which is all that 0.3 can say."""
    made: JSONObject
    if "text" in part:
        made = {"kind": "text", "text": part["text"]}
    elif "data" in part:
        data: JSONValue = part["data"]
        made = {"kind": "data", "data": data if is_object(data) else {"value": data}}
    else:
        names = {"raw": "bytes", "url": "uri", "filename": "name", "mediaType": "mimeType"}
        made = {"kind": "file", "file": {old: part[new] for new, old in names.items() if new in part}}
    if "metadata" in part:
        made["metadata"] = part["metadata"]
    return made


def _status(status: JSONObject) -> JSONObject:
    made = {**status, "state": OLD_STATES[status["state"]]}
    if "message" in status:
        made["message"] = message_to_03(status["message"])
    return made


def _artifact(artifact: JSONObject) -> JSONObject:
    return {**artifact, "parts": [part_to_03(part) for part in artifact["parts"]]}


def _push_to_03(config: JSONValue) -> JSONValue:
    made: JSONObject = {key: config[key] for key in ("id", "url", "token") if key in config}
    authentication: JSONValue = config.get("authentication")
    if is_object(authentication):
        made["authentication"] = {"schemes": [authentication["scheme"]]}
        if "credentials" in authentication:
            made["authentication"]["credentials"] = authentication["credentials"]
    return {"taskId": config["taskId"], "pushNotificationConfig": made}


def _list_to_03(result: JSONValue) -> JSONValue:
    return {**result, "tasks": [task_to_03(task) for task in result["tasks"]]}


def _sent_to_03(result: JSONValue) -> JSONValue:
    return event_to_03(result)


# -- the card -------------------------------------------------------------------------------------------------------


def card_to_03(card: JSONObject) -> JSONObject:
    """The card with the fields of 0.3 beside its own, from its interfaces of that version; as it is without one."""
    old = [each for each in card["supportedInterfaces"] if each["protocolVersion"].startswith("0.3")]
    if not old:
        return card
    made: JSONObject = {
        **card,
        "protocolVersion": "0.3.0",
        "url": old[0]["url"],
        "preferredTransport": old[0]["protocolBinding"],
        "additionalInterfaces": [{"url": each["url"], "transport": each["protocolBinding"]} for each in old],
        "supportsAuthenticatedExtendedCard": card["capabilities"].get("extendedAgentCard", False),
    }
    if "securitySchemes" in card:
        made["securitySchemes"] = {name: _scheme(each) for name, each in card["securitySchemes"].items()}
    if "securityRequirements" in card:
        made["security"] = [
            {name: scopes.get("list", []) for name, scopes in each.get("schemes", {}).items()}
            for each in card["securityRequirements"]
        ]
    return made


def _scheme(scheme: JSONObject) -> JSONObject:
    """A scheme in both spellings: the member of 1.0, and the flat form of 0.3."""
    for member, kind in _SCHEMES.items():
        if member in scheme:
            inner: JSONObject = scheme[member]
            flat = {("in" if key == "location" else key): value for key, value in inner.items()}
            return {**scheme, "type": kind, **flat}
    return scheme


_RESULTS: Final[Mapping[str, Callable[[JSONValue], JSONValue]]] = {
    "SendMessage": _sent_to_03,
    "GetTask": task_to_03,
    "CancelTask": task_to_03,
    "ListTasks": _list_to_03,
    "CreateTaskPushNotificationConfig": _push_to_03,
    "GetTaskPushNotificationConfig": _push_to_03,
    "ListTaskPushNotificationConfigs": lambda result: [_push_to_03(config) for config in result["configs"]],
    "DeleteTaskPushNotificationConfig": lambda _: None,
    "GetExtendedAgentCard": card_to_03,
}


def _bad(field: str, description: str) -> BadMessage:
    return BadMessage((FieldViolation(field, description),))
