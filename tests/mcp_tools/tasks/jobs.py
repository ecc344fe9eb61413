"""A server whose tools are tasks, and the words of a client that follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from tests.mcp_tools.wire import MODERN_META, Wire
from wireproof.auth.sealing import Keyring
from wireproof.mcp_tools import Context, ProtocolError, TaskOptions, Text, ToolError, ToolServer
from wireproof.schemas.caller import Principal
from wireproof.tasks.kinds import Retry

Ctx = Context[Any]
SECRET = "0123456789abcdef0123456789abcdef"
EXTENSION = "io.modelcontextprotocol/tasks"
RELATED = "io.modelcontextprotocol/related-task"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
META = {**MODERN_META, CAPABILITIES: {**MODERN_META[CAPABILITIES], "extensions": {EXTENSION: {}}}}  # type: ignore[dict-item]
UNDECLARED = MODERN_META
ANNA = Principal("anna", issuer="https://id.example")
BERT = Principal("bert", issuer="https://id.example")


class Name(BaseModel):
    name: str


class Sure(BaseModel):
    sure: bool


@dataclass
class Bench:
    """What the tools of one server wait for and tell the test."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    attempts: list[int] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)


def make_server(bench: Bench | None = None, **options: Any) -> tuple[ToolServer[Any], Bench]:
    """The server and its bench."""
    bench = bench or Bench()
    server: ToolServer[Any] = ToolServer("jobs", **{"store": "memory://", "keyring": Keyring(SECRET), **options})

    @server.tool(task=True)
    async def add(a: int, b: int) -> int:
        return a + b

    @server.tool(task=True)
    async def wait(ctx: Ctx) -> Text:
        bench.entered.set()
        try:
            await bench.go.wait()
        finally:
            bench.left.set()
        return Text("went")

    @server.tool(task="required")
    async def fails() -> Text:
        raise ToolError("The disk is full.")

    @server.tool(task=True)
    async def breaks() -> Text:
        raise RuntimeError("secret password")

    @server.tool(task=True)
    async def errs() -> Text:
        raise ProtocolError("No such account", code=-32050, data={"account": 7})

    @server.tool(task=True)
    async def ask(ctx: Ctx) -> Text:
        name = await ctx.elicit("Who?", Name)
        return Text(f"{name.action} {name.data.name if name.accepted else ''}")

    @server.tool(task=True)
    async def ask_both(ctx: Ctx) -> Text:
        name, sure = await asyncio.gather(ctx.elicit("Who?", Name, key="name"), ctx.elicit("Sure?", Sure, key="sure"))
        return Text(f"{name.data.name} {sure.data.sure}")

    @server.tool(task=True)
    def threaded(ctx: Ctx) -> Text:
        return Text(str(ctx.wait(ctx.elicit("Who?", Name)).data.name))

    @server.tool(task=True)
    async def reports(ctx: Ctx) -> Text:
        await ctx.progress(1, 3, "one third")
        await bench.go.wait()
        await ctx.log("error", "looking back")
        await ctx.progress(3, 3)
        return Text("done")

    @server.tool(task=TaskOptions(deferred=True))
    async def later(ctx: Ctx, long: bool = True) -> Text:
        if not long:
            return Text("at once")
        name = await ctx.elicit("Who?", Name, key="who")
        await ctx.become_task()
        bench.seen.append(ctx.task_id)
        await bench.go.wait()
        return Text(f"Hello {name.data.name}")

    @server.tool(task=TaskOptions(retry=Retry(failures=3, delay=0.01)))
    async def flaky(ctx: Ctx) -> int:
        bench.attempts.append(ctx.attempt)
        if ctx.attempt < 3:
            raise RuntimeError("not yet")
        return ctx.attempt

    @server.tool(task=True, timeout_s=0.05)
    async def slow() -> Text:
        await asyncio.Event().wait()
        return Text("never")

    @server.tool(task=TaskOptions(ttl_s=60, poll_s=2))
    async def brief() -> Text:
        return Text("brief")

    @server.tool(task="forbidden")
    async def never() -> Text:
        return Text("never a task")

    @server.tool
    async def plain() -> Text:
        return Text("plain")

    return server, bench


async def start(wire: Wire, tool: str, arguments: dict[str, Any] | None = None, **params: Any) -> Any:
    """Call a tool that must become a task, and give its CreateTaskResult."""
    made = await wire.request("tools/call", {"name": tool, "arguments": arguments or {}, **params}, meta=META)
    assert made["resultType"] == "task", made
    return made


async def get(wire: Wire, task_id: str) -> Any:
    """tasks/get."""
    return await wire.request("tasks/get", {"taskId": task_id}, meta=META)


async def update(wire: Wire, task_id: str, **answers: Any) -> Any:
    """tasks/update with answers by key."""
    responses = {key.replace("_", "-"): value for key, value in answers.items()}
    return await wire.request("tasks/update", {"taskId": task_id, "inputResponses": responses}, meta=META)


async def listen(wire: Wire, *task_ids: str) -> Any:
    """Open a subscription; the answer's id is returned once it is acknowledged."""
    before = len([1 for name, _ in wire.notes if name == ACKNOWLEDGED])
    id_ = await wire.start("subscriptions/listen", {"notifications": {"taskIds": list(task_ids)}}, meta=META)
    await wire.note(ACKNOWLEDGED, before + 1)
    return id_


ACKNOWLEDGED = "notifications/subscriptions/acknowledged"


async def noted(wire: Wire, fits: Callable[[str, dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait for a notification that fits."""
    count = 0
    async with asyncio.timeout(10):
        while True:
            for name, params in wire.notes[count:]:
                if fits(name, params):
                    return params
            count = len(wire.notes)
            await wire.more(count)


async def ended(wire: Wire, task_id: str) -> Any:
    """Follow a task of 2026-07-28 by its notifications until it has ended; then what tasks/get says."""
    await until(wire, task_id, "completed", "failed", "cancelled")
    return await get(wire, task_id)


async def until(wire: Wire, task_id: str, *statuses: str) -> dict[str, Any]:
    """Follow a task of 2026-07-28 by its notifications until it has one of these statuses."""
    id_ = await listen(wire, task_id)
    told = await noted(
        wire,
        lambda name, params: (
            name == "notifications/tasks"
            and params["taskId"] == task_id
            and params["status"] in statuses
            and params["_meta"]["io.modelcontextprotocol/subscriptionId"] == id_
        ),
    )
    await wire.notify("notifications/cancelled", {"requestId": id_})
    return told


def accept(**content: Any) -> dict[str, Any]:
    """An ElicitResult."""
    return {"action": "accept", "content": content}
