"""Making a failing input small: fewer messages first, then less in each. Bounded in trials and time. Judges nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

from wireproof.conformance.fuzzing.messages import Input, encode
from wireproof.schemas.jsonrpc import JSONValue, is_array, is_object

Fails = Callable[[Sequence[Input]], Awaitable[bool]]
MOST_TRIALS: Final = 150
MOST_SECONDS: Final = 30.0


class _Budget:
    def __init__(self, fails: Fails, deadline: float) -> None:
        self._fails = fails
        self.left = MOST_TRIALS
        self.until = min(deadline, time.monotonic() + MOST_SECONDS)

    async def fails(self, items: Sequence[Input]) -> bool:
        """Try these once; False when the budget is spent."""
        if self.left <= 0 or time.monotonic() > self.until:
            return False
        self.left -= 1
        return await self._fails(items)


async def shrink(batch: list[Input], suspect: Input | None, fails: Fails, deadline: float) -> list[Input] | None:
    """The smallest inputs found that still fail; None when the batch does not fail again. `deadline`: monotonic."""
    budget = _Budget(fails, deadline)
    if suspect is not None and await budget.fails([suspect]):
        items = [suspect]
    elif await budget.fails(batch):
        items = await _fewer(batch, budget)
    else:
        return None
    for place in range(len(items)):
        items = await _less(items, place, budget)
    return items


async def _fewer(items: list[Input], budget: _Budget) -> list[Input]:
    """Delta debugging over the messages."""
    parts = 2
    while len(items) > 1:
        size = max(1, len(items) // parts)
        chunks = [items[at : at + size] for at in range(0, len(items), size)]
        for chunk in chunks:
            if await budget.fails(chunk):
                items, parts = chunk, 2
                break
        else:
            for place in range(len(chunks)):
                rest = [item for other, chunk in enumerate(chunks) if other != place for item in chunk]
                if len(chunks) > 2 and await budget.fails(rest):
                    items, parts = rest, max(parts - 1, 2)
                    break
            else:
                if size == 1 or budget.left <= 0:
                    return items
                parts = min(parts * 2, len(items))
    return items


async def _less(items: list[Input], place: int, budget: _Budget) -> list[Input]:
    """The same inputs with a smaller one at this place."""
    going = True
    while going and budget.left > 0:
        going = False
        for smaller in smaller_forms(items[place]):
            trial = [*items[:place], smaller, *items[place + 1 :]]
            if await budget.fails(trial):
                items, going = trial, True
                break
    return items


def smaller_forms(item: Input) -> Iterator[Input]:
    """Inputs that are smaller than this one, the boldest cuts first."""
    try:
        value: JSONValue = json.loads(item.data)
    except (ValueError, RecursionError):
        yield from _fewer_bytes(item)
        return
    for smaller in _smaller_values(value):
        data = encode(smaller)
        if len(data) < len(item.data):
            kept = is_object(smaller) and smaller.get("id") == item.due and {"jsonrpc", "method"} <= set(smaller)
            yield Input(data, item.due if kept else None)


def _smaller_values(value: JSONValue) -> Iterator[JSONValue]:
    if is_object(value):
        for key in value:
            yield {name: inner for name, inner in value.items() if name != key}
        for key, inner in value.items():
            for smaller in _smaller_values(inner):
                yield {**value, key: smaller}
    elif is_array(value):
        for at in range(len(value)):
            yield [*value[:at], *value[at + 1 :]]
        for at, inner in enumerate(value):
            for smaller in _smaller_values(inner):
                yield [*value[:at], smaller, *value[at + 1 :]]
    elif isinstance(value, str) and len(value) > 1:
        yield ""
        yield value[: len(value) // 2]
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and value not in {0, 1}:
        yield 0


def _fewer_bytes(item: Input) -> Iterator[Input]:
    size = len(item.data) // 2
    while size:
        for at in range(0, len(item.data), size):
            data = item.data[:at] + item.data[at + size :]
            if data:
                yield Input(data, None)
        size //= 2
