"""The official conformance suite's scenarios of the tasks extension, every one of them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.foreign.environments import installed
from tests.mcp_tools.listening import EVERYTHING, served
from tests.official.suite import judge_scenarios, server_scenarios

SCENARIOS = [
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-required-task-error",
    "tasks-mrtr-composition",
]
NEVER_JUDGED = "tasks-status-notifications"
"""The suite skips it whatever a server does; `test_listening.py` holds what it would."""

pytestmark = [pytest.mark.foreign, pytest.mark.slow]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    store = tmp_path_factory.mktemp("store") / "tasks.db"
    with served(EVERYTHING, "--store", f"sqlite:///{store}") as origin:
        yield f"{origin}/mcp"


def test_the_suite_has_no_other_scenario_of_tasks() -> None:
    listed = installed(lambda: server_scenarios("2026-07-28"))
    assert {name for name in listed if name.startswith("tasks-")} == {*SCENARIOS, NEVER_JUDGED}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_official_suite_passes(scenario: str, url: str, tmp_path: Path) -> None:
    (verdict,) = installed(lambda: judge_scenarios(url, [scenario], "2026-07-28", tmp_path))
    assert verdict.notes == ()
    assert verdict.passed
