"""Drives an MCP server over stdio with prepared lines; a call counts when its answer is parsed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import IO, Any, Final

META: Final = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_WARM: Final = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of a server showed: seconds to its first answer, calls a second, MiB at its peak."""

    start: float
    rate: float
    memory: float


class Server:
    """A spawned server, spoken to in the session era or, as `modern`, in 2026-07-28."""

    def __init__(self, command: Sequence[str], *, modern: bool, environment: Mapping[str, str]) -> None:
        self._modern = modern
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, **environment},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in: IO[bytes] = self._process.stdin
        self._out: IO[bytes] = os.fdopen(os.dup(self._process.stdout.fileno()), "rb", buffering=1 << 16)

    def hello(self) -> None:
        """The first request, and its answer."""
        if self._modern:
            self.ask(0, "server/discover", {})
            return
        info = {"name": "bench", "version": "0"}
        self.ask(0, "initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info})
        self._in.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')

    def line(self, number: int, method: str, params: dict[str, Any]) -> bytes:
        """One request as it is written."""
        given = {**params, "_meta": META} if self._modern else params
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": given}
        return json.dumps(message, separators=(",", ":")).encode() + b"\n"

    def ask(self, number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """One request and its answer. Raises `RuntimeError` when it is an error."""
        self._in.write(self.line(number, method, params))
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next answer."""
        while True:
            line = self._out.readline()
            if not line:
                raise RuntimeError("the server ended")
            message: dict[str, Any] = json.loads(line)
            if "error" in message:
                raise RuntimeError(line.decode())
            if "id" in message and "method" not in message:
                return message

    def calls(self, count: int, window: int) -> float:
        """Calls a second with so many in flight."""
        params = {"name": "add", "arguments": {"a": 1, "b": 2}}
        for number in range(1, _WARM + 1):
            self.ask(number, "tools/call", params)
        lines = [self.line(number, "tools/call", params) for number in range(_WARM + 1, _WARM + 1 + count)]
        begun = perf_counter()
        for line in lines[:window]:
            self._in.write(line)
        for line in lines[window:]:
            self.answer()
            self._in.write(line)
        for _ in range(window):
            self.answer()
        return count / (perf_counter() - begun)

    def memory(self) -> float:
        """MiB at the peak, 0 where the system does not tell."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0.0
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def close(self) -> None:
        """End it."""
        self._in.close()
        self._process.wait(timeout=10)
        self._out.close()
        if self._process.stdout is not None:
            self._process.stdout.close()


def measure(
    command: Sequence[str], *, modern: bool, count: int, window: int, environment: Mapping[str, str] | None = None
) -> Measured:
    """Spawn, greet, call, end."""
    begun = perf_counter()
    server = Server(command, modern=modern, environment=environment or {})
    try:
        server.hello()
        start = perf_counter() - begun
        return Measured(start, server.calls(count, window), server.memory())
    finally:
        server.close()


def list_rate(command: Sequence[str], *, modern: bool, count: int, environment: Mapping[str, str]) -> float:
    """`tools/list` requests a second."""
    server = Server(command, modern=modern, environment=environment)
    try:
        server.hello()
        server.ask(1, "tools/list", {})
        begun = perf_counter()
        for number in range(2, 2 + count):
            server.ask(number, "tools/list", {})
        return count / (perf_counter() - begun)
    finally:
        server.close()
