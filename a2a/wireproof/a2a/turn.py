"""A turn: one call of a skill, as its author sees it. Spec: A2A 1.0 sections 3.1 and 4.1."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from wireproof.a2a.parts import Content, File, data_of, part_of, parts_of, text_of
from wireproof.schemas.caller import ANONYMOUS, Principal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """Made by `turn.status`: the task works on, and this is what it says."""

    parts: list[JSONObject] = field(default_factory=list[JSONObject])
    metadata: JSONObject = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ArtifactUpdate:
    """Made by `turn.artifact`: a result, or more of one."""

    parts: list[JSONObject]
    artifact_id: str = ""
    name: str = ""
    description: str = ""
    append: bool = False
    last: bool = True
    metadata: JSONObject = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Ended:
    """Made by `turn.fail` and `turn.reject`: the task ends in this state."""

    rejected: bool
    parts: list[JSONObject]


Update = StatusUpdate | ArtifactUpdate | Ended


class TaskEndedBySkill(Exception):
    """Raised out of a skill that is not a generator and ends its task by `turn.fail` or `turn.reject`."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(text_of(ended.parts))
        self.ended = ended


class Reply(str):  # noqa: SLOT000  it carries its message
    """What the caller answered to `turn.ask`: its text, with the whole message beside it."""

    message: JSONObject

    @classmethod
    def of(cls, message: JSONObject) -> Reply:
        """The reply in a message."""
        reply = cls(text_of(message.get("parts", ())))
        reply.message = message
        return reply

    @property
    def data(self) -> JSONValue:
        """The first data part; None when there is none."""
        return data_of(self.message.get("parts", ()))


class Work(Protocol):
    """What a turn does through the engine; absent for skills that answer with a message."""

    @property
    def attempt(self) -> int:
        """1, or more after a crash."""
        ...

    @property
    def task(self) -> JSONObject:
        """The Task document as it is now."""
        ...

    async def emit(self, update: Update) -> None:
        """Write an update."""
        ...

    async def ask(self, key: str | None, parts: list[JSONObject], *, authorization: bool) -> JSONObject:
        """Ask the caller; gives the message that answers."""
        ...

    async def step(self, name: str, run: Callable[[str], Awaitable[T]]) -> T:
        """Run once over all attempts."""
        ...


class Turn:
    """One message to a skill, and the task that it is about."""

    def __init__(
        self,
        message: JSONObject,
        *,
        principal: Principal = ANONYMOUS,
        metadata: Mapping[str, JSONValue] | None = None,
        extensions: frozenset[str] = frozenset(),
        work: Work | None = None,
    ) -> None:
        self.message: Final = message
        self.principal: Final = principal
        self.metadata: Final[Mapping[str, JSONValue]] = metadata or {}
        self.extensions: Final = extensions
        self._work: Final = work

    # -- what came ----------------------------------------------------------------------------------------------

    @property
    def parts(self) -> list[JSONObject]:
        """The parts of the message, as they came."""
        parts: list[JSONObject] = self.message["parts"]
        return parts

    @property
    def text(self) -> str:
        """The texts of the message, one a line."""
        return text_of(self.parts)

    @property
    def data(self) -> JSONValue:
        """The first data part; None when there is none."""
        return data_of(self.parts)

    @property
    def task_id(self) -> str:
        """The task's id; "" for a skill that answers with a message."""
        return "" if self._work is None else str(self._work.task["id"])

    @property
    def context_id(self) -> str:
        """The conversation that this belongs to."""
        return str(self.message.get("contextId", ""))

    @property
    def history(self) -> list[JSONObject]:
        """The messages of the task so far, oldest first."""
        return [] if self._work is None else list(self._work.task.get("history", ()))

    @property
    def attempt(self) -> int:
        """1 for the first start; higher when the skill is run again after a crash."""
        return 1 if self._work is None else self._work.attempt

    # -- what to say: made here, told by `yield` or `await turn.emit(...)` -----------------------------------------

    def status(self, text: str | None = None, *, data: Content = None, metadata: JSONObject | None = None) -> Update:
        """Progress: the task works on and says this."""
        parts = [] if text is None and data is None else parts_of(text=text, data=data)
        return StatusUpdate(parts, metadata or {})

    def artifact(
        self,
        value: Content = None,
        *,
        text: str | None = None,
        data: Content = None,
        file: File | None = None,
        id: str = "",  # noqa: A002  the protocol's own word
        name: str = "",
        description: str = "",
        append: bool = False,
        last: bool = True,
    ) -> Update:
        """A result, or with `append` more of the one that has the same `id`; `last` says that it is whole."""
        parts = [part_of(value)] if value is not None else parts_of(text=text, data=data, file=file)
        return ArtifactUpdate(parts, id, name, description, append, last)

    def fail(self, text: str, *, data: Content = None) -> Ended:
        """The end of a task that went wrong in a way that the caller should read."""
        return Ended(False, parts_of(text=text, data=data))

    def reject(self, text: str, *, data: Content = None) -> Ended:
        """The end of a task that this agent will not do."""
        return Ended(True, parts_of(text=text, data=data))

    # -- what to do ---------------------------------------------------------------------------------------------

    async def emit(self, update: Update) -> None:
        """Tell an update now; generators may `yield` it instead."""
        if isinstance(update, Ended):
            raise TaskEndedBySkill(update)
        await self._engine("emit").emit(update)

    async def ask(self, question: Content, *more: Content, key: str | None = None) -> Reply:
        """Ask the caller and wait for its next message, without holding a worker. Each argument is a part of it.

        After a restart the skill runs again and finds the answers that were given. `key` names the question where
        several may be open at once; by default they are numbered in order.
        """
        parts = [part_of(each) for each in (question, *more)]
        return Reply.of(await self._engine("ask").ask(key, parts, authorization=False))

    async def authorize(self, request: Content, *, key: str | None = None) -> Reply:
        """Ask the caller to authorise something elsewhere; the task waits in `AUTH_REQUIRED`."""
        return Reply.of(await self._engine("authorize").ask(key, [part_of(request)], authorization=True))

    async def step(self, name: str, run: Callable[[str], Awaitable[T]]) -> T:
        """Run once and record the JSON result; a later attempt gets the record. `run` gets an idempotency key."""
        return await self._engine("step").step(name, run)

    def _engine(self, verb: str) -> Work:
        if self._work is None:
            raise TypeError(f"turn.{verb} needs a task: register the skill with @agent.skill(task=True)")
        return self._work
