"""What a killed process leaves: every task that was announced, found and brought to its end by the next one."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.mcp_tools.pipes import Spawned, spawned
from tests.mcp_tools.tasks.jobs import META, accept

DURABLE = Path(__file__).parent / "durable.py"


class Host:
    """A host that spawns the server on one store and follows tasks."""

    def __init__(self, server: Spawned) -> None:
        self.server = server
        self._ids = 100

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A request and its answer."""
        self._ids += 1
        self.server.send(self._ids, method, params, meta=META)
        return self.server.answer(self._ids)

    def start(self, tool: str) -> str:
        """A new task."""
        made = self.ask("tools/call", name=tool, arguments={})["result"]
        assert made["resultType"] == "task"
        return made["taskId"]  # type: ignore[no-any-return]

    def until(self, task_id: str, **wanted: str) -> dict[str, Any]:
        """Follow a task until it is like that."""
        self._ids += 1
        self.server.send(self._ids, "subscriptions/listen", {"notifications": {"taskIds": [task_id]}}, meta=META)
        while True:
            message = self.server.message()
            params = message.get("params", {})
            if message.get("method") == "notifications/tasks" and wanted.items() <= params.items():
                return params  # type: ignore[no-any-return]

    def kill(self) -> None:
        """End the process without a word."""
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()


@contextmanager
def host(store: str) -> Generator[Host]:
    command = [sys.executable, "-m", "wireproof.cli", "run", str(DURABLE), "--store", store]
    with spawned(command=command) as server:
        yield Host(server)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ledger"
    monkeypatch.setenv("LEDGER", str(path))
    return path


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tasks.db'}"


def test_a_task_that_was_running_when_the_process_was_killed_is_run_again_and_repeats_no_step(
    store: str, ledger: Path
) -> None:
    with host(store) as first:
        id_ = first.start("resumed")
        first.until(id_, statusMessage="attempt 1")
        first.kill()
    with host(store) as second:
        task = second.until(id_, status="completed")
    assert task["result"]["structuredContent"] == {"result": 2}
    assert ledger.read_text() == f"{id_}/once\n"


def test_a_task_that_may_not_be_run_again_ends_as_interrupted(store: str, ledger: Path) -> None:
    with host(store) as first:
        id_ = first.start("once")
        first.until(id_, statusMessage="attempt 1")
        first.kill()
    with host(store) as second:
        task = second.until(id_, status="failed")
    assert task["error"]["code"] == -32603
    assert task["error"]["data"] == {"reason": "interrupted"}
    assert "went away" in task["statusMessage"]


def test_a_waiting_task_keeps_its_question_and_the_answers_it_has(store: str, ledger: Path) -> None:
    with host(store) as first:
        id_ = first.start("asks")
        question = first.until(id_, status="input_required")["inputRequests"]
        first.kill()
    with host(store) as second:
        assert second.ask("tasks/get", taskId=id_)["result"]["inputRequests"] == question
        acknowledged = second.ask("tasks/update", taskId=id_, inputResponses={"elicit-1": accept(name="Ada")})
        assert acknowledged["result"]["resultType"] == "complete"
        second.kill()
    with host(store) as third:
        open_ = third.until(id_, status="input_required")
        assert list(open_["inputRequests"]) == ["elicit-2"]
        third.ask("tasks/update", taskId=id_, inputResponses={"elicit-2": accept(name="Lovelace")})
        task = third.until(id_, status="completed")
    assert task["result"]["content"][0]["text"] == "Ada Lovelace"


def test_every_announced_task_is_found_after_the_kill(store: str, ledger: Path) -> None:
    with host(store) as first:
        ids = [first.start("asks") for _ in range(30)]
        first.kill()
    with host(store) as second:
        for id_ in ids:
            second.until(id_, status="input_required")


def test_a_host_that_closes_the_pipe_leaves_its_tasks_to_the_next_process(store: str, ledger: Path) -> None:
    with host(store) as first:
        id_ = first.start("resumed")
        first.until(id_, statusMessage="attempt 1")
        closed = time.monotonic()
        first.server.close_stdin()
        assert first.server.ended() == 0
        assert time.monotonic() - closed < 5  # an open subscription holds nothing up
    with host(store) as second:
        task = second.until(id_, status="completed")
    assert task["result"]["structuredContent"] == {"result": 2}


def test_without_a_store_the_tasks_are_in_a_file_of_the_user(
    tmp_path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with spawned(DURABLE) as server:
        id_ = Host(server).start("resumed")
        Host(server).until(id_, statusMessage="attempt 1")
        Host(server).kill()
    assert (tmp_path / "state" / "wireproof" / "durable.tasks.db").exists()
    assert os.stat(tmp_path / "state" / "wireproof").st_mode & 0o777 == 0o700
    with spawned(DURABLE) as server:
        assert Host(server).until(id_, status="completed")["result"]["structuredContent"] == {"result": 2}


def test_a_server_that_makes_no_task_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with spawned(DURABLE) as server:
        assert Host(server).ask("tools/list")["result"]["tools"]
        server.close_stdin()
        assert server.ended() == 0
    assert not (tmp_path / "state").exists()
