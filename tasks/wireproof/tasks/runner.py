"""Runs tasks: claims by kind, owners in turn, a bounded number at a time; heartbeats, takes over from the dead, ends.

Knows no protocol: kinds bring the functions and how a change is shown. Any number of runners may share a store.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.attempt import Attempt, Stop
from wireproof.tasks.errors import LeaseLost, StoreUnavailable, TaskEnded, TaskError, TaskNotFound
from wireproof.tasks.kinds import Kind, unexplained
from wireproof.tasks.liveness import Watchman, is_gone, new_worker_id
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import INTERRUPTED_REASON, Change, Lease, Retention, Status

_log: Final = logging.getLogger("wireproof.tasks")
_GONE: Final = (LeaseLost, TaskEnded, TaskNotFound)
_CLAIMED_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerOptions:
    """Bounds of a runner; times in seconds.

    `workers` functions run at once; up to `parked` more wait in memory for answers (beyond that they leave memory and
    run again, from their recorded answers, once answered). A worker silent for `lease` counts as dead. `patience` is
    how long a running function's own writes wait for a store that is away. `drain` is how long a close waits for
    running functions. `poll` is the backstop behind lost hints.
    """

    workers: int = 8
    parked: int = 10_000
    lease: float = 10.0
    poll: float = 1.0
    patience: float = 30.0
    drain: float = 5.0
    sweep: float = 60.0
    retention: Retention = field(default_factory=Retention)


class Runner:
    """`async with Runner(store, kinds):` works on the store's tasks until the block ends.

    Entering raises `StoreUnavailable` when the store is not there. Leaving waits for running functions up to `drain`
    seconds, then stops them; what did not end goes back to the queue, for this or another process to resume.
    """

    def __init__(self, store: Store, kinds: Iterable[Kind], options: RunnerOptions = RunnerOptions()) -> None:
        self._store = store
        self._kinds = {kind.name: kind for kind in kinds}
        self._options = options
        self._worker = new_worker_id()
        self._slots = asyncio.Semaphore(options.workers)
        self._attempts: dict[tuple[str, int], Attempt] = {}
        self._parked = 0
        self._owner = ""
        self._loops: list[asyncio.Task[None]] = []
        self._watchman = Watchman()

    @property
    def worker(self) -> str:
        """The id under which this runner holds its leases now."""
        return self._worker

    @property
    def running(self) -> int:
        """Attempts in memory, running or waiting for answers."""
        return len(self._attempts)

    def serve(self, kind: Kind) -> None:
        """Work on one more kind, or on a new form of one, from the next claim on."""
        self._kinds[kind.name] = kind

    async def __aenter__(self) -> Self:
        await self._store.enlist(self._worker, self._options.lease)
        loops = (self._claiming, self._attending, self._beating, self._sweeping)
        self._loops = [asyncio.create_task(self._forever(loop), name=f"runner {loop.__name__}") for loop in loops]
        return self

    async def __aexit__(self, *_: object) -> None:
        claiming, *rest = self._loops
        await _end([claiming])
        await self._drain()
        await _end(rest)
        with suppress(TaskError):
            await self._retire(self._worker)

    async def _drain(self) -> None:
        for attempt in list(self._attempts.values()):
            if attempt.parked:
                attempt.stop(Stop.STOPPING)
        tasks = [attempt.task for attempt in self._attempts.values() if attempt.task is not None]
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=self._options.drain)
        for attempt in list(self._attempts.values()):
            attempt.stop(Stop.STOPPING)
        _, stubborn = await asyncio.wait(tasks, timeout=self._options.drain)
        await _end(stubborn)

    async def _retire(self, worker: str) -> None:
        for row in await self._store.workers():
            if row.id == worker:
                await self._store.bury(worker, row.beat)

    async def _forever(self, loop: Callable[[], Awaitable[None]]) -> None:
        """A loop of this runner goes on when the store comes back."""
        while True:
            try:
                await loop()
            except StoreUnavailable as failure:
                _log.warning("%s; trying again in %.1f s", failure, self._options.poll)
            except LeaseLost as failure:
                if failure.task_id == self._worker:
                    await self._start_over()
            except TaskError:
                _log.exception("the store refuses the runner")
            await asyncio.sleep(self._options.poll)

    async def _start_over(self) -> None:
        """Others took us for dead: drop what we held and come back under a new id."""
        for attempt in list(self._attempts.values()):
            attempt.stop(Stop.LOST)
        lost, self._worker = self._worker, new_worker_id()
        _log.warning("worker %s was taken for dead; its tasks are others' now", lost)
        with suppress(StoreUnavailable):
            await self._store.enlist(self._worker, self._options.lease)

    # The loops

    async def _claiming(self) -> None:
        with self._store.watch_work() as watch:
            while True:
                await self._slots.acquire()
                wanted = 1
                leases: list[Lease] = []
                try:
                    while wanted < _CLAIMED_AT_ONCE and not self._slots.locked():
                        await self._slots.acquire()
                        wanted += 1
                    leases = await self._store.claim(
                        self._worker, list(self._kinds), limit=wanted, after_owner=self._owner
                    )
                finally:
                    for _ in range(wanted - len(leases)):
                        self._slots.release()
                for lease in leases:
                    self._start(lease)
                if len(leases) < wanted:
                    await watch.wait(self._options.poll)

    async def _attending(self) -> None:
        while True:
            worker = self._worker
            with self._store.watch_attention(worker) as watch:
                while worker == self._worker:
                    for record in await self._store.attention(worker):
                        attempt = self._attempts.get((record.id, record.attempt))
                        if attempt is not None:
                            attempt.notice(record)
                    await watch.wait(self._options.poll)

    async def _beating(self) -> None:
        while True:
            await self._store.beat(self._worker)
            rows = [row for row in await self._store.workers() if row.id != self._worker]
            dead = {row.id: row for row in self._watchman.dead(rows, time.monotonic())}
            dead.update({row.id: row for row in rows if is_gone(row.id)})
            for row in dead.values():
                freed = await self._store.bury(row.id, row.beat)
                _log.warning("worker %s is dead; %d of its tasks are to be claimed again", row.id, freed)
            await asyncio.sleep(min(self._options.lease / 3, self._options.poll))

    async def _sweeping(self) -> None:
        while True:
            await asyncio.sleep(self._options.sweep)
            while await self._store.sweep(self._options.retention):
                pass
            await self._stop_removed()

    async def _stop_removed(self) -> None:
        """Stop the code of tasks that were swept or deleted, here or by another process."""
        for attempt in list(self._attempts.values()):
            try:
                await self._store.get(attempt.scope, attempt.record.id)
            except TaskNotFound:
                attempt.stop(Stop.LOST)

    # One attempt

    def _start(self, lease: Lease) -> None:
        self._owner = lease.record.scope.owner
        kind = self._kinds[lease.record.kind]
        attempt = Attempt(self._store, kind, lease, self._slots, self._has_room, self._options.patience)
        key = (lease.record.id, lease.fence)
        self._attempts[key] = attempt
        attempt.task = asyncio.create_task(self._run(attempt), name=f"task {lease.record.id}")
        attempt.task.add_done_callback(lambda _: self._forget(key, attempt))

    def _forget(self, key: tuple[str, int], attempt: Attempt) -> None:
        del self._attempts[key]
        attempt.stop_clock()
        if attempt.holds_slot:
            self._slots.release()

    def _has_room(self, delta: int) -> bool:
        self._parked += delta
        return self._parked <= self._options.parked

    async def _run(self, attempt: Attempt) -> None:
        """Never raises: every end of an attempt is written to the store or belongs to somebody else."""
        try:
            await self._work(attempt)
        except _GONE as failure:
            _log.info("%s", failure)
        except asyncio.CancelledError:
            if attempt.stop_reason is None:
                raise
            if attempt.task is not None:
                attempt.task.uncancel()
            with suppress(*_GONE):
                await self._stopped(attempt, attempt.stop_reason)
        except Exception as failure:
            with suppress(*_GONE):
                await self._failed(attempt, failure)

    async def _work(self, attempt: Attempt) -> None:
        record = attempt.record
        if record.cancel_requested:
            await attempt.finish(_canceled())
            return
        if record.interruptions > attempt.kind.retry.interruptions:
            await attempt.finish(_interrupted(record.interruptions))
            return
        if record.status is Status.SUBMITTED and attempt.kind.announces_start:
            await attempt.finish(Change(status=Status.WORKING))
        attempt.start_clock()
        try:
            result = await attempt.kind.run(attempt)
        finally:
            attempt.stop_clock()
        if not attempt.record.is_terminal:
            await attempt.finish(_completed(result))

    async def _stopped(self, attempt: Attempt, reason: Stop) -> None:
        """The function was cancelled by us: write what that means."""
        record = attempt.record
        if reason is Stop.CANCELED:
            await attempt.finish(_canceled())
        elif reason is Stop.TIME_LIMIT:
            await attempt.finish(_too_long(attempt.kind.time_limit or 0.0))
        elif reason in (Stop.PARKED, Stop.STOPPING):
            resumes = attempt.kind.retry.interruptions > 0 or bool(record.pending)
            if resumes:
                await attempt.give_back(parked=True)
            else:
                await attempt.finish(_interrupted(1))

    async def _failed(self, attempt: Attempt, failure: Exception) -> None:
        """The function raised: try again by its kind's policy, or end."""
        record, retry = attempt.record, attempt.kind.retry
        if isinstance(failure, StoreUnavailable):
            _log.warning("attempt %d of task %s lost the store: %s", attempt.fence, record.id, failure)
        else:
            _log.error("attempt %d of task %s failed", attempt.fence, record.id, exc_info=failure)
        if record.is_terminal:
            return
        if record.failures + 1 < retry.failures or isinstance(failure, StoreUnavailable):
            delay = min(retry.delay * 2**record.failures, retry.longest)
            await attempt.give_back(delay=delay, failed=not isinstance(failure, StoreUnavailable))
            return
        try:
            change = attempt.kind.explain(record, failure)
        except Exception:
            _log.exception("kind %s cannot explain a failure of task %s", attempt.kind.name, record.id)
            change = unexplained(record, failure)
        await attempt.finish(change)


def _completed(result: JSONValue) -> Change:
    return Change(status=Status.COMPLETED, result=result)


def _canceled() -> Change:
    return Change(status=Status.CANCELED, reason="canceled")


def _interrupted(times: int) -> Change:
    message = f"The process that ran the task went away ({times} times); this kind of task is not started again."
    error = {"reason": INTERRUPTED_REASON, "message": message}
    return Change(status=Status.FAILED, reason=INTERRUPTED_REASON, error=error, status_message=message)


def _too_long(limit: float) -> Change:
    message = f"The task ran longer than its limit of {limit:g} seconds."
    error = {"reason": "time_limit", "message": message}
    return Change(status=Status.FAILED, reason="time_limit", error=error, status_message=message)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel and wait; each ends by its own cancellation."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
