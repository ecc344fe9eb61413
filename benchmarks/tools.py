"""What a tool server of ours costs, beside the floor (no protocol at all) and the peers, in one run.

    python -m benchmarks.tools [--rounds 3] [--seconds 3]

Tool `add(a, b)`; every figure is the best of the rounds, the subjects in turn. `wanted` is the bound of the ratio to
the floor. The peers are the PyPI package `mcp` 2.3.0 and the npm package `@modelcontextprotocol/sdk` 1.32.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.load import load
from benchmarks.stdio import META, Measured, list_rate, measure
from tests.foreign.environments import node, npm_env, python_env

HERE: Final = Path(__file__).parent / "servers"
Commands = Mapping[str, Sequence[str]]
_UP_WITHIN_S: Final = 20.0
HTTP_HEADERS: Final = [
    "Accept: application/json, text/event-stream",
    "MCP-Protocol-Version: 2026-07-28",
    "Mcp-Method: tools/call",
    "Mcp-Name: add",
]


def commands() -> Commands:
    """Every subject over stdio. Installs the peers where they are missing."""
    sdk = npm_env("sdk-1.32", ["@modelcontextprotocol/sdk@1.32", "zod@3"])
    return {
        "floor": [sys.executable, str(HERE / "floor_stdio.py")],
        "ours": [sys.executable, "-m", "wireproof.cli", "run", str(HERE / "ours.py")],
        "mcp": [str(_peer()), str(HERE / "sdk.py")],
        "TypeScript": [str(node()), str(HERE / "sdk.mjs"), str(sdk)],
    }


def _peer() -> Path:
    return python_env("mcp-2.3", ["mcp==2.3.0"])


def over_stdio(subjects: Commands, rounds: int) -> None:
    """One and 32 calls in flight, the start and the memory."""
    one = _best(subjects, rounds, lambda command: measure(command, modern=False, count=2000, window=1))
    many = _best(subjects, rounds, lambda command: measure(command, modern=False, count=8000, window=32))
    _row("stdio, one call in flight, calls/s", {k: v.rate for k, v in one.items()}, "at least 0.60", up=True)
    _row("stdio, 32 in flight, calls/s", {k: v.rate for k, v in many.items()}, "at least 0.30", up=True)
    _row("spawn to first answer, ms", {k: v.start * 1000 for k, v in one.items()}, "at most 2.5", up=False)
    _row("peak memory, MiB", {k: v.memory for k, v in one.items()}, "at most 1.7", up=False)


def _best(subjects: Commands, rounds: int, run: Callable[[Sequence[str]], Measured]) -> dict[str, Measured]:
    found: dict[str, Measured] = {}
    for _ in range(rounds):
        for name, command in subjects.items():
            now, best = run(command), found.get(name)
            if best is None:
                found[name] = now
            else:
                found[name] = Measured(
                    min(best.start, now.start), max(best.rate, now.rate), min(best.memory, now.memory)
                )
    return found


def lists(subjects: Commands, rounds: int) -> None:
    """`tools/list` of 100 tools; ours beside the peer and beside a call of the floor."""
    environment = {"BENCH_TOOLS": "99"}
    rates = {
        name: max(list_rate(subjects[name], modern=False, count=500, environment=environment) for _ in range(rounds))
        for name in ("ours", "mcp")
    }
    _row("tools/list of 100 tools, lists/s", rates, "cached bytes", up=True)


def over_http(rounds: int, seconds: float) -> None:
    """Requests a second on 16 connections, one worker, revision 2026-07-28."""
    params = {"name": "add", "arguments": {"a": 1, "b": 2}, "_meta": META}
    body = json.dumps({"jsonrpc": "2.0", "id": "%d", "method": "tools/call", "params": params})
    subjects = {
        "floor": (lambda port: [sys.executable, str(HERE / "floor_http.py"), port], "/"),
        "ours": (
            lambda port: [sys.executable, "-m", "wireproof.cli", "run", str(HERE / "ours.py"), "--http", port],
            "/mcp",
        ),
        "mcp": (lambda port: [str(_peer()), str(HERE / "sdk.py"), port], "/mcp"),
    }
    rates: dict[str, float] = {}
    for _ in range(rounds):
        for name, (command, path) in subjects.items():
            with serving(command) as port:
                rate, bad = run_load(f"http://127.0.0.1:{port}{path}", body, HTTP_HEADERS, seconds=seconds)
            if bad:
                raise RuntimeError(f"{name} gave {bad} bad answers")
            rates[name] = max(rate, rates.get(name, 0.0))
    _row("HTTP, 16 connections, requests/s", rates, "at least 0.50", up=True)


@contextmanager
def serving(command: Callable[[str], Sequence[str]]) -> Generator[int]:
    """Run a server on a free port and wait until it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen(command(str(port)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(port, process)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _UP_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen on port {port}")


def run_load(url: str, body: str, headers: list[str], *, seconds: float, connections: int = 16) -> tuple[float, int]:
    """`benchmarks.load` on a loop of its own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(load(url, body, headers, connections, seconds))
    return uvloop.run(load(url, body, headers, connections, seconds))


def _row(title: str, values: Mapping[str, float], wanted: str, *, up: bool) -> None:
    cells = [f"{name} {value:,.0f}" for name, value in values.items()]
    floor = values.get("floor")
    ratio = f"  ours/floor {values['ours'] / floor:.2f} (wanted {wanted})" if floor else f"  ({wanted})"
    peers = [
        f"{(values['ours'] / value) if up else (value / values['ours']):.1f}x {name}"
        for name, value in values.items()
        if name not in ("floor", "ours")
    ]
    print(f"{title:40}{' | '.join(cells)}{ratio}; {', '.join(peers)}", flush=True)


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load in each HTTP measurement")
    chosen = parser.parse_args()
    subjects = commands()
    over_stdio(subjects, chosen.rounds)
    lists(subjects, chosen.rounds)
    over_http(chosen.rounds, chosen.seconds)


if __name__ == "__main__":
    main()
