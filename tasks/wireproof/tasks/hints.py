"""Wakes those who wait in this process. A hint carries no truth: who is woken reads the store.

One per open engine; engines feed it from their own commits and from whatever tells them of other processes' commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wireproof.tasks.records import TaskRecord

READY: Final = "ready"
"""The key of new work."""


def task_key(task_id: str) -> str:
    """The key of one task."""
    return "t:" + task_id


def worker_key(worker: str) -> str:
    """The key of a worker's attention."""
    return "w:" + worker


def topic_key(topic: str) -> str:
    """The key of a topic."""
    return "p:" + topic


def outbox_key(channel: str) -> str:
    """The key of an outbox channel."""
    return "o:" + channel


class Watch:
    """One who waits, for one or more keys. Register first, read the store, then wait: no commit falls between."""

    def __init__(self) -> None:
        self._woken = False
        self._waiter: asyncio.Future[bool] | None = None
        self.ended: TaskRecord | None = None
        """The task at its end, when this process wrote it: it never changes again, so nobody need read it."""

    def wake(self) -> None:
        """Let `wait` return now, or at once when it is called later."""
        self._woken = True
        _settle(self._waiter, True)

    async def wait(self, timeout: float) -> bool:
        """True when woken, False after `timeout` seconds. One waiter at a time."""
        if not self._woken:
            loop = asyncio.get_running_loop()
            self._waiter = waiter = loop.create_future()
            timer = loop.call_later(timeout, _settle, waiter, False)
            try:
                if not await waiter:
                    return False
            finally:
                timer.cancel()
                self._waiter = None
        self._woken = False
        return True


def _settle(waiter: asyncio.Future[bool] | None, woken: bool) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(woken)


class Hints:
    """Who waits for what. `waiting` is how engines know that listening is worth its cost."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = {}
        self._arrived = asyncio.Event()

    @property
    def waiting(self) -> bool:
        """Whether anybody waits."""
        return bool(self._watches)

    def count(self, key: str) -> int:
        """How many wait for this key."""
        return len(self._watches.get(key, ()))

    async def somebody(self) -> None:
        """Return once somebody waits."""
        while not self._watches:
            self._arrived.clear()
            await self._arrived.wait()

    @contextmanager
    def watch(self, *keys: str) -> Generator[Watch]:
        """Wait for any of the keys inside the block."""
        watch = Watch()
        for key in keys:
            self._watches.setdefault(key, set()).add(watch)
        self._arrived.set()
        try:
            yield watch
        finally:
            for key in keys:
                watches = self._watches[key]
                watches.discard(watch)
                if not watches:
                    del self._watches[key]

    def fire(self, keys: Iterable[str]) -> None:
        """Wake who waits for these."""
        for key in keys:
            for watch in self._watches.get(key, ()):
                watch.wake()

    def tell_end(self, record: TaskRecord) -> None:
        """Hand the last state of a task to those who wait for it."""
        for watch in self._watches.get(task_key(record.id), ()):
            watch.ended = record

    def fire_all(self) -> None:
        """Wake everybody: hints may have been lost."""
        for watches in self._watches.values():
            for watch in watches:
                watch.wake()
