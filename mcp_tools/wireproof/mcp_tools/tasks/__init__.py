"""Tools that outlive their request: the tasks extension of 2026-07-28 and the tasks of 2025-11-25, on one engine.

    @server.tool(task=True)
    async def index(folder: str, context: Context) -> Report: ...

The engine is `wireproof.tasks`; this package says what its records mean to MCP. Nothing of it is loaded for a server
without such tools. Spec: SEP-2663 (io.modelcontextprotocol/tasks); 2025-11-25 basic/utilities/tasks.
"""

from __future__ import annotations

from wireproof.mcp_tools.tasks.options import Support, TaskOptions

__all__ = ["Support", "TaskOptions"]
