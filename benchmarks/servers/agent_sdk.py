"""An agent with the PyPI package `a2a-sdk`, in an environment of its own: `agent_sdk.py PORT message|task`."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from a2a.helpers import new_task_from_user_message, new_text_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part
from starlette.applications import Starlette

PORT, KIND = int(sys.argv[1]), sys.argv[2]


class Executor(AgentExecutor):
    """Answers with a message, or with a task and one artifact."""

    async def execute(self, context: Any, event_queue: Any) -> None:
        """Run."""
        if KIND == "message":
            await event_queue.enqueue_event(new_text_message("done", context_id=context.context_id))
            return
        task = new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        await updater.add_artifact([Part(text="done")])
        await updater.complete()

    async def cancel(self, context: Any, event_queue: Any) -> None:
        """Never asked for here."""


card = AgentCard(
    name="bench",
    description="bench",
    version="1",
    default_input_modes=["text/plain"],
    default_output_modes=["text/plain"],
    capabilities=AgentCapabilities(streaming=True),
    supported_interfaces=[
        AgentInterface(url=f"http://127.0.0.1:{PORT}/", protocol_binding="JSONRPC", protocol_version="1.0")
    ],
    skills=[AgentSkill(id="work", name="work", description="work", tags=["x"])],
)
handler = DefaultRequestHandler(Executor(), InMemoryTaskStore(), card)
app = Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/")])
uvicorn.run(app, port=PORT, log_level="error", access_log=False)
