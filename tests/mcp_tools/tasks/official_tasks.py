"""Run by the Python that holds `mcp` 1.x: its client of 2025-11-25 drives our tasks. Prints one JSON object.

Usage: official_tasks.py stdio COMMAND… | official_tasks.py http URL
"""

# mypy: ignore-errors
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

import json
import sys

import anyio
from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

heard: list[str] = []
said: dict[str, object] = {}
told = anyio.Event()


async def on_elicit(context, params):
    fields = params.requestedSchema["properties"]
    content = {name: True if part["type"] == "boolean" else "Ada" for name, part in fields.items()}
    return types.ElicitResult(action="accept", content=content)


async def on_message(message):
    if isinstance(message, types.ServerNotification) and isinstance(message.root, types.TaskStatusNotification):
        heard.append(message.root.params.status)
        if message.root.params.status == "cancelled":
            told.set()


async def result_of(session, task_id):
    got = await session.experimental.get_task_result(task_id, types.CallToolResult)
    related = got.meta["io.modelcontextprotocol/related-task"]["taskId"]
    assert related == task_id, related
    return got.content[0].text


async def drive(read, write):
    async with ClientSession(read, write, elicitation_callback=on_elicit, message_handler=on_message) as session:
        opened = await session.initialize()
        tasks = session.experimental
        said["version"] = opened.protocolVersion
        said["tasks"] = sorted(opened.capabilities.tasks.model_dump(exclude_none=True))
        tools = {tool.name: tool.execution for tool in (await session.list_tools()).tools}
        said["support"] = tools["failing_job"].taskSupport

        made = await tasks.call_tool_as_task("slow_compute", {"seconds": 1.2, "label": "slow"}, ttl=60_000)
        said["ttl"] = made.task.ttl
        polled = [status.status async for status in tasks.poll_task(made.task.taskId)]
        said["polled"] = [polled[0], polled[-1]]
        said["slow"] = await result_of(session, made.task.taskId)

        asks = await tasks.call_tool_as_task("multi_input", {})
        said["asked"] = await result_of(session, asks.task.taskId)

        fails = await tasks.call_tool_as_task("failing_job", {})
        said["failing"] = await result_of(session, fails.task.taskId)
        said["failed"] = (await tasks.get_task(fails.task.taskId)).status

        long = await tasks.call_tool_as_task("slow_compute", {"seconds": 60})
        said["cancelled"] = (await tasks.cancel_task(long.task.taskId)).status
        try:
            await tasks.cancel_task(long.task.taskId)
        except McpError as error:
            said["again"] = error.error.code
        try:
            said["listed"] = len((await tasks.list_tasks()).tasks)
        except McpError as error:
            said["listed"] = error.error.code
        with anyio.fail_after(10):  # that client falls over what arrives while it closes
            await told.wait()
        said["heard"] = sorted(set(heard) - {"working", "input_required"})


async def main():
    if sys.argv[1] == "stdio":
        server = StdioServerParameters(command=sys.argv[2], args=sys.argv[3:])
        async with stdio_client(server) as (read, write):
            await drive(read, write)
    else:
        async with streamablehttp_client(sys.argv[2]) as (read, write, _):
            await drive(read, write)
    print(json.dumps(said))


anyio.run(main)
