"""What our MCP client costs, beside the client of the PyPI package `mcp` that drives the same server.

    python -m benchmarks.client [--rounds 3] [--cycles 10000]

Each measurement is a process of its own, both clients in turn; the best of the rounds counts. `floor` is what server
and wire take alone, where that can be told: no client is quicker, so `mcp` / `floor` bounds the ratio. The last part
connects, calls and closes `--cycles` times and tells the growth of memory, descriptors and tasks over the second half.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.client_subject import make_server
from wireproof.mcp_tools import connect

CELLS: Final = [
    ("connect + first call, in process", "connect", "memory"),
    ("call, in process", "call", "memory"),
    ("32 in flight, in process", "flight", "memory"),
    ("connect + first call, each with its own server", "connect", "own"),
    ("call, each with its own server", "call", "own"),
    ("32 in flight, each with its own server", "flight", "own"),
    ("call, stdio", "call", "stdio"),
    ("32 in flight, stdio", "flight", "stdio"),
    ("connect + first call, HTTP", "connect", "http"),
    ("call, HTTP", "call", "http"),
    ("32 in flight, HTTP", "flight", "http"),
]
WANTED: Final = 5.0
_MEASURE_WITHIN_S: Final = 120


def main() -> None:
    """Measure every cell, then the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each client in each cell")
    parser.add_argument("--cycles", type=int, default=10_000, help="connections of the memory part; 0 leaves it out")
    chosen = parser.parse_args()
    print(f"{'':48}{'ours µs':>10}{'mcp µs':>10}{'ratio':>8}{'floor µs':>10}")
    with _http_server() as url:
        for title, cell, target in CELLS if chosen.rounds else []:
            where = url if target == "http" else target
            runs = [(_measured("ours", cell, where), _measured("mcp", cell, where)) for _ in range(chosen.rounds)]
            mine, other = min(run[0] for run in runs), min(run[1] for run in runs)
            floor = _floor(cell, where, chosen.rounds)
            mark = "" if other / mine >= WANTED else f"  below {WANTED:g}"
            print(f"{title:48}{mine * 1e6:10.0f}{other * 1e6:10.0f}{other / mine:8.1f}{floor:>10}{mark}", flush=True)
        if chosen.cycles:
            print(asyncio.run(_memory("in process", None, chosen.cycles)), flush=True)
            print(asyncio.run(_memory("HTTP", url, chosen.cycles)), flush=True)


@contextmanager
def _http_server() -> Generator[str]:
    command = [sys.executable, "-m", "benchmarks.client_server", "--http"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def _floor(cell: str, target: str, rounds: int) -> str:
    if cell == "connect" or target in ("memory", "own"):
        return ""
    return f"{min(_run('benchmarks.client_floor', cell, target) for _ in range(rounds)) * 1e6:.0f}"


def _measured(who: str, cell: str, target: str) -> float:
    return _run("benchmarks.client_subject", who, cell, target)


def _run(module: str, *arguments: str) -> float:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_MEASURE_WITHIN_S)
    return float(done.stdout.split()[-1])


async def _memory(title: str, url: str | None, cycles: int) -> str:
    half = await _after(url, cycles // 2)
    whole = await _after(url, cycles - cycles // 2)
    growth = (whole[0] - half[0]) / (cycles - cycles // 2)
    return (
        f"{title}: {cycles} times connect, call, close: {growth:+.0f} bytes a time over the second half, "
        f"descriptors {whole[1] - half[1]:+d}, tasks {whole[2] - half[2]:+d}"
    )


async def _after(url: str | None, cycles: int) -> tuple[int, int, int]:
    server = make_server()
    for _ in range(cycles):
        async with connect(server if url is None else url) as client:
            await client.call_tool("add", a=1, b=2)
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident, len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())


if __name__ == "__main__":
    main()
