"""The miniature client: lists the tools, calls one, says whether it went well. Right, or wrong in one chosen way.

`python -m wireproof.conformance.miniatures.client_peer [--wrong NAME] URL | COMMAND WORD …`.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any, Final
from urllib.parse import urlsplit

from wireproof.conformance.miniatures.faults import JSON, META

MODERN: Final = "2026-07-28"
KNOWN: Final = ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")


class Failed(Exception):
    """The call did not end with its result."""


class Client:
    """One run."""

    def __init__(self, wrong: str, revision: str) -> None:
        self.wrong, self.revision = wrong, revision
        self.modern = revision == MODERN
        self.ids = itertools.count(1)
        self.session: str | None = None
        self.agreed = False

    def is_(self, name: str) -> bool:
        """True when this is the way to be wrong."""
        return self.wrong == name

    # -- what is sent -------------------------------------------------------------------------------------------

    def message(self, method: str, params: JSON | None = None, *, note: bool = False) -> JSON:
        """A request or a notification."""
        made: JSON = {"jsonrpc": "1.0" if self.is_("json-rpc-1") else "2.0", "method": method}
        if not note:
            made["id"] = 1 if self.is_("same-ids") else next(self.ids)
        shown = dict(params or {})
        if self.modern and method != "initialize":
            meta: JSON = {f"{META}protocolVersion": self.revision}
            if not self.is_("no-capabilities"):
                meta[f"{META}clientCapabilities"] = {"elicitation": {}, "extensions": {f"{META}tasks": {}}}
            if not self.is_("no-info"):
                meta[f"{META}clientInfo"] = {"name": "miniature", "version": "1"}
            shown["_meta"] = meta
        if shown:
            made["params"] = shown
        return made

    def headers(self, message: JSON) -> dict[str, str]:
        """What a POST carries."""
        method = str(message.get("method", ""))
        made = {"Content-Type": "text/plain" if self.is_("text-body") else "application/json"}
        made["Accept"] = "application/json" if self.is_("json-only") else "application/json, text/event-stream"
        if self.modern:
            made["MCP-Protocol-Version"] = self.revision
            made["Mcp-Method"] = method
            if method == "tools/call":
                made["Mcp-Name"] = "add"
                made["Mcp-Param-Left"] = "2"
            elif method.startswith("tasks/"):
                made["Mcp-Name"] = "task" if self.is_("task-name") else str(message["params"]["taskId"])
        elif self.agreed:
            made["MCP-Protocol-Version"] = self.revision
            if self.session is not None:
                made["Mcp-Session-Id"] = self.session
        for name, header in (
            ("no-version-header", "MCP-Protocol-Version"),
            ("no-method-header", "Mcp-Method"),
            ("no-name-header", "Mcp-Name"),
            ("no-param-header", "Mcp-Param-Left"),
            ("no-session-header", "Mcp-Session-Id"),
        ):
            if self.is_(name):
                made.pop(header, None)
        return made

    def reply(self, asked: JSON) -> JSON | None:
        """The answer to a request of the server."""
        base: JSON = {"jsonrpc": "2.0", "id": asked["id"]}
        if asked["method"] == "ping":
            return None if self.is_("no-pong") else {**base, "result": {}}
        if self.is_("strange-result"):
            return {**base, "result": {}}
        return {**base, "error": {"code": -32601, "message": "Method not found"}}

    # -- what it does -------------------------------------------------------------------------------------------

    def ask(self, method: str, params: JSON | None = None) -> JSON:
        """A request and its result. Raises `Failed`."""
        message = self.message(method, params)
        answer = self.exchange(message)
        if answer.get("id") != message["id"] and not self.is_("any-id"):
            raise Failed("an answer to something else")
        if "result" not in answer:
            raise Failed(str(answer))
        return dict(answer["result"])

    def exchange(self, message: JSON) -> JSON:
        """Send a request and give its response. Raises `Failed`."""
        raise NotImplementedError

    def tell(self, message: JSON) -> None:
        """Send what gets no response."""
        raise NotImplementedError

    def begin(self) -> None:
        """The handshake. Raises `Failed`."""
        if self.modern:
            self.ask("server/discover")
            return
        if self.is_("no-handshake"):
            return
        params = {"protocolVersion": self.revision, "capabilities": {}, "clientInfo": {"name": "m", "version": "1"}}
        found = self.ask("initialize", params)
        if found["protocolVersion"] not in KNOWN and not self.is_("any-version"):
            raise Failed("a version that nobody knows")
        self.agreed = True
        self.tell(self.message("notifications/initialized", note=True))

    def run(self) -> int:
        """List and call; gives the exit code."""
        self.begin()
        page = self.ask("tools/list")
        while "nextCursor" in page and not self.is_("one-page"):
            cursor = str(page["nextCursor"])
            page = self.ask("tools/list", {"cursor": cursor.strip("✓") if self.is_("other-cursor") else cursor})
        call: JSON = {"name": "add", "arguments": {"a": 2, "b": 3}}
        found = self.ask("tools/call", call)
        if found.get("resultType") == "input_required":
            answers = {key: {"action": "accept", "content": {"name": "m"}} for key in found["inputRequests"]}
            state = found["requestState"].strip("✓") if self.is_("other-state") else found["requestState"]
            found = self.ask("tools/call", {**call, "inputResponses": answers, "requestState": state})
        if found.get("resultType") == "task":
            found = self.follow(found)
        return 0 if found["content"][0]["text"] == "5" and not self.is_("never-content") else 1

    def follow(self, task: JSON) -> JSON:
        """The result of a task. Raises `Failed`."""
        if self.is_("no-tasks"):
            raise Failed("a task")
        for _ in range(1 if self.is_("one-look") else 20):
            time.sleep(0 if self.is_("hurried") else task["pollIntervalMs"] / 1000)
            task = self.ask("tasks/get", {"taskId": task["taskId"]})
            if task["status"] == "completed":
                return dict(task["result"])
            if task["status"] == "input_required" and not self.is_("no-update"):
                answers = {key: {"action": "accept", "content": {"name": "m"}} for key in task["inputRequests"]}
                self.ask("tasks/update", {"taskId": task["taskId"], "inputResponses": answers})
        raise Failed("the task did not end")


class HttpClient(Client):
    """Over Streamable HTTP."""

    def __init__(self, wrong: str, revision: str, url: str) -> None:
        super().__init__(wrong, revision)
        self.url = urlsplit(url)

    def _send(self, verb: str, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.url.netloc, timeout=60 if self.is_("patient") else 4)
        connection.request(verb, self.url.path, body or None, headers)
        return connection.getresponse()

    def tell(self, message: JSON) -> None:
        """See `Client.tell`."""
        self._send("POST", json.dumps(message).encode(), self.headers(message)).read()

    def exchange(self, message: JSON) -> JSON:
        """See `Client.exchange`."""
        response = self._send("POST", json.dumps(message).encode(), self.headers(message))
        if response.status == 404 and self.session is not None:
            if self.is_("keeps-session"):
                raise Failed("the session is gone")
            self.session, self.agreed = None, False
            self.begin()
            return {**self.exchange({**message, "id": next(self.ids)}), "id": message["id"]}
        self.session = response.getheader("mcp-session-id") or self.session
        kind = (response.getheader("content-type") or "").partition(";")[0]
        if kind == "text/event-stream":
            return self._from_stream(response, message)
        body = response.read()
        if kind != "application/json" and self.is_("takes-html"):
            return {"id": message["id"], "result": {"content": [{"text": "5"}]}}
        try:
            found: JSON = json.loads(body)
        except ValueError:
            if self.is_("takes-broken"):
                return {"id": message["id"], "result": {"content": [{"text": "5"}]}}
            raise Failed("no JSON") from None
        return found

    def _from_stream(self, response: http.client.HTTPResponse, message: JSON) -> JSON:
        for line in response:
            if not line.startswith(b"data:"):
                continue
            if not line.endswith(b"\n"):
                break
            said: JSON = json.loads(line[5:])
            if "method" in said and "id" in said:
                answer = self.reply(said)
                if answer is not None:
                    self.tell(answer)
            elif "method" in said:
                if self.is_("strict-notifications"):
                    raise Failed("an unknown notification")
            else:
                return said
        if self.is_("takes-half"):
            return {"id": message["id"], "result": {"content": [{"text": "5"}]}}
        raise Failed("the stream ended")

    def end(self) -> None:
        """End the session."""
        if self.session is not None and not self.is_("no-delete"):
            self._send("DELETE", b"", self.headers({})).read()


class PipeClient(Client):
    """Over stdio."""

    def __init__(self, wrong: str, revision: str, command: list[str]) -> None:
        super().__init__(wrong, revision)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        self.watch = threading.Timer(60 if self.is_("patient") else 6, self.process.kill)
        self.watch.daemon = True
        self.watch.start()

    def tell(self, message: JSON) -> None:
        """See `Client.tell`."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def exchange(self, message: JSON) -> JSON:
        """See `Client.exchange`."""
        self.tell(message)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said: JSON = json.loads(line)
            if "method" in said and "id" in said:
                answer = self.reply(said)
                if answer is not None:
                    self.tell(answer)
            elif "method" not in said:
                return said
            elif self.modern and self.is_("answers-notes"):
                self.tell({"jsonrpc": "2.0", "id": 1, "result": {}})
        if self.is_("takes-death"):
            return {"id": message["id"], "result": {"content": [{"text": "5"}]}}
        raise Failed("the server ended")

    def begin(self) -> None:
        """See `Client.begin`."""
        if self.is_("banner"):
            assert self.process.stdin is not None
            self.process.stdin.write(b"hello server\n")
        super().begin()

    def end(self) -> None:
        """Close its stdin and wait."""
        assert self.process.stdin is not None
        if self.is_("kills"):
            self.process.kill()
            self.process.wait()
            return
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(5)


def main(words: list[str]) -> int:
    """Run as the words say."""
    wrong = ""
    if words[0] == "--wrong":
        wrong, words = words[1], words[2:]
    revision = os.environ["WIREPROOF_REVISION"]
    client: Any = (
        HttpClient(wrong, revision, words[0]) if words[0].startswith("http") else PipeClient(wrong, revision, words)
    )
    try:
        return int(client.run())
    except (Failed, OSError, KeyError, http.client.HTTPException, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        client.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
