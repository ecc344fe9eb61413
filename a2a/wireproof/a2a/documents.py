"""The Task document and the changes to it, as pure functions: plain JSON in the canonical 1.0 spelling.

Documents are never changed in place: what was handed out once stays what it was.
Spec: A2A 1.0 sections 4.1 and 4.2.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Final

from wireproof.schemas.a2a.reading import timestamp
from wireproof.schemas.jsonrpc import JSONObject, JSONValue
from wireproof.tasks.records import Status

STATES: Final[Mapping[Status, str]] = {status: f"TASK_STATE_{status.name}" for status in Status}
STATUSES: Final[Mapping[str, Status]] = {state: status for status, state in STATES.items()}
MAX_HISTORY: Final = 1000
"""Messages that a task remembers; older ones are forgotten first."""


def new_id() -> str:
    """An id for a message, artifact or context: 128 random bits."""
    return secrets.token_hex(16)


def status_of(status: Status, message: JSONObject | None = None, *, at: float | None = None) -> JSONObject:
    """A TaskStatus."""
    found: JSONObject = {"state": STATES[status], "timestamp": timestamp(time.time() if at is None else at)}
    if message is not None:
        found["message"] = message
    return found


def new_task(task_id: str, context_id: str, message: JSONObject) -> JSONObject:
    """The Task that a first message makes."""
    return {
        "id": task_id,
        "contextId": context_id,
        "status": status_of(Status.SUBMITTED),
        "history": [_bound(message, task_id, context_id)],
    }


def with_message(task: JSONObject, message: JSONObject) -> JSONObject:
    """The task with one more message of its caller."""
    history = [*task.get("history", ()), _bound(message, task["id"], task["contextId"])]
    return {**task, "history": history[-MAX_HISTORY:]}


def with_status(task: JSONObject, status: JSONObject) -> JSONObject:
    """The task in another status; the message of the one before moves into the history."""
    before: JSONValue = task["status"].get("message")
    changed = {**task, "status": status}
    if before is not None:
        changed["history"] = [*task.get("history", ()), before][-MAX_HISTORY:]
    return changed


def with_artifact(task: JSONObject, artifact: JSONObject, *, append: bool) -> JSONObject:
    """The task with a new artifact, or with more parts of one. Raises `KeyError` for more parts of an unknown one."""
    artifacts: list[JSONObject] = list(task.get("artifacts", ()))
    for index, known in enumerate(artifacts):
        if known["artifactId"] == artifact["artifactId"]:
            artifacts[index] = {**known, "parts": [*known["parts"], *artifact["parts"]]} if append else artifact
            return {**task, "artifacts": artifacts}
    if append:
        raise KeyError(artifact["artifactId"])
    return {**task, "artifacts": [*artifacts, artifact]}


def shown(task: JSONObject, *, history_length: int | None, artifacts: bool = True) -> JSONObject:
    """The task as an answer carries it: at most so many newest messages, none of them for 0."""
    if history_length is None and artifacts:
        return task
    found = dict(task)
    if not artifacts:
        found.pop("artifacts", None)
    if history_length == 0:
        found.pop("history", None)
    elif history_length is not None and "history" in found:
        found["history"] = found["history"][-history_length:]
    return found


def status_update(task: JSONObject, metadata: JSONObject | None = None) -> JSONObject:
    """The StreamResponse that tells the status a task has now."""
    update: JSONObject = {"taskId": task["id"], "contextId": task["contextId"], "status": task["status"]}
    if metadata:
        update["metadata"] = metadata
    return {"statusUpdate": update}


def artifact_update(task: JSONObject, artifact: JSONObject, *, append: bool, last: bool) -> JSONObject:
    """The StreamResponse that tells an artifact, or more parts of one."""
    update: JSONObject = {"taskId": task["id"], "contextId": task["contextId"], "artifact": artifact}
    if append:
        update["append"] = True
    if last:
        update["lastChunk"] = True
    return {"artifactUpdate": update}


def agent_message(parts: list[JSONObject], *, task: JSONObject | None = None, context_id: str = "") -> JSONObject:
    """A Message of the agent, bound to its task or context."""
    message: JSONObject = {"messageId": new_id(), "role": "ROLE_AGENT", "parts": parts}
    if task is not None:
        message["taskId"], message["contextId"] = task["id"], task["contextId"]
    elif context_id:
        message["contextId"] = context_id
    return message


def _bound(message: JSONObject, task_id: str, context_id: str) -> JSONObject:
    return {**message, "taskId": task_id, "contextId": context_id}
