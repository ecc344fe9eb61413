"""The npm package `@a2a-js/sdk`: its client drives our agent, our client drives its agent."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.a2a.bindings.conftest import serve
from tests.a2a.bindings.wires import Served
from tests.foreign.environments import installed, node, npm_env
from wireproof.a2a import connect
from wireproof.a2a.client import ArtifactUpdate, Message, Task, TaskNotCancelable, TaskNotFound

HERE = Path(__file__).parent
PACKAGES = ["@a2a-js/sdk@1.3.0", "express@5"]
SUBMITTED, WORKING, COMPLETED, FAILED, CANCELED, INPUT_REQUIRED = 1, 2, 3, 4, 5, 6
pytestmark = [pytest.mark.foreign, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def home() -> Path:
    return installed(lambda: npm_env("a2a-js", PACKAGES))


@pytest.fixture(scope="module")
def agent() -> Generator[Served]:
    with serve() as where:
        yield where


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
def test_its_client_does_everything_with_our_agent(home: Path, agent: Served, binding: str) -> None:
    command = [str(node()), str(HERE / "js_client.mjs"), str(home), agent.url, binding]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["message"] == "echo: hi"
    assert told["task"] == {"state": COMPLETED, "first": "done: hi"}
    assert told["stream"][0] == "task"
    assert told["stream"].count("artifactUpdate") == 3
    assert told["stream"][-1] == "statusUpdate"
    assert (told["asked"], told["answered"]) == (INPUT_REQUIRED, ["on Monday"])
    assert told["got"] is True
    assert told["canceled"] == CANCELED
    assert told["followed"] == ["task", CANCELED]
    prefix = "JsonRpc" if binding == "JSONRPC" else "Rest"
    assert {call: name.removeprefix(prefix) for call, name in told["errors"].items()} == {
        "get nothing": "TaskNotFoundError",
        "cancel the ended": "TaskNotCancelableError",
        "send to the ended": "UnsupportedOperationError",
    }


@pytest.fixture(scope="module")
def url(home: Path) -> Generator[str]:
    command = [str(node()), str(HERE / "js_agent.mjs"), str(home)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_our_client_does_everything_with_its_agent(url: str, binding: str) -> None:
    async with connect(url, bindings=[binding]) as agent, asyncio.timeout(30):
        assert agent.wire.binding == binding
        said = await agent.send("echo")
        done = await agent.send("work")
        events = [event async for event in agent.stream("work")]
        asked = await agent.send("ask")
        assert isinstance(asked, Task)
        answered = await agent.task(asked).answer("Monday")
        begun = await agent.send("wait", wait=False)
        assert isinstance(begun, Task)
        states: list[str] = []
        async for event in agent.task(begun).follow():
            states.append(getattr(event, "state", ""))
            if len(states) == 1:
                await agent.task(begun).cancel()
        with pytest.raises(TaskNotFound):
            await agent.task("nothing").get()
        assert isinstance(done, Task)
        with pytest.raises(TaskNotCancelable):
            await agent.task(done).cancel()
    assert isinstance(said, Message)
    assert said.text == "echo"
    assert (done.state, done.artifacts[0].text) == ("TASK_STATE_COMPLETED", "done: work")
    assert [event.text for event in events if isinstance(event, ArtifactUpdate)] == ["done: work"]
    assert asked.is_interrupted
    assert isinstance(answered, Task)
    assert answered.artifacts[0].text == "done: Monday"
    assert states[-1] == "TASK_STATE_CANCELED"
