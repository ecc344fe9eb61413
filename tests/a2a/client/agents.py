"""An agent that does a little of everything, and clients of it over every wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from wireproof.a2a import Agent, File, Turn, connect
from wireproof.a2a.bindings.http import HTTPOptions
from wireproof.a2a.client import RemoteAgent
from wireproof.transports.serve import listening

WIRES: Final = ("memory", "JSONRPC", "HTTP+JSON", "JSONRPC 0.3", "websocket", "stdio", "GRPC")
PROGRAM: Final = Path(__file__).with_name("program.py")


class Weather(BaseModel):
    """A structured answer."""

    city: str
    degrees: int


def make_agent(**options: Any) -> Agent:
    """The agent; `echo` is its first skill."""
    agent = Agent("Everything", description="Does a little of everything.", **options)
    agent.allow_loopback_webhooks()

    @agent.skill(tags=["test"])
    def echo(turn: Turn) -> str:
        """Say it again."""
        return turn.text

    @agent.skill(tags=["test"])
    def reply(text: str) -> str:
        """Answer with a message."""
        return f"you said {text}"

    @agent.skill(tags=["test"])
    async def plan(turn: Turn) -> AsyncGenerator[Any, None]:
        """Ask, then deliver."""
        yield turn.status("Looking at trains")
        day = await turn.ask("Which day?")
        yield turn.artifact(text=f"Leave on {day}", name="itinerary")

    @agent.skill(tags=["test"])
    async def chunks(turn: Turn) -> AsyncGenerator[Any, None]:
        """Deliver an artifact in pieces."""
        for index in range(3):
            yield turn.artifact(text=str(index), id="a", append=index > 0, last=index == 2)

    @agent.skill(tags=["test"], task=True)
    def weather(city: str) -> Weather:
        """Answer with data."""
        return Weather(city=city, degrees=2**53 + 1)

    @agent.skill(tags=["test"])
    async def file(turn: Turn) -> AsyncGenerator[Any, None]:
        """Deliver a file."""
        yield turn.artifact(file=File(data=b"\x00\xff", name="a.bin", media_type="application/octet-stream"))

    @agent.skill(tags=["test"])
    async def endless(turn: Turn) -> AsyncGenerator[Any, None]:
        """Work until it is canceled."""
        yield turn.status("working")
        await asyncio.Event().wait()

    @agent.skill(tags=["test"])
    async def failing(turn: Turn) -> None:
        """Fail."""
        raise RuntimeError("a secret of the agent")

    return agent


@asynccontextmanager
async def connected(wire: str, agent: Agent | None = None, **options: Any) -> AsyncGenerator[RemoteAgent]:
    """A client of the agent over a wire of `WIRES`."""
    if wire == "stdio" and agent is None:
        async with connect(PROGRAM, **options) as client:
            yield client
        return
    agent = agent or make_agent()
    if wire == "websocket":
        app = agent.asgi(HTTPOptions(websocket=True))
        async with listening(app) as url, connect(f"ws{url[4:]}/a2a/ws", **options) as client:
            yield client
        return
    if wire == "GRPC":
        from wireproof.a2a.bindings.grpc.server import serving

        async with serving(agent.core) as port, connect(f"grpc://127.0.0.1:{port}", **options) as client:
            yield client
        return
    if wire == "memory":
        async with connect(agent, **options) as client:
            yield client
        return
    binding, _, version = wire.partition(" ")
    if version:
        options["versions"] = [version]
    async with listening(agent.asgi()) as url, connect(url, bindings=[binding], **options) as client:
        assert (client.wire.binding, client.wire.version) == (binding, version or "1.0")
        yield client
