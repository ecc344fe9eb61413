"""Threads for synchronous functions: daemons, bounded, reused, woken once for many results.

Knows no protocol. A blocked function holds its thread and nothing else.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final
from weakref import WeakKeyDictionary


class Workers:
    """At most `limit` threads. More calls wait in order until one is free; cancelling a waiting call removes it.

    A call that has begun cannot be stopped; its result is dropped when nobody waits for it any more.
    """

    def __init__(self, *, limit: int = 64) -> None:
        self._limit: Final = limit
        self._jobs: Final[SimpleQueue[_Job]] = SimpleQueue()
        self._threads = 0
        self._busy = 0
        self._returns: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Returns]] = WeakKeyDictionary()

    async def run(self, function: Callable[..., Any], /, **arguments: Any) -> Any:
        """Call the function in a thread, in a copy of this context, and give its result or raise its exception."""
        loop = asyncio.get_running_loop()
        returns = self._returns.get(loop)
        if returns is None:
            returns = self._returns[loop] = _Returns(loop)
        job = _Job(returns, loop.create_future(), contextvars.copy_context(), function, arguments)
        self._busy += 1
        if self._busy > self._threads and self._threads < self._limit:
            self._threads += 1
            name = f"wireproof-worker-{self._threads}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            job.dropped = True
            raise
        finally:
            self._busy -= 1

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if not job.dropped:
                try:
                    job.result = job.context.run(job.function, **job.arguments)
                except BaseException as error:  # handed to the caller, whatever it is
                    job.error = error
            job.returns.hand_back(job)
            del job  # the arguments may be large


class _Returns:
    """The way back to one loop: many results, one wake-up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Final = weakref.ref(loop)
        self._done: Final[deque[_Job]] = deque()
        self._lock: Final = threading.Lock()
        self._woken = False

    def hand_back(self, job: _Job) -> None:
        with self._lock:
            self._done.append(job)
            if self._woken:
                return
            self._woken = True
        loop = self._loop()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._settle)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._done.clear()

    def _settle(self) -> None:
        with self._lock:
            self._woken = False
            done = list(self._done)
            self._done.clear()
        for job in done:
            if job.future.done():
                continue
            if job.error is None:
                job.future.set_result(job.result)
            elif isinstance(job.error, StopIteration):
                job.future.set_exception(RuntimeError("a function raised StopIteration"))
            else:
                job.future.set_exception(job.error)


class _Job:
    __slots__ = ("arguments", "context", "dropped", "error", "function", "future", "result", "returns")

    def __init__(
        self,
        returns: _Returns,
        future: asyncio.Future[Any],
        context: contextvars.Context,
        function: Callable[..., Any],
        arguments: dict[str, Any],
    ) -> None:
        self.returns = returns
        self.future = future
        self.context = context
        self.function = function
        self.arguments = arguments
        self.result: Any = None
        self.error: BaseException | None = None
        self.dropped = False
