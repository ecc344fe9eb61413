"""Tasks as 2025-11-25 had them, before they became an extension.

Spec: MCP 2025-11-25 basic/utilities/tasks.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from wireproof.schemas.mcp.types.basics import (
    MetaObject,
    NotificationMetaObject,
    PaginatedRequestParams,
    PaginatedResult,
    RequestParamsBase,
    Result,
)
from wireproof.schemas.mcp.types.envelopes import NotificationBase, RequestBase

TaskStatus: TypeAlias = Literal["cancelled", "completed", "failed", "input_required", "working"]


class TaskMetadata(TypedDict):
    """Asks for a task; `ttl` in milliseconds."""

    ttl: NotRequired[int]


class RelatedTaskMetadata(TypedDict):
    """The task that a message belongs to."""

    taskId: str


class TaskAugmentedRequestParams(RequestParamsBase):
    """Parameters of a request that may become a task."""

    task: NotRequired[TaskMetadata]


class Task(TypedDict):
    """A task; times in ISO 8601, `ttl` and `pollInterval` in milliseconds."""

    createdAt: str
    lastUpdatedAt: str
    pollInterval: NotRequired[int]
    status: TaskStatus
    statusMessage: NotRequired[str]
    taskId: str
    ttl: int | None


class CreateTaskResult(Result):
    """The request has become a task."""

    task: Task


class TaskRequestParams(TypedDict):
    """Which task."""

    taskId: str


class GetTaskRequest(RequestBase):
    """Asks how a task is doing."""

    method: Literal["tasks/get"]
    params: TaskRequestParams


class GetTaskResult(Task):
    """How it is doing."""

    _meta: NotRequired[MetaObject]


class CancelTaskRequest(RequestBase):
    """Ends a task."""

    method: Literal["tasks/cancel"]
    params: TaskRequestParams


class CancelTaskResult(Task):
    """The task, ended."""

    _meta: NotRequired[MetaObject]


class GetTaskPayloadRequest(RequestBase):
    """Waits for the result of a task."""

    method: Literal["tasks/result"]
    params: TaskRequestParams


class GetTaskPayloadResult(TypedDict):
    """The result of the request that became a task."""

    _meta: NotRequired[dict[str, Any]]


class ListTasksRequest(RequestBase):
    """Asks for a page of the tasks."""

    method: Literal["tasks/list"]
    params: NotRequired[PaginatedRequestParams]


class ListTasksResult(PaginatedResult):
    """A page of the tasks."""

    tasks: list[Task]


class TaskStatusNotificationParams(Task):
    """The task as it is now."""

    _meta: NotRequired[NotificationMetaObject]


class TaskStatusNotification(NotificationBase):
    """A task has changed."""

    method: Literal["notifications/tasks/status"]
    params: TaskStatusNotificationParams
