"""The session of the revisions before 2026-07-28: what `initialize` said, remembered for later requests.

An adapter in front of the stateless core: it turns what was said once into the facts of each request.
Spec: 2025-11-25 basic/lifecycle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wireproof.mcp_tools.errors import InvalidParams
from wireproof.mcp_tools.facts import LOG_LEVELS, SILENT, Facts
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.schemas.mcp.revisions import SESSION_REVISIONS, Revision
from wireproof.transports.exchange import Peer

if TYPE_CHECKING:
    from wireproof.mcp_tools.core import Core

_DEFAULT_LEVEL: Final = LOG_LEVELS.index("info")
_INFO_SINCE: Final = {
    "title": Revision.V2025_06_18,
    "description": Revision.V2025_11_25,
    "icons": Revision.V2025_11_25,
    "websiteUrl": Revision.V2025_11_25,
}


class Session:
    """One opened session. `facts` are those of its requests."""

    __slots__ = ("facts", "peer")

    def __init__(self, facts: Facts, peer: Peer) -> None:
        self.facts = facts
        self.peer: Final = peer

    @classmethod
    def none(cls, peer: Peer) -> Session:
        """What is known before `initialize`, when only `ping` may come."""
        facts = Facts(SESSION_REVISIONS[0], peer.principal, peer.transport, peer.headers, {}, {}, SILENT, False, {})
        return cls(facts, peer)

    def facts_for(self, peer: Peer, trace: dict[str, str]) -> Facts:
        """The facts of one request with its own headers and trace; the principal stays the session's."""
        return self.facts._replace(headers=peer.headers, transport=peer.transport, trace=trace)

    def set_log_level(self, level: int) -> None:
        """Log messages start at that index of `LOG_LEVELS` from now on."""
        self.facts = self.facts._replace(log_level=level)

    def result(self, core: Core) -> JSONObject:
        """The InitializeResult."""
        revision = self.facts.revision
        info = {
            key: value for key, value in core.info.items() if revision >= _INFO_SINCE.get(key, Revision.V2024_11_05)
        }
        result: JSONObject = {
            "protocolVersion": revision.value,
            "capabilities": core.capabilities(revision, self.facts),
            "serverInfo": info,
        }
        if core.instructions:
            result["instructions"] = core.instructions
        return result


def open_session(params: JSONObject, peer: Peer) -> Session:
    """The session that these `initialize` params open. Raises `InvalidParams`.

    A revision that is not spoken is answered with the newest session revision, as the specification asks.
    """
    version: JSONValue = params.get("protocolVersion")
    capabilities: JSONValue = params.get("capabilities")
    client: JSONValue = params.get("clientInfo")
    if not isinstance(version, str):
        raise InvalidParams("Invalid params: protocolVersion must be a string")
    if not is_object(capabilities):
        raise InvalidParams("Invalid params: capabilities must be an object")
    if not is_object(client) or not isinstance(client.get("name"), str):
        raise InvalidParams("Invalid params: clientInfo must be an object with a name and a version")
    asked = Revision.parse(version)
    revision = asked if asked is not None and asked in SESSION_REVISIONS else SESSION_REVISIONS[-1]
    facts = Facts(
        revision,
        peer.principal,
        peer.transport,
        peer.headers,
        capabilities,
        client,
        _DEFAULT_LEVEL,
        False,
        {},
    )
    return Session(facts, peer)
