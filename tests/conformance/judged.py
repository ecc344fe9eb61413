"""Runs the judge for the tests: our own servers on every transport, and the command line as a user calls it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from wireproof.conformance.report import Report
from wireproof.conformance.verdict import Verdict

ROOT = Path(__file__).parents[2]
BAD = {Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.SKIPPED}


@contextlib.asynccontextmanager
async def listening(file: str) -> AsyncGenerator[str]:
    """The base URL of a file that `wireproof run --http` serves."""
    words = [sys.executable, "-m", "wireproof.cli", "run", file, "--http", "0"]
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stderr is not None
        async with asyncio.timeout(20):
            line = (await process.stderr.readline()).decode()
        found = re.search(r"http://[^\s/]+", line)
        assert found, line
        yield found[0]
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await process.communicate()


def wrong(report: Report) -> list[str]:
    """Everything in a report that is neither a pass nor not applicable."""
    found = [
        f"{result.verdict.value} {result.key}: {result.detail}" for result in report.results if result.verdict in BAD
    ]
    return found + ([report.problem] if report.problem else [])


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def wireproof(*arguments: str, timeout: float = 60) -> Ran:
    """The command line in a process of its own."""
    words = [sys.executable, "-m", "wireproof.cli", *arguments]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=timeout, cwd=ROOT)
    return Ran(done.returncode, done.stdout, done.stderr)
