"""Our client drives an agent made with the PyPI package `a2a-sdk` 1.3, over each of its bindings."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.a2a.foreign.test_sdk_client import SDK
from tests.foreign.environments import installed, python_env
from wireproof.a2a import connect
from wireproof.a2a.client import (
    ArtifactUpdate,
    Message,
    StatusUpdate,
    Task,
    TaskNotCancelable,
    TaskNotFound,
    UnsupportedOperation,
)

AGENT = Path(__file__).with_name("sdk_agent.py")
BINDINGS = ["JSONRPC", "HTTP+JSON", "GRPC"]
pytestmark = [pytest.mark.foreign, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    python = str(installed(lambda: python_env("a2a-sdk-1.3", SDK)))
    process = subprocess.Popen([python, str(AGENT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.mark.parametrize("binding", BINDINGS)
async def test_messages_tasks_and_streams_come_whole(url: str, binding: str) -> None:
    async with connect(url, bindings=[binding]) as agent:
        assert agent.wire.binding == binding
        said = await agent.send("echo")
        done = await agent.send("work")
        events = [event async for event in agent.stream("work")]
    assert isinstance(said, Message)
    assert said.text == "echo"
    assert isinstance(done, Task)
    assert (done.state, done.artifacts[0].text) == ("TASK_STATE_COMPLETED", "done: work")
    assert isinstance(events[0], Task)
    assert [event.text for event in events if isinstance(event, ArtifactUpdate)] == ["done: work"]
    assert [event.text for event in events if isinstance(event, StatusUpdate)] == ["working", ""]
    assert getattr(events[-1], "state", "") == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("binding", BINDINGS)
async def test_a_question_is_answered_in_its_task(url: str, binding: str) -> None:
    async with connect(url, bindings=[binding]) as agent:
        asked = await agent.send("ask")
        assert isinstance(asked, Task)
        assert asked.is_interrupted
        assert asked.message is not None
        assert asked.message.text == "Which day?"
        done = await agent.task(asked).answer("Monday")
    assert isinstance(done, Task)
    assert (done.id, done.artifacts[0].text) == (asked.id, "done: Monday")


@pytest.mark.parametrize("binding", BINDINGS)
async def test_a_task_is_followed_listed_and_cancelled(url: str, binding: str) -> None:
    async with connect(url, bindings=[binding]) as agent, asyncio.timeout(20):
        begun = await agent.send("wait", wait=False)
        assert isinstance(begun, Task)
        handle = agent.task(begun)
        states: list[str] = []
        async for event in handle.follow():
            states.append(getattr(event, "state", ""))
            if len(states) == 1:
                await handle.cancel()
        page = await agent.list_tasks(page_size=50)
        assert begun.id in [task.id for task in page.tasks]
        assert (await handle.get()).state == "TASK_STATE_CANCELED"
    assert states[-1] == "TASK_STATE_CANCELED"


@pytest.mark.parametrize("binding", BINDINGS)
async def test_webhooks_are_made_and_taken_back(url: str, binding: str) -> None:
    async with connect(url, bindings=[binding]) as agent:
        begun = await agent.send("wait", wait=False)
        assert isinstance(begun, Task)
        handle = agent.task(begun)
        made = await handle.notify("https://hooks.example/x", config_id="h")
        assert (made.id, made.url) == ("h", "https://hooks.example/x")
        assert [each.id for each in await handle.list_webhooks()] == ["h"]
        await handle.delete_webhook("h")
        assert await handle.list_webhooks() == []
        await handle.cancel()


@pytest.mark.parametrize("binding", BINDINGS)
async def test_its_errors_are_ours_by_name(url: str, binding: str) -> None:
    async with connect(url, bindings=[binding]) as agent:
        done = await agent.send("work")
        assert isinstance(done, Task)
        with pytest.raises(TaskNotFound):
            await agent.task("nothing").get()
        with pytest.raises(TaskNotCancelable):
            await agent.task(done).cancel()
        with pytest.raises(UnsupportedOperation):
            await agent.extended_card()


async def test_it_is_spoken_to_in_0_3_where_only_that_is_named(url: str) -> None:
    async with connect(url) as agent:
        card = agent.card
    old = {
        **card,
        "supportedInterfaces": [{"url": f"{url}/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"}],
    }
    async with connect(old) as agent:
        assert agent.wire.version == "0.3"
        done = await agent.send("work")
        events = [event async for event in agent.stream("work")]
        assert isinstance(done, Task)
        assert (done.state, done.artifacts[0].text) == ("TASK_STATE_COMPLETED", "done: work")
        assert getattr(events[-1], "state", "") == "TASK_STATE_COMPLETED"
        with pytest.raises(TaskNotFound):
            await agent.task("nothing").get()
