"""The errors of A2A: one table of kinds with their JSON-RPC code, HTTP status and gRPC status; one exception.

Spec: A2A 1.0.1 section 5.4 (error mappings), 3.3.2 (absent and not yours are the same).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from wireproof.schemas.a2a.reading import BadMessage, FieldViolation
from wireproof.schemas.jsonrpc import JSONObject

ERROR_INFO: Final = "type.googleapis.com/google.rpc.ErrorInfo"
BAD_REQUEST: Final = "type.googleapis.com/google.rpc.BadRequest"
DOMAIN: Final = "a2a-protocol.org"


class Row(NamedTuple):
    """One kind of error in every binding. `reason` is empty for errors that are not A2A's own."""

    code: int
    http: int
    grpc: str
    reason: str
    message: str


class Kind(Enum):
    """Every error that an agent answers with."""

    TASK_NOT_FOUND = Row(-32001, 404, "NOT_FOUND", "TASK_NOT_FOUND", "Task not found")
    TASK_NOT_CANCELABLE = Row(-32002, 400, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE", "Task cannot be canceled")
    PUSH_NOT_SUPPORTED = Row(
        -32003,
        400,
        "FAILED_PRECONDITION",
        "PUSH_NOTIFICATION_NOT_SUPPORTED",
        "Push notifications are not supported",
    )
    UNSUPPORTED_OPERATION = Row(
        -32004, 400, "FAILED_PRECONDITION", "UNSUPPORTED_OPERATION", "This operation is not supported"
    )
    CONTENT_TYPE_NOT_SUPPORTED = Row(
        -32005, 400, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED", "Incompatible content types"
    )
    INVALID_AGENT_RESPONSE = Row(-32006, 500, "INTERNAL", "INVALID_AGENT_RESPONSE", "Invalid agent response")
    EXTENDED_CARD_NOT_CONFIGURED = Row(
        -32007,
        400,
        "FAILED_PRECONDITION",
        "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
        "Extended agent card is not configured",
    )
    EXTENSION_REQUIRED = Row(
        -32008, 400, "FAILED_PRECONDITION", "EXTENSION_SUPPORT_REQUIRED", "A required extension was not activated"
    )
    VERSION_NOT_SUPPORTED = Row(
        -32009, 400, "FAILED_PRECONDITION", "VERSION_NOT_SUPPORTED", "This protocol version is not supported"
    )
    PARSE = Row(-32700, 400, "INVALID_ARGUMENT", "", "Invalid JSON payload")
    INVALID_REQUEST = Row(-32600, 400, "INVALID_ARGUMENT", "", "Request payload validation error")
    METHOD_NOT_FOUND = Row(-32601, 404, "UNIMPLEMENTED", "", "Method not found")
    INVALID_PARAMS = Row(-32602, 400, "INVALID_ARGUMENT", "", "Invalid parameters")
    INTERNAL = Row(-32603, 500, "INTERNAL", "", "Internal error")
    UNAUTHENTICATED = Row(-32600, 401, "UNAUTHENTICATED", "", "Authentication required")
    PERMISSION_DENIED = Row(-32600, 403, "PERMISSION_DENIED", "", "Permission denied")
    UNAVAILABLE = Row(-32603, 503, "UNAVAILABLE", "", "The agent's store cannot be reached now; try again")

    @property
    def row(self) -> Row:
        """The row of the table."""
        return self.value


class A2AError(Exception):
    """A request that is answered with an error. `metadata` is shown to the caller; it holds strings alone."""

    def __init__(
        self,
        kind: Kind,
        message: str = "",
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        super().__init__(message or kind.row.message)
        self.kind: Final = kind
        self.message: Final = message or kind.row.message
        self.metadata: Final[dict[str, str]] = dict(metadata or {})
        self.violations: Final = tuple(violations)

    def details(self) -> list[JSONObject]:
        """The typed details: an ErrorInfo for A2A's own errors, a BadRequest where fields are at fault."""
        found: list[JSONObject] = []
        if self.kind.row.reason:
            info: JSONObject = {"@type": ERROR_INFO, "reason": self.kind.row.reason, "domain": DOMAIN}
            if self.metadata:
                info["metadata"] = self.metadata
            found.append(info)
        if self.violations:
            listed = [{"field": each.field, "description": each.description} for each in self.violations]
            found.append({"@type": BAD_REQUEST, "fieldViolations": listed})
        return found


def task_not_found(task_id: str) -> A2AError:
    """No task of this caller has the id; whether it exists for another is not told."""
    return A2AError(Kind.TASK_NOT_FOUND, metadata={"taskId": task_id[:128]})


def invalid(field: str, description: str) -> A2AError:
    """One field is wrong."""
    return A2AError(
        Kind.INVALID_PARAMS,
        f"Invalid parameters: {field} {description}" if field else f"Invalid parameters: {description}",
        violations=[FieldViolation(field, description)],
    )


def of_bad_message(bad: BadMessage) -> A2AError:
    """The error of a document that does not fit."""
    return A2AError(Kind.INVALID_PARAMS, f"Invalid parameters: {bad}", violations=bad.violations)
