"""The miniature agent: A2A 1.0 over JSON-RPC and HTTP+JSON in a few pages, right, or wrong in one chosen way.

`python -m wireproof.conformance.miniatures.a2a_peer PORT [WRONG]`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncGenerator
from typing import Any, Final

from wireproof.conformance.miniatures.a2a_tasks import Refusal, Work
from wireproof.conformance.miniatures.faults import JSON
from wireproof.conformance.miniatures.web import Incoming, Listener, Outgoing
from wireproof.conformance.shapes import as_object

EXTENSION: Final = "https://example.com/extensions/needed/v1"
METHODS: Final = {
    "SendMessage", "SendStreamingMessage", "GetTask", "ListTasks", "CancelTask", "SubscribeToTask",
    "CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig", "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig", "GetExtendedAgentCard",
}  # fmt: skip


class AgentEndpoint:
    """One agent on one port."""

    def __init__(self, wrong: str = "") -> None:
        """Be wrong in this one way."""
        self.wrong = wrong
        self.work = Work(wrong)
        limit = 1 << 40 if wrong == "no-body-limit" else 4 * 1024 * 1024
        self.listener = Listener(self.handle, max_body=limit)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.listener.port}"

    def card(self) -> JSON:
        """The Agent Card."""
        wrong = self.wrong
        dead = "http://127.0.0.1:9/" if wrong == "card-dead-interface" else f"{self.url}/"
        version = "1.0.0" if wrong == "card-patch-version" else "1.0"
        card: JSON = {
            "name": "Miniature",
            "description": "An agent for tests of the judge.",
            "supportedInterfaces": [
                {"url": f"{self.url}/", "protocolBinding": "JSONRPC", "protocolVersion": version},
                {"url": self.url, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
            ],
            "version": "1",
            "capabilities": {
                "streaming": True,
                "pushNotifications": not wrong.startswith("no-push"),
                "extendedAgentCard": wrong.startswith("extended"),
            },
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [{"id": "s", "name": "s", "description": "Says it.", "tags": ["t"]}],
        }
        if dead != f"{self.url}/":
            card["supportedInterfaces"].append({"url": dead, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"})
        if wrong == "card-no-description":
            del card["description"]
        if wrong == "card-snake":
            card["default_input_modes"] = card["defaultInputModes"]
        if wrong.startswith("secured"):
            name = "other" if wrong == "secured-undeclared" else "key"
            card["securitySchemes"] = {name: {"apiKeySecurityScheme": {"location": "header", "name": "X"}}}
            card["securityRequirements"] = [{"schemes": {"key": {"list": []}}}, {"schemes": {}}]
        if wrong.startswith("signed"):
            header = {"alg": "ES256"} if wrong == "signed-no-kid" else {"alg": "ES256", "kid": "k", "typ": "JOSE"}
            protected = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
            card["signatures"] = [{"protected": protected, "signature": "AAAA"}]
        if wrong.startswith("needs-extension"):
            card["capabilities"]["extensions"] = [{"uri": EXTENSION, "required": True}]
        return card

    async def handle(self, request: Incoming, out: Outgoing) -> None:
        """Answer one HTTP request."""
        if request.path == "/.well-known/agent-card.json":
            await self._show_card(request, out)
        elif request.path == "/":
            await self._rpc(request, out)
        else:
            await self._rest(request, out)

    async def _show_card(self, request: Incoming, out: Outgoing) -> None:
        headers = {"content-type": "application/json", "cache-control": "max-age=60", "etag": '"1"'}
        if self.wrong == "card-uncached":
            del headers["etag"]
        if request.get("if-none-match") == '"1"' and self.wrong != "card-etag-ignored":
            await out.send(304, b"", headers)
            return
        await out.send(200, json.dumps(self.card()).encode(), headers)

    # -- what is asked of it ------------------------------------------------------------------------------------

    def _check(self, request: Incoming, operation: str) -> None:
        """Version and extensions."""
        version = request.get("a2a-version") or ("1.0" if self.wrong == "version-optional" else "0.3")
        short = version if self.wrong == "patch-counts" else ".".join(version.split(".")[:2])
        if short != "1.0" and self.wrong != "any-version" and not (short == "0.3" and self.wrong == "version-optional"):
            raise Refusal("VERSION_NOT_SUPPORTED")
        asked = request.get("a2a-extensions") or ""
        if self.wrong == "needs-extension" and EXTENSION not in asked and operation.startswith("Send"):
            raise Refusal("EXTENSION_SUPPORT_REQUIRED")

    def _read(self, body: bytes) -> Any:
        try:
            return json.loads(body.decode())
        except UnicodeDecodeError:
            raise Refusal("INTERNAL" if self.wrong == "bad-utf8-internal" else "PARSE") from None
        except ValueError:
            raise Refusal("INVALID_REQUEST" if self.wrong == "bad-json-code" else "PARSE") from None

    async def _rpc(self, request: Incoming, out: Outgoing) -> None:
        id_: Any = None
        try:
            body = self._read(request.body)
            id_, method, params = self._request(body)
            self._check(request, method)
            found = await self.work.call(method, params)
        except Refusal as refusal:
            await self._answer(out, {"jsonrpc": "2.0", "id": id_, "error": self._error(refusal)})
            return
        if isinstance(found, dict):
            await self._answer(out, {"jsonrpc": "2.0", "id": id_, "result": found})
            return
        await self._stream(out, found, {"jsonrpc": "2.0", "id": "x" if self.wrong == "stream-other-id" else id_})

    def _request(self, given: Any) -> tuple[Any, str, JSON]:
        body: JSON = as_object(given)
        if body.get("jsonrpc") != "2.0" and self.wrong != "any-jsonrpc":
            raise Refusal("INVALID_REQUEST")
        id_ = str(body.get("id")) if self.wrong == "id-as-text" else body.get("id")
        method = str(body.get("method"))
        if method not in METHODS:
            raise Refusal("INVALID_PARAMS" if self.wrong == "unknown-method-code" else "METHOD_NOT_FOUND")
        return id_, method, as_object(body.get("params"))

    async def _rest(self, request: Incoming, out: Outgoing) -> None:
        path, _, query = request.path.partition("?")
        try:
            found_route = self._route(request.method, path, query)
            if found_route is None:
                await self._json(out, {}, 200 if self.wrong == "any-path" else 404)
                return
            operation, params = found_route
            if request.method == "POST" and (request.body or operation.startswith(("Send", "Create"))):
                params = {**as_object(self._read(request.body)), **params}
            self._check(request, operation)
            found = await self.work.call(operation, params)
        except Refusal as refusal:
            shown = self._error(refusal)
            error = {"code": refusal.http, "status": refusal.grpc, "message": shown["message"]}
            error["details"] = shown.get("data", [])
            if self.wrong == "rest-error-bare":
                error = {"message": shown["message"], "code": shown["code"]}
            await self._json(out, {"error": error}, refusal.http)
            return
        if isinstance(found, dict):
            await self._json(out, found, 200)
            return
        await self._stream(out, found, None)

    def _route(self, method: str, path: str, query: str) -> tuple[str, JSON] | None:
        from urllib.parse import parse_qsl, unquote

        words = [unquote(word) for word in path.strip("/").split("/")]
        given: JSON = dict(parse_qsl(query))
        for name in ("pageSize", "historyLength"):
            if name in given:
                given[name] = int(given[name])
        if "includeArtifacts" in given:
            given["includeArtifacts"] = given["includeArtifacts"] == "true"
        match (method, words):
            case ("POST", ["message:send"]):
                return "SendMessage", {}
            case ("POST", ["message:stream"]):
                return "SendStreamingMessage", {}
            case ("GET", ["tasks"]):
                return "ListTasks", given
            case ("GET", ["extendedAgentCard"]):
                return "GetExtendedAgentCard", {}
            case ("GET", ["tasks", id_]):
                return "GetTask", {**given, "id": id_}
            case ("POST", ["tasks", verb]) if ":" in verb:
                id_, _, what = verb.rpartition(":")
                operation = {"cancel": "CancelTask", "subscribe": "SubscribeToTask"}.get(what)
                return (operation, {"id": id_}) if operation else None
            case ("POST", ["tasks", id_, "pushNotificationConfigs"]):
                return "CreateTaskPushNotificationConfig", {"taskId": id_}
            case ("GET", ["tasks", id_, "pushNotificationConfigs"]):
                return "ListTaskPushNotificationConfigs", {"taskId": id_}
            case ("GET" | "DELETE", ["tasks", id_, "pushNotificationConfigs", config]):
                verb = "Get" if method == "GET" else "Delete"
                return f"{verb}TaskPushNotificationConfig", {"taskId": id_, "id": config}
            case _:
                return None

    # -- how it answers -----------------------------------------------------------------------------------------

    def _error(self, refusal: Refusal) -> JSON:
        error: JSON = {"code": refusal.code, "message": refusal.reason.replace("_", " ").capitalize()}
        if refusal.code > -32100:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            detail = {"@type": kind, "reason": refusal.reason, "domain": "a2a-protocol.org"}
            if self.wrong == "no-error-info":
                detail = {"@type": "type.googleapis.com/google.rpc.Help"}
            if self.wrong == "untyped-details":
                del detail["@type"]
            error["data"] = [detail]
        return error

    async def _answer(self, out: Outgoing, document: JSON) -> None:
        await out.send(200, json.dumps(document).encode(), {"content-type": "application/json"})

    async def _json(self, out: Outgoing, document: JSON, status: int) -> None:
        kind = "text/plain" if self.wrong == "rest-text" else "application/a2a+json"
        await out.send(status, json.dumps(document).encode(), {"content-type": kind})

    async def _stream(self, out: Outgoing, events: AsyncGenerator[JSON, None], envelope: JSON | None) -> None:
        def wrap(event: JSON) -> JSON:
            return event if envelope is None else {**envelope, "result": event}

        if self.wrong == "stream-as-json":
            await self._answer(out, wrap(await anext(events)))
            return
        await out.start_events()
        left = asyncio.create_task(self._left(out)) if self.wrong == "one-close-ends-all" else None
        async for event in events:
            await out.event(json.dumps(wrap(event)))
        if left is not None:
            left.cancel()

    async def _left(self, out: Outgoing) -> None:
        await out.gone.wait()
        self.work.drop()


async def main(port: int, wrong: str) -> None:
    """Serve until the process ends."""
    endpoint = AgentEndpoint(wrong)
    await endpoint.listener.start(port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
