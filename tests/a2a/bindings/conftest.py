"""Agents in processes of their own, served over HTTP, WebSocket and gRPC at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from tests.a2a.bindings.wires import ROOT, Served


@contextmanager
def serve(**environment: str) -> Generator[Served]:
    """Serve the conversationalist with these variables."""
    variables = {**os.environ, **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.a2a.bindings.serve_all"],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        where = json.loads(process.stdout.readline())
        yield Served(where["url"], where["grpc"], variables)
    finally:
        process.stdin.close()
        assert process.wait(20) == 0
        process.stdout.close()


@pytest.fixture(scope="session")
def served() -> Generator[Served]:
    """The agent as it is."""
    with serve() as where:
        yield where


@pytest.fixture(scope="session")
def insisting() -> Generator[Served]:
    """The agent that insists on an extension and sends no push notifications."""
    with serve(INSISTS="1", NO_PUSH="1") as where:
        yield where
