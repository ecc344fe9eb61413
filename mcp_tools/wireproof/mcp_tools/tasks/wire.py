"""Records of the engine as MCP says them, in both eras. Pure: a record in, JSON out.

Spec: SEP-2663 (Task, DetailedTask); 2025-11-25 schema (Task, GetTaskPayloadResult).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from wireproof.mcp_tools.errors import InvalidParams, ProtocolError
from wireproof.schemas.jsonrpc import INTERNAL_ERROR, JSONObject, JSONValue, is_array, is_object
from wireproof.tasks import Status, TaskRecord

EXTENSION: Final = "io.modelcontextprotocol/tasks"
RELATED: Final = "io.modelcontextprotocol/related-task"
CHANGED: Final = "notifications/tasks"
"""The notification of the extension; its params are a DetailedTask."""
CHANGED_IN_SESSION: Final = "notifications/tasks/status"

_STATUS: Final[Mapping[Status, str]] = {
    Status.SUBMITTED: "working",
    Status.WORKING: "working",
    Status.INPUT_REQUIRED: "input_required",
    Status.AUTH_REQUIRED: "input_required",
    Status.COMPLETED: "completed",
    Status.FAILED: "failed",
    Status.CANCELED: "cancelled",
    Status.REJECTED: "failed",
}


def task(record: TaskRecord, poll_s: float) -> JSONObject:
    """A Task of the extension: what a CreateTaskResult holds."""
    told: JSONObject = {"taskId": record.id, "status": _STATUS[record.status]}
    if record.status_message:
        told["statusMessage"] = record.status_message
    told["createdAt"] = moment(record.created_at)
    told["lastUpdatedAt"] = moment(record.updated_at)
    told["ttlMs"] = _milliseconds(record.ttl)
    told["pollIntervalMs"] = max(1, round(poll_s * 1000))
    return told


def detailed(record: TaskRecord, poll_s: float) -> JSONObject:
    """A DetailedTask: with the requests, the result or the error that its status calls for."""
    told = task(record, poll_s)
    if told["status"] == "input_required":
        told["inputRequests"] = dict(record.pending)
    elif told["status"] == "completed":
        told["result"] = {"resultType": "complete", **result_of(record)}
    elif told["status"] == "failed":
        told["error"] = error_of(record)
    return told


def session_task(record: TaskRecord, poll_s: float) -> JSONObject:
    """A Task of 2025-11-25, where a tool result with `isError` is a failure."""
    told: JSONObject = {"taskId": record.id, "status": _STATUS[record.status]}
    if told["status"] == "completed" and result_of(record).get("isError") is True:
        told["status"] = "failed"
    message = record.status_message or (_said(record) if told["status"] == "failed" else "")
    if message:
        told["statusMessage"] = message
    told["createdAt"] = moment(record.created_at)
    told["lastUpdatedAt"] = moment(record.updated_at)
    told["ttl"] = _milliseconds(record.ttl)
    told["pollInterval"] = max(1, round(poll_s * 1000))
    return told


def payload(record: TaskRecord) -> JSONObject:
    """What `tasks/result` gives for an ended task. Raises the JSON-RPC error that the call ended with."""
    if record.status is Status.COMPLETED:
        result = result_of(record)
        if not is_object(result.get("structuredContent", {})):
            del result["structuredContent"]  # only 2026-07-28 has other values there
        own: JSONValue = result.get("_meta")
        result["_meta"] = {**(own if is_object(own) else {}), RELATED: {"taskId": record.id}}
        return result
    if record.status is Status.CANCELED:
        raise ProtocolError("The task was cancelled; it has no result", data={"reason": "cancelled"})
    error = error_of(record)
    raise ProtocolError(str(error["message"]), code=error["code"], data=error.get("data"))


def result_of(record: TaskRecord) -> JSONObject:
    """The CallToolResult of a completed task, as a new object."""
    return dict(record.result) if is_object(record.result) else {"content": []}


def error_of(record: TaskRecord) -> JSONObject:
    """The JSON-RPC error of a failed task; the engine's own reasons are internal errors with the reason as data."""
    error: JSONValue = record.error
    if is_object(error) and isinstance(error.get("code"), int):
        return error
    message: JSONValue = error.get("message") if is_object(error) else None
    told: JSONObject = {
        "code": INTERNAL_ERROR,
        "message": message if isinstance(message, str) else "The task failed with an internal error.",
    }
    if record.reason:
        told["data"] = {"reason": record.reason}
    return told


def not_found() -> InvalidParams:
    """The answer for an id that is absent, expired, malformed or another's: the same bytes for all of them."""
    return InvalidParams("Invalid params: task not found")


def moment(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, round(seconds * 1000))


def _said(record: TaskRecord) -> str:
    """Why it failed, in words: the first text of the result, or the error's message."""
    if record.status is not Status.COMPLETED:
        return str(error_of(record)["message"])
    content: JSONValue = result_of(record).get("content")
    first: JSONValue = content[0] if is_array(content) and content else {}
    text: JSONValue = first.get("text") if is_object(first) else None
    return text[:500] if isinstance(text, str) else "The tool reported an error."
