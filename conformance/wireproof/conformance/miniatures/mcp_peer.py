"""The miniature tool server: JSON-RPC, both eras, every revision. Drivers move its bytes.

`wrong` is the one way in which it is wrong; "" is correct. It favours being plain over being fast.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from wireproof.conformance.miniatures.faults import JSON, META, Fault
from wireproof.conformance.miniatures.mcp_features import INFO, PROMPTS, RESOURCES, Features
from wireproof.conformance.miniatures.mcp_tasks import TASKS, allowed
from wireproof.conformance.shapes import as_object
from wireproof.schemas.jsonrpc import is_array, is_object

Emit = Callable[[JSON], Awaitable[None]]
MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
REMOVED = {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"}
LEVELS = {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
TASK_METHODS = {"tasks/get", "tasks/update", "tasks/cancel"}
CACHED = {"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list"} | {
    "resources/read"
}


@dataclass
class Session:
    """What a session revision remembers; one for a pipe, a socket or a session id."""

    revision: str = ""
    opened: bool = False
    streams: dict[Any, asyncio.Event] = field(default_factory=dict[Any, asyncio.Event])


def error(id_: Any, code: int, message: str, data: Any = None) -> JSON:
    """An error response."""
    body: JSON = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    return {"jsonrpc": "2.0", "id": id_, "error": body}


class Peer(Features):
    """Takes decoded bytes, gives responses; notifications go out through `emit`."""

    closing = False
    """True while the process ends: open subscriptions are answered."""
    cancelled = 0

    async def take(self, data: bytes, session: Session, emit: Emit) -> Any:
        """The response to one message's bytes: an object, a list for a batch, or None."""
        try:
            value = json.loads(data.decode(), parse_constant=_refuse)
        except (ValueError, RecursionError):
            if self.is_("bad-json-silent"):
                return None
            if self.is_("bad-utf8-silent") and not _is_utf8(data):
                return None
            return error(None, -32603 if self.is_("bad-json-code") else -32700, "Parse error")
        if is_array(value):
            return await self._batch(value, session, emit)
        return await self.one(value, session, emit)

    async def _batch(self, items: list[Any], session: Session, emit: Emit) -> Any:
        takes = session.revision == "2025-03-26" and not self.is_("batch-refused")
        if self.is_("batch-200"):
            takes = True
        if not takes or not items:
            return error(None, -32600, "Invalid request: no batch")
        answers = [answer for item in items if (answer := await self.one(item, session, emit)) is not None]
        if self.is_("batch-apart"):
            for answer in answers:
                await emit(answer)
            return None
        return answers or None

    async def one(self, message: Any, session: Session, emit: Emit) -> JSON | None:
        """The response to one decoded message."""
        problem = self._invalid(message)
        if problem is not None:
            return None if self.is_("invalid-silent") else problem
        if "method" not in message:
            return None
        id_ = message.get("id")
        if self.is_("id-stays-used") and isinstance(id_, (str, int)) and id_ in session.streams:
            return error(id_, -32600, "The id is in use")
        if "id" not in message:
            self._notified(message, session)
            return error(None, -32601, "?") if self.is_("answers-notifications") else None
        try:
            result = await self._dispatch(message, session, emit)
        except Fault as fault:
            answer = error(id_, fault.code, fault.message, fault.data)
            answer["_status"] = fault.status
            return self._spoil_id(answer)
        if result is None:
            return None
        return self._spoil_id({"jsonrpc": "2.0", "id": id_, "result": result})

    def _spoil_id(self, answer: JSON) -> JSON:
        if self.is_("id-as-string") and answer.get("id") is not None:
            answer["id"] = str(answer["id"])
        if self.is_("no-jsonrpc"):
            del answer["jsonrpc"]
        if self.is_("result-and-error"):
            answer["error" if "result" in answer else "result"] = {"code": 0, "message": ""}
        if self.is_("code-as-text") and "error" in answer:
            answer["error"]["code"] = str(answer["error"]["code"])
        return answer

    def _invalid(self, message: Any) -> JSON | None:
        code = -32000 if self.is_("invalid-code") else -32600
        if not is_object(message):
            return error(None, code, "Invalid request")
        id_ = message.get("id")
        usable = id_ if isinstance(id_, (str, int)) and not isinstance(id_, bool) else None
        if "result" in message or "error" in message:
            return None
        if message.get("jsonrpc") != "2.0" and not self.is_("any-jsonrpc"):
            return error(usable, code, "jsonrpc must be 2.0")
        if not isinstance(message.get("method"), str):
            return error(usable, code, "method must be a string")
        if "id" in message and usable is None and not self.is_("null-id"):
            return error(None, code, "an id is a string or an integer")
        if not is_object(message.get("params", {})) and not self.is_("any-params"):
            return error(usable, code, "params must be an object")
        return None

    def _notified(self, message: JSON, session: Session) -> None:
        if message["method"] == "notifications/cancelled":
            params = message.get("params")
            id_ = params.get("requestId") if is_object(params) else None
            self.cancelled += 1
            if self.is_("cancel-storm-dies") and self.cancelled > 200:
                raise SystemExit(1)
            if self.is_("cancel-unknown-kills") and id_ not in session.streams:
                raise SystemExit(1)
            if isinstance(id_, (str, int)) and id_ in session.streams and not self.is_("cancel-ignored"):
                session.streams[id_].set()

    async def _dispatch(self, message: JSON, session: Session, emit: Emit) -> JSON | None:
        method, params = message["method"], as_object(message.get("params"))
        params = params if is_object(params) else {}
        meta = params.get("_meta")
        meta = meta if is_object(meta) else {}
        modern = any(key.startswith(META) for key in meta) or not (session.revision or method in REMOVED)
        if modern:
            return await self._modern(message, params, meta, session, emit)
        return await self._legacy(method, params, meta, session, emit)

    async def _modern(self, message: JSON, params: JSON, meta: JSON, session: Session, emit: Emit) -> JSON | None:
        method = message["method"]
        version, capabilities = meta.get(f"{META}protocolVersion"), meta.get(f"{META}clientCapabilities")
        if not self.is_("meta-unchecked"):
            lenient = self.is_("meta-capabilities-unchecked")
            if not isinstance(version, str) or not (is_object(capabilities) or lenient):
                raise Fault(-32602, "Missing _meta fields", None, 400)
        if version != MODERN and not self.is_("any-version") and version is not None:
            code = -32602 if self.is_("version-code") else -32022
            data = None if self.is_("version-no-data") else {"supported": [MODERN, *LEGACY], "requested": version}
            raise Fault(code, "Unsupported protocol version", data, 400)
        if self.is_("needs-discover") and not session.opened and method != "server/discover":
            raise Fault(-32600, "Call server/discover first", None, 400)
        session.opened = True
        level = meta.get(f"{META}logLevel")
        if level is not None and level not in LEVELS and not self.is_("modern-level-unchecked"):
            raise Fault(-32602, "No such log level", None, 400)
        if self.is_("extension-refused") and as_object(capabilities).get("extensions"):
            unknown = set(as_object(as_object(capabilities)["extensions"])) - {TASKS}
            if unknown:
                raise Fault(-32602, f"Unknown extensions: {unknown}", None, 400)
        if method == "ping" and self.is_("modern-ping"):
            return {"resultType": "complete"}
        if method in REMOVED:
            raise Fault(-32601, f"Method not found: {method}", None, 404)
        declared = as_object(capabilities)
        if method == "subscriptions/listen":
            allowed(as_object(params.get("notifications")), declared, self.wrong)
            return await self._listen(message["id"], params, session, emit)
        result = await self._feature(method, params, meta, True, declared, emit)
        if not self.is_("no-result-type"):
            result.setdefault("resultType", "complete")
        if method in CACHED:
            result.update({"ttlMs": 1000, "cacheScope": "public"})
            self._spoil_cache(method, params, result)
        if not self.is_("no-server-info"):
            result["_meta"] = {**result.get("_meta", {}), f"{META}serverInfo": INFO}
        if self.is_("meta-invented"):
            result["_meta"][f"{META}invented"] = True
        if self.is_("list-asks") and method == "tools/list" and declared:
            return {"resultType": "input_required", "requestState": "x"}
        return result

    def _spoil_cache(self, method: str, params: JSON, result: JSON) -> None:
        if self.is_("no-cache-hints"):
            del result["ttlMs"], result["cacheScope"]
        if self.is_("negative-ttl"):
            result["ttlMs"] = -1
        if self.is_("cache-scope-strange"):
            result["cacheScope"] = "everybody"
        if self.is_("cache-scope-varies") and params.get("cursor"):
            result["cacheScope"] = "private"

    async def _listen(self, id_: Any, params: JSON, session: Session, emit: Emit) -> JSON | None:
        asked = params.get("notifications")
        if not is_object(asked):
            if not self.is_("any-filter"):
                raise Fault(-32602, "notifications must be an object", None, 400)
            asked = {}
        if self.is_("storm-dies") and str(id_) == "storm-200":
            raise SystemExit(1)
        agreed = {key: value for key, value in asked.items() if key in {"toolsListChanged", "resourcesListChanged"}}
        if self.is_("ack-more"):
            agreed["promptsListChanged"] = True
            agreed["toolsListChanged"] = True
        about = str(id_) if self.is_("subscription-id-text") else id_
        ended = session.streams[id_] = asyncio.Event()
        change: JSON = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
        change["params"] = {"_meta": {f"{META}subscriptionId": about}}
        if self.is_("ack-late"):
            await emit(change)
        ack: JSON = {"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged"}
        ack["params"] = {"_meta": {f"{META}subscriptionId": about}, "notifications": agreed}
        if not self.is_("ack-never"):
            await emit(ack)
        if self.is_("unasked-notification") and not asked.get("toolsListChanged"):
            await emit(change)
        await ended.wait()
        if not self.is_("id-stays-used"):
            session.streams.pop(id_, None)
        if self.is_("answers-cancelled") or (self.closing and not self.is_("listen-no-end")):
            return {"resultType": "complete", "_meta": {f"{META}subscriptionId": id_}}
        return None

    async def _legacy(self, method: str, params: JSON, meta: JSON, session: Session, emit: Emit) -> JSON:
        if method == "initialize":
            if self.is_("asks-early"):
                await emit({"jsonrpc": "2.0", "id": 88, "method": "roots/list"})
            return self._initialize(params, session)
        if method == "ping":
            return {"pong": True} if self.is_("ping-not-empty") else {}
        if method == "logging/setLevel":
            if params.get("level") not in LEVELS and not self.is_("level-unchecked"):
                raise Fault(-32602, "No such level")
            return {}
        if method in {"resources/subscribe", "resources/unsubscribe"}:
            if self.is_("subscribe-missing"):
                raise Fault(-32601, "Method not found")
            return {}
        return await self._feature(method, params, meta, False, {}, emit)

    def _initialize(self, params: JSON, session: Session) -> JSON:
        asked = params.get("protocolVersion")
        if self.is_("initialize-refused"):
            raise Fault(-32601, "Method not found", None, 404)
        if self.is_("modern-only"):
            raise Fault(-32022, "Unsupported protocol version", {"supported": [MODERN]}, 400)
        if not isinstance(asked, str):
            raise Fault(-32602, "protocolVersion must be a string")
        spoken = LEGACY[:2] if self.is_("header-version-missing") else LEGACY
        session.revision = asked if asked in spoken else LEGACY[0]
        answer = asked if self.is_("echoes-version") else session.revision
        if self.is_("offers-oldest") and asked not in LEGACY:
            answer = session.revision = LEGACY[-1]
        if self.is_("other-version"):
            answer = "2025-06-18"
        if self.is_("refuses-version") and asked not in LEGACY:
            raise Fault(-32602, "Unsupported protocol version")
        found: JSON = {"protocolVersion": answer, "capabilities": self.capabilities(False), "serverInfo": INFO}
        if self.is_("initialize-no-info"):
            del found["serverInfo"]
        return found

    async def _feature(
        self, method: str, params: JSON, meta: JSON, modern: bool, capabilities: JSON, emit: Emit
    ) -> JSON:
        if method == "server/discover" and modern:
            return self.discover()
        if method in TASK_METHODS and modern:
            return self.jobs.answer(method, params, capabilities)
        if method == "tools/list" and not self.is_("tools-list-missing"):
            return self.page(self.tools(modern), "tools", params)
        if method == "tools/call":
            await self._report(params, meta, emit)
            result = self.call(params, modern, capabilities)
            if self.is_("progress-after") and params.get("name") == "steps" and "progressToken" in meta:
                asyncio.get_running_loop().call_later(0.02, lambda: asyncio.ensure_future(emit(_progress(meta, 9))))
            return result
        if method == "resources/list":
            return self.page(self._resources(), "resources", params)
        if method == "resources/templates/list":
            bad = "mini://item/{n" if self.is_("template-broken") else "mini://item/{n}"
            return {"resourceTemplates": [{"uriTemplate": bad, "name": "item"}]}
        if method == "resources/read":
            return self.read(params, modern)
        if method == "prompts/list":
            prompts = [*PROMPTS, PROMPTS[0]] if self.is_("prompt-twice") else PROMPTS
            if self.is_("prompts-vary"):
                prompts = [{**prompt, "description": f"Of process {os.getpid()}."} for prompt in prompts]
            return self.page([{} if self.is_("prompt-no-name") else prompt for prompt in prompts], "prompts", params)
        if method == "prompts/get":
            return self.prompt(params)
        if method == "completion/complete":
            return self.complete(params)
        raise Fault(-32603 if self.is_("unknown-method-code") else -32601, f"Method not found: {method}", None, 404)

    def _resources(self) -> list[JSON]:
        if self.is_("resource-no-name"):
            return [{"uri": "mini://text"}]
        if self.is_("resource-bad-uri"):
            return [{"uri": "not a uri", "name": "bad"}, *RESOURCES]
        if self.is_("resources-vary"):
            return [{**resource, "description": f"Of process {os.getpid()}."} for resource in RESOURCES]
        return RESOURCES

    async def _report(self, params: JSON, meta: JSON, emit: Emit) -> None:
        token = meta.get("progressToken")
        if params.get("name") == "steps" and token is not None:
            steps = [1, 1, 2] if self.is_("progress-flat") else [1, 2, 3]
            for step in steps:
                await emit(_progress({"progressToken": "other"} if self.is_("progress-token") else meta, step))
        level = meta.get(f"{META}logLevel")
        if params.get("name") == "steps" and (level in {"debug", "info"} or (level and self.is_("logs-unfiltered"))):
            await emit({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}})
        if self.is_("logs-unasked"):
            await emit({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}})
        if self.is_("logging-undeclared"):
            await emit({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}})
        if self.is_("asks-unnegotiated"):
            await emit({"jsonrpc": "2.0", "id": 88, "method": "roots/list"})
        if self.is_("cancels-calls"):
            await emit({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
        if self.is_("unrelated-on-stream"):
            await emit({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        if self.is_("asks-on-stream"):
            await emit({"jsonrpc": "2.0", "id": 77, "method": "elicitation/create", "params": {}})


def _progress(meta: JSON, value: int) -> JSON:
    params = {"progressToken": meta["progressToken"], "progress": value, "total": 3}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


def _refuse(name: str) -> None:
    raise ValueError(name)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
