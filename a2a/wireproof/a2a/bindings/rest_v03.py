"""HTTP+JSON of 0.3: its paths under `/v1`, and its documents, which are those of its proto in JSON. Pure.

Spec: A2A 0.3.0 `specification/grpc/a2a.proto` (google.api.http); subscribe by GET and by POST.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, unquote

from wireproof.a2a.bindings.rest import Found, Route
from wireproof.a2a.caller import V0_3
from wireproof.a2a.errors import invalid
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

PREFIX: Final = "/v1/"


def _route(method: str, path: str, operation: str, *, body: bool = False) -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", path)
    return Route(method, re.compile(pattern), operation, body, V0_3)


ROUTES: Final = (
    _route("POST", "/v1/message:send", "SendMessage", body=True),
    _route("POST", "/v1/message:stream", "SendStreamingMessage", body=True),
    _route("POST", "/v1/tasks/{id}:cancel", "CancelTask", body=True),
    _route("GET", "/v1/tasks/{id}:subscribe", "SubscribeToTask"),
    _route("POST", "/v1/tasks/{id}:subscribe", "SubscribeToTask", body=True),
    _route("POST", "/v1/tasks?/{id}/pushNotificationConfigs", "CreateTaskPushNotificationConfig", body=True),
    _route("GET", "/v1/tasks/{id}/pushNotificationConfigs", "ListTaskPushNotificationConfigs"),
    _route("GET", "/v1/tasks/{id}/pushNotificationConfigs/{config}", "GetTaskPushNotificationConfig"),
    _route("DELETE", "/v1/tasks/{id}/pushNotificationConfigs/{config}", "DeleteTaskPushNotificationConfig"),
    _route("GET", "/v1/card", "GetExtendedAgentCard"),
    _route("GET", "/v1/tasks/{id}", "GetTask"),
)


def find(method: str, path: str) -> Found | None:
    """The route of a request; None when 0.3 has no such path with this verb."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path) if route.method == method else None
        if match is not None:
            return Found(route, {name: unquote(value) for name, value in match.groupdict().items()})
    return None


def params_of(found: Found, query: bytes, body: JSONValue) -> JSONObject:
    """The request of 0.3's proto. Raises `A2AError`."""
    given: JSONValue = {} if body is None else body
    if not is_object(given):
        raise invalid("", "the body must be a JSON object")
    operation = found.route.operation
    given = _in_camel_case(given)
    request = {**given, **_named(found)}
    if operation == "CreateTaskPushNotificationConfig" and "config" not in given:
        request["config"] = given  # the proto makes the body the config, the SDKs send the whole request
    if operation == "GetTask":
        request["historyLength"] = _history_length(query)
    return request


_OPEN: Final = frozenset({"metadata", "data"})
_SNAKE: Final = re.compile(r"_([a-z0-9])")


def _in_camel_case(value: JSONObject) -> JSONObject:
    """Members by their JSON names; proto JSON takes those of the proto, too. Open values stay as they are."""
    return {
        _SNAKE.sub(lambda found: found.group(1).upper(), name): each if name in _OPEN else _inside(each)
        for name, each in value.items()
    }


def _inside(value: JSONValue) -> JSONValue:
    if is_object(value):
        return _in_camel_case(value)
    return [_inside(each) for each in value] if is_array(value) else value


def _named(found: Found) -> JSONObject:
    """The resource name that the path says, in the member that the operation has for it."""
    if "id" not in found.params:
        return {}
    task = f"tasks/{found.params['id']}"
    if "config" in found.params:
        return {"name": f"{task}/pushNotificationConfigs/{found.params['config']}"}
    return {"parent": task} if "PushNotification" in found.route.operation else {"name": task}


def _history_length(query: bytes) -> int:
    for name, text in parse_qsl(query.decode("latin-1")):
        if name in ("historyLength", "history_length"):
            if not re.fullmatch(r"-?\d{1,9}", text):
                raise invalid("historyLength", "must be an integer")
            return int(text)
    return 0
