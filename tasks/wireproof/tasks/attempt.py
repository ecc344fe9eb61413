"""One attempt at a task: what the running function is given, and the ways it can be stopped.

Every write carries the lease's fencing token. Knows no protocol; knows nothing of claiming.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeVar, cast

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.errors import AskSuperseded, KeyReused, StoreUnavailable, VersionConflict
from wireproof.tasks.kinds import Kind
from wireproof.tasks.life import digest
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import UNCHANGED, Change, Lease, Outgoing, Scope, Status, TaskRecord, evolve

T = TypeVar("T")

_log: Final = logging.getLogger("wireproof.tasks")
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


class Stop(StrEnum):
    """Why a running function was cancelled."""

    CANCELED = "canceled"
    ENDED = "ended"
    """Somebody else ended the task."""
    LOST = "lost"
    """The lease is another's now."""
    PARKED = "parked"
    """Too many wait in memory; it will be run again when its answers are there."""
    STOPPING = "stopping"
    TIME_LIMIT = "time_limit"


class Attempt:
    """Implements `TaskContext` for one lease. The runner owns it and the asyncio task that runs it."""

    def __init__(
        self,
        store: Store,
        kind: Kind,
        lease: Lease,
        slots: asyncio.Semaphore,
        room: Callable[[int], bool],
        patience: float,
    ) -> None:
        self.kind = kind
        self.fence = lease.fence
        self.stop_reason: Stop | None = None
        self.task: asyncio.Task[None] | None = None
        self.parked = False
        self.holds_slot = True
        self._store = store
        self._record = lease.record
        self._slots = slots
        self._room = room
        self._patience = patience
        self._lock = asyncio.Lock()
        self._unparking = asyncio.Lock()
        self._noticed = asyncio.Event()
        self._steps: Mapping[str, JSONValue] | None = {} if lease.fence == 1 else None
        self._time_left = kind.time_limit
        self._limit: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._waiting = 0
        self._awake: set[asyncio.Task[object]] = set()

    @property
    def record(self) -> TaskRecord:
        """See `TaskContext.record`."""
        return self._record

    @property
    def scope(self) -> Scope:
        """See `TaskContext.scope`."""
        return self._record.scope

    @property
    def attempt(self) -> int:
        """See `TaskContext.attempt`."""
        return self.fence

    # How it is stopped and woken, by the runner

    def stop(self, reason: Stop) -> None:
        """Cancel the function once; the first reason stands."""
        if self.stop_reason is None and self.task is not None:
            self.stop_reason = reason
            self.task.cancel()

    def notice(self, record: TaskRecord) -> None:
        """Take in what somebody else changed."""
        if record.attempt != self.fence:
            self.stop(Stop.LOST)
        elif record.is_terminal:
            self.stop(Stop.ENDED)
        elif record.cancel_requested:
            self._record = record if record.version >= self._record.version else self._record
            self.stop(Stop.CANCELED)
        else:
            self._record = record if record.version >= self._record.version else self._record
            self._noticed.set()

    def start_clock(self) -> None:
        """Let the time limit run."""
        if self._time_left is not None:
            loop = asyncio.get_running_loop()
            self._since = loop.time()
            self._limit = loop.call_later(max(0.0, self._time_left), self.stop, Stop.TIME_LIMIT)

    def stop_clock(self) -> None:
        """Hold the time limit."""
        if self._limit is not None and self._time_left is not None:
            self._limit.cancel()
            self._limit = None
            self._time_left -= asyncio.get_running_loop().time() - self._since

    # TaskContext

    async def emit(
        self,
        *events: JSONValue,
        status: Status | None = None,
        message: str | None = None,
        snapshot: JSONValue = UNCHANGED,
        outbox: Sequence[Outgoing] = (),
    ) -> TaskRecord:
        """See `TaskContext.emit`."""

        def change(record: TaskRecord) -> Change:
            told = None if status is Status.WORKING and record.pending else status  # a question stays open
            return Change(status=told, status_message=message, snapshot=snapshot, events=events, outbox=outbox)

        return await self.revise(change)

    async def revise(self, change: Callable[[TaskRecord], Change]) -> TaskRecord:
        """See `TaskContext.revise`."""
        nonce = secrets.token_hex(8)
        async with self._lock:
            return await self._patiently(lambda: self._commit(change, nonce), self._patience)

    async def finish(self, change: Change) -> TaskRecord:
        """Make a change of the engine's own, shown as the kind presents it, however long the store is away."""
        nonce = secrets.token_hex(8)
        async with self._lock:
            return await self._patiently(lambda: self._commit(lambda record: self._shown(record, change), nonce), None)

    def _shown(self, record: TaskRecord, change: Change) -> Change:
        try:
            return self.kind.present(record, change)
        except Exception:
            _log.exception("kind %s cannot present a change of task %s; it is written bare", self.kind.name, record.id)
            return change

    async def give_back(self, *, delay: float = 0.0, failed: bool = False, parked: bool = False) -> None:
        """Release the lease, however long the store is away."""
        scope, task_id = self._record.scope, self._record.id
        await self._patiently(
            lambda: self._store.release(scope, task_id, self.fence, delay=delay, failed=failed, parked=parked), None
        )

    async def _commit(self, change: Callable[[TaskRecord], Change], nonce: str) -> TaskRecord:
        while True:
            before = self._record
            made = evolve(change(before), nonce=nonce)
            try:
                outcome = await self._store.commit(
                    before.scope, before.id, made, expected_version=before.version, fence=self.fence
                )
            except VersionConflict:
                self.notice(await self._store.get(before.scope, before.id))
            else:
                self._record = outcome.record
                return outcome.record

    async def _patiently(self, call: Callable[[], Awaitable[T]], patience: float | None) -> T:
        """Repeat a call while the store is away, at most `patience` seconds."""
        loop = asyncio.get_running_loop()
        deadline = None if patience is None else loop.time() + patience
        pause = _FIRST_PAUSE
        while True:
            try:
                return await call()
            except StoreUnavailable:
                if deadline is not None and loop.time() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def step(self, name: str, run: Callable[[str], Awaitable[T]]) -> T:
        """See `TaskContext.step`."""
        task_id = self._record.id
        if self._steps is None:
            self._steps = await self._patiently(lambda: self._store.steps(self.scope, task_id), self._patience)
        if name in self._steps:
            return cast("T", self._steps[name])
        value = await run(f"{task_id}/{name}")
        recorded = await self._patiently(
            lambda: self._store.record_step(self.scope, task_id, self.fence, name, value), self._patience
        )
        self._steps = {**self._steps, name: recorded}
        return cast("T", recorded)

    async def ask(self, key: str, request: JSONValue, *, status: Status = Status.INPUT_REQUIRED) -> JSONValue:
        """See `TaskContext.ask`."""
        return (await self.ask_all({key: request}, status=status))[key]

    async def ask_all(
        self, requests: Mapping[str, JSONValue], *, status: Status = Status.INPUT_REQUIRED
    ) -> dict[str, JSONValue]:
        """See `TaskContext.ask_all`."""
        for key, request in requests.items():
            known = self._record.asked.get(key)
            if known is not None and known != digest(request):
                raise KeyReused(self._record.id, key)
        if any(key not in self._record.asked for key in requests):
            await self._announce(Change(status=status, asks=requests))
        await self._answered(requests)
        return {key: self._record.answers[key] for key in requests}

    async def _announce(self, change: Change) -> None:
        await self.revise(lambda record: self.kind.present(record, change))

    async def _answered(self, keys: Mapping[str, JSONValue]) -> None:
        """Wait until all keys are answered, without a worker's slot and with the time limit held."""
        if not self._missing(keys):
            return
        self._park()
        try:
            while self._missing(keys):
                await self._noticed.wait()
                self._noticed.clear()
        finally:
            await self._unpark()
        self._noticed.set()  # another branch of the function may wait, too

    def _missing(self, keys: Mapping[str, JSONValue]) -> bool:
        lacking = [key for key in keys if key not in self._record.answers]
        for key in lacking:
            if key not in self._record.pending:
                raise AskSuperseded(self._record.id, key)
        return bool(lacking)

    def _park(self) -> None:
        self._waiting += 1
        branch = asyncio.current_task()
        if branch is not None:
            self._awake.discard(branch)
        self._leave()

    def _leave(self) -> None:
        """Give the slot up when something waits and no answered branch is at work."""
        if not self._waiting or self._awake or self.parked or not self.holds_slot:
            return
        self.stop_clock()
        self.parked = True
        self.holds_slot = False
        self._slots.release()
        if not self._room(1):
            self.stop(Stop.PARKED)

    async def _unpark(self) -> None:
        async with self._unparking:
            self._waiting -= 1
            if not self.parked:
                self._follow_branch()
                return
            self.parked = False
            self._room(-1)
            if self.stop_reason is None:
                await self._slots.acquire()
                self.holds_slot = True
                self.start_clock()
            self._follow_branch()

    def _follow_branch(self) -> None:
        """A branch of the function that ends while others still wait gives the slot back."""
        branch = asyncio.current_task()
        if branch is not None and branch is not self.task and branch not in self._awake:
            self._awake.add(branch)
            branch.add_done_callback(self._branch_ended)

    def _branch_ended(self, branch: asyncio.Task[object]) -> None:
        self._awake.discard(branch)
        if self.task is not None and not self.task.done():
            self._leave()
