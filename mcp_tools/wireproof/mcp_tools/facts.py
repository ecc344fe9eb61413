"""The facts of one request: who calls, in which revision, with which capabilities. Frozen, passed, never ambient.

In 2026-07-28 they come from the request's `_meta`, before from the session. Knows no method.
Spec: 2026-07-28 basic/index#_meta; 2025-11-25 basic/lifecycle.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from wireproof.mcp_tools.errors import InvalidParams, UnsupportedProtocolVersion
from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.schemas.mcp.revisions import LATEST, Revision
from wireproof.transports.exchange import Headers, Peer

META_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
META_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
META_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
META_LOG_LEVEL: Final = "io.modelcontextprotocol/logLevel"
META_SERVER: Final = "io.modelcontextprotocol/serverInfo"
META_SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"

LOG_LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
SILENT: Final = len(LOG_LEVELS)


class Facts(NamedTuple):
    """What is known of one request's sender.

    `log_level` is the index in `LOG_LEVELS` from which log messages are wanted; `SILENT` when none are.
    """

    revision: Revision
    principal: Principal
    transport: str
    headers: Headers
    capabilities: JSONObject
    client: JSONObject
    log_level: int
    modern: bool
    trace: dict[str, str]

    def of(self, peer: Peer) -> Facts:
        """The same envelope from this sender."""
        if peer.headers is self.headers and peer.principal is self.principal:
            return self
        return Facts(
            self.revision,
            peer.principal,
            peer.transport,
            peer.headers,
            self.capabilities,
            self.client,
            self.log_level,
            self.modern,
            self.trace,
        )

    def supports(self, *path: str) -> bool:
        """True when the client declared the capability, e.g. `supports("sampling", "tools")`."""
        here: JSONValue = self.capabilities
        for part in path:
            here = here.get(part) if is_object(here) else None
            if here is None:
                return False
        return True


def modern_facts(meta: JSONObject, peer: Peer, modern: tuple[str, ...], supported: tuple[str, ...]) -> Facts:
    """The facts of a request of 2026-07-28. Raises `InvalidParams` or `UnsupportedProtocolVersion`."""
    version = meta.get(META_VERSION)
    if not isinstance(version, str):
        raise InvalidParams(f"Invalid params: _meta needs the string {META_VERSION!r}")
    if version not in modern:
        raise UnsupportedProtocolVersion(version, supported)
    capabilities = meta.get(META_CAPABILITIES)
    if not is_object(capabilities):
        raise InvalidParams(f"Invalid params: _meta needs the object {META_CAPABILITIES!r}")
    client = meta.get(META_CLIENT)
    return Facts(
        LATEST,
        peer.principal,
        peer.transport,
        peer.headers,
        capabilities,
        client if is_object(client) else {},
        _log_level(meta),
        True,
        read_trace(meta),
    )


def _log_level(meta: JSONObject) -> int:
    level = meta.get(META_LOG_LEVEL)
    if level is None:
        return SILENT
    if level not in LOG_LEVELS:
        raise InvalidParams(f"Invalid params: {META_LOG_LEVEL!r} is one of {', '.join(LOG_LEVELS)}")
    return LOG_LEVELS.index(level)


_TRACE_KEYS: Final = ("traceparent", "tracestate", "baggage")


def read_trace(meta: JSONObject) -> dict[str, str]:
    """The W3C trace context that a request carries, if any."""
    return {key: meta[key] for key in _TRACE_KEYS if isinstance(meta.get(key), str)}
