"""What the client raises: one small tree. Nothing else reaches a caller, whatever the agent sends.

Spec: A2A 1.0 sections 3.3.2 and 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wireproof.a2a.errors import BAD_REQUEST, ERROR_INFO, A2AError, Kind
from wireproof.schemas.a2a.reading import FieldViolation
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object


class ClientError(Exception):
    """The base of everything that the client raises; `str()` says what happened and what to do next."""


class CardNotFound(ClientError):
    """No Agent Card could be had from there."""


class CardInvalid(ClientError):
    """What was found there is no Agent Card, or one that cannot be trusted."""


class NoInterface(ClientError):
    """The card names no interface that this client speaks, or none of those it was told to use."""


class Unreachable(ClientError):
    """No connection could be made: nothing was sent."""


class ConnectionLost(ClientError):
    """The connection went away before the answer; the request may have been carried out."""


class DeadlineExceeded(ClientError):
    """The answer, or the next event, did not come in time."""


class BadAnswer(ClientError):
    """What came back is no answer of the protocol."""


class AuthenticationFailed(ClientError):
    """Credentials are missing, refused, or not enough. `status` is 401 or 403."""

    def __init__(self, message: str, status: int = 401) -> None:
        super().__init__(message)
        self.status: Final = status


class AgentRefused(ClientError):
    """The agent answered with an error. `kind` is None for one that A2A does not know.

    `metadata` is what the agent says of it (ErrorInfo), `violations` name the fields that are wrong.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Kind | None = None,
        code: int | None = None,
        metadata: Mapping[str, str] | None = None,
        violations: tuple[FieldViolation, ...] = (),
    ) -> None:
        super().__init__(message)
        self.kind: Final = kind
        self.code: Final = code
        self.metadata: Final[Mapping[str, str]] = dict(metadata or {})
        self.violations: Final = violations

    @property
    def name(self) -> str:
        """The name of A2A's own error, such as `TaskNotFoundError`; "" for others."""
        return error_name(self.kind) if self.kind is not None else ""


class TaskNotFound(AgentRefused):
    """No task of this caller has that id."""


class TaskNotCancelable(AgentRefused):
    """The task has ended already."""


class UnsupportedOperation(AgentRefused):
    """The agent does not do this, or not with a task in that state."""


class InvalidRequest(AgentRefused):
    """The agent does not take the request as it is."""


_TYPES: Final[Mapping[Kind, type[AgentRefused]]] = {
    Kind.TASK_NOT_FOUND: TaskNotFound,
    Kind.TASK_NOT_CANCELABLE: TaskNotCancelable,
    Kind.UNSUPPORTED_OPERATION: UnsupportedOperation,
    Kind.INVALID_PARAMS: InvalidRequest,
    Kind.INVALID_REQUEST: InvalidRequest,
    Kind.PARSE: InvalidRequest,
}
_BY_CODE: Final = {kind.row.code: kind for kind in reversed(Kind)}
_BY_REASON: Final = {kind.row.reason: kind for kind in Kind if kind.row.reason}
_BY_STATUS: Final = {
    400: Kind.INVALID_REQUEST,
    404: Kind.METHOD_NOT_FOUND,
    405: Kind.METHOD_NOT_FOUND,
    500: Kind.INTERNAL,
    503: Kind.UNAVAILABLE,
}


def error_name(kind: Kind) -> str:
    """The specification's name of an error: `TaskNotFoundError`; "" for errors that are not A2A's own."""
    if not kind.row.reason:
        return ""
    return "".join(part.capitalize() for part in kind.row.reason.split("_")) + "Error"


def refused(
    kind: Kind | None, message: str, *, code: int | None = None, details: JSONValue = None
) -> AgentRefused | AuthenticationFailed:
    """The exception for an error that an agent answered with. `details` are its typed details, as they came."""
    metadata: dict[str, str] = {}
    violations: list[FieldViolation] = []
    for each in details if is_array(details) else ():
        if not is_object(each):
            continue
        if each.get("@type") == ERROR_INFO:
            kind = _BY_REASON.get(str(each.get("reason")), kind)
            given: JSONValue = each.get("metadata")
            metadata = {str(key): str(value) for key, value in given.items()} if is_object(given) else {}
        elif each.get("@type") == BAD_REQUEST:
            listed: JSONValue = each.get("fieldViolations")
            kind = Kind.INVALID_PARAMS if kind is Kind.INVALID_REQUEST else kind
            fields = [one for one in listed if is_object(one)] if is_array(listed) else []
            violations += [FieldViolation(str(one.get("field", "")), str(one.get("description", ""))) for one in fields]
    if kind in (Kind.UNAUTHENTICATED, Kind.PERMISSION_DENIED):
        return AuthenticationFailed(message, kind.row.http)
    made = _TYPES.get(kind, AgentRefused) if kind is not None else AgentRefused
    if code is None and kind is not None:
        code = kind.row.code
    return made(message[:2000], kind=kind, code=code, metadata=metadata, violations=tuple(violations))


def of_jsonrpc(error: JSONObject) -> ClientError:
    """The exception for the `error` of a JSON-RPC response."""
    code: JSONValue = error.get("code")
    message = str(error.get("message") or "the agent gave no reason")
    kind = _BY_CODE.get(code) if isinstance(code, int) else None
    return refused(kind, message, code=code if isinstance(code, int) else None, details=error.get("data"))


def of_status(status: int, body: JSONValue) -> ClientError:
    """The exception for an HTTP status that is no success, with the JSON of its body if there is any."""
    if status in (401, 403):
        return AuthenticationFailed(_missing(status), status)
    error: JSONValue = body.get("error") if is_object(body) else None
    kind = _BY_STATUS.get(status)
    if is_object(error) and "code" in error:
        if "details" not in error and isinstance(error["code"], int) and error["code"] < 0:
            return of_jsonrpc(error)
        return refused(kind, str(error.get("message") or f"HTTP status {status}"), details=error.get("details"))
    return refused(kind, f"the agent answered with HTTP status {status}")


def _missing(status: int) -> str:
    if status == 401:
        return "the agent wants credentials, or other ones: give auth= or headers="
    return "the agent does not let these credentials do this"


def of_core(error: A2AError) -> ClientError:
    """The exception for an error of an agent in this process."""
    return refused(error.kind, error.message, details=error.details())
