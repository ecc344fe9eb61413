"""Puts tasks into a tool server: the extension, its methods in both eras, the hooks into calls and subscriptions."""

from __future__ import annotations

from wireproof.mcp_tools.call import Call
from wireproof.mcp_tools.core import Core, Extension
from wireproof.mcp_tools.tasks.engine import TaskEngine
from wireproof.mcp_tools.tasks.modern import ModernTasks
from wireproof.mcp_tools.tasks.session import SessionTasks
from wireproof.mcp_tools.tasks.wire import EXTENSION
from wireproof.mcp_tools.tool import Tool
from wireproof.transports.exchange import Answer


def install(core: Core, engine: TaskEngine) -> None:
    """Let tools of this core be tasks. The caller starts and closes the engine. A second time changes nothing."""
    if EXTENSION in core.extensions:
        return
    modern, session = ModernTasks(engine), SessionTasks(engine)
    core.extensions[EXTENSION] = Extension(
        EXTENSION,
        methods={"tasks/get": modern.get, "tasks/update": modern.update, "tasks/cancel": modern.cancel},
        session_methods={
            "tasks/get": session.get,
            "tasks/result": session.result,
            "tasks/list": session.list,
            "tasks/cancel": session.cancel,
        },
        session_capabilities=session.capabilities,
    )

    def intercept(call: Call, tool: Tool) -> Answer | None:
        if not call.facts.modern:
            return session.intercept(call, tool, tool.task)
        return modern.intercept(call, tool, tool.task) if tool.task is not None else None

    core.interceptors.append(intercept)
    core.listen_extenders.append(modern.listen)
