"""What a server sends of its own accord: notifications are sorted to whom they concern, questions to the handlers.

Spec: 2026-07-28 basic/patterns/progress, basic/patterns/subscriptions; 2025-11-25 basic/utilities.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from wireproof.mcp_tools.client.handlers import HandlerRefusal, Handlers
from wireproof.mcp_tools.client.results import Changed, Log, Progress, Updated
from wireproof.mcp_tools.client.settings import OnLog, OnNotification
from wireproof.schemas.jsonrpc import (
    Failure,
    JSONObject,
    JSONValue,
    Notification,
    Reply,
    Request,
    RequestId,
    Result,
    encode_error,
    encode_result,
    is_object,
)
from wireproof.transports.exchange import Answer, Line, Outlet

log = logging.getLogger("wireproof.mcp_tools.client")

META_SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
UPDATED: Final = "notifications/resources/updated"
CHANGED: Final = {f"notifications/{kind}/list_changed": kind for kind in ("tools", "prompts", "resources")}

OnProgress = Callable[[Progress], None]


class Hearer(Protocol):
    """One open subscription."""

    def acknowledged(self, wanted: JSONObject) -> None:
        """The server took the subscription; `wanted` is what it honours."""
        ...

    def tell(self, event: Changed | Updated) -> None:
        """Take one event. Never blocks."""
        ...


class Incoming:
    """The sorting office of one client; it outlives connections."""

    def __init__(self, handlers: Handlers, on_log: OnLog | None, on_notification: OnNotification | None) -> None:
        self._handlers: Final = handlers
        self._on_log: Final = on_log
        self._on_notification: Final = on_notification
        self.progress: Final[dict[RequestId, OnProgress]] = {}
        self.hearers: Final[dict[RequestId, Hearer]] = {}
        self.on_event: Callable[[Changed | Updated], None] = _ignore
        self.on_task: Callable[[JSONObject], None] = _ignore_task

    def notice(self, method: str, params: JSONObject) -> None:
        """Sort one notification; a malformed one is dropped."""
        if method == "notifications/progress":
            self._progressed(params)
        elif method == "notifications/message":
            self._logged(params)
        elif method in CHANGED:
            self._event(Changed(CHANGED[method]), params)
        elif method == UPDATED and isinstance(params.get("uri"), str):
            self._event(Updated(params["uri"]), params)
        elif method == ACKNOWLEDGED:
            self._acknowledged(params)
        elif method in ("notifications/tasks", "notifications/tasks/status"):
            self.on_task(params)
        if self._on_notification is not None:
            _guarded(self._on_notification, method, params)

    async def ask(self, request: Request) -> Reply:
        """Answer one question of the server."""
        try:
            if request.method == "ping":
                return Reply(encode_result(request.id, {}))
            return Reply(encode_result(request.id, await self._handlers.answer(request.method, request.params)))
        except HandlerRefusal as refusal:
            return Reply(encode_error(request.id, refusal.code, refusal.message), refusal.code)

    def _progressed(self, params: JSONObject) -> None:
        token: JSONValue = params.get("progressToken")
        hear = self.progress.get(token) if isinstance(token, (str, int)) else None
        done, total = params.get("progress"), params.get("total")
        if hear is None or not isinstance(done, (int, float)):
            return
        message = params.get("message")
        known = float(total) if isinstance(total, (int, float)) else None
        _guarded(hear, Progress(float(done), known, message if isinstance(message, str) else ""))

    def _logged(self, params: JSONObject) -> None:
        level, logger = params.get("level"), params.get("logger", "")
        if self._on_log is not None and isinstance(level, str):
            _guarded(self._on_log, Log(level, params.get("data"), logger if isinstance(logger, str) else ""))

    def _event(self, event: Changed | Updated, params: JSONObject) -> None:
        self.on_event(event)
        hearer = self._hearer_of(params)
        for each in list(self.hearers.values()) if hearer is None else [hearer]:
            each.tell(event)

    def _acknowledged(self, params: JSONObject) -> None:
        hearer = self._hearer_of(params)
        wanted: JSONValue = params.get("notifications")
        if hearer is not None:
            hearer.acknowledged(wanted if is_object(wanted) else {})

    def _hearer_of(self, params: JSONObject) -> Hearer | None:
        meta: JSONValue = params.get("_meta")
        id_: JSONValue = meta.get(META_SUBSCRIPTION) if is_object(meta) else None
        return self.hearers.get(id_) if isinstance(id_, (str, int)) else None


class ClientEndpoint:
    """The client's end of one connection."""

    batches = True  # 2025-03-26 servers may send them; no other does

    def __init__(self, incoming: Incoming, line: Line) -> None:
        self._incoming: Final = incoming
        self._line: Final = line
        self._lost: Final = asyncio.Event()

    @property
    def is_lost(self) -> bool:
        """True when the connection is gone."""
        return self._lost.is_set()

    async def until_lost(self) -> None:
        """Return when the connection is gone. Cancel-safe."""
        await self._lost.wait()

    def answer(self, request: Request, out: Outlet) -> Answer:
        """Answer a question of the server as work of its own."""
        return self._incoming.ask(request)

    def notice(self, notification: Notification, out: Outlet) -> None:
        """Take a notification."""
        if notification.method == "notifications/cancelled":
            id_: JSONValue = notification.params.get("requestId")
            if isinstance(id_, (str, int)):
                self._line.cancel(id_)
            return
        self._incoming.notice(notification.method, notification.params)

    def settle(self, response: Result | Failure, out: Outlet) -> None:
        """An answer that nobody waits for is dropped."""

    def drain(self) -> None:
        """Nothing here is long-lived."""

    def lost(self) -> None:
        """The carrier fails what waits."""
        self._lost.set()


def _ignore(_event: Changed | Updated) -> None: ...


def _ignore_task(_params: JSONObject) -> None: ...


def _guarded(callback: Callable[..., object], *arguments: object) -> None:
    """Call into user code; what it raises is logged, for the connection must go on."""
    try:
        callback(*arguments)
    except asyncio.CancelledError:
        raise
    except Exception:
        log.exception("a callback of the client failed")
