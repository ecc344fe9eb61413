"""A tool server as an agent: both ends are the real ones of their protocols."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from wireproof.a2a import Agent, connect
from wireproof.a2a.client import AgentRefused, InvalidRequest
from wireproof.a2a.client.views import ArtifactUpdate, StatusUpdate, Task
from wireproof.auth.sealing import Keyring
from wireproof.bridges import agent_of
from wireproof.mcp_tools import Audio, Context, Image, ResourceLink, Text, ToolError, ToolServer
from wireproof.transports.serve import listening

Ctx = Context[Any]
SCHEMA = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}


@dataclass
class Weather:
    city: str
    celsius: float


def make_server() -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("weather", version="2.1.0", title="Weather", instructions="Ask about weather.")
    server.started, server.cancelled = asyncio.Event(), asyncio.Event()  # type: ignore[attr-defined]

    @server.tool(title="Forecast")
    async def forecast(city: str, days: int = 1) -> Weather:
        """Tell the weather of a city."""
        if city == "Atlantis":
            raise ToolError("There is no such city")
        return Weather(city, 4.5 + days)

    @server.tool
    async def slow(steps: int, ctx: Ctx) -> str:
        """Report on the way."""
        for step in range(steps):
            await ctx.progress(step + 1, steps, f"step {step + 1}")
            await asyncio.sleep(0)
        return "arrived"

    @server.tool
    async def delete(name: str, ctx: Ctx) -> str:
        """Ask first."""
        answer = await ctx.elicit(f"Delete {name}?", SCHEMA)
        return f"{answer.action} {answer.data}"

    @server.tool
    async def many():
        """Give every kind of content."""
        return [Text("hi"), Image(b"\x89PNG", "image/png"), Audio(b"RIFF"), ResourceLink("https://e.example/x", "x")]

    @server.tool
    async def whoami(ctx: Ctx) -> str:
        """Say who calls."""
        return f"{ctx.principal.subject}"

    @server.tool
    async def hang() -> str:
        """Never end."""
        server.started.set()  # type: ignore[attr-defined]
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.cancelled.set()  # type: ignore[attr-defined]

    return server


def bridged(**options: Any) -> Agent:
    return agent_of(make_server(), store="memory://", keyring=Keyring("0123456789abcdef0123456789abcdef"), **options)


async def test_the_card_shows_the_tools_as_skills() -> None:
    async with connect(bridged()) as agent:
        card = agent.card
    assert (card["name"], card["version"], card["description"]) == ("Weather", "2.1.0", "Ask about weather.")
    skills = {skill["id"]: skill for skill in card["skills"]}
    assert list(skills) == ["forecast", "slow", "delete", "many", "whoami", "hang"]
    assert skills["forecast"]["name"] == "Forecast"
    assert skills["forecast"]["description"] == "Tell the weather of a city."


async def test_only_the_chosen_tools_are_shown_and_an_unknown_one_is_refused() -> None:
    async with connect(bridged(tools=["slow"])) as agent:
        assert [skill["id"] for skill in agent.card["skills"]] == ["slow"]
        task = await agent.send({"steps": 1})
    assert isinstance(task, Task)
    with pytest.raises(ValueError, match="no tool 'none'"):
        bridged(tools=["none"])


@pytest.mark.parametrize("wire", ["memory", "http"])
async def test_a_call_is_a_task_with_the_result_as_its_artifact(wire: str) -> None:
    made = bridged()
    if wire == "memory":
        async with connect(made) as agent:
            task = await agent.send({"city": "Oslo", "days": 2}, skill="forecast")
    else:
        async with listening(made.asgi()) as url, connect(url) as agent:
            task = await agent.send({"city": "Oslo", "days": 2}, skill="forecast")
    assert isinstance(task, Task)
    assert task.state == "TASK_STATE_COMPLETED"
    assert [part.wire for part in task.artifacts[0].parts] == [{"data": {"city": "Oslo", "celsius": 6.5}}]


async def test_a_text_is_the_argument_of_a_tool_with_one_text() -> None:
    async with connect(bridged()) as agent:
        task = await agent.send("Rome", skill="forecast")
    assert isinstance(task, Task)
    assert task.artifacts[0].data == {"city": "Rome", "celsius": 5.5}


async def test_without_a_name_among_many_tools_the_names_are_told() -> None:
    async with connect(bridged()) as agent:
        with pytest.raises((AgentRefused, InvalidRequest), match=r"metadata\.skillId: one of forecast, slow"):
            await agent.send("Rome")


async def test_bad_arguments_and_failures_are_failed_tasks_with_the_tools_own_words() -> None:
    async with connect(bridged()) as agent:
        failed = await agent.send({"city": "Atlantis"}, skill="forecast")
        bad = await agent.send({"town": "Oslo"}, skill="forecast")
    assert isinstance(failed, Task)
    assert isinstance(bad, Task)
    assert (failed.state, failed.message and failed.message.text) == ("TASK_STATE_FAILED", "There is no such city")
    assert bad.state == "TASK_STATE_FAILED"
    assert bad.message is not None
    assert "town" in bad.message.text


async def test_progress_is_status() -> None:
    async with connect(bridged()) as agent:
        events = [event async for event in agent.stream({"steps": 3}, skill="slow")]
    said = [(e.text, dict(e.metadata)) for e in events if isinstance(e, StatusUpdate) and e.text]
    assert said[-1] == ("step 3", {"progress": 3.0, "total": 3.0})
    assert [event.text for event in events if isinstance(event, ArtifactUpdate)] == ["arrived"] or any(
        isinstance(event, ArtifactUpdate) and event.artifact.data == {"result": "arrived"} for event in events
    )


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"sure": True}, "accept {'sure': True}"),
        ("yes", "accept {'sure': True}"),
        ("decline", "decline None"),
        ("cancel", "cancel None"),
    ],
    ids=str,
)
async def test_a_form_is_a_question_that_the_next_message_answers(reply: Any, said: str) -> None:
    async with connect(bridged()) as agent:
        asked = await agent.send({"name": "x"}, skill="delete")
        assert isinstance(asked, Task)
        assert asked.state == "TASK_STATE_INPUT_REQUIRED"
        assert asked.message is not None
        assert asked.message.text == "Delete x?"
        assert asked.message.data == {"requestedSchema": SCHEMA}
        done = await agent.task(asked).answer(reply)
    assert isinstance(done, Task)
    assert said in str([part.wire for part in done.artifacts[0].parts])


async def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    async with connect(bridged()) as agent:
        asked = await agent.send({"name": "x"}, skill="delete")
        assert isinstance(asked, Task)
        again = await agent.task(asked).answer({"sure": "perhaps"})
        assert isinstance(again, Task)
        assert again.state == "TASK_STATE_INPUT_REQUIRED"
        done = await agent.task(asked).answer({"sure": False})
    assert isinstance(done, Task)
    assert done.state == "TASK_STATE_COMPLETED"


async def test_every_kind_of_content_becomes_a_part() -> None:
    async with connect(bridged()) as agent:
        task = await agent.send({}, skill="many")
    assert isinstance(task, Task)
    assert [part.wire for part in task.artifacts[0].parts] == [
        {"text": "hi"},
        {"raw": "iVBORw==", "mediaType": "image/png"},
        {"raw": "UklGRg==", "mediaType": "audio/wav"},
        {"url": "https://e.example/x", "filename": "x"},
    ]


async def test_cancelling_the_task_cancels_the_tool() -> None:
    server = make_server()
    async with connect(agent_of(server, store="memory://")) as agent:
        begun = await agent.send({}, skill="hang", wait=False)
        assert isinstance(begun, Task)
        async with asyncio.timeout(5):
            await server.started.wait()  # type: ignore[attr-defined]
            ended = await agent.task(begun).cancel()
            await server.cancelled.wait()  # type: ignore[attr-defined]
    assert ended.state in ("TASK_STATE_CANCELED", "TASK_STATE_WORKING", "TASK_STATE_SUBMITTED")
