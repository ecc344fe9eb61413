"""The ledger: a process of its own that hands out work, performs effects, and remembers all that was acknowledged.

It outlives every kill. One JSON document a line, one answer a line; it never looks into the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

OPEN_AT_ONCE = 24


class Ledger:
    """What the world outside saw. `enough` ends the handing out of new work."""

    def __init__(self) -> None:
        self.enough = False
        self.handed = 0
        self.busy: set[int] = set()
        self.made: dict[int, str] = {}
        self.calls: list[tuple[str, str, int]] = []
        self.rows: dict[str, list[Any]] = {}
        self.inputs: dict[str, str] = {}
        self.ends: dict[str, dict[str, Any]] = {}
        self.faults: list[str] = []

    def hello(self) -> list[str]:
        """A new life begins: the acknowledged tasks whose end nobody saw."""
        self.busy.clear()
        return [task for task in self.made.values() if task not in self.ends]

    def next(self) -> int | None:
        """The number of the next task to make; one that was handed out but never acknowledged comes first."""
        for number in range(self.handed):
            if number not in self.made and number not in self.busy:
                self.busy.add(number)
                return number
        if self.enough or len(self.made) - len(self.ends) + len(self.busy) >= OPEN_AT_ONCE:
            return None
        self.busy.add(self.handed)
        self.handed += 1
        return self.handed - 1

    def acknowledge(self, number: int, task: str) -> None:
        """The task is on the store, says the server."""
        self.busy.discard(number)
        if self.made.setdefault(number, task) != task:
            self.faults.append(f"key {number} made a second task")

    def effect(self, task: str, step: str, attempt: int, key: str) -> int:
        """Do a step once per key; the number of its row, also for a repeat."""
        self.calls.append((task, step, attempt))
        self.rows.setdefault(key, [task, step, len(self.rows)])
        return int(self.rows[key][2])

    def accept(self, task: str, value: str) -> None:
        """The input was accepted, says the server."""
        if self.inputs.setdefault(task, value) != value:
            self.faults.append(f"task {task} accepted a second input")

    def end(self, task: str, seen: dict[str, Any]) -> None:
        """Somebody saw the task's end."""
        if self.ends.setdefault(task, seen) != seen:
            self.faults.append(f"task {task} ended twice: {self.ends[task]} and {seen}")

    def fault(self, text: str) -> None:
        """A server saw what must not be."""
        self.faults.append(text)

    def stop(self) -> None:
        """No new work from here on."""
        self.enough = True

    def done(self) -> bool:
        """Whether all work was handed out, acknowledged and ended."""
        return self.enough and len(self.made) == self.handed and len(self.ends) == len(self.made)

    def report(self) -> dict[str, Any]:
        """Everything, for the judge."""
        names = ("made", "calls", "rows", "inputs", "ends", "faults")
        return {name: getattr(self, name) for name in names}


async def serve(path: str) -> None:
    """Answer on a Unix socket until killed."""
    ledger = Ledger()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while (line := await reader.readline()).endswith(b"\n"):
                name, *args = json.loads(line)
                writer.write(json.dumps(getattr(ledger, name)(*args)).encode() + b"\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(talk, path, limit=2**26)
    async with server:
        await server.serve_forever()


class Line:
    """A server's connection to the ledger: one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._lock = reader, writer, asyncio.Lock()

    @classmethod
    async def open(cls, path: str) -> Line:
        return cls(*await asyncio.open_unix_connection(path, limit=2**26))

    async def ask(self, name: str, *args: object) -> Any:
        """The ledger's answer. A line that was cut off by a cancellation is never used again."""
        return await asyncio.shield(asyncio.ensure_future(self._ask(name, args)))

    async def _ask(self, name: str, args: tuple[object, ...]) -> Any:
        async with self._lock:
            self._writer.write(json.dumps([name, *args]).encode() + b"\n")
            return json.loads(await self._reader.readline())

    def close(self) -> None:
        self._writer.close()
