"""What the layer above registers with a runner, and what its running function is given.

Knows neither protocol. A kind says how one family of work runs, is retried and is shown in its protocol's document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.records import UNCHANGED, Change, Outgoing, Scope, Status, TaskRecord

T = TypeVar("T")


class TaskContext(Protocol):
    """One attempt at a task, as its function sees it. Every write is fenced: a lost lease ends it with `LeaseLost`."""

    @property
    def record(self) -> TaskRecord:
        """The task as last read or written by this attempt."""
        ...

    @property
    def scope(self) -> Scope:
        """Whose task it is."""
        ...

    @property
    def attempt(self) -> int:
        """1 for the first start; higher when the function is run again after a crash or a failure."""
        ...

    async def emit(
        self,
        *events: JSONValue,
        status: Status | None = None,
        message: str | None = None,
        snapshot: JSONValue = UNCHANGED,
        outbox: Sequence[Outgoing] = (),
    ) -> TaskRecord:
        """Append events, with a new status or snapshot in the same transaction. Raises `TaskEnded`, `LeaseLost`."""
        ...

    async def revise(self, change: Callable[[TaskRecord], Change]) -> TaskRecord:
        """Commit what `change` makes of the newest record; called again when somebody else was faster."""
        ...

    async def ask(self, key: str, request: JSONValue, *, status: Status = Status.INPUT_REQUIRED) -> JSONValue:
        """Ask the caller and wait, without holding a worker, for the answer; a recorded answer returns at once.

        `key` is unique for the task's life and must be the same when the function is run again.
        """
        ...

    async def ask_all(
        self, requests: Mapping[str, JSONValue], *, status: Status = Status.INPUT_REQUIRED
    ) -> dict[str, JSONValue]:
        """Ask several things at once; returns when all are answered."""
        ...

    async def step(self, name: str, run: Callable[[str], Awaitable[T]]) -> T:
        """Run once and record the JSON result; when the function is run again the record is returned instead.

        `run` is given an idempotency key, the same in every attempt, to hand to the outside service: a crash between
        the effect and its record runs it again with that same key.
        """
        ...


Run = Callable[[TaskContext], Awaitable[JSONValue]]
"""The work. What it returns is the task's result, unless it ended the task itself."""

Present = Callable[[TaskRecord, Change], Change]
"""Adds the protocol's snapshot and events to a change that the engine makes (working, asked, ended, interrupted)."""

Explain = Callable[[TaskRecord, BaseException], Change]
"""The terminal change for an exception of the function, when no attempt is left."""


def unchanged(_record: TaskRecord, change: Change) -> Change:
    """The `Present` of work without a document."""
    return change


def unexplained(_record: TaskRecord, _failure: BaseException) -> Change:
    """The `Explain` that tells nothing of a stranger's exception but that it happened."""
    error = {"reason": "error", "message": "The task failed with an internal error."}
    return Change(status=Status.FAILED, reason="error", error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a task of a kind is started again.

    `failures` counts attempts that raised (1: never again). `interruptions` counts attempts whose process went away;
    0 means that such a task ends as failed with the reason `interrupted`. The delay doubles from `delay` seconds up
    to `longest`.
    """

    failures: int = 1
    interruptions: int = 3
    delay: float = 1.0
    longest: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One family of work. `time_limit` is in seconds of running, waiting for answers not counted; None has no limit.

    `announces_start` False: the function itself says when the task is working, in its first commit.
    """

    name: str
    run: Run
    present: Present = unchanged
    explain: Explain = unexplained
    retry: Retry = field(default_factory=Retry)
    time_limit: float | None = None
    announces_start: bool = True
