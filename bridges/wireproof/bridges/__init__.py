"""From one protocol to the other: a tool server as an agent, a remote agent as tools.

    from wireproof.bridges import agent_of, tools_of

Nothing is guessed and no model is asked: a tool is a skill, a message is an argument.
"""

from __future__ import annotations

from wireproof.bridges.agent_as_tools import tools_of
from wireproof.bridges.tools_as_agent import agent_of

__all__ = ["agent_of", "tools_of"]
