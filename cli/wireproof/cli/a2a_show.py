"""What the agent verbs print: fields and blocks for people, the protocol's own types for programs, one error envelope.

Spec: a2a-cli 0.2 sections 10.2, 11.2, 11.3, 11.4, 11.6, appendices B and D.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from wireproof.cli.a2a_settings import UsageError
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

if TYPE_CHECKING:
    from wireproof.a2a.client import Event

OK, FAILED, USAGE, UNREACHABLE, AUTHENTICATION, TIMEOUT = 0, 1, 2, 3, 4, 5
SUCCESS: Final = "TASK_STATE_COMPLETED"


class Printer:
    """Writes results on stdout and everything else on stderr."""

    def __init__(self, *, as_json: bool, reference: str = "") -> None:
        self.as_json: Final = as_json
        self._reference: Final = reference

    def document(self, document: JSONObject) -> None:
        """One JSON document on one line."""
        print(json.dumps(document, ensure_ascii=False, separators=(",", ":")), flush=True)

    def field(self, label: str, value: Any) -> None:
        """One field; one that does not fit on a line becomes a block."""
        text = str(value)
        if "\n" in text:
            self.block(label, text)
        elif text:
            print(f"{label}: {text}", flush=True)

    def block(self, label: str, text: str) -> None:
        """A label, the content, and an empty line."""
        print(f"{label}:\n{text}\n", flush=True)

    def note(self, text: str) -> None:
        """For people, beside the result."""
        print(text, file=sys.stderr, flush=True)

    # -- the protocol's objects -----------------------------------------------------------------------------------

    def task(self, task: JSONObject, *, wrapped: bool = False, history: bool = False) -> None:
        """A task with everything it made."""
        if self.as_json:
            self.document({"task": task} if wrapped else task)
        else:
            for artifact in task.get("artifacts", ()):
                self._artifact(artifact)
            for message in task.get("history", ()) if history else ():
                self._parts(message.get("parts", ()), "User" if message.get("role") == "ROLE_USER" else "Agent")
            self.identity(task["id"], task.get("contextId", ""), task["status"])
        self.outcome(task["id"], task["status"])

    def identity(self, task_id: str, context_id: str, status: JSONObject) -> None:
        """What the next call needs."""
        message: JSONValue = status.get("message")
        if is_object(message):
            self._parts(message.get("parts", ()), "Message")
        self.field("Task ID", task_id)
        self.field("Context ID", context_id)
        self.field("State", status.get("state", "TASK_STATE_UNSPECIFIED"))

    def outcome(self, task_id: str, status: JSONObject) -> None:
        """Name an outcome that is no success, and how to go on."""
        state = str(status.get("state"))
        if state in ("TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"):
            self.note(f"warning: the task waits for you ({state})")
            self.note(f'to answer: wireproof send -a {self._reference} --task-id {task_id} "<reply>"')
        elif state in ("TASK_STATE_FAILED", "TASK_STATE_REJECTED", "TASK_STATE_CANCELED"):
            self.note(f"warning: the task ended as {state}")

    def message(self, message: JSONObject) -> None:
        """A direct answer."""
        if self.as_json:
            self.document({"message": message})
            return
        self._parts(message.get("parts", ()), "Message")
        self.field("Message ID", message.get("messageId", ""))
        self.field("Context ID", message.get("contextId", ""))

    def event(self, event: Event) -> None:
        """One event of a stream."""
        wire = stream_response(event)
        if self.as_json:
            self.document(wire)
            return
        kind, value = next(iter(wire.items()))
        if kind == "task":
            self.task(value)
        elif kind == "message":
            self.message(value)
        elif kind == "artifactUpdate":
            self._artifact(value["artifact"])
        else:
            self.identity(value["taskId"], value.get("contextId", ""), value["status"])
            self.outcome(value["taskId"], value["status"])

    def parts(self, parts: Any) -> None:
        """Contents alone, one after the other."""
        for part in parts:
            if "text" in part:
                print(part["text"], flush=True)
            elif "data" in part:
                print(json.dumps(part["data"], ensure_ascii=False, indent=2), flush=True)
            else:
                print(_file(part), flush=True)

    def _artifact(self, artifact: JSONObject) -> None:
        name = artifact.get("name") or artifact.get("artifactId", "")
        self.field("Artifact", name)
        self._parts(artifact.get("parts", ()), "Text")

    def _parts(self, parts: Any, label: str) -> None:
        for part in parts:
            if "text" in part:
                self.block(label, part["text"])
            elif "data" in part:
                self.block("Data", json.dumps(part["data"], ensure_ascii=False, indent=2))
            else:
                self.field("File", _file(part))

    # -- failures -------------------------------------------------------------------------------------------------

    def failure(self, error: Exception) -> int:
        """Tell an error; gives the exit code."""
        code, exit_code, hint = classify(error)
        number: JSONValue = getattr(error, "code", None)
        if self.as_json:
            envelope = {"code": code, "message": str(error), "hint": hint or None, "a2aCode": number}
            self.document({"error": envelope})
        else:
            self.note(f"error: {code}: {error}")
            if hint:
                self.note(f"hint: {hint}")
        return exit_code


def _file(part: JSONObject) -> str:
    name = str(part.get("filename") or part.get("url") or "unnamed")
    raw: JSONValue = part.get("raw")
    size = f", {len(raw) * 3 // 4 - raw[-2:].count('=')} bytes" if isinstance(raw, str) else ""
    return f"{name} ({part.get('mediaType') or 'application/octet-stream'}{size})"


def stream_response(event: Event) -> JSONObject:
    """The StreamResponse of an event."""
    from wireproof.a2a.client import ArtifactUpdate, Message, StatusUpdate

    if isinstance(event, StatusUpdate):
        return {"statusUpdate": event.wire}
    if isinstance(event, ArtifactUpdate):
        return {"artifactUpdate": event.wire}
    return {"message" if isinstance(event, Message) else "task": event.wire}


def classify(error: Exception) -> tuple[str, int, str]:
    """The error's name, the exit code, and what to do next."""
    from wireproof.a2a import client

    if isinstance(error, UsageError):
        return "A2ACLI_ERR_USAGE", USAGE, ""
    if isinstance(error, client.AgentRefused) and error.name:
        return (
            error.name,
            FAILED,
            _PROTOCOL_HINTS.get(error.name, "repeat the call with --debug for the whole exchange"),
        )
    if isinstance(error, client.AuthenticationFailed):
        return "A2ACLI_ERR_AUTH_FAILED", AUTHENTICATION, "give --bearer TOKEN or --api-key KEY, as the card asks"
    for name, row in _LOCAL.items():
        if isinstance(error, getattr(client, name)):
            return row
    return "A2ACLI_ERR_INTERNAL", FAILED, ""


