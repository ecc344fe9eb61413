"""Who wants to hear of changes, and telling them: `subscriptions/listen`, session notifications, updated resources.

Bounded by construction: a listener holds at most one pending event a kind, a URI or a task it asked for, so a slow
reader gets the newest state and never a backlog. Spec: 2026-07-28 basic/patterns/subscriptions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

from wireproof.schemas.jsonrpc import JSONObject

Kind = Literal["tools", "prompts", "resources"]
KINDS: Final[tuple[Kind, ...]] = ("tools", "prompts", "resources")
LIST_CHANGED: Final[dict[Kind, str]] = {kind: f"notifications/{kind}/list_changed" for kind in KINDS}
UPDATED: Final = "notifications/resources/updated"


class Listener:
    """One receiver of changes. `kinds` and `uris` are what it asked for."""

    __slots__ = ("_pending", "_wake", "closed", "kinds", "uris")

    def __init__(self, kinds: frozenset[Kind], uris: set[str]) -> None:
        self.kinds: Final = kinds
        self.uris: Final = uris
        self.closed = False
        self._pending: dict[tuple[str, str], JSONObject] = {}
        self._wake: asyncio.Future[None] | None = None

    def close(self) -> None:
        """Tell nothing more: `next` gives what is pending, then an empty list."""
        self.closed = True
        self._ring()

    def tell(self, method: str, params: JSONObject) -> None:
        """Note an event; an equal one that is still pending is the same event."""
        self._pending[method, params.get("uri") or params.get("taskId", "")] = params
        self._ring()

    def _ring(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def next(self) -> list[tuple[str, JSONObject]]:
        """Wait for events and take them all, oldest first; none once it is closed. Cancel-safe."""
        while not self._pending and not self.closed:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        events = [(method, params) for (method, _), params in self._pending.items()]
        self._pending = {}
        return events


class Changes:
    """The hub of one server. Changes of one kind within `debounce_s` seconds are told once."""

    def __init__(
        self, *, debounce_s: float = 0.02, on_publish: Callable[[str, JSONObject], None] | None = None
    ) -> None:
        self._debounce_s: Final = debounce_s
        self._listeners: Final[set[Listener]] = set()
        self._due: Final[dict[Kind, asyncio.TimerHandle]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.on_publish = on_publish
        """Also told of every event, to carry it to other replicas."""

    def __len__(self) -> int:
        return len(self._listeners)

    def attach(self) -> None:
        """Tell from this loop on, whatever thread a change comes from."""
        self._loop = asyncio.get_running_loop()

    def add(self, listener: Listener) -> None:
        """Start telling this listener."""
        self.attach()
        self._listeners.add(listener)

    def remove(self, listener: Listener) -> None:
        """Stop telling it."""
        self._listeners.discard(listener)

    def list_changed(self, kind: Kind) -> None:
        """A list has another content now. May be called from any thread."""
        self._in_loop(self._list_changed, kind)

    def _list_changed(self, kind: Kind) -> None:
        if kind not in self._due:
            loop = asyncio.get_running_loop()
            self._due[kind] = loop.call_later(self._debounce_s, self._publish_list, kind)

    def resource_updated(self, uri: str) -> None:
        """A resource has new contents. May be called from any thread."""
        self._in_loop(self.publish, UPDATED, {"uri": uri})

    def _in_loop(self, tell: Callable[..., None], *arguments: object) -> None:
        """Tell in the loop of the listeners: now when this is it, soon when this is a worker thread."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self._loop is not None and not self._loop.is_closed():  # without one there is nobody to tell
                self._loop.call_soon_threadsafe(tell, *arguments)
        else:
            tell(*arguments)

    def publish(self, method: str, params: JSONObject, *, from_here: bool = True) -> None:
        """Tell every listener that asked for it. `from_here` False: it came from another replica."""
        if from_here and self.on_publish is not None:
            self.on_publish(method, params)
        kind = _KIND_OF.get(method)
        for listener in list(self._listeners):
            wanted = kind in listener.kinds if kind is not None else params.get("uri") in listener.uris
            if wanted:
                listener.tell(method, params)

    def _publish_list(self, kind: Kind) -> None:
        del self._due[kind]
        self.publish(LIST_CHANGED[kind], {})


_KIND_OF: Final[dict[str, Kind]] = {method: kind for kind, method in LIST_CHANGED.items()}
