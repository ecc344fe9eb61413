"""An agent with the PyPI package `a2a-sdk`, in an environment of its own; prints its ports as one line of JSON.

The text of a message says what it does: `echo`, `work`, `ask`, `wait`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

import grpc
import uvicorn
from a2a.helpers import new_task_from_user_message, new_text_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler, GrpcHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryPushNotificationConfigStore, InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part
from a2a.types.a2a_pb2_grpc import add_A2AServiceServicer_to_server
from starlette.applications import Starlette


class Executor(AgentExecutor):
    """Does what it is told."""

    async def execute(self, context: Any, event_queue: Any) -> None:
        """Run one message."""
        text = context.get_user_input()
        if text == "echo":
            await event_queue.enqueue_event(new_text_message("echo", context_id=context.context_id))
            return
        task = context.current_task
        if task is None:
            task = new_task_from_user_message(context.message)
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        if text == "ask":
            await updater.requires_input(updater.new_agent_message([Part(text="Which day?")]))
            return
        await updater.start_work(updater.new_agent_message([Part(text="working")]))
        if text == "wait":
            await asyncio.Event().wait()
        await updater.add_artifact([Part(text=f"done: {text}")], artifact_id="a", name="said")
        await updater.complete()

    async def cancel(self, context: Any, event_queue: Any) -> None:
        """End as canceled."""
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def main() -> None:
    """Serve until stdin ends."""
    http_port, grpc_port = int(sys.argv[1]) if len(sys.argv) > 1 else free_port(), free_port()
    base = f"http://127.0.0.1:{http_port}"
    places = [(f"{base}/rpc", "JSONRPC"), (base, "HTTP+JSON"), (f"127.0.0.1:{grpc_port}", "GRPC")]
    card = AgentCard(
        name="SDK",
        description="The agent of another package.",
        version="1",
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        capabilities=AgentCapabilities(streaming=True, push_notifications=True),
        supported_interfaces=[
            AgentInterface(url=url, protocol_binding=binding, protocol_version="1.0") for url, binding in places
        ],
        skills=[AgentSkill(id="work", name="work", description="work", tags=["x"])],
    )
    handler = DefaultRequestHandler(
        Executor(), InMemoryTaskStore(), card, push_config_store=InMemoryPushNotificationConfigStore()
    )
    routes = [
        *create_agent_card_routes(card),
        *create_jsonrpc_routes(handler, "/rpc", enable_v0_3_compat=True),
        *create_rest_routes(handler),
    ]
    server = grpc.aio.server()
    add_A2AServiceServicer_to_server(GrpcHandler(handler), server)
    server.add_insecure_port(f"127.0.0.1:{grpc_port}")
    await server.start()
    web = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=http_port, log_level="error"))
    serving = asyncio.create_task(web.serve())
    while not web.started:
        await asyncio.sleep(0.01)
    print(json.dumps({"url": base}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    web.should_exit = True
    await serving
    await server.stop(0)


asyncio.run(main())
