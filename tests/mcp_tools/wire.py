"""A raw MCP peer for tests: it speaks JSON-RPC over a line joined in memory and hides nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from wireproof.mcp_tools import ToolServer
from wireproof.schemas.caller import LOCAL, Principal
from wireproof.schemas.jsonrpc import (
    Failure,
    Notification,
    Reply,
    Request,
    Result,
    encode_error,
    encode_notification,
    encode_request,
    encode_result,
)
from wireproof.transports.exchange import Answer, Line, Outlet, Peer
from wireproof.transports.memory import join

MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "wire", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}, "sampling": {}, "roots": {}},
}
SESSION = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
REVISIONS = [*SESSION, "2026-07-28"]


class Wire:
    """The client's end. `answers` maps a method that the server asks to its result."""

    batches = True

    def __init__(self, line: Line) -> None:
        self.line = line
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.revision: str = ""
        self.opened: dict[str, Any] = {}
        self.hold: asyncio.Event | None = None
        self.is_lost = False
        self.orphans: list[Result | Failure] = []
        self._ids = itertools.count(1)
        self._waiting: dict[Any, asyncio.Future[Any]] = {}
        self._noted: asyncio.Event = asyncio.Event()

    # the Endpoint that the memory line wants

    def answer(self, request: Request, out: Outlet) -> Answer:
        self.asked.append((request.method, request.params))
        self._noted.set()
        if self.hold is not None:
            return self._held(self.hold)
        make = self.answers.get(request.method)
        if make is None:
            return Reply(encode_error(request.id, -32601, "not offered"))
        return Reply(encode_result(request.id, make(request.params)))

    async def _held(self, hold: asyncio.Event) -> None:
        await hold.wait()

    def notice(self, notification: Notification, out: Outlet) -> None:
        self.notes.append((notification.method, notification.params))
        self._noted.set()

    def settle(self, response: Result | Failure, out: Outlet) -> None:
        if response.id is None:
            self.orphans.append(response)
        waiting = self._waiting.get(response.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(response)

    def drain(self) -> None: ...

    def lost(self) -> None:
        self.is_lost = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("lost"))
                waiting.exception()

    # what tests do

    async def start(self, method: str, params: dict[str, Any] | None = None, *, meta: Any = None) -> Any:
        """Send a request and return its id."""
        params = dict(params or {})
        if meta is None and self.revision == "2026-07-28":
            meta = MODERN_META
        if meta is not None:
            params["_meta"] = meta
        id_ = next(self._ids)
        self._waiting[id_] = asyncio.get_running_loop().create_future()
        await self.line.send(encode_request(id_, method, params))
        return id_

    def expect(self, id_: Any) -> None:
        """An answer with this id will come to something that the test sent itself."""
        self._waiting[id_] = asyncio.get_running_loop().create_future()

    async def finish(self, id_: Any) -> Result | Failure:
        """Wait for the answer to a request."""
        return await asyncio.wait_for(asyncio.shield(self._waiting[id_]), 10)

    async def request(self, method: str, params: dict[str, Any] | None = None, *, meta: Any = None) -> Any:
        """Send a request and give its result; an error response fails the test."""
        outcome = await self.finish(await self.start(method, params, meta=meta))
        assert isinstance(outcome, Result), outcome
        return outcome.result

    async def refused(self, method: str, params: dict[str, Any] | None = None, *, meta: Any = None) -> Failure:
        """Send a request that must be refused and give the error."""
        outcome = await self.finish(await self.start(method, params, meta=meta))
        assert isinstance(outcome, Failure), outcome
        return outcome

    async def call(self, tool: str, arguments: dict[str, Any] | None = None, **params: Any) -> Any:
        """Call a tool and give its result."""
        return await self.request("tools/call", {"name": tool, "arguments": arguments or {}, **params})

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send a notification."""
        await self.line.send(encode_notification(method, params))

    async def note(self, method: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until that many notifications of a method are here."""

        async def collect() -> list[dict[str, Any]]:
            while len(found := [params for name, params in self.notes if name == method]) < count:
                self._noted.clear()
                await self._noted.wait()
            return found

        return await asyncio.wait_for(collect(), 10)

    async def asked_for(self, method: str) -> dict[str, Any]:
        """Wait until the server asks that."""
        async with asyncio.timeout(10):
            while not (found := [params for name, params in self.asked if name == method]):
                self._noted.clear()
                await self._noted.wait()
            return found[0]

    async def more(self, count: int) -> None:
        """Wait until more than that many notifications are here, of whatever method."""
        while len(self.notes) <= count:
            self._noted.clear()
            await self._noted.wait()


@asynccontextmanager
async def connected(
    server: ToolServer[Any],
    revision: str = "2026-07-28",
    *,
    principal: Principal = LOCAL,
    capabilities: dict[str, Any] | None = None,
) -> AsyncGenerator[Wire]:
    """A raw client of the server, with its session opened where the revision has one."""
    made: list[Wire] = []

    def accept(line: Line) -> Wire:
        made.append(Wire(line))
        return made[0]

    async with server.running():
        near, far = join(server.accept, accept, near_peer=Peer("memory", principal), limits=server.limits)
        wire = made[0]
        wire.revision = revision
        if revision in SESSION:
            wanted = {"elicitation": {}, "sampling": {}, "roots": {}} if capabilities is None else capabilities
            params = {
                "protocolVersion": revision,
                "capabilities": wanted,
                "clientInfo": {"name": "wire", "version": "0"},
            }
            answer = await wire.request("initialize", params)
            assert answer["protocolVersion"] == revision
            wire.opened = answer
            await wire.notify("notifications/initialized")
        try:
            yield wire
        finally:
            far.close()
            await asyncio.gather(near.wait_closed(), far.wait_closed())
