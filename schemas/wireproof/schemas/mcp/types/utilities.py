"""Progress, cancellation and logging.

Spec: MCP basic/utilities, server/utilities/logging (all revisions).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from wireproof.schemas.mcp.rules import MARCH, NOVEMBER, OptionalIn, Since
from wireproof.schemas.mcp.types.basics import (
    LoggingLevel,
    NotificationParamsBase,
    ProgressToken,
    RequestId,
    RequestParamsBase,
)
from wireproof.schemas.mcp.types.envelopes import NotificationBase, RequestBase


class ProgressNotificationParams(NotificationParamsBase):
    """How far a request has come."""

    message: NotRequired[Annotated[str, Since(MARCH)]]
    progress: float
    progressToken: ProgressToken
    total: NotRequired[float]


class ProgressNotification(NotificationBase):
    """A request moves on."""

    method: Literal["notifications/progress"]
    params: ProgressNotificationParams


class CancelledNotificationParams(NotificationParamsBase):
    """Which request is no longer wanted, and why."""

    reason: NotRequired[str]
    requestId: Annotated[RequestId, OptionalIn(NOVEMBER)]


class CancelledNotification(NotificationBase):
    """A request is no longer wanted."""

    method: Literal["notifications/cancelled"]
    params: CancelledNotificationParams


class LoggingMessageNotificationParams(NotificationParamsBase):
    """A line of the log."""

    data: Any
    level: LoggingLevel
    logger: NotRequired[str]


class LoggingMessageNotification(NotificationBase):
    """The server has written to its log."""

    method: Literal["notifications/message"]
    params: LoggingMessageNotificationParams


class SetLevelRequestParams(RequestParamsBase):
    """From which level on to tell."""

    level: LoggingLevel


class SetLevelRequest(RequestBase):
    """Sets the level of the log."""

    method: Literal["logging/setLevel"]
    params: SetLevelRequestParams
