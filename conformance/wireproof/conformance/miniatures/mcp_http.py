"""The miniature tool server on Streamable HTTP, both eras.

`python -m wireproof.conformance.miniatures.mcp_http PORT [WRONG]`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import secrets
import signal
import sys
from typing import Any

from wireproof.conformance.miniatures.faults import JSON, META
from wireproof.conformance.miniatures.mcp_features import TOOLS
from wireproof.conformance.miniatures.mcp_peer import LEGACY, MODERN, Peer, Session, error
from wireproof.conformance.miniatures.web import Incoming, Listener, Outgoing
from wireproof.conformance.shapes import as_object, at
from wireproof.schemas.jsonrpc import is_object

NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"} | dict.fromkeys(
    ("tasks/get", "tasks/update", "tasks/cancel"), "taskId"
)
RIGHT = "the-right-one"
MODERN_STATUS = {-32700: 400, -32600: 400}


class Endpoint:
    """One MCP endpoint."""

    def __init__(self, wrong: str = "") -> None:
        """Be wrong in this one way."""
        self.wrong = wrong
        self.peer = Peer(wrong)
        self.sessions: dict[str, Session] = {}
        self.modern = Session()
        limit = 1 << 40 if wrong == "no-body-limit" else 4 * 1024 * 1024
        self.listener = Listener(self.handle, max_body=limit, patient=wrong != "one-at-a-time")
        self.events = 0
        self.locked = wrong == "locked" or wrong.startswith("auth-")

    def is_(self, name: str) -> bool:
        """True when this is the way to be wrong."""
        return self.wrong == name

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.listener.port}/mcp"

    async def handle(self, request: Incoming, out: Outgoing) -> None:
        """Answer one HTTP request."""
        if not self._allowed(request):
            await out.send(200 if self.is_("origin-200") else 403)
        elif self.locked and await self._refuse(request, out):
            pass
        elif request.path != "/mcp":
            await out.send(404)
        elif request.method in {"GET", "DELETE"}:
            await self._without_body(request, out)
        elif request.method != "POST":
            await out.send(405)
        else:
            await self._post(request, out)

    async def _refuse(self, request: Incoming, out: Outgoing) -> bool:
        """Answer what a stranger may have: the metadata, or a 401."""
        base = f"http://127.0.0.1:{self.listener.port}"
        if request.path == "/.well-known/oauth-protected-resource/mcp" and not self.is_("auth-no-metadata"):
            document: JSON = {"resource": f"{base}/mcp", "authorization_servers": [base], "scopes_supported": ["mcp"]}
            if self.is_("auth-no-server"):
                document["authorization_servers"] = []
            if self.is_("auth-other-resource"):
                document["resource"] = "https://elsewhere.example/mcp"
            if self.is_("auth-offline"):
                document["scopes_supported"].append("offline_access")
            await self._json(out, document, 200)
            return True
        given = request.get("authorization")
        if given == f"Bearer {RIGHT}" or (given and self.is_("auth-any-token")):
            return False
        if self.is_("auth-reads-first") and request.body.startswith(b"{this"):
            await self._json(out, error(None, -32700, "Parse error"), 400)
            return True
        scheme = "Basic" if self.is_("auth-basic") else "Bearer"
        scope = "" if self.is_("auth-no-scope") else 'scope="mcp", '
        place = f'resource_metadata="{base}/.well-known/oauth-protected-resource/mcp"'
        await out.send(401, headers={"www-authenticate": f"{scheme} {scope}{place}"})
        return True

    def _allowed(self, request: Incoming) -> bool:
        host = (request.get("host") or "").rpartition(":")[0] or request.get("host")
        origin = request.get("origin")
        fine = {"http://127.0.0.1", "http://localhost"}
        if origin is not None and not self.is_("any-origin"):
            base = origin.rpartition(":")[0] if origin.count(":") > 1 else origin
            if base not in fine and not (self.is_("origin-prefix") and origin.startswith("http://localhost")):
                return False
        return host in {"127.0.0.1", "localhost"} or self.is_("any-host")

    async def _without_body(self, request: Incoming, out: Outgoing) -> None:
        id_ = request.get("mcp-session-id")
        if request.method == "DELETE" and id_ is not None:
            known = id_ in self.sessions if self.is_("delete-forgets") else self.sessions.pop(id_, None)
            await out.send(200 if known else 404)
        elif request.method == "GET" and id_ in self.sessions:
            if self.is_("get-json"):
                await out.send(200, b"{}", {"content-type": "application/json"})
                return
            await out.start_events({"x-accel-buffering": "no"})
            await out.gone.wait()
        else:
            await out.send(200 if self.is_("get-200") else 405, headers={"allow": "POST"})

    async def _post(self, request: Incoming, out: Outgoing) -> None:
        try:
            value = json.loads(request.body.decode())
        except (ValueError, RecursionError):
            value = None
        message: JSON = value if is_object(value) else {}
        params = message.get("params")
        params = params if is_object(params) else {}
        meta = params.get("_meta")
        meta = meta if is_object(meta) else {}
        header = request.get("mcp-protocol-version")
        legacy = message.get("method") == "initialize" and not meta
        modern = header is not None and header not in LEGACY and not request.get("mcp-session-id") and not legacy
        if modern or any(key.startswith(META) for key in meta):
            await self._modern(request, out, message, params, meta)
        else:
            await self._legacy(request, out, message)

    async def _modern(self, request: Incoming, out: Outgoing, message: JSON, params: JSON, meta: JSON) -> None:
        if self.is_("last-event-id-refused") and request.get("last-event-id"):
            await out.send(400)
            return
        if isinstance(message.get("method"), str):
            problem = self._mismatch(request, message, params, meta)
            if problem is not None:
                status = 200 if self.is_("mismatch-200") else 400
                code = -32600 if self.is_("mismatch-code") else -32020
                await self._json(out, error(message.get("id"), code, problem), status)
                return
        session = Session() if self.is_("needs-discover") else self.modern
        await self._answer(request, out, session, {})

    def _mismatch(self, request: Incoming, message: JSON, params: JSON, meta: JSON) -> str | None:
        version = meta.get(f"{META}protocolVersion")
        if "id" not in message or version is None:
            return None
        header = request.get("mcp-protocol-version")
        if header is None and not self.is_("header-version-missing"):
            return "MCP-Protocol-Version is missing"
        if header is not None and header != version and not self.is_("header-version"):
            return "MCP-Protocol-Version differs"
        if version != MODERN:
            return None
        methods = request.all("mcp-method")
        if not methods and not self.is_("header-method-missing"):
            return "Mcp-Method is missing"
        lower = self.is_("header-method-case")
        if methods and [m.lower() if lower else m for m in methods] != [message["method"]]:
            twice = self.is_("header-twice") and methods[0] == message["method"]
            if not self.is_("header-method") and not twice:
                return "Mcp-Method differs"
        return self._name_mismatch(request, message, params) or self._param_mismatch(request, message, params)

    def _name_mismatch(self, request: Incoming, message: JSON, params: JSON) -> str | None:
        key = NAMED.get(message["method"])
        wanted = params.get(key) if key else None
        if not isinstance(wanted, str):
            return None
        given = request.get("mcp-name")
        if given is None:
            return None if self.is_("header-name-missing") else "Mcp-Name is missing"
        try:
            plain = given if self.is_("header-name-raw") else decode_header(given)
        except ValueError:
            return None if self.is_("header-name-bad-base64") else "Mcp-Name is no base64"
        return None if plain == wanted or self.is_("header-name") else "Mcp-Name differs"

    def _param_mismatch(self, request: Incoming, message: JSON, params: JSON) -> str | None:
        if message["method"] != "tools/call" or self.is_("header-param"):
            return None
        tool = next((tool for tool in TOOLS if tool["name"] == params.get("name")), None)
        arguments = as_object(params.get("arguments"))
        for name, schema in as_object(at(tool, "inputSchema", "properties")).items():
            wanted = arguments.get(name) is not None or (
                self.is_("header-param-wanted") and schema["type"] == "integer"
            )
            if "x-mcp-header" in schema and wanted:
                given = request.get(f"mcp-param-{schema['x-mcp-header']}")
                try:
                    if given is None or not self._equal(decode_header(given), arguments.get(name)):
                        return f"Mcp-Param-{schema['x-mcp-header']} is missing or differs"
                except ValueError:
                    return "bad base64"
        return None

    def _equal(self, given: str, argument: Any) -> bool:
        if isinstance(argument, int) and not self.is_("header-numeric"):
            return float(given) == argument
        return given == str(argument)

    async def _legacy(self, request: Incoming, out: Outgoing, message: JSON) -> None:
        header, id_ = request.get("mcp-protocol-version"), request.get("mcp-session-id")
        if header is not None and header not in LEGACY and not self.is_("version-header-unchecked"):
            await self._json(out, error(None, -32600, "Unsupported MCP-Protocol-Version"), 400)
            return
        headers: dict[str, str] = {}
        if message.get("method") == "initialize":
            id_ = "one" if self.is_("session-ids-equal") else secrets.token_urlsafe(24)
            id_ = f"session {id_}" if self.is_("session-id-space") else id_
            self.sessions[id_] = Session()
            headers = {"mcp-session-id": id_}
        if id_ is None and not self.is_("session-optional"):
            await self._json(out, error(message.get("id"), -32600, "Mcp-Session-Id is missing"), 400)
        elif id_ is not None and id_ not in self.sessions and not self.is_("session-unknown"):
            await self._json(out, error(message.get("id"), -32600, "No such session"), 404)
        else:
            session = self.sessions.setdefault(id_ or "", Session("2025-06-18"))
            await self._answer(request, out, session, headers)

    async def _answer(self, request: Incoming, out: Outgoing, session: Session, headers: dict[str, str]) -> None:
        streaming = False

        async def emit(message: JSON) -> None:
            nonlocal streaming
            if not streaming:
                await out.start_events({**headers, **({} if self.is_("buffered") else {"x-accel-buffering": "no"})})
                streaming = True
            await self._event(out, message)

        work = asyncio.create_task(self.peer.take(request.body, session, emit))
        gone = asyncio.create_task(out.gone.wait())
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not work.done():
            work.cancel()
            return
        with contextlib.suppress(SystemExit):
            await self._finish(out, await work, streaming, headers)

    async def _finish(self, out: Outgoing, reply: Any, streaming: bool, headers: dict[str, str]) -> None:
        if streaming:
            if reply is not None:
                await self._event(out, reply)
            if self.is_("stream-stays"):
                await out.gone.wait()
        elif reply is None:
            if self.is_("notification-200"):
                await self._json(out, {}, 200)
            else:
                await out.send(202, b"ok" if self.is_("notification-body") else b"")
        else:
            code = as_object(reply.get("error")).get("code") if is_object(reply) else None
            status = reply.pop("_status", 200) if is_object(reply) else 200
            status = MODERN_STATUS.get(code or 0, status)
            await self._json(out, reply, self._spoil_status(code, status), headers)

    def _spoil_status(self, code: Any, status: int) -> int:
        always = {
            "not-found-200": -32601,
            "version-200": -32022,
            "meta-200": -32602,
            "bad-json-200": -32700,
            "capability-200": -32021,
        }
        return 200 if always.get(self.wrong) == code and code is not None else status

    async def _event(self, out: Outgoing, message: JSON) -> None:
        message.pop("_status", None)
        self.events += 1
        await out.event(json.dumps(message), id="1" if self.is_("event-ids-equal") else str(self.events))

    async def _json(self, out: Outgoing, value: Any, status: int, headers: dict[str, str] | None = None) -> None:
        merged = {
            "content-type": "text/plain" if self.is_("content-type") else "application/json",
            **(headers or {}),
        }
        if self.is_("mints-session"):
            merged["mcp-session-id"] = secrets.token_hex(8)
        await out.send(status, json.dumps(value).encode(), merged)


def decode_header(value: str) -> str:
    """A header's value, out of its base64 form where it has one. Raises ValueError."""
    if value.startswith("=?base64?") and value.endswith("?="):
        return base64.b64decode(value[9:-2], validate=True).decode()
    return value


async def serve(port: int, wrong: str) -> None:
    """Serve until SIGTERM."""
    endpoint = Endpoint(wrong)
    await endpoint.listener.start(port)
    stopping = asyncio.Event()

    def terminate() -> None:
        if wrong != "term-waits-streams" or not endpoint.modern.streams:
            stopping.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
    await stopping.wait()
    await endpoint.listener.stop()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
    os._exit(0)
