"""The features of the miniature tool server: what each method answers. Pure but for `pause`.

`wrong` is the one way in which it is wrong; "" is correct. No import of this product but this package.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Final

JSON = dict[str, Any]
META: Final = "io.modelcontextprotocol/"
INFO: Final[JSON] = {"name": "miniature", "version": "1.0"}
KEY: Final = b"a key of the miniature"
PAGE: Final = 4

_NUMBERS: Final[JSON] = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
_EMPTY: Final[JSON] = {"type": "object", "properties": {}}
TOOLS: Final[list[JSON]] = [
    {
        "name": "add",
        "description": "Add two integers.",
        "inputSchema": _NUMBERS,
        "outputSchema": {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]},
    },
    {"name": "fail", "description": "Always fails.", "inputSchema": _EMPTY},
    {"name": "steps", "description": "Reports progress.", "inputSchema": _EMPTY},
    {"name": "picture", "description": "A picture.", "inputSchema": _EMPTY},
    {"name": "ask", "description": "Asks for a name.", "inputSchema": _EMPTY},
    {
        "name": "regional",
        "description": "Mirrors a header.",
        "inputSchema": {
            "type": "object",
            "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
            "required": ["region"],
        },
    },
]
RESOURCES: Final[list[JSON]] = [
    {"uri": "mini://text", "name": "text", "mimeType": "text/plain"},
    {"uri": "mini://blob", "name": "blob", "mimeType": "application/octet-stream"},
    {"uri": "mini://third", "name": "third"},
    {"uri": "mini://fourth", "name": "fourth"},
    {"uri": "mini://fifth", "name": "fifth"},
]
PROMPTS: Final[list[JSON]] = [
    {"name": "greet", "description": "Greets.", "arguments": [{"name": "who", "required": True}]},
    {"name": "plain", "description": "No arguments."},
]
PIXEL: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


class Fault(Exception):
    """An error response; `status` is what a modern HTTP response carries."""

    def __init__(self, code: int, message: str, data: Any = None, status: int = 200) -> None:
        """Make one."""
        super().__init__(message)
        self.code, self.message, self.data, self.status = code, message, data, status


class Features:
    """The answers, by method."""

    def __init__(self, wrong: str = "") -> None:
        """Be wrong in this one way."""
        self.wrong = wrong
        self.turn = 0

    def is_(self, name: str) -> bool:
        """True when this is the way to be wrong."""
        return self.wrong == name

    def capabilities(self, modern: bool) -> JSON:
        """What is declared."""
        found: JSON = {
            "tools": {"listChanged": True},
            "resources": {"listChanged": True} if modern else {"subscribe": True},
            "prompts": {},
            "completions": {},
        }
        if not modern:
            found["logging"] = {}
        if self.is_("tools-undeclared"):
            del found["tools"]
        return found

    def discover(self) -> JSON:
        """The result of server/discover."""
        versions = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
        found: JSON = {"supportedVersions": versions, "capabilities": self.capabilities(True)}
        if self.is_("discover-no-capabilities"):
            del found["capabilities"]
        return found

    def tools(self, modern: bool) -> list[JSON]:
        """The tools as listed."""
        tools = [dict(tool) for tool in TOOLS]
        if not modern:
            tools = [tool for tool in tools if tool["name"] != "ask"]
        if self.is_("tool-twice"):
            tools.append(dict(tools[0]))
        if self.is_("tool-name"):
            tools.append({**tools[1], "name": "a name, with spaces"})
        if self.is_("tool-schema-null"):
            tools[1]["inputSchema"] = {"type": "string"}
        if self.is_("tool-schema-invalid"):
            tools[1]["inputSchema"] = {"type": "object", "properties": {"a": {"type": "no-such-type"}}}
        if self.is_("tool-without-schema"):
            del tools[1]["inputSchema"]
        if self.is_("tool-header-bad"):
            bad = {"type": "object", "properties": {"x": {"type": "number", "x-mcp-header": "X"}}}
            tools[1]["inputSchema"] = bad
        if self.is_("tool-order"):
            self.turn += 1
            tools = tools if self.turn % 2 else tools[::-1]
        return tools

    def page(self, items: list[JSON], member: str, params: JSON) -> JSON:
        """One page of a list."""
        cursor = params.get("cursor")
        start = 0
        if cursor is not None:
            try:
                start = int(base64.b64decode(str(cursor), validate=True))
            except ValueError:
                if not self.is_("cursor-ignored"):
                    raise Fault(-32602, "Invalid cursor") from None
        found: JSON = {member: items[start : start + PAGE]}
        if start + PAGE < len(items):
            found["nextCursor"] = base64.b64encode(str(start + PAGE).encode()).decode()
        if self.is_("page-repeats") and start:
            found[member] = items[:PAGE]
        if self.is_("cursor-number") and "nextCursor" in found:
            found["nextCursor"] = 4
        if self.is_("cursor-endless"):
            found["nextCursor"] = base64.b64encode(b"0").decode()
        return found

    def read(self, params: JSON, modern: bool) -> JSON:
        """The result of resources/read."""
        uri = params.get("uri")
        if not isinstance(uri, str):
            raise Fault(-32602, "uri must be a string")
        known = {resource["uri"] for resource in RESOURCES}
        if self.is_("traversal") and "passwd" in uri:
            return {"contents": [{"uri": uri, "text": "root:x:0:0:root:/root:/bin/sh\n"}]}
        if uri not in known:
            if self.is_("resource-empty"):
                return {"contents": []}
            if self.is_("resource-code"):
                raise Fault(-32002 if modern else -32000, "Resource not found", {"uri": uri})
            raise Fault(-32602 if modern else -32002, "Resource not found", {"uri": uri})
        if self.is_("resource-no-uri"):
            return {"contents": [{"text": "hello"}]}
        if uri == "mini://blob":
            blob = "not base64!" if self.is_("resource-blob") else PIXEL
            return {"contents": [{"uri": uri, "mimeType": "application/octet-stream", "blob": blob}]}
        return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": "hello"}]}

    def prompt(self, params: JSON) -> JSON:
        """The result of prompts/get."""
        name = params.get("name")
        if name not in {prompt["name"] for prompt in PROMPTS} and not self.is_("prompt-unknown"):
            raise Fault(-32602, f"No prompt {name!r}")
        arguments = params.get("arguments") or {}
        if name == "greet" and "who" not in arguments and not self.is_("prompt-arguments"):
            raise Fault(-32602, "Missing argument who")
        role = "nobody" if self.is_("prompt-role") else "user"
        text = f"Hello {arguments.get('who', '')}"
        return {"messages": [{"role": role, "content": {"type": "text", "text": text}}]}

    def complete(self, params: JSON) -> JSON:
        """The result of completion/complete."""
        reference = params.get("ref") or {}
        known = reference.get("name") in {prompt["name"] for prompt in PROMPTS} or reference.get("uri")
        if not known and not self.is_("completion-unknown"):
            raise Fault(-32602, "No such reference")
        count = 150 if self.is_("completion-many") else 2
        return {"completion": {"values": [f"value {number}" for number in range(count)], "hasMore": False}}

    def call(self, params: JSON, modern: bool, capabilities: JSON) -> JSON:
        """The result of tools/call, but for tools that stream."""
        name, arguments = params.get("name"), params.get("arguments") or {}
        if not isinstance(name, str):
            if self.is_("call-no-name"):
                return _text("called nothing")
            raise Fault(-32602, "name must be a string")
        if name == "add":
            return self._add(arguments)
        if name == "fail":
            return {**_text("It failed."), "isError": True}
        if name == "steps":
            return _text("done")
        if name == "picture":
            data = "%%%" if self.is_("picture-base64") else PIXEL
            return {"content": [{"type": "image", "data": data, "mimeType": "image/png"}]}
        if name == "regional":
            return _text(str(arguments.get("region")))
        if name == "ask" and modern:
            return self._ask(params, capabilities)
        if self.is_("unknown-tool"):
            return _text("fine")
        raise Fault(-32602, f"Unknown tool: {name}")

    def _add(self, arguments: JSON) -> JSON:
        a, b = arguments.get("a"), arguments.get("b")
        if not (isinstance(a, int) and isinstance(b, int)):
            if self.is_("no-validation"):
                return {**_text("0"), "structuredContent": {"sum": 0}}
            return {**_text("a and b must be integers"), "isError": True}
        value: JSON = {"sum": a + b}
        found = {**_text(json.dumps(value)), "structuredContent": value}
        if self.is_("structured-wrong"):
            found["structuredContent"] = {"sum": "three"}
        if self.is_("structured-missing"):
            del found["structuredContent"]
        if self.is_("structured-no-text"):
            found["content"] = []
        if self.is_("call-no-content"):
            del found["content"]
        return found

    def _ask(self, params: JSON, capabilities: JSON) -> JSON:
        state = params.get("requestState")
        if state is not None and not self.is_("state-unchecked") and state != self.seal():
            raise Fault(-32602, "requestState fails verification")
        answers = params.get("inputResponses")
        answer = answers.get("who") if isinstance(answers, dict) else None
        if isinstance(answer, dict) and answer.get("action") == "accept":
            return _text(f"Hello {(answer.get('content') or {}).get('name')}")
        if isinstance(answer, dict):
            return _text("Hello nobody")
        if "elicitation" not in capabilities and not self.is_("asks-undeclared"):
            need: JSON = {"requiredCapabilities": {"elicitation": {}}}
            if self.is_("capability-no-data"):
                raise Fault(-32021, "Needs elicitation", None, 400)
            if self.is_("capability-code"):
                raise Fault(-32603, "Needs elicitation", need, 400)
            raise Fault(-32021, "Needs elicitation", need, 400)
        if self.is_("missing-input-error") and isinstance(answers, dict):
            raise Fault(-32602, "who is missing")
        schema: JSON = {"type": "object", "properties": {"name": {"type": "string"}}}
        form = {"mode": "form", "message": "Who?", "requestedSchema": schema}
        method = "tools/list" if self.is_("asks-strange") else "elicitation/create"
        found: JSON = {
            "resultType": "input_required",
            "inputRequests": {"who": {"method": method, "params": form}},
            "requestState": self.seal(),
        }
        if self.is_("asks-nothing"):
            return {"resultType": "input_required"}
        return found

    def seal(self) -> str:
        """A requestState that cannot be forged."""
        return "ask." + hmac.new(KEY, b"ask", hashlib.sha256).hexdigest()


def _text(text: str) -> JSON:
    return {"content": [{"type": "text", "text": text}]}
