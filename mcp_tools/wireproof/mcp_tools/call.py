"""One request being answered: its facts, its parameters, and the ways to end it.

Every feature is a function from a `Call` to a reply; this module gives them the common endings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from wireproof.mcp_tools.facts import META_SERVER, Facts
from wireproof.schemas.jsonrpc import JSONObject, Reply, Request, RequestId, encode_result
from wireproof.transports.exchange import Answer, Outlet

if TYPE_CHECKING:
    from wireproof.mcp_tools.endpoint import MCPEndpoint


class Call:
    """One request of a client. `meta` is its `_meta`, {} when absent."""

    __slots__ = ("endpoint", "facts", "id", "meta", "method", "out", "params")

    def __init__(self, request: Request, meta: JSONObject, facts: Facts, out: Outlet, endpoint: MCPEndpoint) -> None:
        self.id: Final[RequestId] = request.id
        self.method: Final = request.method
        self.params: Final = request.params
        self.meta: Final = meta
        self.facts: Final = facts
        self.out: Final = out
        self.endpoint: Final = endpoint

    @property
    def progress_token(self) -> RequestId | None:
        """The token for progress notifications; None when none are wanted."""
        token = self.meta.get("progressToken")
        return token if type(token) in (str, int) else None

    def complete(self, result: JSONObject) -> Reply:
        """End with this result, rendered for the call's revision. `result` is taken over and changed."""
        if self.facts.modern:
            result.setdefault("resultType", "complete")
            own = result.get("_meta")
            server = self.endpoint.core.server_meta
            result["_meta"] = {**own, **server} if own else server
        return Reply(encode_result(self.id, result))


Handler: TypeAlias = Callable[[Call], Answer]


def server_meta(info: JSONObject) -> JSONObject:
    """The `_meta` of every modern result."""
    return {META_SERVER: info}
