"""Threads for synchronous functions: daemons, bounded, reused, woken once for many results.

Knows no protocol. A blocked function holds its thread and nothing else.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

_IDLE_S: Final = 30.0


class Workers:
    """At most `limit` threads. More calls wait in order until one is free; cancelling a waiting call removes it.

    A call that has begun cannot be stopped; its result is dropped when nobody waits for it any more.
    """

    def __init__(self, *, limit: int = 64) -> None:
        self._limit: Final = limit
        self._jobs: Final[SimpleQueue[_Job | None]] = SimpleQueue()
        self._done: Final[deque[_Job]] = deque()
        self._threads = 0
        self._busy = 0
        self._woken = False
        self._lock: Final = threading.Lock()

    async def run(self, function: Callable[..., Any], /, **arguments: Any) -> Any:
        """Call the function in a thread, in a copy of this context, and give its result or raise its exception."""
        loop = asyncio.get_running_loop()
        job = _Job(loop, loop.create_future(), contextvars.copy_context(), function, arguments)
        self._busy += 1
        if self._busy > self._threads and self._threads < self._limit:
            self._threads += 1
            threading.Thread(target=self._work, name="wireproof-worker", daemon=True).start()
        self._jobs.put(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            job.dropped = True
            raise

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not job.dropped:
                try:
                    job.result = job.context.run(job.function, **job.arguments)
                except BaseException as error:  # handed to the caller, whatever it is
                    job.error = error
            self._hand_back(job)
            del job  # the arguments may be large

    def _hand_back(self, job: _Job) -> None:
        with self._lock:
            self._done.append(job)
            if self._woken:
                return
            self._woken = True
        try:
            job.loop.call_soon_threadsafe(self._settle)
        except RuntimeError:  # the loop is closed: nobody waits any more
            with self._lock:
                self._woken = False
                self._done.clear()

    def _settle(self) -> None:
        with self._lock:
            self._woken = False
            done = list(self._done)
            self._done.clear()
        for job in done:
            self._busy -= 1
            if job.future.done():
                continue
            if job.error is None:
                job.future.set_result(job.result)
            elif isinstance(job.error, StopIteration):
                job.future.set_exception(RuntimeError("a function raised StopIteration"))
            else:
                job.future.set_exception(job.error)


class _Job:
    __slots__ = ("arguments", "context", "dropped", "error", "function", "future", "loop", "result")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[Any],
        context: contextvars.Context,
        function: Callable[..., Any],
        arguments: dict[str, Any],
    ) -> None:
        self.loop = loop
        self.future = future
        self.context = context
        self.function = function
        self.arguments = arguments
        self.result: Any = None
        self.error: BaseException | None = None
        self.dropped = False
