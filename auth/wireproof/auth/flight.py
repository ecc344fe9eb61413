"""One piece of work for many waiters: the first caller starts it, the others wait for the same end.

No lock is held around anything; a waiter that is cancelled does not stop the work for the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """At most one run at a time. The work must have its own deadline; the flight owns its task."""

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None

    async def join(self, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for the run in flight, or start one. Raises what the work raises, to every waiter."""
        task = self._task
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.get_running_loop().create_task(start())
            task.add_done_callback(_look)
            self._task = task
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """End the run in flight, if there is one; its waiters see it cancelled."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])


def _look(task: asyncio.Task[Any]) -> None:
    """Take note of the error of a run whose waiters all left, so that nothing is logged as never retrieved."""
    if not task.cancelled():
        task.exception()
