"""An agent that has others work: it finds two peers by their cards and a tool server, gives each its part at the same
time, tells their progress as its own, passes a question on to its caller, and cancels the rest when one fails.

PEERS=http://127.0.0.1:8001,http://127.0.0.1:8002 wireproof run examples/pipeline.py --http 8000
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine
from contextlib import suppress
from typing import Any

from wireproof.a2a import Agent, Turn
from wireproof.a2a import connect as connect_agent
from wireproof.a2a.client import ArtifactUpdate, ClientError, Message, RemoteAgent, StatusUpdate, Task
from wireproof.mcp_tools import connect as connect_tools

agent = Agent("Journey", description="Plans a journey with the help of others.", version="1.0.0")


class PartFailed(Exception):
    """A part of the work ended without a result."""


@agent.skill(tags=["travel"], examples=["Rome"])
async def journey(turn: Turn) -> AsyncGenerator[Any, None]:
    """Plan a journey to a city."""
    peers = os.environ["PEERS"].split(",")
    told: asyncio.Queue[Any] = asyncio.Queue(maxsize=64)
    asking = asyncio.Lock()  # one question at a time reaches the caller

    async def ask(name: str, question: str) -> str:
        async with asking:
            await told.join()  # what was said before is told before
            return await turn.ask(f"{name}: {question}", key=f"{name}: {question}")

    parts = [run_peer(url, turn, told, ask) for url in peers] + [run_tool(turn, told)]
    work = asyncio.create_task(all_or_none(parts, told))
    try:
        while (update := await told.get()) is not None:
            yield update
            told.task_done()
        yield turn.artifact(text="\n".join(await work), name="journey")
    except PartFailed as failed:
        yield turn.fail(str(failed))
    finally:
        work.cancel()
        await asyncio.wait([work])


async def all_or_none(parts: list[Coroutine[Any, Any, str]], told: asyncio.Queue[Any]) -> list[str]:
    """Every part's result; the first failure cancels the others."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await told.put(None)


async def run_peer(url: str, turn: Turn, told: asyncio.Queue[Any], ask: Any) -> str:
    """Give a peer its part and follow it to its end."""
    async with connect_agent(url) as peer:
        task_id, text, results = "", turn.text, list[str]()
        try:
            while True:
                last: Any = None
                async for event in peer.stream(text, task_id=task_id):
                    last = event
                    task_id = task_id or getattr(event, "id", "")
                    if isinstance(event, StatusUpdate) and event.text and not event.is_interrupted:
                        await told.put(turn.status(f"{peer.name}: {event.text}"))
                    elif isinstance(event, ArtifactUpdate):
                        results.append(event.text)
                    elif isinstance(event, Message):
                        return event.text
                if not isinstance(last, (Task, StatusUpdate)) or not last.is_interrupted:
                    break
                text = await ask(peer.name, last.message.text if last.message else "")
        except BaseException:
            await cancel(peer, task_id)
            raise
        if last is None or last.state != "TASK_STATE_COMPLETED":
            said = last.message.text if last is not None and last.message else "it gave no result"
            raise PartFailed(f"{peer.name}: {said}")
        return f"{peer.name}: {' '.join(results)}"


async def cancel(peer: RemoteAgent, task_id: str) -> None:
    """Stop a peer's task, if it has one that runs."""
    if task_id:
        with suppress(ClientError):
            await peer.task(task_id).cancel()


async def run_tool(turn: Turn, told: asyncio.Queue[Any]) -> str:
    """Ask a tool server for the weather."""
    async with connect_tools(os.environ.get("TOOLS", "examples/weather.py")) as client:
        await told.put(turn.status("Asking for the weather"))
        result = await client.call_tool("forecast", city=turn.text, days=1)
    return f"Weather: {result.text}"
