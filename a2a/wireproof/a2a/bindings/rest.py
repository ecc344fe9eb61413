"""HTTP+JSON: paths, verbs, query parameters and error bodies, as data and pure functions.

Spec: A2A 1.0 section 11; the paths of `specification/a2a.proto` (google.api.http), subscribe by GET and by POST.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from pydantic_core import to_json

from wireproof.a2a.caller import V1_0
from wireproof.a2a.errors import A2AError, Kind, invalid
from wireproof.schemas.a2a.tables import OPERATIONS, messages
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

MEDIA_TYPE: Final = b"application/a2a+json"


class Route(NamedTuple):
    """One operation at one path. `body`: its params come as a JSON body, not as a query."""

    method: str
    pattern: re.Pattern[str]
    operation: str
    body: bool
    version: str = V1_0


def _route(method: str, path: str, operation: str, *, body: bool = False) -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", path)
    return Route(method, re.compile(rf"(?:/(?P<tenant>[^/:]+))?{pattern}"), operation, body)


ROUTES: Final = (
    _route("POST", "/message:send", "SendMessage", body=True),
    _route("POST", "/message:stream", "SendStreamingMessage", body=True),
    _route("GET", "/tasks", "ListTasks"),
    _route("POST", "/tasks/{id}:cancel", "CancelTask", body=True),
    _route("GET", "/tasks/{id}:subscribe", "SubscribeToTask"),
    _route("POST", "/tasks/{id}:subscribe", "SubscribeToTask", body=True),
    _route("POST", "/tasks/{taskId}/pushNotificationConfigs", "CreateTaskPushNotificationConfig", body=True),
    _route("GET", "/tasks/{taskId}/pushNotificationConfigs", "ListTaskPushNotificationConfigs"),
    _route("GET", "/tasks/{taskId}/pushNotificationConfigs/{id}", "GetTaskPushNotificationConfig"),
    _route("DELETE", "/tasks/{taskId}/pushNotificationConfigs/{id}", "DeleteTaskPushNotificationConfig"),
    _route("GET", "/extendedAgentCard", "GetExtendedAgentCard"),
    _route("GET", "/tasks/{id}", "GetTask"),
)


class Found(NamedTuple):
    """The route of a request, and what its path says."""

    route: Route
    params: JSONObject


def find(method: str, path: str) -> Found | tuple[str, ...]:
    """The route of a request, or the verbs that the path knows (none: there is no such path)."""
    known: list[str] = []
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is None:
            continue
        if route.method == method:
            said = {name: unquote(value) for name, value in match.groupdict().items() if value is not None}
            return Found(route, said)
        known.append(route.method)
    return tuple(known)


def params_of(found: Found, query: bytes, body: JSONValue) -> JSONObject:
    """The params of the operation: body or query, and the path, which wins. Raises `A2AError`."""
    given: JSONValue = body if found.route.body else _from_query(found.route.operation, query)
    if given is None:
        given = {}
    if not is_object(given):
        raise invalid("", "the body must be a JSON object")
    for name, value in found.params.items():
        if given.get(name, value) != value:
            raise invalid(name, "differs between the path and the body")
    return {**given, **found.params}


def _from_query(operation: str, query: bytes) -> JSONObject:
    fields = {field.json_name: field for field in messages()[OPERATIONS[operation].request]}
    params: JSONObject = {}
    for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        field = fields.get(name)
        if field is None:
            continue
        if field.type == "bool":
            if text not in ("true", "false"):
                raise invalid(name, "must be true or false")
            params[name] = text == "true"
        elif field.type == "int32":
            if not re.fullmatch(r"-?\d{1,10}", text):
                raise invalid(name, "must be an integer")
            params[name] = int(text)
        elif text or field.type == "string":
            params[name] = text
    return params


def version_in_query(query: bytes) -> str | None:
    """The `A2A-Version` of a query, for callers who cannot set headers."""
    for name, value in parse_qsl(query.decode("latin-1")):
        if name.lower() == "a2a-version":
            return value
    return None


def error_body(error: A2AError) -> bytes:
    """The body of an error (AIP-193)."""
    row = error.kind.row
    shown: JSONObject = {"code": row.http, "status": row.grpc, "message": error.message}
    details = error.details()
    if details:
        shown["details"] = details
    return to_json({"error": shown})


NO_PATH: Final = A2AError(Kind.METHOD_NOT_FOUND, "Nothing is served at this path")
