"""One of many processes on a store: its writers commit, end tasks and take leases, and say what was acknowledged.

`python -m tests.replicas.writer URL NAME WRITERS ROUNDS TASK…` prints one JSON object a line.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import Any

from wireproof.tasks.errors import LeaseLost, TaskEnded, TaskNotFound, VersionConflict
from wireproof.tasks.opening import open_store
from wireproof.tasks.records import Change, Scope, Status

OWNER = Scope("history")
KIND = "history.lease"


async def write(store: Any, name: str, rounds: int, tasks: list[str]) -> None:
    """Append to random tasks, and now and then end one."""
    dice = random.Random(name)
    for number in range(rounds):
        task, event = dice.choice(tasks), {"writer": name, "number": number}
        ends = dice.random() < 0.01
        while True:
            record = await store.get(OWNER, task)
            if record.is_terminal:
                break
            change = Change(events=[event], status=Status.COMPLETED if ends else None)
            try:
                outcome = await store.commit(OWNER, task, change, expected_version=record.version)
            except VersionConflict:
                continue
            except TaskEnded:
                break
            tell(kind="commit", task=task, version=outcome.record.version, event=event, ends=ends)
            break


async def take(store: Any, name: str, rounds: int) -> None:
    """Claim, write under the lease, give it back."""
    worker = f"worker-{name}"
    await store.enlist(worker, 60.0)
    for _ in range(rounds):
        for lease in await store.claim(worker, [KIND], limit=2):
            record = lease.record
            tell(kind="lease", task=record.id, fence=lease.fence)
            change = Change(events=[{"fence": lease.fence}])
            try:
                await store.commit(OWNER, record.id, change, expected_version=record.version, fence=lease.fence)
                tell(kind="fenced", task=record.id, fence=lease.fence)
                await store.release(OWNER, record.id, lease.fence)
            except (LeaseLost, VersionConflict, TaskNotFound) as error:
                tell(kind="lost", task=record.id, fence=lease.fence, error=type(error).__name__)


def tell(**fact: Any) -> None:
    """One line."""
    print(json.dumps(fact), flush=True)


async def main() -> None:
    """Run all writers at once."""
    url, name, writers, rounds, *tasks = sys.argv[1:]
    async with open_store(url) as store:
        works = [write(store, f"{name}.{index}", int(rounds), tasks) for index in range(int(writers))]
        await asyncio.gather(*works, take(store, name, int(rounds)))


if __name__ == "__main__":
    asyncio.run(main())
