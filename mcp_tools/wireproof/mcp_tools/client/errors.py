"""What a client raises: one small tree. Each message says what happened and what to do next.

    ClientError
    ├── ConnectionFailed      no connection, or it went away
    │   └── ServerExited      the child process ended (`code`, `stderr`)
    ├── AuthorizationNeeded   the server wants credentials that are not there
    ├── TimedOut              no answer within the deadline
    ├── RequestRefused        a JSON-RPC error answer (`code`, `data`)
    ├── ServerMisbehaved      an answer that breaks the protocol
    ├── ToolFailed            the tool ran and says that it failed (`result`)
    ├── BadArgument           an argument that is no JSON value
    └── BadTarget             `connect` cannot tell what to connect to

Nothing else reaches a caller: no exception group, no transport or validation error of a library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.schemas.jsonrpc import JSONValue

if TYPE_CHECKING:
    from wireproof.mcp_tools.client.results import CallResult


class ClientError(Exception):
    """The base of everything that a client raises."""


class BadTarget(ClientError, ValueError):
    """The target of `connect` is no URL, command, file, server or configuration entry."""


class BadArgument(ClientError, ValueError):
    """An argument of a call that cannot be sent, because it is no JSON value; nothing was sent."""


class ConnectionFailed(ClientError, ConnectionError):
    """No connection could be made, or it went away before the answer."""


class ServerExited(ConnectionFailed):
    """The child process ended. `code` is its exit code (negative: a signal), `stderr` the last lines it wrote."""

    def __init__(self, message: str, *, code: int | None, stderr: str) -> None:
        super().__init__(message)
        self.code = code
        self.stderr = stderr


class AuthorizationNeeded(ClientError):
    """The server wants credentials: none were given, or those given do not suffice."""


class TimedOut(ClientError, TimeoutError):
    """No answer came within the deadline; the server was told that the call is over."""


class RequestRefused(ClientError):
    """The server answered with a JSON-RPC error. `code` and `data` are what it said."""

    def __init__(self, code: int, message: str, data: JSONValue = None, *, method: str = "") -> None:
        where = f"{method}: " if method else ""
        super().__init__(f"{where}{message} ({code})")
        self.code = code
        self.message = message
        self.data = data
        self.method = method


class ServerMisbehaved(ClientError):
    """The server's answer breaks the protocol or its own schema; the message says where."""


class ToolFailed(ClientError):
    """The tool says that it failed; the text is its own. `result` holds the whole answer."""

    def __init__(self, tool: str, result: CallResult) -> None:
        super().__init__(result.text or f"the tool {tool!r} failed without saying why")
        self.tool = tool
        self.result = result