_PROTOCOL_HINTS: Final[Mapping[str, str]] = {
    "TaskNotFoundError": "check the id: wireproof task list",
    "TaskNotCancelableError": "it has ended already: wireproof task get",
    "VersionNotSupportedError": "see which versions the card names: wireproof card get",
}
_LOCAL: Final[Mapping[str, tuple[str, int, str]]] = {
    "CardNotFound": ("A2ACLI_ERR_CARD_NOT_FOUND", UNREACHABLE, "check --agent-card: a host, or a card's URL or file"),
    "CardInvalid": ("A2ACLI_ERR_CARD_INVALID", FAILED, "see the card: wireproof card get"),
    "Unreachable": ("A2ACLI_ERR_UNREACHABLE", UNREACHABLE, "check the address, and that the agent runs"),
    "ConnectionLost": ("A2ACLI_ERR_UNREACHABLE", UNREACHABLE, "it may have been carried out: wireproof task list"),
    "DeadlineExceeded": ("A2ACLI_ERR_TIMEOUT", TIMEOUT, "give a longer --timeout, or look later: wireproof task get"),
    "NoInterface": ("A2ACLI_ERR_INTERNAL", FAILED, "the card offers none of these: try without --transport"),
}
"""Errors of the client's own, by the class that it raises."""
