"""`wireproof run --as-agent` and `--as-tools`: what a file holds, served over the other protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.cli.load import Loaded, LoadError, load

if TYPE_CHECKING:
    import argparse


def loaded_for(options: argparse.Namespace) -> Loaded:
    """What the command line asks to serve. Raises `LoadError`."""
    if options.as_agent and options.as_tools:
        raise LoadError("--as-agent and --as-tools are two directions: give one")
    if options.as_tools and "://" in options.target:
        from wireproof.bridges import tools_of

        return Loaded(tools_of(options.target), None)
    found = load(options.target)
    if options.as_agent:
        if found.server is None:
            raise LoadError(f"{options.target} holds no ToolServer that could be served as an agent")
        from wireproof.bridges import agent_of

        return Loaded(None, agent_of(found.server))
    if options.as_tools:
        if found.agent is None:
            raise LoadError(f"{options.target} holds no Agent that could be served as tools")
        from wireproof.bridges import tools_of

        return Loaded(tools_of(found.agent, name=found.agent.name), None)
    return found
