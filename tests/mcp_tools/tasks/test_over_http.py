"""Tasks of 2026-07-28 over HTTP: routing headers, statuses, streams, and a listener that was killed and came back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.mcp_tools.listening import _origin
from tests.mcp_tools.tasks.jobs import EXTENSION, META, UNDECLARED, accept

DURABLE = Path(__file__).parent / "durable.py"
ACCEPT = "application/json, text/event-stream"


@contextmanager
def serving(store: str) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """A server process that the test may kill."""
    command = [sys.executable, "-m", "wireproof.cli", "run", str(DURABLE), "--http", "0", "--store", store]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        yield _origin(process), process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LEDGER", str(tmp_path / "ledger"))
    return f"sqlite:///{tmp_path / 'tasks.db'}"


@pytest.fixture
async def http(store: str) -> AsyncGenerator[httpx2.AsyncClient]:
    with serving(store) as (origin, _):
        async with httpx2.AsyncClient(base_url=origin, timeout=20) as client:
            yield client


def request(method: str, header: str | None, meta: Any = META, **params: Any) -> dict[str, Any]:
    """The arguments of a POST."""
    headers = {"accept": ACCEPT, "mcp-protocol-version": "2026-07-28", "mcp-method": method}
    if header is not None:
        headers["mcp-name"] = header
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    return {"url": "/mcp", "json": body, "headers": headers}


async def start(http: httpx2.AsyncClient, tool: str) -> str:
    answer = await http.post(**request("tools/call", tool, name=tool, arguments={}))
    made = answer.json()["result"]
    assert (answer.status_code, made["resultType"]) == (200, "task")
    return made["taskId"]  # type: ignore[no-any-return]


async def until(http: httpx2.AsyncClient, id_: str, asks: str = "", **wanted: str) -> dict[str, Any]:
    """Follow a task on a stream until it is like that, or asks that."""
    listening = request("subscriptions/listen", None, notifications={"taskIds": [id_]})
    async with http.stream("POST", **listening) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data:") and "notifications/tasks" in line:
                params: dict[str, Any] = json.loads(line[5:])["params"]
                if wanted.items() <= params.items() and (not asks or asks in params.get("inputRequests", {})):
                    return params
    raise AssertionError("the stream ended")


async def test_a_task_lives_over_many_requests(http: httpx2.AsyncClient) -> None:
    id_ = await start(http, "asks")
    for key in ("elicit-1", "elicit-2"):
        await until(http, id_, asks=key)
        answers = {key: accept(name=key)}
        answer = await http.post(**request("tasks/update", id_, taskId=id_, inputResponses=answers))
        assert (answer.status_code, answer.json()["result"]["resultType"]) == (200, "complete")
    done = await until(http, id_, status="completed")
    assert done["result"]["content"][0]["text"] == "elicit-1 elicit-2"


REFUSED: dict[str, tuple[dict[str, Any], int, int]] = {
    "another name": (request("tasks/get", "other", taskId="x"), 400, -32020),
    "no name": (request("tasks/get", None, taskId="x"), 400, -32020),
    "another name on update": (request("tasks/update", "y", taskId="x", inputResponses={}), 400, -32020),
    "another name on cancel": (request("tasks/cancel", "y", taskId="x"), 400, -32020),
    "an unknown task": (request("tasks/get", "x", taskId="x"), 400, -32602),
    "no id": (request("tasks/get", None), 400, -32602),
    "undeclared": (request("tasks/get", "x", UNDECLARED, taskId="x"), 400, -32021),
    "undeclared listening": (
        request("subscriptions/listen", None, UNDECLARED, notifications={"taskIds": ["x"]}),
        400,
        -32021,
    ),
    "a method of before": (request("tasks/result", None, taskId="x"), 404, -32601),
}


async def test_each_refusal_has_its_status_and_its_code(http: httpx2.AsyncClient) -> None:
    for name, (given, status, code) in REFUSED.items():
        answer = await http.post(**given)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), name


async def test_a_missing_capability_is_named(http: httpx2.AsyncClient) -> None:
    given, _, _ = REFUSED["undeclared listening"]
    answer = await http.post(**given)
    assert answer.json()["error"]["data"] == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


async def test_a_killed_listener_leaves_a_task_that_its_successor_ends(store: str) -> None:
    with serving(store) as (origin, process):
        async with httpx2.AsyncClient(base_url=origin, timeout=20) as http:
            id_ = await start(http, "resumed")
            await until(http, id_, statusMessage="attempt 1")
            os.kill(process.pid, signal.SIGKILL)
    with serving(store) as (origin, process):
        async with httpx2.AsyncClient(base_url=origin, timeout=20) as http:
            done = await until(http, id_, status="completed")
            assert done["result"]["structuredContent"] == {"result": 2}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
