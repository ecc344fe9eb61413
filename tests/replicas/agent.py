"""An agent whose task takes a while: served by several processes at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from wireproof.a2a import Agent, Turn

agent = Agent("Walker", description="Walks step by step.")
STEPS = 20


@agent.skill
async def walk(turn: Turn) -> AsyncGenerator[Any, None]:
    """Tell each step."""
    for number in range(STEPS):
        await asyncio.sleep(0.05)  # the work
        yield turn.artifact(text=str(number), id="steps", append=number > 0)
