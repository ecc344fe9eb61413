"""The client's memory of what servers said may be remembered: `ttlMs`, dropped by notifications.

A cache belongs to one client and so to one set of credentials: nothing private is shared by construction.
Spec: 2026-07-28 server/utilities/caching.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

from wireproof.mcp_tools.client.results import Changed, Updated
from wireproof.schemas.jsonrpc import JSONObject

_METHODS_OF: Final = {
    "tools": ("tools/list",),
    "prompts": ("prompts/list",),
    "resources": ("resources/list", "resources/templates/list"),
}
MAX_ENTRIES: Final = 512


class ResponseCache:
    """At most `MAX_ENTRIES` results; the least recently used goes first."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now: Final = now
        self._entries: Final[OrderedDict[tuple[str, str], tuple[float, JSONObject]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, method: str, params: JSONObject) -> JSONObject | None:
        """The fresh result of an equal request; None when there is none."""
        key = _key(method, params)
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._now() >= entry[0]:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, method: str, params: JSONObject, result: JSONObject) -> None:
        """Remember a complete result for as long as it says."""
        ttl_ms = result.get("ttlMs", 0)
        if not isinstance(ttl_ms, (int, float)) or isinstance(ttl_ms, bool) or ttl_ms <= 0:
            return
        self._entries[_key(method, params)] = (self._now() + ttl_ms / 1000, result)
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)

    def drop(self, event: Changed | Updated) -> None:
        """Forget what an event made stale."""
        if isinstance(event, Updated):
            self._entries.pop(_key("resources/read", {"uri": event.uri}), None)
            return
        methods = _METHODS_OF.get(event.kind, ())
        for key in [key for key in self._entries if key[0] in methods]:
            del self._entries[key]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


def _key(method: str, params: JSONObject) -> tuple[str, str]:
    return method, json.dumps({name: value for name, value in params.items() if name != "_meta"}, sort_keys=True)
