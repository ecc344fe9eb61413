"""The features of the miniature tool server: what each method answers. Pure but for `pause`.

`wrong` is the one way in which it is wrong; "" is correct. No import of this product but this package.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from typing import Final

from wireproof.conformance.miniatures.faults import JSON, Fault
from wireproof.conformance.miniatures.mcp_tasks import JOB, TASKS, Jobs
from wireproof.conformance.shapes import as_object
from wireproof.schemas.jsonrpc import is_object

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
ASKING: Final = {"ask", "think", "visit"}
"""The tools that ask; they are listed for the modern revision only."""
TOOLS.extend(
    [
        {"name": "think", "description": "Asks for a sample.", "inputSchema": _EMPTY},
        {"name": "visit", "description": "Asks to open a page.", "inputSchema": _EMPTY},
        {"name": "embed", "description": "Embeds a resource.", "inputSchema": _EMPTY},
        {
            "name": "sized",
            "description": "Mirrors a number.",
            "inputSchema": {"type": "object", "properties": {"size": {"type": "integer", "x-mcp-header": "Size"}}},
        },
    ]
)
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
    {"name": "picture", "description": "A picture."},
]
PIXEL: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


class Features:
    """The answers, by method."""

    def __init__(self, wrong: str = "") -> None:
        """Be wrong in this one way."""
        self.wrong = wrong
        self.turn = 0
        self.jobs = Jobs(wrong)

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
        found["logging"] = {}
        if modern:
            found["extensions"] = {"tasks" if self.is_("extension-no-prefix") else TASKS: {}}
        gone = self.wrong.removesuffix("-undeclared")
        if gone != self.wrong:
            found.pop(gone, None)
        return found

    def discover(self) -> JSON:
        """The result of server/discover."""
        versions = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
        if self.is_("lists-more"):
            versions.append("2024-01-01")
        found: JSON = {"supportedVersions": versions, "capabilities": self.capabilities(True)}
        if self.is_("discover-no-capabilities"):
            del found["capabilities"]
        return found

    def tools(self, modern: bool) -> list[JSON]:
        """The tools as listed."""
        tools = [dict(tool) for tool in TOOLS]
        if not modern:
            tools = [tool for tool in tools if tool["name"] not in ASKING]
        else:
            tools.append(dict(JOB))
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
        if self.is_("list-varies"):
            tools[0]["description"] = f"Of process {os.getpid()}."
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
        arguments = as_object(params.get("arguments"))
        if name == "greet" and "who" not in arguments and not self.is_("prompt-arguments"):
            raise Fault(-32602, "Missing argument who")
        if name == "picture":
            data = "%%%" if self.is_("prompt-picture") else PIXEL
            picture = {"type": "image", "data": data, "mimeType": "image/png"}
            return {"messages": [{"role": "user", "content": picture}]}
        role = "nobody" if self.is_("prompt-role") else "user"
        text = f"Hello {arguments.get('who', '')}"
        return {"messages": [{"role": role, "content": {"type": "text", "text": text}}]}

    def complete(self, params: JSON) -> JSON:
        """The result of completion/complete."""
        reference = as_object(params.get("ref"))
        known = reference.get("name") in {prompt["name"] for prompt in PROMPTS} or reference.get("uri")
        if not known and not self.is_("completion-unknown"):
            raise Fault(-32602, "No such reference")
        count = 150 if self.is_("completion-many") else 2
        return {"completion": {"values": [f"value {number}" for number in range(count)], "hasMore": False}}

    def call(self, params: JSON, modern: bool, capabilities: JSON) -> JSON:
        """The result of tools/call, but for tools that stream."""
        name, arguments = params.get("name"), as_object(params.get("arguments"))
        if self.is_("tool-any-case"):
            name = str(name).lower()
        if self.is_("extra-answers-refused") and "inputResponses" in params and name not in ASKING:
            raise Fault(-32602, "Nobody asked for that")
        if not isinstance(name, str):
            if self.is_("call-no-name"):
                return _text("called nothing")
            raise Fault(-32602, "name must be a string")
        if name == "add":
            return self._add(arguments)
        if name == "fail":
            return {**_text("It failed."), "isError": True}
        if name in {"steps", "sized"}:
            return _text("done")
        if name == "picture":
            data = "%%%" if self.is_("picture-base64") else PIXEL
            return {"content": [{"type": "image", "data": data, "mimeType": "image/png"}]}
        if name == "embed":
            inside = {"uri": "mini://text", "mimeType": "text/plain", "text": "hello"}
            return {"content": [{"type": "resource", "resource": inside}]}
        if name == "regional":
            if not isinstance(arguments.get("region"), str):
                return {**_text("region must be a string"), "isError": True}
            return _text(str(arguments.get("region")))
        if name == "job" and modern:
            return self.jobs.call(capabilities)
        if name in ASKING and modern:
            return self._ask(name, params, capabilities)
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

    def _ask(self, name: str, params: JSON, capabilities: JSON) -> JSON:
        state = params.get("requestState")
        known = {self.seal(other) for other in ASKING} if self.is_("state-unbound") else {self.seal(name)}
        if state is not None and not self.is_("state-unchecked") and state not in known:
            raise Fault(-32602, "requestState fails verification")
        answers = params.get("inputResponses")
        if answers is not None and not is_object(answers) and not self.is_("answers-unchecked"):
            raise Fault(-32602, "inputResponses must be an object")
        answer = answers.get("who") if is_object(answers) else None
        if is_object(answer) and answer.get("action") == "accept":
            return _text(f"Hello {as_object(answer.get('content')).get('name')}")
        if is_object(answer):
            return _text("Hello nobody")
        self._need(name, capabilities)
        if self.is_("missing-input-error") and is_object(answers):
            raise Fault(-32602, "who is missing")
        if self.is_("asks-nothing"):
            return {"resultType": "input_required"}
        return {
            "resultType": "input_required",
            "inputRequests": {"who": self._question(name)},
            "requestState": self.seal(name),
        }

    def _need(self, name: str, capabilities: JSON) -> None:
        modes = capabilities.get("elicitation")
        has = {
            "ask": is_object(modes) and (not modes or "form" in modes),
            "visit": is_object(modes) and "url" in modes,
            "think": "sampling" in capabilities,
        }
        if has[name] or self.is_("asks-undeclared") or (is_object(modes) and self.is_("asks-any-mode")):
            return
        needed: dict[str, JSON] = {
            "ask": {"elicitation": {}},
            "visit": {"elicitation": {"url": {}}},
            "think": {"sampling": {}},
        }
        need: JSON = {"requiredCapabilities": needed[name]}
        if self.is_("capability-no-data"):
            raise Fault(-32021, "Needs more", None, 400)
        raise Fault(-32603 if self.is_("capability-code") else -32021, "Needs more", need, 400)

    def _question(self, name: str) -> JSON:
        if name == "think":
            role = "nobody" if self.is_("sampling-role") else "user"
            sample: JSON = {"messages": [{"role": role, "content": {"type": "text", "text": "?"}}], "maxTokens": 9}
            if self.is_("sampling-tools"):
                sample["tools"] = []
            return {"method": "sampling/createMessage", "params": sample}
        if name == "visit":
            url = "" if self.is_("url-none") else "https://example.com/page"
            page = {"mode": "url", "message": "Look.", "url": url, "elicitationId": "1"}
            return {"method": "elicitation/create", "params": page}
        kind = "object" if self.is_("form-nested") else "string"
        schema: JSON = {"type": "object", "properties": {"name": {"type": kind}}}
        form = {"mode": "form", "message": "Who?", "requestedSchema": schema}
        return {"method": "tools/list" if self.is_("asks-strange") else "elicitation/create", "params": form}

    def seal(self, name: str) -> str:
        """A requestState that cannot be forged."""
        return f"{name}." + hmac.new(KEY, name.encode(), hashlib.sha256).hexdigest()


def _text(text: str) -> JSON:
    return {"content": [{"type": "text", "text": text}]}
