"""A server that is killed a hundred times keeps every promise; `python -m tests.crash --kills 2000` asks for more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.tasks.conftest import need

KILLS = {"sqlite": 100, "postgres": 25, "redis": 10}
PORTS = {"postgres": 5432, "redis": 6379}


@pytest.mark.timeout(110)
@pytest.mark.parametrize("engine", list(KILLS))
def test_nothing_acknowledged_is_lost_however_often_the_server_is_killed(engine: str) -> None:
    if engine in PORTS:
        need(engine, PORTS[engine])
    command = [sys.executable, "-m", "tests.crash", "--engine", engine, "--kills", str(KILLS[engine])]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
