"""An agent of 0.3 as a client of 1.0 sees it: requests to 0.3, results and events back. Pure, for JSON-RPC.

Spec: A2A 0.3.0 `specification/json/a2a.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from wireproof.schemas.a2a.reading import BadMessage, FieldViolation
from wireproof.schemas.a2a.v03 import METHODS, STATES, message_from_03, message_to_03, part_from_03
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

METHOD_OF: Final[Mapping[str, str]] = {operation: method for method, operation in METHODS.items()}
"""The method of 0.3 that an operation is."""


# -- requests, 1.0 to 0.3 -----------------------------------------------------------------------------------------


def request_to_03(operation: str, params: JSONObject) -> JSONObject:
    """The params of the 0.3 method."""
    translate = _REQUESTS.get(operation)
    made = translate(params) if translate is not None else params
    return {name: value for name, value in made.items() if name != "tenant"}


def _send(params: JSONObject) -> JSONObject:
    made: JSONObject = {"message": message_to_03(params["message"])}
    if "metadata" in params:
        made["metadata"] = params["metadata"]
    given: JSONObject = params.get("configuration", {})
    configuration: JSONObject = {"blocking": not given.get("returnImmediately", False)}
    configuration |= {key: given[key] for key in ("acceptedOutputModes", "historyLength") if key in given}
    if "taskPushNotificationConfig" in given:
        configuration["pushNotificationConfig"] = _push(given["taskPushNotificationConfig"])
    made["configuration"] = configuration
    return made


def _push(config: JSONObject) -> JSONObject:
    made: JSONObject = {key: config[key] for key in ("id", "url", "token") if key in config}
    if "authentication" in config:
        given: JSONObject = config["authentication"]
        made["authentication"] = {"schemes": [given["scheme"]]}
        if "credentials" in given:
            made["authentication"]["credentials"] = given["credentials"]
    return made


_REQUESTS: Final[Mapping[str, Callable[[JSONObject], JSONObject]]] = {
    "SendMessage": _send,
    "SendStreamingMessage": _send,
    "CreateTaskPushNotificationConfig": lambda params: {
        "taskId": params["taskId"],
        "pushNotificationConfig": _push(params),
    },
    "GetTaskPushNotificationConfig": lambda params: {
        "id": params["taskId"],
        "pushNotificationConfigId": params["id"],
    },
    "DeleteTaskPushNotificationConfig": lambda params: {
        "id": params["taskId"],
        "pushNotificationConfigId": params["id"],
    },
    "ListTaskPushNotificationConfigs": lambda params: {"id": params["taskId"]},
}


# -- results and events, 0.3 to 1.0 ----------------------------------------------------------------------------------


def result_from_03(operation: str, result: JSONValue) -> JSONValue:
    """The result of the operation. Raises `BadMessage`."""
    translate = _RESULTS.get(operation)
    return result if translate is None else translate(result)


def event_from_03(event: JSONValue) -> JSONObject:
    """A StreamResponse. Raises `BadMessage`."""
    if not is_object(event):
        raise _bad("", "must be an object")
    kind: JSONValue = event.get("kind")
    if kind == "task":
        return {"task": task_from_03(event)}
    if kind == "message":
        return {"message": message_from_03(event, "")}
    if kind == "status-update":
        kept = {key: event[key] for key in ("taskId", "contextId", "metadata") if event.get(key) is not None}
        return {"statusUpdate": {**kept, "status": _status(event.get("status"))}}
    if kind == "artifact-update":
        names = ("taskId", "contextId", "metadata", "append", "lastChunk")
        kept = {key: event[key] for key in names if event.get(key) is not None}
        return {"artifactUpdate": {**kept, "artifact": _artifact(event.get("artifact"))}}
    raise _bad("kind", "must be one of task, message, status-update, artifact-update")


def task_from_03(task: JSONValue) -> JSONObject:
    """A Task. Raises `BadMessage`."""
    if not is_object(task):
        raise _bad("", "must be a task")
    made = {key: value for key, value in task.items() if key != "kind" and value is not None}
    made["status"] = _status(task.get("status"))
    if is_array(made.get("artifacts")):
        made["artifacts"] = [_artifact(each) for each in made["artifacts"]]
    if is_array(made.get("history")):
        made["history"] = [message_from_03(each, "history") for each in made["history"]]
    return made


def _status(status: JSONValue) -> JSONObject:
    if not is_object(status):
        raise _bad("status", "must be an object")
    made = {key: value for key, value in status.items() if value is not None}
    made["state"] = STATES.get(str(status.get("state")), "TASK_STATE_UNSPECIFIED")
    if "message" in made:
        made["message"] = message_from_03(made["message"], "status.message")
    return made


def _artifact(artifact: JSONValue) -> JSONObject:
    if not is_object(artifact) or not is_array(artifact.get("parts")):
        raise _bad("artifact", "must be an object with parts")
    made = {key: value for key, value in artifact.items() if value is not None}
    made["parts"] = [part_from_03(part, f"artifact.parts[{index}]") for index, part in enumerate(artifact["parts"])]
    return made


def _push_from(config: JSONValue) -> JSONObject:
    if not is_object(config) or not is_object(config.get("pushNotificationConfig")):
        raise _bad("pushNotificationConfig", "must be an object")
    inner: JSONObject = config["pushNotificationConfig"]
    made = {key: inner[key] for key in ("id", "url", "token") if inner.get(key) is not None}
    made["taskId"] = config.get("taskId", "")
    authentication: JSONValue = inner.get("authentication")
    if is_object(authentication) and authentication.get("schemes"):
        made["authentication"] = {"scheme": authentication["schemes"][0]}
        if authentication.get("credentials") is not None:
            made["authentication"]["credentials"] = authentication["credentials"]
    return made


def _pushes_from(result: JSONValue) -> JSONObject:
    if not is_array(result):
        raise _bad("", "must be an array")
    return {"configs": [_push_from(each) for each in result], "nextPageToken": ""}


def _tasks_from(result: JSONValue) -> JSONObject:
    if not is_object(result) or not is_array(result.get("tasks")):
        raise _bad("tasks", "must be an array")
    return {**result, "tasks": [task_from_03(each) for each in result["tasks"]]}


# -- the card -------------------------------------------------------------------------------------------------------


def card_from_03(card: JSONObject) -> JSONObject:
    """A card that has only the fields of 0.3, with those of 1.0. Raises `BadMessage`."""
    if not isinstance(card.get("url"), str):
        raise _bad("supportedInterfaces", "is required")
    version = ".".join(str(card.get("protocolVersion", "0.3")).split(".")[:2])
    preferred = {"url": card["url"], "transport": card.get("preferredTransport", "JSONRPC")}
    others: JSONValue = card.get("additionalInterfaces")
    listed = [preferred, *(each for each in (others if is_array(others) else ()) if is_object(each))]
    interfaces: list[JSONObject] = []
    for each in listed:
        made = {"url": each.get("url"), "protocolBinding": each.get("transport"), "protocolVersion": version}
        if made not in interfaces:
            interfaces.append(made)
    given: JSONValue = card.get("capabilities")
    capabilities: JSONObject = {**given} if is_object(given) else {}
    if card.get("supportsAuthenticatedExtendedCard"):
        capabilities["extendedAgentCard"] = True
    return {**card, "supportedInterfaces": interfaces, "capabilities": capabilities}


_RESULTS: Final[Mapping[str, Callable[[JSONValue], JSONValue]]] = {
    "SendMessage": event_from_03,
    "GetTask": task_from_03,
    "CancelTask": task_from_03,
    "ListTasks": _tasks_from,
    "CreateTaskPushNotificationConfig": _push_from,
    "GetTaskPushNotificationConfig": _push_from,
    "ListTaskPushNotificationConfigs": _pushes_from,
    "DeleteTaskPushNotificationConfig": lambda _: {},
}


def _bad(field: str, description: str) -> BadMessage:
    return BadMessage((FieldViolation(field, description),))
