"""A tool server that other agents can give tasks to: every tool becomes a skill.

wireproof run examples/bridge_tools.py --http 8000      (or: wireproof run examples/weather.py --as-agent --http 8000)
"""

from __future__ import annotations

from wireproof.bridges import agent_of
from wireproof.mcp_tools import Context, ToolServer

tools = ToolServer("library", version="1.0.0", instructions="Find and lend books.")
BOOKS = {"Emma": "Jane Austen", "Momo": "Michael Ende"}


@tools.tool
async def find(author: str) -> list[str]:
    """Find the books of an author."""
    return [title for title, name in BOOKS.items() if author in name]


@tools.tool
async def lend(title: str, ctx: Context[None]) -> str:
    """Lend a book, once the reader has agreed to the date."""
    question = {"type": "object", "properties": {"agreed": {"type": "boolean"}}, "required": ["agreed"]}
    answer = await ctx.elicit(f"{title} is due in two weeks. Agreed?", question)
    if not (answer.accepted and answer.data["agreed"]):
        return f"{title} stays here"
    await ctx.progress(1, 1, f"Stamping {title}")
    return f"{title} is yours"


agent = agent_of(tools)
del tools  # the file serves the agent alone
