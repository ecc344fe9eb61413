"""A spawned server, spoken to in raw bytes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.mcp_tools.wire import MODERN_META

ROOT = Path(__file__).parents[2]
NOISY = ROOT / "tests" / "mcp_tools" / "servers" / "noisy.py"
WITHIN_S = 20.0


class Spawned:
    """The host's end of the pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._held = b""

    def write(self, data: bytes) -> None:
        """Send raw bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, id_: Any, method: str, params: dict[str, Any] | None = None, *, meta: Any = MODERN_META) -> None:
        """Send a modern request."""
        message = {"jsonrpc": "2.0", "id": id_, "method": method, "params": {**(params or {}), "_meta": meta}}
        self.write(json.dumps(message).encode() + b"\n")

    def call(self, id_: Any, tool: str, **arguments: Any) -> None:
        """Send a tools/call with a progress token."""
        meta = {**MODERN_META, "progressToken": id_}
        self.send(id_, "tools/call", {"name": tool, "arguments": arguments}, meta=meta)

    def line(self) -> bytes:
        """The next line, raw; b"" at the end of the stream."""
        assert self.process.stdout is not None
        until = time.monotonic() + WITHIN_S
        while b"\n" not in self._held:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            assert ready, f"no line within {WITHIN_S} s"
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                rest, self._held = self._held, b""
                return rest
            self._held += data
        line, _, self._held = self._held.partition(b"\n")
        return line + b"\n"

    def message(self) -> dict[str, Any]:
        """The next message."""
        return json.loads(self.line())  # type: ignore[no-any-return]

    def answer(self, id_: Any) -> dict[str, Any]:
        """The next message with this id; everything before it is dropped."""
        while True:
            message = self.message()
            if "id" in message and message["id"] == id_ and type(message["id"]) is type(id_):
                return message

    def rest(self) -> list[dict[str, Any]]:
        """Every message until the end of the stream."""
        messages = []
        while line := self.line():
            messages.append(json.loads(line))
        return messages

    def close_stdin(self) -> None:
        """End the input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ended(self) -> int:
        """The exit code, waited for."""
        return self.process.wait(timeout=WITHIN_S)

    def stderr(self) -> str:
        """All that it wrote to stderr."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()


@contextmanager
def spawned(target: Path | str = NOISY, *, command: Sequence[str] | None = None) -> Generator[Spawned]:
    """A server in a process group of its own, which never outlives the block."""
    line = list(command) if command is not None else [sys.executable, "-m", "wireproof.cli", "run", str(target)]
    process = subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        yield Spawned(process)
    finally:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
