"""Every example runs as a user would run it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import EXAMPLES, serving, wireproof
from wireproof.a2a import Agent, Turn
from wireproof.a2a import connect as connect_agent
from wireproof.a2a.client import StatusUpdate, Task
from wireproof.mcp_tools import connect as connect_tools
from wireproof.transports.serve import listening


def test_both_serves_one_function_over_both_protocols() -> None:
    with serving(EXAMPLES / "both.py", "--http", 0, lines=2) as (url, _):
        tool = wireproof("call", f"{url}/mcp", "convert", "amount=10", "source=EUR", "target=NOK", "-o", "text")
        skill = wireproof("send", "-a", url, "--data", "-", stdin='{"amount": 10, "source": "EUR", "target": "NOK"}')
    assert tool.out == "117.0\n"
    assert "117.0" in skill.out


def test_a_tool_server_is_an_agent() -> None:
    with serving(EXAMPLES / "bridge_tools.py", "--http", 0) as (url,):
        asked = wireproof("send", "-a", url, "--skill", "lend", "Emma", "-o", "json").json["task"]
        done = wireproof("send", "-a", url, "--task-id", asked["id"], "yes", "-o", "json").json["task"]
    assert asked["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert done["artifacts"][0]["parts"] == [{"data": {"result": "Emma is yours"}}]


async def test_a_remote_agent_is_tools_of_a_host() -> None:
    async def answer(form: Any) -> dict[str, str]:
        assert form.message == "Which day?"
        return {"answer": "Monday"}

    with serving(EXAMPLES / "planner.py", "--http", 0) as (url,):
        async with connect_tools(EXAMPLES / "bridge_agent.py", env={"AGENT": url}, elicit=answer) as client:
            result = await client.call_tool("plan", message="Rome")
    assert result.text == "Rome: leave on Monday at 08:05"


# -- the pipeline -----------------------------------------------------------------------------------------------


@contextmanager
def environment(monkeypatch: pytest.MonkeyPatch, *peers: str) -> Generator[None]:
    monkeypatch.setenv("PEERS", ",".join(peers))
    monkeypatch.setenv("TOOLS", str(EXAMPLES / "weather.py"))
    yield


def peer(name: str, work: Callable[[Turn], AsyncGenerator[Any, None]]) -> Agent:
    agent = Agent(name, store="memory://")
    agent.add_skill(work, id="work")
    return agent


async def hotels(turn: Turn) -> AsyncGenerator[Any, None]:
    yield turn.status("Looking for rooms")
    nights = await turn.ask("How many nights?")
    yield turn.artifact(text=f"a room for {nights} nights")


async def trains(turn: Turn) -> AsyncGenerator[Any, None]:
    yield turn.status("Looking for trains")
    yield turn.artifact(text="a seat at 08:05")


async def full(turn: Turn) -> AsyncGenerator[Any, None]:
    yield turn.fail("no seats left")


async def test_the_pipeline_merges_progress_passes_a_question_and_gathers_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening(peer("Hotels", hotels).asgi()) as one, listening(peer("Trains", trains).asgi()) as two:
        with environment(monkeypatch, one, two), serving(EXAMPLES / "pipeline.py", "--http", 0) as (url,):
            async with connect_agent(url) as agent:
                said: list[str] = []
                task = ""
                async for event in agent.stream("Rome"):
                    if isinstance(event, Task):
                        task = event.id
                    if isinstance(event, StatusUpdate):
                        said.append(event.text)
                done = await agent.task(task).answer("two")
    assert "Hotels: Looking for rooms" in said
    assert said[-1] == "Hotels: How many nights?"
    assert isinstance(done, Task)
    told = {message.text for message in done.history}
    assert {"Hotels: Looking for rooms", "Trains: Looking for trains", "Asking for the weather", "two"} <= told
    assert done.state == "TASK_STATE_COMPLETED"
    lines = done.artifacts[0].text.splitlines()
    assert lines[:2] == ["Hotels: a room for two nights", "Trains: a seat at 08:05"]
    assert lines[2].startswith("Weather: ")


async def test_when_one_part_fails_the_rest_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = asyncio.Event()

    async def endless(turn: Turn) -> AsyncGenerator[Any, None]:
        yield turn.status("Looking for rooms")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            stopped.set()

    async with listening(peer("Hotels", endless).asgi()) as one, listening(peer("Trains", full).asgi()) as two:
        with environment(monkeypatch, one, two), serving(EXAMPLES / "pipeline.py", "--http", 0) as (url,):
            async with connect_agent(url) as agent:
                done = await agent.send("Rome")
                async with asyncio.timeout(5):
                    await stopped.wait()
    assert isinstance(done, Task)
    assert (done.state, done.message and done.message.text) == ("TASK_STATE_FAILED", "Trains: no seats left")


@pytest.mark.parametrize("file", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_every_example_is_named_by_a_test_or_the_makefile(file: str) -> None:
    root = Path(__file__).parents[2]
    texts = [
        path.read_text()
        for folder in ("tests", ".ci")
        for path in (root / folder).rglob("*")
        if path.is_file() and path.suffix in (".py", "")
    ]
    assert any(file.removesuffix(".py") in text for text in [*texts, (root / "Makefile").read_text()])
    assert sys.version_info >= (3, 11)
