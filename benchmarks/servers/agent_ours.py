"""The same agent with ours: it answers with a message, with a task, or tells many events to whoever follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from wireproof.a2a import Agent, Turn

agent = Agent("bench", description="bench", version="1")

EVENTS = 100


@agent.skill(tags=["x"])
async def answer(text: str) -> str:
    """Answer with a message."""
    return f"done: {text}"


@agent.skill(tags=["x"])
async def work(turn: Turn) -> AsyncGenerator[Any, None]:
    """Answer with a task and one artifact."""
    yield turn.status()
    yield turn.artifact(text="done")


@agent.skill(tags=["x"])
async def tell(turn: Turn) -> AsyncGenerator[Any, None]:
    """Wait for the word, then tell many events, each in a commit of its own."""
    await turn.ask("Now?")
    for number in range(EVENTS):
        yield turn.artifact(text=str(number), id="events", append=number > 0)
        await asyncio.sleep(0)
