"""Agents and the A2A client.

    from wireproof.a2a import Agent, Turn

Names load when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wireproof.a2a.agent import Agent
from wireproof.a2a.caller import Caller
from wireproof.a2a.card import ExtensionOption, Interface
from wireproof.a2a.errors import A2AError, Kind
from wireproof.a2a.parts import File
from wireproof.a2a.turn import Reply, Turn

if TYPE_CHECKING:
    from wireproof.a2a.client import connect

__all__ = [
    "A2AError",
    "Agent",
    "Caller",
    "ExtensionOption",
    "File",
    "Interface",
    "Kind",
    "Reply",
    "Turn",
    "connect",
]


def __getattr__(name: str) -> Any:
    if name == "connect":
        from wireproof.a2a.client import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
