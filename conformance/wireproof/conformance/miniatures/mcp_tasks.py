"""The tasks extension of the miniature: a tool `job` that becomes a task, and the methods to follow it. Pure.

`wrong` is the one way in which it is wrong; "" is correct.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from wireproof.conformance.miniatures.faults import JSON, META, Fault
from wireproof.conformance.shapes import as_object

TASKS: Final = f"{META}tasks"
JOB: Final[JSON] = {"name": "job", "description": "May take long.", "inputSchema": {"type": "object", "properties": {}}}
WHEN: Final = "2026-01-01T00:00:00Z"
NEEDED: Final[JSON] = {"requiredCapabilities": {"extensions": {TASKS: {}}}}


def declares(capabilities: JSON) -> bool:
    """True when the client declared the extension on this request."""
    return TASKS in as_object(capabilities.get("extensions"))


class Jobs:
    """The tasks of one server."""

    def __init__(self, wrong: str) -> None:
        """Be wrong in this one way."""
        self.wrong = wrong
        self.tasks: dict[str, JSON] = {}

    def call(self, capabilities: JSON) -> JSON:
        """The result of calling `job`."""
        if not declares(capabilities) and self.wrong != "task-undeclared":
            return {"content": [{"type": "text", "text": "done"}]}
        id_ = f"task-{len(self.tasks) + 1}" if self.wrong == "task-guessable" else secrets.token_urlsafe(16)
        task: JSON = {"taskId": id_, "status": "working", "createdAt": WHEN, "lastUpdatedAt": WHEN, "ttlMs": 60_000}
        task["pollIntervalMs"] = 20
        if self.wrong != "task-late":
            self.tasks[id_] = task
        kind = "complete" if self.wrong == "task-result-type" else "task"
        found: JSON = {"resultType": kind, **task}
        if self.wrong == "task-wrapped":
            found = {"resultType": "task", "task": task}
        if self.wrong == "task-with-result":
            found["result"] = {"content": []}
        return found

    def answer(self, method: str, params: JSON, capabilities: JSON) -> JSON:
        """The result of `tasks/get`, `tasks/update` or `tasks/cancel`."""
        if not declares(capabilities) and self.wrong != "task-methods-undeclared":
            raise Fault(-32021, "Needs the tasks extension", NEEDED, 400)
        id_ = params.get("taskId")
        task = self.tasks.get(id_) if isinstance(id_, str) else None
        if task is None:
            if self.wrong == "task-unknown" and method == "tasks/get":
                return {"taskId": id_, "status": "working", "createdAt": WHEN, "lastUpdatedAt": WHEN, "ttlMs": None}
            if self.wrong == "task-unknown-others" and method != "tasks/get":
                return {}
            raise Fault(-32602, "No such task")
        if method == "tasks/get":
            return self._get(task)
        if method == "tasks/cancel":
            task["status"] = "cancelled" if task["status"] == "working" else task["status"]
            return dict(task) if self.wrong == "task-cancel-not-empty" else {}
        return dict(task) if self.wrong == "task-update-not-empty" else {}

    def _get(self, task: JSON) -> JSON:
        shown: JSON = dict(task)
        if self.wrong == "task-get-type":
            shown["resultType"] = "task"
        if shown["status"] == "completed" and self.wrong != "task-without-result":
            shown["result"] = {"resultType": "complete", "content": [{"type": "text", "text": "done"}]}
        if task["status"] == "working":
            task["status"] = "finished" if self.wrong == "task-status" else "completed"
        return shown


def allowed(filter_: JSON, capabilities: JSON, wrong: str) -> None:
    """Raise the refusal of a filter that names tasks for a client that did not declare them."""
    asked: Any = filter_.get("taskIds")
    if asked is not None and not declares(capabilities) and wrong != "task-listen-undeclared":
        raise Fault(-32021, "Needs the tasks extension", NEEDED, 400)
