"""The client against our own server: every feature, every wire, every revision."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from tests.mcp_tools.client.opening import CELLS, REVISIONS, SESSION, WIRES, opened
from wireproof.mcp_tools.client import (
    CallResult,
    Changed,
    Form,
    Link,
    Log,
    Progress,
    RequestRefused,
    TimedOut,
    ToolFailed,
    Updated,
)

EVERYWHERE = pytest.mark.parametrize(("wire", "revision"), CELLS)
WITHIN_S = 20


def user(question: Form | Link) -> dict[str, Any]:
    assert isinstance(question, Form)
    return {"name": "Ada"}


@EVERYWHERE
async def test_the_revision_that_was_pinned_is_spoken(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client:
        assert client.revision == revision
        assert client.server_info["name"] == "tests"
        assert "tools" in client.capabilities


@EVERYWHERE
async def test_tools_are_listed_called_and_their_results_rebuilt(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
        assert tools["forecast"].description == "The weather of the next days."
        assert tools["forecast"].input_schema["required"] == ["city"]
        result = await client.call_tool("forecast", city="Oslo", days=2)
        if revision >= "2025-06-18":
            assert [each.day for each in result.data] == [date(2026, 11, 23), date(2026, 11, 24)]
            best = (await client.call_tool("best", {"city": "Oslo"})).data
            assert (best.day, best.high, best.note) == (date(2026, 11, 23), 9.0, "Oslo")
        else:
            assert result.structured is None
            assert "2026-11-23" in result.text


@EVERYWHERE
async def test_a_tool_that_fails_raises_its_own_words(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client:
        with pytest.raises(ToolFailed, match="the sensor is off") as caught:
            await client.call_tool("fails")
        assert caught.value.result.is_error
        quiet = await client.call_tool("fails", raise_on_error=False)
        assert quiet.text == "the sensor is off"


@EVERYWHERE
async def test_an_unknown_tool_and_a_wrong_argument_are_told_apart(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client:
        with pytest.raises(RequestRefused) as caught:
            await client.call_tool("nobody")
        assert caught.value.code == -32602
        with pytest.raises((ToolFailed, RequestRefused), match="city"):
            await client.call_tool("forecast", days=1)


@EVERYWHERE
async def test_progress_comes_in_order_and_the_result_last(wire: str, revision: str) -> None:
    seen: list[Progress] = []
    async with opened(wire, revision) as client:
        result = await client.call_tool("counts", progress=seen.append)
        assert result.text == "3"
        assert [each.progress for each in seen] == [1, 2, 3]
        assert [each.total for each in seen] == [3, 3, 3]
        *_, last = [event async for event in client.stream_tool("counts", to=2)]
        assert isinstance(last, CallResult)
        assert last.text == "2"


@EVERYWHERE
async def test_a_cancelled_call_is_cancelled_on_the_server(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client, asyncio.timeout(WITHIN_S):
        begun = asyncio.Event()
        call = asyncio.create_task(client.call_tool("waits", key="k", progress=lambda _: begun.set()))
        await begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        while "k" not in (await client.call_tool("was_cancelled")).text:
            await asyncio.sleep(0)


@EVERYWHERE
async def test_a_call_without_an_answer_ends_at_its_deadline(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client, asyncio.timeout(WITHIN_S):
        with pytest.raises(TimedOut, match="timeout_s"):
            await client.call_tool("waits", {"key": "late"}, timeout_s=0.2)
        while "late" not in (await client.call_tool("was_cancelled")).text:
            await asyncio.sleep(0)


@EVERYWHERE
async def test_calls_in_flight_get_their_own_answers(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client:
        texts = await asyncio.gather(*(client.call_tool("counts", to=count) for count in range(1, 33)))
        assert [each.text for each in texts] == [str(count) for count in range(1, 33)]


@EVERYWHERE
async def test_the_server_may_ask_for_a_form_a_completion_and_roots(wire: str, revision: str) -> None:
    options: dict[str, Any] = {"elicit": user, "sample": lambda _: "rain", "roots": ["file:///here"]}
    async with opened(wire, revision, **options) as client:
        assert (await client.call_tool("thinks")).text == "rain"
        assert "file:///here" in (await client.call_tool("looks")).text
        if revision >= "2025-06-18":
            assert (await client.call_tool("greets")).text == "accept Ada 3"


@EVERYWHERE
async def test_a_question_nobody_answers_fails_the_call(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client:
        with pytest.raises((ToolFailed, RequestRefused), match=r"(?i)capability|declare"):
            await client.call_tool("thinks")


@EVERYWHERE
async def test_resources_prompts_and_completions_work(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client:
        assert [each.uri for each in await client.list_resources()] == ["file:///notes.txt"]
        assert [each.uri_template for each in await client.list_resource_templates()] == ["bytes://{name}"]
        [notes] = await client.read_resource("file:///notes.txt")
        assert (notes.text, notes.mime_type) == ("remember", "text/plain")
        [raw] = await client.read_resource("bytes://abc")
        assert raw.data == b"abc"
        with pytest.raises(RequestRefused) as caught:
            await client.read_resource("file:///nobody")
        assert caught.value.code == (-32602 if revision == "2026-07-28" else -32002)
        [prompt] = await client.list_prompts()
        assert prompt.arguments[0]["name"] == "topic"
        filled = await client.get_prompt("ask", topic="rain")
        assert filled.messages[0].content.text == "What is rain?"
        assert (await client.complete("ask", "topic", "ra")).values == ["rain", "rail"]
        assert await client.ping() < WITHIN_S


@EVERYWHERE
async def test_log_messages_come_from_the_level_that_was_asked_for(wire: str, revision: str) -> None:
    heard: list[Log] = []
    async with opened(wire, revision, on_log=heard.append) as client:
        await client.set_log_level("warning")
        await client.call_tool("logs")
        assert [(each.level, each.data) for each in heard] == [("error", {"code": 7})]


@pytest.mark.parametrize(("wire", "revision"), [cell for cell in CELLS if cell != ("http", "2024-11-05")])
async def test_changes_are_heard_and_drop_what_was_remembered(wire: str, revision: str) -> None:
    async with opened(wire, revision) as client, asyncio.timeout(WITHIN_S):
        before = len(await client.list_tools())
        async with client.listen(tools=True, uris=["file:///notes.txt"]) as events:
            heard = aiter(events)
            await client.call_tool("grows")
            assert await anext(heard) == Changed("tools")
            assert len(await client.list_tools()) == before + 1
            await client.call_tool("touches")
            assert await anext(heard) == Updated("file:///notes.txt")


@pytest.mark.parametrize("wire", WIRES)
async def test_the_newest_revision_is_found_without_being_named(wire: str) -> None:
    async with opened(wire) as client:
        assert client.revision == "2026-07-28"
    async with opened(wire, "session") as client:
        assert client.revision == SESSION[-1]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_annotated_arguments_travel_as_headers(revision: str) -> None:
    async with opened("http", revision) as client:
        await client.list_tools()
        assert (await client.call_tool("region", region="Grüße")).text == "Grüße"


async def test_a_call_without_its_headers_is_sent_again_with_them() -> None:
    async with opened("http") as client:
        assert (await client.call_tool("region", region="north")).text == "north"
