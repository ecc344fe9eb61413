"""The client of the PyPI package `a2a-sdk` 1.3 drives our agent: three bindings, both versions, every operation."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.a2a.bindings.conftest import serve
from tests.a2a.bindings.wires import Served
from tests.foreign.environments import installed, python_env

SDK = ["a2a-sdk[http-server,grpc]==1.3.0", "uvicorn"]
CLIENT = Path(__file__).with_name("sdk_client.py")
pytestmark = [pytest.mark.foreign, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def python() -> str:
    return str(installed(lambda: python_env("a2a-sdk-1.3", SDK)))


@pytest.fixture(scope="module")
def agent() -> Generator[Served]:
    # in its mode for 0.3 the client takes the bytes of a file for text, over the bindings that know protobuf
    with serve(PLAIN_FILE="1") as where:
        yield where


def drive(python: str, agent: Served, binding: str, version: str) -> dict[str, Any]:
    done = subprocess.run(
        [python, str(CLIENT), agent.url, binding, version], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON", "GRPC"])
def test_the_official_client_does_everything_with_our_agent(
    python: str, agent: Served, binding: str, version: str
) -> None:
    told = drive(python, agent, binding, version)
    assert told["message"][0]["message"]["parts"] == [{"text": "echo: hi"}]
    task = told["task"][0]["task"]
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert [artifact["artifactId"] for artifact in task["artifacts"]] == ["said", "n", "f"]
    assert task["artifacts"][0]["parts"] == [{"text": "done: hi"}]
    if version == "1.0" or binding == "JSONRPC":
        assert task["artifacts"][2]["parts"][0]["raw"] == "dGV4dA=="
    kinds = [next(iter(event)) for event in told["stream"]]
    assert kinds[0] == "task"
    assert kinds[-1] == "statusUpdate"
    assert kinds.count("artifactUpdate") == 3
    assert told["stream"][-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"
    assert told["asked"]["statusUpdate"]["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    answered = told["answered"][-1]["task"]
    assert answered["artifacts"][0]["parts"] == [{"text": "on Monday"}]
    assert told["got"]["id"] == told["canceled"]["id"]
    assert (told["hook"]["url"], told["hook got"]["url"]) == ("https://hooks.example/told",) * 2
    if "hooks" in told:
        assert [each["id"] for each in told["hooks"]["configs"]] == ["hook"]
        assert told["hooks left"].get("configs", []) == []
    assert told["canceled"]["status"]["state"] == "TASK_STATE_CANCELED"
    assert "task" in told["followed"][0]
    assert told["followed"][-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_CANCELED"
    if version == "1.0":
        assert len(told["list"]["tasks"]) == 2
        assert told["list"]["nextPageToken"]
    if version == "0.3" and binding != "JSONRPC":  # there 0.3 has statuses, and no names for errors
        assert "nothing" not in told["errors"].values()
        return
    assert told["errors"] == {
        "get nothing": "TaskNotFoundError",
        "cancel the ended": "TaskNotCancelableError",
        "send to the ended": "UnsupportedOperationError",
        "subscribe to the ended": "UnsupportedOperationError",
        # a wrong parameter is no error of A2A's own: beside JSON-RPC this client has no name for it
        "no such skill": "InvalidParamsError" if binding == "JSONRPC" else "A2AClientError",
    }
