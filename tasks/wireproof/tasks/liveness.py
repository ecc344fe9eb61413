"""Which workers are dead: by their heartbeats against our own monotonic clock, or at once where we see their process.

Nobody's wall clock counts: a clock moved by an hour neither takes a lease from the living nor leaves it to the dead.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from wireproof.tasks.records import WorkerRow

_MARGIN: Final = 1.25


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _host() -> str:
    """Names this machine since its start, and this process namespace; empty where processes cannot be seen."""
    boot = _read("/proc/sys/kernel/random/boot_id").strip()
    try:
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:16] if boot else ""


def _started(pid: str) -> str:
    """When a process started, in clock ticks since the machine did; empty when it is gone or a zombie."""
    fields = _read(f"/proc/{pid}/stat").rpartition(") ")[2].split()
    return "" if len(fields) < 20 or fields[0] in "ZX" else fields[19]


def new_worker_id() -> str:
    """A fresh worker id that says which process it is, for those who can see that process."""
    pid = str(os.getpid())
    return f"{_host() or '-'}.{pid}.{_started(pid) or '-'}.{secrets.token_hex(8)}"


def is_gone(worker: str) -> bool:
    """True only when the worker's process belonged to this machine and is not there any more."""
    host, _, rest = worker.partition(".")
    pid, _, rest = rest.partition(".")
    started = rest.partition(".")[0]
    return host != "-" and started not in ("", "-") and host == _host() and _started(pid) != started


class Watchman:
    """Counts, for each worker, how long its beat has not moved. Pure: time comes in."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def dead(self, rows: Iterable[WorkerRow], monotonic: float) -> list[WorkerRow]:
        """The workers whose beat stood still for longer than their lease."""
        rows = list(rows)
        known = {row.id: self._seen.get(row.id) for row in rows}
        self._seen = {
            row.id: seen if (seen := known[row.id]) is not None and seen[0] == row.beat else (row.beat, monotonic)
            for row in rows
        }
        return [row for row in rows if monotonic - self._seen[row.id][1] > row.lease * _MARGIN]
