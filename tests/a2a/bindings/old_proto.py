"""What the documents of 0.3's proto mean in 1.0, and the other way for requests: the tests' own reading."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]


def request(operation: str, params: JSON) -> JSON:
    """A request of 1.0 as the RPC of 0.3 takes it."""
    if operation in ("SendMessage", "SendStreamingMessage"):
        given = params.get("configuration", {})
        made: JSON = {"message": _message_out(params["message"]) if isinstance(params.get("message"), dict) else {}}
        made["configuration"] = {"blocking": not given.get("returnImmediately", False)}
        if "historyLength" in given:
            made["configuration"]["historyLength"] = given["historyLength"]
        if "acceptedOutputModes" in given:
            made["configuration"]["acceptedOutputModes"] = given["acceptedOutputModes"]
        if "metadata" in params:
            made["metadata"] = params["metadata"]
        return made
    if operation == "CreateTaskPushNotificationConfig":
        config = {key: params[key] for key in ("id", "url", "token") if key in params}
        if "authentication" in params:
            one = params["authentication"]
            config["authentication"] = {"schemes": [one["scheme"]], "credentials": one["credentials"]}
        parent, id_ = f"tasks/{params['taskId']}", params.get("id", "")
        return {"parent": parent, "configId": id_, "config": {"pushNotificationConfig": config}}
    if operation == "ListTaskPushNotificationConfigs":
        return {"parent": f"tasks/{params['taskId']}"}
    if "PushNotification" in operation:
        return {"name": f"tasks/{params['taskId']}/pushNotificationConfigs/{params['id']}"}
    if operation == "GetExtendedAgentCard":
        return {}
    made = {"name": f"tasks/{params['id']}"}
    return made | ({"historyLength": params["historyLength"]} if "historyLength" in params else {})


def _message_out(message: JSON) -> JSON:
    made = {key: value for key, value in message.items() if key != "parts"}
    made["content"] = [_part_out(part) for part in message.get("parts", ())]
    return made


def _part_out(part: JSON) -> JSON:
    if "text" in part:
        return {"text": part["text"]}
    if "data" in part:
        return {"data": {"data": part["data"]}}
    return {"file": {"fileWithBytes": part["raw"], "mimeType": part.get("mediaType", "")}}


def result(operation: str, document: JSON) -> Any:
    """An answer of 0.3 in 1.0."""
    if operation in ("SendMessage", "SendStreamingMessage", "SubscribeToTask"):
        return event(document)
    if operation in ("GetTask", "CancelTask"):
        return _task(document)
    if operation == "ListTaskPushNotificationConfigs":
        return {"configs": [_config(each) for each in document.get("configs", ())]}
    if operation == "DeleteTaskPushNotificationConfig":
        return {}
    return _config(document) if "PushNotification" in operation else document


def event(document: JSON) -> JSON:
    """A StreamResponse."""
    ((name, value),) = document.items()
    if name == "task":
        return {name: _task(value)}
    if name == "message":
        return {name: _message(value)}
    if name == "artifactUpdate":
        return {name: {**value, "artifact": _artifact(value["artifact"])}}
    return {name: {key: each for key, each in {**value, "status": _status(value["status"])}.items() if key != "final"}}


def _task(task: JSON) -> JSON:
    made = {**task, "status": _status(task["status"])}
    if "artifacts" in task:
        made["artifacts"] = [_artifact(each) for each in task["artifacts"]]
    if "history" in task:
        made["history"] = [_message(each) for each in task["history"]]
    return made


def _status(status: JSON) -> JSON:
    made = {**status, "state": status["state"].replace("CANCELLED", "CANCELED")}
    return made | ({"message": _message(status["message"])} if "message" in status else {})


def _artifact(artifact: JSON) -> JSON:
    return {**artifact, "parts": [_part(each) for each in artifact["parts"]]}


def _message(message: JSON) -> JSON:
    made = {key: value for key, value in message.items() if key != "content"}
    return {**made, "parts": [_part(each) for each in message["content"]]}


def _part(part: JSON) -> JSON:
    if "text" in part:
        return {"text": part["text"]}
    if "data" in part:
        return {"data": part["data"]["data"]}
    file = part["file"]
    names = {"fileWithBytes": "raw", "fileWithUri": "url", "name": "filename", "mimeType": "mediaType"}
    return {names[key]: value for key, value in file.items()}


def _config(config: JSON) -> JSON:
    inner = dict(config["pushNotificationConfig"])
    if "authentication" in inner:
        one = inner["authentication"]
        inner["authentication"] = {"scheme": one["schemes"][0], "credentials": one["credentials"]}
    return {**inner, "taskId": config["name"].split("/")[1]}
