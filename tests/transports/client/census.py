"""What a process owns: counted before and after, a leak is a difference."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path


def descriptors() -> dict[str, str]:
    """Open descriptors and what they are."""
    found: dict[str, str] = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            found[entry] = os.readlink(f"/proc/self/fd/{entry}")
        except OSError:  # the listing's own
            continue
    return found


def children() -> set[int]:
    """The processes whose parent this one is, zombies too."""
    own = os.getpid()
    found: set[int] = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and parent_of(int(entry)) == own:
            found.add(int(entry))
    return found


def parent_of(pid: int) -> int | None:
    """The parent of a process; None when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until_dead(pid: int) -> None:
    """Return when the process runs no more; for processes that are nobody's child here."""
    while is_alive(pid):
        await asyncio.sleep(0.005)


@asynccontextmanager
async def nothing_leaks(*, settle_s: float = 1.0) -> AsyncGenerator[None]:
    """Tasks, descriptors, children and threads are the same after the block as before."""
    gc.collect()
    before = (asyncio.all_tasks(), descriptors(), children(), set(threading.enumerate()))
    yield
    until = asyncio.get_running_loop().time() + settle_s
    while True:
        gc.collect()
        await asyncio.sleep(0)
        left = {
            "tasks": asyncio.all_tasks() - before[0],
            "descriptors": [name for fd, name in descriptors().items() if fd not in before[1]],
            "children": children() - before[2],
            "threads": set(threading.enumerate()) - before[3],
        }
        if not any(left.values()):
            return
        if asyncio.get_running_loop().time() > until:
            raise AssertionError(f"left behind: {left}")
        await asyncio.sleep(0.01)
