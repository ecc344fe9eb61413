"""Running a coroutine up to its first wait, in the task that would await it anyway.

Most bodies are there and most answers are ready at once; then no timer, no watch and no task is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import aclosing
from typing import Any, Final, Generic, TypeVar, cast

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


async def abandon(rest: Rest[Any]) -> None:
    """End what waits for something, while its caller is over."""

    async def finish() -> None:
        await rest

    task = asyncio.get_running_loop().create_task(finish())
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # read: it belongs to nobody any more


async def gathered(items: AsyncGenerator[T, None], *, most: int = 64) -> AsyncGenerator[list[T], None]:
    """The items of a generator in lists: those that come without a wait between them, at most so many."""
    async with aclosing(items):
        held: list[T] = []
        while True:
            try:
                rest: Rest[T] = Rest(anext(items))
            except StopAsyncIteration:
                break
            except Exception:
                if held:
                    yield held
                raise
            if not rest.done and held:
                try:
                    yield held
                except BaseException:
                    await abandon(rest)
                    raise
                held = []
            try:
                held.append(cast("T", rest.result) if rest.done else await rest)
            except StopAsyncIteration:
                break
            if len(held) >= most:
                yield held
                held = []
        if held:
            yield held
