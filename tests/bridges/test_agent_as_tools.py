"""A remote agent as tools: a real agent over HTTP or in this process, and the real client of tools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from wireproof.a2a import Agent, File, Turn
from wireproof.bridges import agent_of, tools_of
from wireproof.mcp_tools import ToolServer, connect
from wireproof.mcp_tools.client.errors import TimedOut, ToolFailed
from wireproof.mcp_tools.client.handlers import Declined, Form
from wireproof.mcp_tools.client.results import CallResult, Progress
from wireproof.transports.serve import listening


def make_agent() -> Agent:
    agent = Agent("Planner", store="memory://")
    agent.begun = []  # type: ignore[attr-defined]

    @agent.skill(tags=["travel"], examples=["Plan a day in Rome"])
    async def plan(turn: Turn) -> AsyncGenerator[Any, None]:
        """Plan a trip."""
        agent.begun.append(turn.task_id)  # type: ignore[attr-defined]
        yield turn.status("Looking at trains")
        day = await turn.ask("Which day?")
        yield turn.status(f"Reserving {day}")
        yield turn.artifact(text=f"{turn.text}: leave on {day}", name="itinerary")
        yield turn.artifact(data={"day": day})

    @agent.skill(tags=["talk"])
    def greet(name: str) -> str:
        """Say hello, without a task."""
        return f"Hello {name}"

    @agent.skill(tags=["talk"])
    async def fail(turn: Turn) -> AsyncGenerator[Any, None]:
        """Fail."""
        yield turn.fail("No seats left")

    @agent.skill(tags=["talk"])
    async def picture(turn: Turn) -> AsyncGenerator[Any, None]:
        """Give a file."""
        yield turn.artifact(file=File(data=b"\x89PNG", name="a.png", media_type="image/png"))

    @agent.skill(tags=["talk"])
    async def hang(turn: Turn) -> AsyncGenerator[Any, None]:
        """Never end."""
        yield turn.status("thinking")
        await asyncio.get_running_loop().create_future()

    return agent


async def test_skills_are_tools_with_their_words() -> None:
    async with connect(tools_of(make_agent(), prefix="planner_")) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    assert list(tools) == ["planner_plan", "planner_greet", "planner_fail", "planner_picture", "planner_hang"]
    assert tools["planner_plan"].description == "Plan a trip.\nExample: Plan a day in Rome"


async def test_a_skill_that_answers_with_a_message_is_a_plain_result() -> None:
    async with connect(tools_of(make_agent())) as client:
        result = await client.call_tool("greet", message="Ada")
    assert result.text == "Hello Ada"
    assert result.structured is not None
    assert result.structured["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("mode", ["2026-07-28", "2025-11-25", "2025-06-18"])
@pytest.mark.parametrize("wire", ["memory", "http"])
async def test_status_is_progress_and_a_question_is_a_form(mode: Any, wire: str) -> None:
    asked: list[Form] = []

    async def answer(form: Any) -> dict[str, Any]:
        asked.append(form)
        return {"answer": "Monday"}

    agent = make_agent()

    async def drive(target: Any) -> tuple[list[str], CallResult]:
        said: list[str] = []
        async with connect(tools_of(target), mode=mode, elicit=answer) as client:
            async for event in client.stream_tool("plan", message="Rome"):
                if isinstance(event, Progress):
                    said.append(event.message)
                else:
                    return said, event
        raise AssertionError

    if wire == "memory":
        said, result = await drive(agent)
    else:
        async with listening(agent.asgi()) as url:
            said, result = await drive(url)
    assert [form.message for form in asked] == ["Which day?"]
    assert result.text == "Rome: leave on Monday"
    assert result.structured is not None
    assert result.structured["data"] == [{"day": "Monday"}]
    assert said[-1] in ("Reserving Monday", "Rome: leave on Monday")
    assert len(set(agent.begun)) == 1  # type: ignore[attr-defined]


async def test_declining_ends_the_call_and_the_task() -> None:
    async def decline(form: Any) -> dict[str, Any]:
        raise Declined

    agent = make_agent()
    async with connect(tools_of(agent), elicit=decline) as client:
        with pytest.raises(ToolFailed, match="did not answer: Which day"):
            await client.call_tool("plan", message="Rome")


async def test_a_failed_task_is_a_failed_tool_with_the_agents_words() -> None:
    async with connect(tools_of(make_agent())) as client:
        with pytest.raises(ToolFailed, match="No seats left"):
            await client.call_tool("fail", message="x")


async def test_a_file_is_an_image() -> None:
    async with connect(tools_of(make_agent())) as client:
        result = await client.call_tool("picture", message="x")
    assert result.wire["content"] == [{"type": "image", "data": "iVBORw==", "mimeType": "image/png"}]


async def test_a_call_that_is_given_up_cancels_its_task() -> None:
    agent = make_agent()
    async with agent.core as core, connect(tools_of(agent)) as client:
        with pytest.raises(TimedOut):
            await client.call_tool("hang", message="x", timeout_s=0.3)
        async with asyncio.timeout(5):
            while True:
                page = await core.call("ListTasks", {}, _caller())
                states = {task["status"]["state"] for task in page["tasks"]}
                if states == {"TASK_STATE_CANCELED"}:
                    break
                await asyncio.sleep(0)


def _caller() -> Any:
    from wireproof.a2a import Caller

    return Caller()


async def test_a_message_or_data_is_needed() -> None:
    async with connect(tools_of(make_agent())) as client:
        with pytest.raises(ToolFailed, match="Invalid arguments"):
            await client.call_tool("greet")


async def test_both_bridges_in_a_row_keep_the_meaning() -> None:
    server: ToolServer[Any] = ToolServer("inner")

    @server.tool
    async def double(n: int) -> int:
        """Twice as much."""
        return 2 * n

    async with connect(tools_of(agent_of(server, store="memory://"))) as client:
        result = await client.call_tool("double", data={"n": 21})
    assert result.structured is not None
    assert result.structured["data"] == [{"result": 42}]
