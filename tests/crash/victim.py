"""The server that is killed: makes tasks, runs them, answers their questions, and tells the ledger what it was told."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from tests.crash.ledger import Line
from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.errors import TaskEnded, TaskNotFound, VersionConflict
from wireproof.tasks.kinds import Kind, Retry, TaskContext
from wireproof.tasks.opening import open_store
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import Change, NewTask, Scope, Status, TaskRecord
from wireproof.tasks.runner import Runner, RunnerOptions

ME = Scope("issuer|crash|")
AGAIN, ONCE = "crash.again", "crash.once"
STEPS = 4
ASKED_BEFORE = 2
MAKERS = 4


def kind_of(number: int) -> str:
    """Every fifth task must not be started again."""
    return ONCE if number % 5 == 0 else AGAIN


def kinds(line: Line) -> list[Kind]:
    """The work: steps at the ledger, with a question between them where the task may be run again."""

    async def work(task: TaskContext) -> JSONValue:
        answer: JSONValue = None
        for number in range(STEPS):
            if number == ASKED_BEFORE and task.record.kind == AGAIN:
                answer = await task.ask("go", {"task": task.record.id})
            name = f"step {number}"

            async def effect(key: str, name: str = name) -> int:
                row: int = await line.ask("effect", task.record.id, name, task.attempt, key)
                return row

            await task.step(name, effect)
        return {"answer": answer}

    patient = Retry(interruptions=1_000_000)
    return [Kind(name=AGAIN, run=work, retry=patient), Kind(name=ONCE, run=work, retry=Retry(interruptions=0))]


def seen(record: TaskRecord) -> dict[str, Any]:
    """What a caller can see of an end."""
    return {"status": record.status, "version": record.version, "result": record.result, "reason": record.reason}


class Life:
    """One life of the server; it ends by SIGKILL, or when all work is done."""

    def __init__(self, store: Store, line: Line) -> None:
        self._store, self._line = store, line
        self._followers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        for task_id in await self._line.ask("hello"):
            self._follow(task_id)
        makers = [asyncio.create_task(self._make()) for _ in range(MAKERS)]
        while not await self._line.ask("done"):
            for ended in [one for one in (*makers, *self._followers) if one.done()]:
                ended.result()
                self._followers.discard(ended)
            await asyncio.sleep(0.02)
        for maker in makers:
            maker.cancel()
        await asyncio.gather(*makers, return_exceptions=True)

    async def _make(self) -> None:
        while True:
            number = await self._line.ask("next")
            if number is None:
                await asyncio.sleep(0.01)
                continue
            new = NewTask(kind=kind_of(number), name="work", idempotency_key=f"n{number}")
            record = (await self._store.create(ME, new)).record
            await self._line.ask("acknowledge", number, record.id)
            self._follow(record.id)

    def _follow(self, task_id: str) -> None:
        self._followers.add(asyncio.create_task(self._to_the_end(task_id)))

    async def _to_the_end(self, task_id: str) -> None:
        with self._store.watch_task(task_id) as watch:
            while True:
                try:
                    record = await self._store.get(ME, task_id)
                except TaskNotFound:
                    await self._line.ask("fault", f"acknowledged task {task_id} is lost")
                    return
                if record.is_terminal:
                    await self._line.ask("end", task_id, seen(record))
                    await self._undo(record)
                    return
                if record.pending:
                    await self._answer(record)
                await watch.wait(0.5)

    async def _answer(self, record: TaskRecord) -> None:
        value = secrets.token_hex(4)
        try:
            outcome = await self._store.commit(
                ME, record.id, Change(answers={"go": value}), expected_version=record.version
            )
        except VersionConflict:
            return
        if outcome.record.answers.get("go") == value:
            await self._line.ask("accept", record.id, value)

    async def _undo(self, record: TaskRecord) -> None:
        """A second end must be refused."""
        other = Change(status=Status.REJECTED, result="undone")
        try:
            await self._store.commit(ME, record.id, other, expected_version=record.version)
        except TaskEnded:
            return
        await self._line.ask("fault", f"the end of task {record.id} was overwritten")


async def live(url: str, socket: str) -> None:
    """One life, from opening the store to the end of all work."""
    line = await Line.open(socket)
    options = RunnerOptions(workers=8, lease=2.0, poll=0.2)
    async with open_store(url) as store, Runner(store, kinds(line), options):
        await Life(store, line).run()
    line.close()
