"""The tasks of 2025-11-25 as the only official client that has them uses them: `mcp` 1.x from the package index."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.foreign.environments import installed, python_env
from tests.mcp_tools.listening import EVERYTHING, served

SCRIPT = Path(__file__).parent / "official_tasks.py"
EXPECTED: dict[str, Any] = {
    "version": "2025-11-25",
    "support": "required",
    "ttl": 60_000,
    "polled": ["working", "completed"],
    "slow": "slow: computed for 1.2 seconds",
    "asked": "name='Ada' chose confirm=True",
    "failing": "This job always fails, on purpose.",
    "failed": "failed",
    "cancelled": "cancelled",
    "again": -32602,
    "heard": ["cancelled", "completed", "failed"],
}


def drive(*target: str) -> dict[str, Any]:
    python = installed(lambda: python_env("mcp-1", ["mcp>=1.30,<2"]))
    done = subprocess.run([str(python), str(SCRIPT), *target], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.mark.foreign
def test_the_official_client_follows_tasks_over_stdio(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wireproof.cli", "run", str(EVERYTHING)]
    said = drive("stdio", *command, "--store", f"sqlite:///{tmp_path / 'tasks.db'}")
    assert said == {**EXPECTED, "tasks": ["cancel", "list", "requests"], "listed": 4}


@pytest.mark.foreign
def test_the_official_client_follows_tasks_over_http(tmp_path: Path) -> None:
    with served(EVERYTHING, "--store", f"sqlite:///{tmp_path / 'tasks.db'}") as origin:
        said = drive("http", f"{origin}/mcp")
    assert said == {**EXPECTED, "tasks": ["cancel", "requests"], "listed": -32601}
