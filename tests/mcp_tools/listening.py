"""A tool server file served over HTTP by a process of its own, on a free port."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
EVERYTHING = ROOT / "examples" / "everything.py"
WITHIN_S = 20.0


@contextmanager
def served(target: Path = EVERYTHING, *options: str) -> Generator[str]:
    """Give the origin, e.g. `http://127.0.0.1:40001`; the process must end cleanly and say nothing but its address."""
    command = [sys.executable, "-m", "wireproof.cli", "run", str(target), "--http", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield _origin(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=WITHIN_S) == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def _origin(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    said = b""
    until = time.monotonic() + WITHIN_S
    while True:
        ready, _, _ = select.select([process.stderr], [], [], max(0, until - time.monotonic()))
        assert ready, f"no address within {WITHIN_S} s: {said!r}"
        data = os.read(process.stderr.fileno(), 4096)
        assert data, f"the server ended: {said!r}"
        said += data
        found = re.search(rb"(http://[\d.]+:\d+)/mcp", said)
        if found:
            return found.group(1).decode()
