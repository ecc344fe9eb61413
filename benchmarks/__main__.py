"""Every benchmark, one after the other: `python -m benchmarks`, or `make bench`. Each is a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

PARTS: Final = {
    "tools": "a tool server, beside the floor and the peers",
    "client": "the MCP client, beside the peer's",
    "agents": "an agent, beside the floor and the peer",
    "tasks": "durable tasks, beside the bare transactions",
}


def main() -> int:
    """Run them; the exit code is 1 when one could not be measured."""
    failed = 0
    for name, title in PARTS.items():
        print(f"\n== benchmarks.{name}: {title}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
