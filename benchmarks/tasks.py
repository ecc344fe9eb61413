"""What durable tasks cost, beside a bare loop that commits as often, and how fast their events travel.

    python -m benchmarks.tasks [--tasks 1000] [--waiting 10000]

A task is created, claimed, run (it returns at once) and read at its end. The bare loop makes three transactions a task,
one after the other, with the same guarantee. PostgreSQL and Redis are used where they listen on their standard ports.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import secrets
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from wireproof.tasks.kinds import Kind
from wireproof.tasks.opening import open_store
from wireproof.tasks.records import Change, NewTask, Scope
from wireproof.tasks.runner import Runner, RunnerOptions

OWNER: Final = Scope("bench")
POSTGRES: Final = "postgresql://postgres@127.0.0.1:5432/test"
REDIS: Final = "redis://127.0.0.1:6379/0"
_EVENTS: Final = 300
_WITHIN_S: Final = 120.0


async def work(_: Any) -> Any:
    """Nothing."""
    return {"done": True}


async def ask(context: Any) -> Any:
    """Wait for an answer."""
    return await context.ask("go", {"question": "Go on?"})


async def rate(url: str, count: int, flight: int) -> float:
    """Tasks a second, so many in flight."""
    async with open_store(url) as store, Runner(store, [Kind(name="bench", run=work)], RunnerOptions(workers=16)):

        async def one() -> None:
            made = await store.create(OWNER, NewTask(kind="bench", name="bench", input={"n": 1}))
            with store.watch_task(made.record.id) as watch:
                record = await store.get(OWNER, made.record.id)
                while not record.is_terminal:
                    await watch.wait(2.0)
                    record = watch.ended or await store.get(OWNER, made.record.id)

        async def lane(share: int) -> None:
            for _ in range(share):
                await one()

        begun = perf_counter()
        await asyncio.gather(*(lane(count // flight) for _ in range(flight)))
        return count // flight * flight / (perf_counter() - begun)


def bare_sqlite(path: Path, count: int) -> float:
    """Three transactions a task, each with its own fsync."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT, body TEXT)")
    begun = perf_counter()
    for number in range(count):
        for statement, values in (
            ("INSERT INTO t VALUES (?, 'ready', ?)", (number, '{"n": 1}')),
            ("UPDATE t SET state = 'leased' WHERE id = ?", (number,)),
            ("UPDATE t SET state = 'done', body = '{}' WHERE id = ?", (number,)),
        ):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(statement, values)
            connection.execute("COMMIT")
    took = perf_counter() - begun
    connection.close()
    return count / took


async def bare_postgres(count: int) -> float:
    """The same on one connection."""
    import asyncpg

    table = f"bare_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(POSTGRES)
    await connection.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, state text, body text)")
    try:
        begun = perf_counter()
        for number in range(count):
            await connection.execute(f"INSERT INTO {table} VALUES ($1, 'ready', '{{}}')", number)
            await connection.execute(f"UPDATE {table} SET state = 'leased' WHERE id = $1", number)
            await connection.execute(f"UPDATE {table} SET state = 'done' WHERE id = $1", number)
        return count / (perf_counter() - begun)
    finally:
        await connection.execute(f"DROP TABLE {table}")
        await connection.close()


async def delivery(url: str) -> tuple[float, float]:
    """Milliseconds from a commit to its arrival in another process: median and 99th percentile."""
    async with open_store(url) as store:
        task = (await store.create(OWNER, NewTask(kind="none", name="none", queued=False))).record
        command = [sys.executable, "-m", "benchmarks.tasks", "--follow", url, task.id]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
            assert follower.stdout is not None
            await asyncio.to_thread(follower.stdout.readline)
            version = task.version
            for _ in range(_EVENTS):
                change = Change(events=[{"at": time.time()}])
                version = (await store.commit(OWNER, task.id, change, expected_version=version)).record.version
                await asyncio.sleep(0.005)
            found = json.loads(await asyncio.to_thread(follower.stdout.readline))
    ordered = sorted(found)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99)]


async def follow(url: str, task: str) -> None:
    """The other process: print the delays of all events."""
    delays: list[float] = []
    async with open_store(url) as store:
        print("ready", flush=True)
        async for event in store.tail(OWNER, task, after=1):
            payload: Any = event.payload
            delays.append((time.time() - payload["at"]) * 1000)
            if len(delays) == _EVENTS:
                break
    print(json.dumps(delays), flush=True)


async def waiting(url: str, count: int) -> None:
    """Tasks that wait for an answer: memory of each, and the time until all go on."""
    options = RunnerOptions(workers=64, parked=count)
    async with open_store(url) as store, Runner(store, [Kind(name="ask", run=ask)], options) as runner:
        gc.collect()
        before = _resident()
        ids = [(await store.create(OWNER, NewTask(kind="ask", name="ask"))).record.id for _ in range(count)]
        async with asyncio.timeout(_WITHIN_S):
            while not all([(await store.get(OWNER, id_)).pending for id_ in ids[-1:]]) or runner.running < count:
                await asyncio.sleep(0.05)
        each = (_resident() - before) / count
        begun = perf_counter()
        for id_ in ids:
            record = await store.get(OWNER, id_)
            await store.commit(OWNER, id_, Change(answers={"go": True}), expected_version=record.version)
        async with asyncio.timeout(_WITHIN_S):
            while runner.running:
                await asyncio.sleep(0.01)
    took = perf_counter() - begun
    print(f"{count:,} waiting tasks: {each / 1024:.1f} KiB each, all ended {took:.1f} s after the first answer")


def _resident() -> int:
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmRSS"))


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def measure(count: int, parked: int) -> None:
    """Everything."""
    with tempfile.TemporaryDirectory() as folder:
        bare = bare_sqlite(Path(folder) / "bare.db", count)
        for flight in (1, 16):
            url = f"sqlite:///{folder}/t{flight}.db"
            mine = await rate(url, count, flight)
            print(
                f"SQLite, {flight:2} in flight: {mine:7,.0f} tasks/s, bare {bare:,.0f}: ratio {mine / bare:.2f}",
                flush=True,
            )
        if listens(5432):
            loop = await bare_postgres(count)
            for flight in (1, 16):
                mine = await rate(f"{POSTGRES}?schema=bench_{secrets.token_hex(4)}", count, flight)
                print(
                    f"PostgreSQL, {flight:2} in flight: {mine:7,.0f} tasks/s, bare {loop:,.0f}: ratio {mine / loop:.2f}"
                )
        for name, port, url in (
            ("PostgreSQL", 5432, f"{POSTGRES}?schema=bench"),
            ("Redis", 6379, f"{REDIS}?prefix=bench"),
        ):
            if listens(port):
                middle, late = await delivery(url)
                print(f"{name}, to another process: p50 {middle:.1f} ms, p99 {late:.1f} ms (wanted p99 below 50)")
            else:
                print(f"{name} is not there: left out")
        if parked:
            await waiting(f"sqlite:///{folder}/waiting.db", parked)


def main() -> None:
    """Measure, or follow for the measuring process."""
    if sys.argv[1:2] == ["--follow"]:
        asyncio.run(follow(*sys.argv[2:4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1000, help="of each measurement")
    parser.add_argument("--waiting", type=int, default=10_000, help="tasks that wait at once; 0 leaves the part out")
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.tasks, chosen.waiting))


if __name__ == "__main__":
    main()
