"""Changes of lists and resources, told to the listeners of every replica: over a topic of the shared store.

Bounded: what waits to be written is one entry a kind or URI. Delivered at most once to each listener; after a gap every
list counts as changed. Spec: 2026-07-28 basic/patterns/subscriptions.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import aclosing
from typing import Final, Self

from wireproof.mcp_tools.subscriptions import LIST_CHANGED, UPDATED, Changes
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.tasks import BROADCAST, Store, StoreUnavailable, TaskError

log = logging.getLogger("wireproof.mcp_tools")

_AWAY_S: Final = 1.0
_MOST: Final = 10_000
_METHODS: Final = frozenset({UPDATED, *LIST_CHANGED.values()})


class Fanout:
    """`async with Fanout(changes, store, topic):` carries changes both ways until the block ends."""

    def __init__(self, changes: Changes, store: Store, topic: str) -> None:
        self._changes: Final = changes
        self._store: Final = store
        self._topic: Final = topic
        self._self: Final = secrets.token_hex(8)
        self._due: dict[tuple[str, str], JSONObject] = {}
        self._wake: Final = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Raises `StoreUnavailable`."""
        seen = await self._store.topic_end(BROADCAST, self._topic)
        loop = asyncio.get_running_loop()
        self._running = [loop.create_task(self._write()), loop.create_task(self._read(seen))]
        self._changes.on_publish = self._put
        return self

    async def __aexit__(self, *_: object) -> None:
        self._changes.on_publish = None
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _put(self, method: str, params: JSONObject) -> None:
        key = (method, str(params.get("uri", "")))
        if key not in self._due and len(self._due) >= _MOST:
            log.warning("too many changes wait for the store; a change is not told to other replicas")
            return
        self._due[key] = params
        self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                key = next(iter(self._due))
                params = self._due.pop(key)
                try:
                    payload: JSONValue = {"from": self._self, "method": key[0], "params": params}
                    await self._store.publish(BROADCAST, self._topic, payload)
                except StoreUnavailable:
                    self._due.setdefault(key, params)
                    await asyncio.sleep(_AWAY_S)
                except TaskError:
                    log.exception("a change cannot be told to other replicas")

    async def _read(self, seen: int) -> None:
        while True:
            try:
                async with aclosing(self._store.tail_topic(BROADCAST, self._topic, after=seen)) as entries:
                    async for entry in entries:
                        if entry.seq != seen + 1:
                            self._tell_all()
                        seen = entry.seq
                        self._take(entry.payload)
            except TaskError as failure:
                log.warning("%s; changes of other replicas come late", failure)
            await asyncio.sleep(_AWAY_S)

    def _take(self, payload: JSONValue) -> None:
        if not is_object(payload) or payload.get("from") == self._self:
            return
        method, params = payload.get("method"), payload.get("params")
        if method in _METHODS and is_object(params):
            self._changes.publish(str(method), params, from_here=False)

    def _tell_all(self) -> None:
        for method in LIST_CHANGED.values():
            self._changes.publish(method, {}, from_here=False)
