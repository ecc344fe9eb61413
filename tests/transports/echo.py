"""A tiny protocol for transport tests, and a raw peer that speaks to any line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from wireproof.schemas.jsonrpc import (
    Failure,
    Notification,
    Reply,
    Request,
    Result,
    encode_notification,
    encode_request,
    encode_result,
)
from wireproof.transports.exchange import Answer, Line, LineClosed, Outlet


class Echo:
    """Methods: echo, slow_echo, tell (n notifications first), wait (until cancelled), ask, crash, big."""

    def __init__(self, line: Line, *, batches: bool = False) -> None:
        self.line = line
        self.batches = batches
        self.notices: list[Notification] = []
        self.cancelled: list[Any] = []
        self.waiting: set[asyncio.Future[None]] = set()
        self.asked: asyncio.Future[Any] | None = None
        self.lost_count = 0
        self.drained = 0

    def answer(self, request: Request, out: Outlet) -> Answer:
        if request.method == "echo":
            return Reply(encode_result(request.id, request.params))
        return getattr(self, request.method)(request, out)

    async def slow_echo(self, request: Request, out: Outlet) -> Reply:
        for _ in range(3):
            await asyncio.sleep(0)
        return Reply(encode_result(request.id, request.params))

    async def tell(self, request: Request, out: Outlet) -> Reply | None:
        try:
            for count in range(request.params["n"]):
                await out.send(
                    encode_notification("told", {"count": count, "fill": "x" * request.params.get("fill", 0)})
                )
        except LineClosed:
            return None
        return Reply(encode_result(request.id, "told"))

    async def wait(self, request: Request, out: Outlet) -> Reply:
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.add(end)
        try:
            await out.send(encode_notification("waiting", {"id": request.id}))
            await end
            return Reply(encode_result(request.id, "ended"))
        except asyncio.CancelledError:
            self.cancelled.append(request.id)
            raise
        finally:
            self.waiting.discard(end)

    async def ask(self, request: Request, out: Outlet) -> Reply:
        self.asked = asyncio.get_running_loop().create_future()
        await out.send(encode_request("q1", "question", {}))
        return Reply(encode_result(request.id, await self.asked))

    async def crash(self, request: Request, out: Outlet) -> Reply:
        raise RuntimeError("a secret of the server")

    async def big(self, request: Request, out: Outlet) -> Reply:
        return Reply(encode_result(request.id, "x" * request.params["size"]))

    def notice(self, notification: Notification, out: Outlet) -> None:
        self.notices.append(notification)
        if notification.method == "cancel":
            self.line.cancel(notification.params["id"])

    def settle(self, response: Result | Failure, out: Outlet) -> None:
        if self.asked is not None and isinstance(response, Result):
            self.asked.set_result(response.result)

    def drain(self) -> None:
        self.drained += 1
        for end in list(self.waiting):
            if not end.done():
                end.set_result(None)

    def lost(self) -> None:
        self.lost_count += 1


class Recorder:
    """The far end of a joined line: collects what comes and answers nothing."""

    batches = True

    def __init__(self, line: Line) -> None:
        self.line = line
        self.lost_count = 0

    def answer(self, request: Request, out: Outlet) -> Answer:
        return Reply(encode_result(request.id, {"answer": request.params}))

    def notice(self, notification: Notification, out: Outlet) -> None: ...
    def settle(self, response: Result | Failure, out: Outlet) -> None: ...
    def drain(self) -> None: ...
    def lost(self) -> None:
        self.lost_count += 1


def line_of(id_: Any, method: str, params: dict[str, Any] | None = None) -> bytes:
    """One framed request."""
    return json.dumps({"jsonrpc": "2.0", "id": id_, "method": method, "params": params or {}}).encode() + b"\n"


def note_of(method: str, params: dict[str, Any] | None = None) -> bytes:
    """One framed notification."""
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params or {}}).encode() + b"\n"
