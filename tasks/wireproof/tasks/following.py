"""Tails over any engine that can read a page and be woken: first connect and reconnect are the same path.

Nothing is queued per reader: each reads the log at its own pace, so a slow one slows nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager
from typing import NamedTuple

from wireproof.tasks.errors import StoreUnavailable
from wireproof.tasks.hints import READY, Hints, Watch, outbox_key, task_key, topic_key, worker_key
from wireproof.tasks.records import Event, Scope, TopicEvent

PAGE = 100
CROWD = 50
GATHER_S = 0.000_02
BURST_S = 0.1
"""Where so many follow one task, each lets the events of a burst gather for so long times their number; the first event
of a burst never waits."""


class EventPage(NamedTuple):
    """Events in order; `ended` when the task is terminal and its last event is in this page or before it."""

    events: list[Event]
    ended: bool


class Following:
    """Mixin: the waiting half of the log, queue and outbox protocols. `backstop` is the poll behind lost hints."""

    engine: str
    hints: Hints
    backstop: float = 2.0
    closed: bool = False

    async def read_page(self, scope: Scope, task_id: str, after: int, limit: int) -> EventPage:
        """One page of a task's log."""
        raise NotImplementedError

    async def read_topic(self, scope: Scope, topic: str, after: int, limit: int) -> list[TopicEvent]:
        """One page of a topic."""
        raise NotImplementedError

    async def read_events(self, scope: Scope, task_id: str, *, after: int, limit: int = PAGE) -> list[Event]:
        """See `EventLog.read_events`."""
        return (await self.read_page(scope, task_id, after, limit)).events

    async def tail(self, scope: Scope, task_id: str, *, after: int) -> AsyncGenerator[Event, None]:
        """See `EventLog.tail`."""
        loop = asyncio.get_running_loop()
        told = -BURST_S
        with self.hints.watch(task_key(task_id)) as watch:
            while True:
                self._check_open()
                events, ended = await self.read_page(scope, task_id, after, PAGE)
                for event in events:
                    yield event
                    after = event.version
                if ended:
                    return
                if events:
                    told = loop.time()
                    continue
                await watch.wait(self.backstop)
                crowd = self.hints.count(task_key(task_id))
                if crowd >= CROWD and loop.time() - told < BURST_S:
                    await asyncio.sleep(min(crowd * GATHER_S, BURST_S))

    async def tail_topic(self, scope: Scope, topic: str, *, after: int) -> AsyncGenerator[TopicEvent, None]:
        """See `EventLog.tail_topic`."""
        with self.hints.watch(topic_key(topic)) as watch:
            while True:
                self._check_open()
                entries = await self.read_topic(scope, topic, after, PAGE)
                for entry in entries:
                    yield entry
                    after = entry.seq
                if not entries:
                    await watch.wait(self.backstop)

    def watch_task(self, task_id: str) -> AbstractContextManager[Watch]:
        """See `EventLog.watch_task`."""
        return self.hints.watch(task_key(task_id))

    def watch_work(self) -> AbstractContextManager[Watch]:
        """See `WorkQueue.watch_work`."""
        return self.hints.watch(READY)

    def watch_attention(self, worker: str) -> AbstractContextManager[Watch]:
        """See `WorkQueue.watch_attention`."""
        return self.hints.watch(worker_key(worker))

    def watch_deliveries(self, channel: str) -> AbstractContextManager[Watch]:
        """See `Outbox.watch_deliveries`."""
        return self.hints.watch(outbox_key(channel))

    def _check_open(self) -> None:
        if self.closed:
            raise StoreUnavailable(self.engine, "it was closed")
