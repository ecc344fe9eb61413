"""Tool servers and the MCP client.

    from wireproof.mcp_tools import ToolServer

Names load when they are first used, so that a stdio server never imports an HTTP stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wireproof.mcp_tools.content import (
    Audio,
    EmbeddedResource,
    Image,
    PromptMessage,
    ResourceContents,
    ResourceLink,
    Text,
    ToolResult,
)
from wireproof.mcp_tools.context import Context
from wireproof.mcp_tools.core import Extension, Settings
from wireproof.mcp_tools.elicitation import Elicited
from wireproof.mcp_tools.errors import ProtocolError, ToolError
from wireproof.mcp_tools.injection import Depends
from wireproof.mcp_tools.server import ToolServer
from wireproof.mcp_tools.tasks import TaskOptions
from wireproof.mcp_tools.tool import ToolOptions

if TYPE_CHECKING:
    from wireproof.mcp_tools.client.connecting import connect

__all__ = [
    "Audio",
    "Context",
    "Depends",
    "Elicited",
    "EmbeddedResource",
    "Extension",
    "Image",
    "PromptMessage",
    "ProtocolError",
    "ResourceContents",
    "ResourceLink",
    "Settings",
    "TaskOptions",
    "Text",
    "ToolError",
    "ToolOptions",
    "ToolResult",
    "ToolServer",
    "connect",
]


def __getattr__(name: str) -> Any:
    if name == "connect":
        from wireproof.mcp_tools.client.connecting import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
