"""A2A 0.3 as its proto says it (gRPC and HTTP+JSON), translated to 1.0 and back. Pure, document to document.

JSON-RPC of 0.3 has another form with a `kind` in every document; that one is `v03`.
Spec: A2A 0.3.0 `specification/grpc/a2a.proto`, and its JSON mapping.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from wireproof.schemas.a2a.reading import BadMessage, FieldViolation
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

_TASK: Final = re.compile(r"tasks?/([^/]+)(?:/pushNotificationConfigs)?")
_CONFIG: Final = re.compile(r"tasks?/([^/]+)/pushNotificationConfigs/([^/]+)")
_ENDS_STREAM: Final = frozenset(
    f"TASK_STATE_{name}" for name in ("COMPLETED", "CANCELED", "FAILED", "REJECTED", "INPUT_REQUIRED")
)
_TO_FILE: Final = {"url": "fileWithUri", "raw": "fileWithBytes", "filename": "name", "mediaType": "mimeType"}


# -- requests, 0.3 to 1.0 -----------------------------------------------------------------------------------------


def request_from_03_proto(operation: str, request: JSONObject) -> JSONObject:
    """The request of 1.0. Raises `BadMessage`."""
    return _REQUESTS[operation](request)


def _send(request: JSONObject) -> JSONObject:
    made: JSONObject = {"message": message_from_proto(request.get("message", request.get("request")))}
    if request.get("metadata") is not None:
        made["metadata"] = request["metadata"]
    given: JSONValue = request.get("configuration")
    if given is None:
        return made
    if not is_object(given):
        raise _bad("configuration", "must be an object")
    configuration: JSONObject = {}
    if given.get("acceptedOutputModes") is not None:
        configuration["acceptedOutputModes"] = given["acceptedOutputModes"]
    if given.get("historyLength"):  # no presence in 0.3: zero says nothing
        configuration["historyLength"] = given["historyLength"]
    if not given.get("blocking", False):
        configuration["returnImmediately"] = True
    if given.get("pushNotification") is not None:
        configuration["taskPushNotificationConfig"] = _push(given["pushNotification"])
    made["configuration"] = configuration
    return made


def message_from_proto(message: JSONValue, path: str = "message") -> JSONObject:
    """A Message of 1.0. Raises `BadMessage`."""
    if not is_object(message):
        raise _bad(path, "must be an object")
    content: JSONValue = message.get("content", message.get("parts"))
    if not is_array(content):
        raise _bad(f"{path}.content", "must be an array")
    made = {key: value for key, value in message.items() if key != "content" and value is not None}
    made["parts"] = [_part(part, f"{path}.content[{index}]") for index, part in enumerate(content)]
    return made


def _part(part: JSONValue, path: str) -> JSONObject:
    if not is_object(part):
        raise _bad(path, "must be an object")
    made: JSONObject = {}
    if "text" in part:
        made["text"] = part["text"]
    elif is_object(part.get("data")):
        if not is_object(part["data"].get("data", {})):
            raise _bad(f"{path}.data.data", "must be an object")
        made["data"] = part["data"].get("data", {})
    elif is_object(part.get("file")):
        file: JSONObject = part["file"]
        made.update({new: file[old] for new, old in _TO_FILE.items() if file.get(old) is not None})
    else:
        raise _bad(path, "must have exactly one of text, file, data")
    if part.get("metadata") is not None:
        made["metadata"] = part["metadata"]
    return made


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


def _task_named(name: JSONValue, field: str = "name") -> str:
    found = _TASK.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        raise _bad(field, "must be tasks/{id}")
    return found.group(1)


def _config_named(request: JSONObject) -> JSONObject:
    name: JSONValue = request.get("name")
    found = _CONFIG.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        raise _bad("name", "must be tasks/{id}/pushNotificationConfigs/{id}")
    return {"taskId": found.group(1), "id": found.group(2)}


def _get_task(request: JSONObject) -> JSONObject:
    made: JSONObject = {"id": _task_named(request.get("name"))}
    if request.get("historyLength"):
        made["historyLength"] = request["historyLength"]
    return made


def _create_config(request: JSONObject) -> JSONObject:
    given: JSONValue = request.get("config")
    if not is_object(given):
        raise _bad("config", "is required")
    made = {**_push(given.get("pushNotificationConfig")), "taskId": _task_named(request.get("parent"), "parent")}
    if request.get("configId"):
        made["id"] = request["configId"]
    return made


def _list_configs(request: JSONObject) -> JSONObject:
    made: JSONObject = {"taskId": _task_named(request.get("parent"), "parent")}
    made.update({key: request[key] for key in ("pageSize", "pageToken") if request.get(key)})
    return made


_REQUESTS: Final[Mapping[str, Callable[[JSONObject], JSONObject]]] = {
    "SendMessage": _send,
    "SendStreamingMessage": _send,
    "GetTask": _get_task,
    "CancelTask": lambda request: {"id": _task_named(request.get("name"))},
    "SubscribeToTask": lambda request: {"id": _task_named(request.get("name"))},
    "CreateTaskPushNotificationConfig": _create_config,
    "GetTaskPushNotificationConfig": _config_named,
    "ListTaskPushNotificationConfigs": _list_configs,
    "DeleteTaskPushNotificationConfig": _config_named,
    "GetExtendedAgentCard": lambda _: {},
}


# -- answers and events, 1.0 to 0.3 ---------------------------------------------------------------------------------


def result_to_03_proto(operation: str, result: JSONValue) -> JSONObject:
    """The answer of the 0.3 RPC for that of the operation."""
    return _RESULTS[operation](result)


def event_to_03_proto(event: JSONObject) -> JSONObject:
    """One StreamResponse (or SendMessageResponse) of 0.3."""
    ((name, value),) = event.items()
    if name == "statusUpdate":
        final = value["status"]["state"] in _ENDS_STREAM
        return {name: {**value, "status": _status(value["status"]), "final": final}}
    if name == "artifactUpdate":
        return {name: {**value, "artifact": _artifact(value["artifact"])}}
    return {name: task_to_proto(value) if name == "task" else message_to_proto(value)}


def task_to_proto(task: JSONObject) -> JSONObject:
    """A Task of 0.3."""
    made = {**task, "status": _status(task["status"])}
    if "artifacts" in task:
        made["artifacts"] = [_artifact(artifact) for artifact in task["artifacts"]]
    if "history" in task:
        made["history"] = [message_to_proto(message) for message in task["history"]]
    return made


def message_to_proto(message: JSONObject) -> JSONObject:
    """A Message of 0.3; `referenceTaskIds` came later and is left out."""
    made = {key: value for key, value in message.items() if key not in ("parts", "referenceTaskIds")}
    made["content"] = [_part_to_proto(part) for part in message["parts"]]
    return made


def _part_to_proto(part: JSONObject) -> JSONObject:
    made: JSONObject
    if "text" in part:
        made = {"text": part["text"]}
    elif "data" in part:
        data: JSONValue = part["data"]
        made = {"data": {"data": data if is_object(data) else {"value": data}}}
    else:
        made = {"file": {old: part[new] for new, old in _TO_FILE.items() if new in part}}
    if "metadata" in part:
        made["metadata"] = part["metadata"]
    return made


def _artifact(artifact: JSONObject) -> JSONObject:
    return {**artifact, "parts": [_part_to_proto(part) for part in artifact["parts"]]}


def _status(status: JSONObject) -> JSONObject:
    made = dict(status)
    if status["state"] == "TASK_STATE_CANCELED":
        made["state"] = "TASK_STATE_CANCELLED"
    if "message" in status:
        made["message"] = message_to_proto(status["message"])
    return made


def _config(config: JSONValue) -> JSONObject:
    inner: JSONObject = {key: config[key] for key in ("id", "url", "token") if key in config}
    authentication: JSONValue = config.get("authentication")
    if is_object(authentication):
        inner["authentication"] = {"schemes": [authentication["scheme"]]}
        if "credentials" in authentication:
            inner["authentication"]["credentials"] = authentication["credentials"]
    name = f"tasks/{config['taskId']}/pushNotificationConfigs/{config['id']}"
    return {"name": name, "pushNotificationConfig": inner}


def _configs(result: JSONValue) -> JSONObject:
    made: JSONObject = {"configs": [_config(config) for config in result.get("configs", ())]}
    if result.get("nextPageToken"):
        made["nextPageToken"] = result["nextPageToken"]
    return made


def card_to_proto(card: JSONObject) -> JSONObject:
    """An AgentCard of 0.3, from the interfaces of 1.0's."""
    interfaces: list[JSONObject] = card["supportedInterfaces"]
    old = [each for each in interfaces if each["protocolVersion"].startswith("0.3")] or interfaces
    kept = ("supportedInterfaces", "capabilities", "securityRequirements", "skills")
    made = {key: value for key, value in card.items() if key not in kept}
    capabilities: JSONObject = card["capabilities"]
    made["protocolVersion"] = "0.3.0"
    if old:
        made["url"], made["preferredTransport"] = old[0]["url"], old[0]["protocolBinding"]
        made["additionalInterfaces"] = [{"url": each["url"], "transport": each["protocolBinding"]} for each in old]
    made["capabilities"] = {key: value for key, value in capabilities.items() if key != "extendedAgentCard"}
    made["supportsAuthenticatedExtendedCard"] = capabilities.get("extendedAgentCard", False)
    if "securityRequirements" in card:
        made["security"] = card["securityRequirements"]
    made["skills"] = [_skill(skill) for skill in card["skills"]]
    return made


def _skill(skill: JSONObject) -> JSONObject:
    made = {key: value for key, value in skill.items() if key != "securityRequirements"}
    if "securityRequirements" in skill:
        made["security"] = skill["securityRequirements"]
    return made


_RESULTS: Final[Mapping[str, Callable[[JSONValue], JSONObject]]] = {
    "SendMessage": event_to_03_proto,
    "GetTask": task_to_proto,
    "CancelTask": task_to_proto,
    "CreateTaskPushNotificationConfig": _config,
    "GetTaskPushNotificationConfig": _config,
    "ListTaskPushNotificationConfigs": _configs,
    "DeleteTaskPushNotificationConfig": lambda _: {},
    "GetExtendedAgentCard": card_to_proto,
}


def _bad(field: str, description: str) -> BadMessage:
    return BadMessage((FieldViolation(field, description),))
