"""An agent that plans a trip: it reports progress, asks a question, and delivers an artifact. No model needed.

wireproof run examples/planner.py --http 8000
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from wireproof.a2a import Agent, Turn

agent = Agent("Trip planner", description="Plans trips from a sentence.", version="1.0.0")


@agent.skill(tags=["travel"], examples=["Plan a day in Rome"])
async def plan(turn: Turn) -> AsyncGenerator[Any, None]:
    """Plan a trip from a sentence."""
    yield turn.status("Looking at trains")
    day = await turn.ask("Which day?")
    yield turn.status(f"Reserving seats for {day}")
    yield turn.artifact(text=f"{turn.text}: leave on {day} at 08:05", name="itinerary")


@agent.skill(tags=["travel"])
def distance(city: str) -> str:
    """Say how far a city is; answers at once, without a task."""
    return f"{city} is {sum(map(ord, city)) % 900 + 100} km away"


if __name__ == "__main__":
    agent.run()
