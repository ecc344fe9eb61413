"""The server that a client under test meets: honest, or with one twist. One for each play; knows every message it got.

It lists its one tool on the second page, answers calls on a stream with something the client does not know before the
result, and asks the client for a sign of life where the revision has that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from wireproof.conformance.clients.record import Record, Seen
from wireproof.conformance.ledger import MODERN
from wireproof.conformance.shapes import as_object, at
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

META: Final = "io.modelcontextprotocol/"
CURSOR: Final = "page 2/=+✓"
STATE: Final = "state of the server/=+✓"
SESSION: Final = "session-of-the-judge-1"
PING_ID: Final = "ping-of-the-judge"
STRANGE_ID: Final = 90210
TOOL: Final[JSONObject] = {
    "name": "add",
    "description": "Add two numbers.",
    "inputSchema": {
        "type": "object",
        "properties": {"a": {"type": "integer", "x-mcp-header": "Left"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
ASKED: Final[JSONObject] = {
    "method": "elicitation/create",
    "params": {
        "mode": "form",
        "message": "How is it called?",
        "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
}
WAIT: Final = 2.0
TASKS: Final = f"{META}tasks"
TASK_ID: Final = "task-of-the-judge"
POLL_MS: Final = 300
WHEN: Final = "2026-01-01T00:00:00Z"
Emit = Callable[[JSONObject], Awaitable[None]]


class Gone(Exception):
    """The twist says that the server goes away here."""


class Play:
    """One server for one run of the client. `twist` is "" for the honest one."""

    def __init__(self, revision: str, twist: str = "") -> None:
        self.revision = revision
        self.twist = twist
        self.record = Record()
        self.modern = revision in MODERN
        self.answers: dict[str, asyncio.Event] = {}
        self.gone_once = False
        self.opened = 0
        self.looks = 0
        self.told = False

    def note(self, seen: Seen) -> None:
        """Keep what came, and wake who waits for a response."""
        self.record.seen.append(seen)
        if seen.is_response:
            self.answers.setdefault(str(at(seen.message, "id")), asyncio.Event()).set()

    async def answer(self, message: JSONObject, emit: Emit) -> JSONObject | None:
        """The response to a request, None to a notification; `emit` sends something before it. Raises `Gone`."""
        method, id_ = message.get("method"), message.get("id")
        if not isinstance(method, str) or "id" not in message:
            return None
        params = as_object(message.get("params"))
        result = await self._result(method, params, emit)
        if isinstance(result, int):
            text = {-32601: "Method not found", -32022: "Unsupported protocol version"}.get(result, "Refused")
            error: JSONObject = {"code": result, "message": text}
            if result == -32022:
                error["data"] = {"supported": [self.revision], "requested": "?"}
            return {"jsonrpc": "2.0", "id": id_, "error": error}
        if self.modern:
            result = {"resultType": "complete", **result}
        if self.twist == "wrong-id" and method == "tools/call":
            id_ = "an-id-that-nobody-asked-with"
        return {"jsonrpc": "2.0", "id": id_, "result": result}

    async def _result(self, method: str, params: JSONObject, emit: Emit) -> JSONObject | int:
        info = {"name": "judge", "version": "1"}
        if method == "server/discover":
            if not self.modern:
                return -32601
            capabilities: JSONObject = {"tools": {}}
            if self.twist.startswith("task"):
                capabilities["extensions"] = {TASKS: {}}
            found: JSONObject = {"supportedVersions": [self.revision], "capabilities": capabilities, "serverInfo": info}
            return {**found, "ttlMs": 0, "cacheScope": "private"}
        if method == "initialize":
            if self.modern:
                return -32022
            self.opened += 1
            version = "1999-01-01" if self.twist == "other-version" else self.revision
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
        if method == "ping":
            return -32601 if self.modern else {}
        if method == "tools/list":
            return self._tools(params)
        if method == "tools/call":
            return await self._call(params, emit)
        if method == "tasks/get" and self.twist.startswith("task"):
            return self._look()
        if method == "tasks/update" and self.twist.startswith("task"):
            self.told = True
            return {}
        return -32601

    def _task(self, status: str) -> JSONObject:
        return {
            "taskId": TASK_ID,
            "status": status,
            "createdAt": WHEN,
            "lastUpdatedAt": WHEN,
            "ttlMs": 60_000,
            "pollIntervalMs": POLL_MS,
        }

    def _look(self) -> JSONObject:
        """The task: working, then perhaps asking, then completed."""
        self.looks += 1
        if self.looks < 3:
            return self._task("working")
        if self.twist == "task-asks" and not self.told:
            return {**self._task("input_required"), "inputRequests": {"q": ASKED}}
        return {
            **self._task("completed"),
            "result": {"resultType": "complete", "content": [{"type": "text", "text": "5"}]},
        }

    def _tools(self, params: JSONObject) -> JSONObject:
        hints: JSONObject = {"ttlMs": 0, "cacheScope": "private"} if self.modern else {}
        if "cursor" not in params:
            return {"tools": [], "nextCursor": CURSOR, **hints}
        return {"tools": [TOOL], **hints}

    async def _call(self, params: JSONObject, emit: Emit) -> JSONObject:
        if self.twist == "dies":
            raise Gone
        if self.twist == "silent":
            await asyncio.Event().wait()
        declared = at(params, "_meta", f"{META}clientCapabilities", "extensions")
        if self.twist.startswith("task") and TASKS in as_object(declared):
            return {"resultType": "task", **self._task("working")}
        if self.twist == "asks" and "inputResponses" not in params:
            return {"resultType": "input_required", "inputRequests": {"q": ASKED}, "requestState": STATE}
        await emit({"jsonrpc": "2.0", "method": "notifications/of-a-later-revision", "params": {"x": 1}})
        if not self.modern:
            await self._ask(emit, PING_ID, "ping")
            if self.twist == "strange-request":
                await self._ask(emit, STRANGE_ID, "no/such/request")
        arguments = as_object(params.get("arguments"))
        a, b = arguments.get("a"), arguments.get("b")
        total = a + b if isinstance(a, int) and isinstance(b, int) else -1
        return {"content": [{"type": "text", "text": str(total)}], "isError": False}

    async def _ask(self, emit: Emit, id_: Any, method: str) -> None:
        """A request of the server; the wait for its answer is short, since a client may give none."""
        arrived = self.answers.setdefault(str(id_), asyncio.Event())
        await emit({"jsonrpc": "2.0", "id": id_, "method": method})
        try:
            async with asyncio.timeout(WAIT):
                await arrived.wait()
        except TimeoutError:
            return


def parsed(raw: bytes) -> JSONValue:
    """The JSON of a body or line, None when it is none."""
    try:
        found: JSONValue = json.loads(raw)
    except ValueError:
        return None
    return found
