"""What a client did in one play: every message it sent, how it ended. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from wireproof.conformance.shapes import as_object, at
from wireproof.schemas.jsonrpc import JSONObject, JSONValue


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that the client sent: a line, or an HTTP request. `verb` is empty for a line."""

    raw: bytes
    message: JSONValue
    verb: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    at: float = field(default_factory=time.monotonic)

    def header(self, name: str) -> str | None:
        """The first value of a header, None when it is absent."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def method(self) -> str:
        """The method of a request or notification; "" for anything else."""
        found = as_object(self.message).get("method")
        return found if isinstance(found, str) else ""

    @property
    def params(self) -> JSONObject:
        """Its parameters."""
        return as_object(as_object(self.message).get("params"))

    @property
    def is_request(self) -> bool:
        """True for a request."""
        return bool(self.method) and "id" in as_object(self.message)

    @property
    def is_response(self) -> bool:
        """True for a result or an error."""
        return not self.method and ("result" in as_object(self.message) or "error" in as_object(self.message))


@dataclass(slots=True)
class Record:
    """One play."""

    seen: list[Seen] = field(default_factory=list[Seen])
    exit_code: int | None = None
    """None when it had to be killed."""
    stderr: str = ""
    input_ended: bool = False
    """Over stdio: the client closed the server's stdin before it ended."""
    seconds: float = 0.0

    def requests(self, method: str = "") -> list[Seen]:
        """All requests, or those of one method."""
        return [each for each in self.seen if each.is_request and (not method or each.method == method)]

    def named(self, method: str) -> list[Seen]:
        """Everything with this method, notifications too."""
        return [each for each in self.seen if each.method == method]

    def posts(self) -> list[Seen]:
        """What came in by POST, or as a line."""
        return [each for each in self.seen if each.verb in {"", "POST"}]

    @property
    def succeeded(self) -> bool:
        """True when the client said that all went well."""
        return self.exit_code == 0

    @property
    def called(self) -> bool:
        """True when the tool was called."""
        return bool(self.requests("tools/call"))

    def response_to(self, id_: JSONValue) -> JSONObject | None:
        """The client's answer to a request of the server."""
        found = (each.message for each in self.seen if each.is_response and at(each.message, "id") == id_)
        return next((as_object(each) for each in found), None)
