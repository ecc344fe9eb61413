"""The errors of tool servers: what a model may read, what the protocol answers, and what is only logged.

    Exception
    ├── ToolError          the model reads the text (`isError` result)
    │   └── ClientGone     the client left a question open
    └── ProtocolError      a JSON-RPC error response
        ├── InvalidParams  -32602
        ├── MethodNotFound -32601
        ├── ResourceNotFound  -32002 before 2026-07-28, -32602 since
        ├── MissingClientCapability  -32021 (2026-07-28), -32602 before
        ├── UnsupportedProtocolVersion  -32022
        └── HeaderMismatch  -32020

Any other exception of user code is masked on the wire and logged with its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from wireproof.schemas.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    JSONObject,
    JSONValue,
    Reply,
    RequestId,
    encode_error,
)

HEADER_MISMATCH = -32020
MISSING_CLIENT_CAPABILITY = -32021
UNSUPPORTED_PROTOCOL_VERSION = -32022
RESOURCE_NOT_FOUND_BEFORE_2026 = -32002


class ToolError(Exception):
    """An anticipated failure of a tool, resource or prompt. The model (or the client) reads the text."""


class ClientGone(ToolError):
    """The client went away before it answered a question."""


class ProtocolError(Exception):
    """A request that is answered with a JSON-RPC error response."""

    code: ClassVar[int] = INTERNAL_ERROR

    def __init__(self, message: str, *, data: JSONValue = None, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data
        self.wire_code = self.code if code is None else code

    def reply(self, id_: RequestId | None) -> Reply:
        """The encoded error response."""
        return Reply(encode_error(id_, self.wire_code, self.message, self.data), self.wire_code)


class InvalidRequest(ProtocolError):
    """A request that may not come now, or not in this form."""

    code = INVALID_REQUEST


class InvalidParams(ProtocolError):
    """Parameters that do not fit the method, or name something that is not there."""

    code = INVALID_PARAMS


class MethodNotFound(ProtocolError):
    """A method that does not exist in this revision, or whose capability the server lacks."""

    code = METHOD_NOT_FOUND


class ResourceNotFound(ProtocolError):
    """No resource has this URI, or none that this caller may see."""

    code = INVALID_PARAMS

    def __init__(self, uri: str, *, modern: bool) -> None:
        super().__init__(
            "Resource not found", data={"uri": uri}, code=None if modern else RESOURCE_NOT_FOUND_BEFORE_2026
        )


class MissingClientCapability(ProtocolError):
    """The client did not declare what this request needs."""

    code = MISSING_CLIENT_CAPABILITY

    def __init__(self, required: JSONObject) -> None:
        names = ", ".join(required)
        super().__init__(
            f"Missing required client capability: {names}. Declare it in the request's client capabilities.",
            data={"requiredCapabilities": required},
        )


class UnsupportedProtocolVersion(ProtocolError):
    """The request declares a revision that this server does not speak."""

    code = UNSUPPORTED_PROTOCOL_VERSION

    def __init__(self, requested: str, supported: Sequence[str]) -> None:
        super().__init__(
            "Unsupported protocol version", data={"supported": list(supported), "requested": requested[:64]}
        )


class HeaderMismatch(ProtocolError):
    """A routing header is missing, malformed, or says something else than the body."""

    code = HEADER_MISMATCH
