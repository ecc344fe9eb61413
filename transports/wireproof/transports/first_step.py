"""Running a coroutine up to its first wait, in the task that would await it anyway.

Most bodies are there and most answers are ready at once; then no timer, no watch and no task is needed.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")


class Rest(Generic[T]):
    """What is left of a coroutine that waits; await it once, in the same task. `result` when nothing is left."""

    __slots__ = ("_pending", "_work", "done", "result")

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        """Take the first step of `work` now. Raises what that step raises."""
        self._work: Final = work
        self.done = False
        self.result: T | None = None
        self._pending: Any = None
        try:
            self._pending = work.send(None)
        except StopIteration as end:
            self.done = True
            self.result = end.value

    def __await__(self) -> Generator[Any, Any, T]:
        pending = self._pending
        while True:
            try:
                try:
                    value = yield pending
                except BaseException as error:  # cancellation too belongs to the work
                    pending = self._work.throw(error)
                else:
                    pending = self._work.send(value)
            except StopIteration as end:
                result: T = end.value
                return result
