"""One file, both protocols: the same plain function is a tool for agent hosts and a skill for other agents.

wireproof run examples/both.py --http 8000
"""

from __future__ import annotations

from wireproof.a2a import Agent
from wireproof.mcp_tools import ToolServer

server = ToolServer("exchange", version="1.0.0", instructions="Convert amounts between currencies.")
agent = Agent("Exchange", description="Converts amounts between currencies.", version="1.0.0")

RATES = {"EUR": 1.0, "NOK": 11.7, "USD": 1.08}


@server.tool
@agent.skill(tags=["money"], examples=['{"amount": 10, "source": "EUR", "target": "NOK"}'])
def convert(amount: float, source: str, target: str) -> float:
    """Convert an amount from one currency to another.

    Args:
        amount: How much.
        source: The currency it is in, such as EUR.
        target: The currency it is wanted in.
    """
    return round(amount / RATES[source] * RATES[target], 2)
