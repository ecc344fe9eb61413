"""A skill as durable work: what its updates write, how the engine's own changes are shown, how it ends.

A record's snapshot holds `{"task": Task, "told": n, "push": {...}}`. `told` counts the updates that were written, so
that a skill which runs again after a crash tells none of them twice. Every event is a StreamResponse.
Spec: A2A 1.0 sections 3.1.2, 4.1, 4.2; the state table is the engine's.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from wireproof.a2a import documents
from wireproof.a2a.errors import A2AError
from wireproof.a2a.parts import part_of
from wireproof.a2a.turn import ArtifactUpdate, Ended, StatusUpdate, TaskEndedBySkill, Turn, Update
from wireproof.schemas.a2a.reading import seconds_of
from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.tasks.kinds import Kind, TaskContext
from wireproof.tasks.records import UNCHANGED, Change, Outgoing, Status, TaskRecord, evolve
from wireproof.transports.first_step import Rest, abandon

if TYPE_CHECKING:
    from wireproof.a2a.skill import Skill

log = logging.getLogger("wireproof.a2a")
T = TypeVar("T")

PUSH_CHANNEL: Final = "a2a.push"
_AT_ONCE: Final = 64
"""Updates in one commit."""
INTERNAL: Final = "The agent failed with an internal error."


def kind_name(skill_id: str) -> str:
    """The kind under which workers claim tasks of a skill."""
    return f"a2a.skill.{skill_id}"


def kind_of(skill: Skill) -> Kind:
    """The durable work of a skill."""

    async def run(context: TaskContext) -> JSONValue:
        return await run_skill(skill, context)

    return Kind(
        name=kind_name(skill.id),
        run=run,
        present=present,
        explain=explain,
        retry=skill.retry,
        time_limit=skill.time_limit,
        announces_start=False,
    )


async def run_skill(skill: Skill, context: TaskContext) -> JSONValue:
    """Run one attempt of a skill to its end."""
    work = SkillWork(context)
    given = context.record.input
    turn = Turn(
        given["message"],
        principal=read_principal(given["principal"]),
        metadata=given.get("metadata"),
        extensions=frozenset(given.get("extensions", ())),
        work=work,
    )
    try:
        if skill.is_generator:
            await work.end(await work.follow(skill, turn))
        else:
            await work.end(await work.first_then_rest(skill.call(turn)))
    except TaskEndedBySkill as told:
        await work.end(told.ended)
    except A2AError as error:
        await work.end(Ended(True, [{"text": error.message}]))
    return None


def principal_as_json(principal: Principal) -> JSONObject:
    """A principal as a record keeps it; its claims stay behind, for they may be secrets."""
    return {
        "subject": principal.subject,
        "issuer": principal.issuer,
        "tenant": principal.tenant,
        "client_id": principal.client_id,
        "scopes": sorted(principal.scopes),
    }


def read_principal(kept: JSONObject) -> Principal:
    """The principal that a record keeps."""
    scopes = frozenset[str](kept["scopes"])
    return Principal(kept["subject"], kept["issuer"], kept["tenant"], scopes, kept["client_id"])


class SkillWork:
    """The `Work` of one attempt. Updates that come without a pause between them are written in one commit."""

    def __init__(self, context: TaskContext) -> None:
        self._context: Final = context
        self._told_before: Final[int] = context.record.snapshot["told"]
        self._starting = context.record.status is Status.SUBMITTED
        self._batch: list[StatusUpdate | ArtifactUpdate] = []
        self._made = 0
        self._asked = 0
        self._artifacts = 0

    @property
    def attempt(self) -> int:
        """The attempt of the engine."""
        return self._context.attempt

    @property
    def task(self) -> JSONObject:
        """The document as it is now."""
        task: JSONObject = self._context.record.snapshot["task"]
        return task

    async def follow(self, skill: Skill, turn: Turn) -> Any:
        """Tell what a generator yields; gives what it ended with, if anything."""
        async with aclosing(skill.updates(turn)) as updates:
            while True:
                try:
                    update = await self.first_then_rest(anext(updates))
                except StopAsyncIteration:
                    return None
                if isinstance(update, Ended):
                    return update
                if not isinstance(update, (StatusUpdate, ArtifactUpdate)):
                    is_text = isinstance(update, str)
                    parts = [part_of(update)]
                    update = StatusUpdate(parts) if is_text else ArtifactUpdate(parts)
                self._note(update)
                if len(self._batch) >= _AT_ONCE:
                    await self._flush()

    async def first_then_rest(self, work: Coroutine[Any, Any, T]) -> T:
        """Run author's code; when it pauses, what it said before is written first."""
        rest = Rest(work)
        if rest.done:
            return cast("T", rest.result)
        try:
            await self._flush()
        except BaseException:
            await abandon(rest)
            raise
        return await rest

    async def emit(self, update: Update) -> None:
        """Write one update, unless an earlier attempt wrote it."""
        if not isinstance(update, Ended):
            self._note(update)
        await self._flush()

    async def ask(self, key: str | None, parts: list[JSONObject], *, authorization: bool) -> JSONObject:
        """Ask; gives the message that answers."""
        await self._flush()
        self._asked += 1
        status = Status.AUTH_REQUIRED if authorization else Status.INPUT_REQUIRED
        answer: JSONObject = await self._context.ask(key or f"question-{self._asked}", {"parts": parts}, status=status)
        return answer

    async def step(self, name: str, run: Callable[[str], Awaitable[T]]) -> T:
        """Run once over all attempts."""
        await self._flush()
        return await self._context.step(name, run)

    async def end(self, value: Any) -> None:
        """Write what is left, the last artifact and the terminal state in one commit."""
        status, parts = Status.COMPLETED, list[JSONObject]()
        if isinstance(value, Ended):
            status, parts = Status.REJECTED if value.rejected else Status.FAILED, value.parts
        elif value is not None:
            self._note(value if isinstance(value, ArtifactUpdate) else ArtifactUpdate([part_of(value)]))
        starting, batch = self._taken()
        await self._context.revise(lambda record: _ended(record, status, parts, starting, batch))

    def _note(self, update: StatusUpdate | ArtifactUpdate) -> None:
        self._made += 1
        if isinstance(update, ArtifactUpdate) and not update.artifact_id:
            self._artifacts += 1  # the same id in every attempt
            update = replace(update, artifact_id=f"artifact-{self._artifacts}")
        if self._made > self._told_before:
            self._batch.append(update)

    def _taken(self) -> tuple[bool, list[StatusUpdate | ArtifactUpdate]]:
        taken = self._starting, self._batch
        self._starting, self._batch = False, []
        return taken

    async def _flush(self) -> None:
        if self._starting or self._batch:
            starting, batch = self._taken()
            await self._context.revise(lambda record: _told(record, starting, batch))


def _told(record: TaskRecord, starting: bool, batch: Sequence[StatusUpdate | ArtifactUpdate]) -> Change:
    # a question of another branch stays open, and an artifact alone is no new status
    working = record.status if record.pending else Status.WORKING
    task, events = _applied(record.snapshot["task"], starting, batch, working)
    is_new = not record.pending and task["status"] is not record.snapshot["task"]["status"]
    return change(record, task, *events, status=working if is_new else None, told=len(batch))


def _ended(
    record: TaskRecord,
    status: Status,
    parts: list[JSONObject],
    starting: bool,
    batch: Sequence[StatusUpdate | ArtifactUpdate],
) -> Change:
    task, events = _applied(record.snapshot["task"], starting, batch)
    message = documents.agent_message(parts, task=task) if parts else None
    task = documents.with_status(task, documents.status_of(status, message))
    return change(record, task, *events, documents.status_update(task), status=status, told=len(batch))


def _applied(
    task: JSONObject,
    starting: bool,
    batch: Sequence[StatusUpdate | ArtifactUpdate],
    working: Status = Status.WORKING,
) -> tuple[JSONObject, list[JSONObject]]:
    """The document after some updates, and their events; a task that starts says so before anything else."""
    events: list[JSONObject] = []
    if starting:
        task = documents.with_status(task, documents.status_of(Status.WORKING))
        events.append(documents.status_update(task))
    for update in batch:
        if isinstance(update, ArtifactUpdate):
            task, event = _with_artifact(task, update)
        else:
            message = documents.agent_message(update.parts, task=task) if update.parts else None
            task = documents.with_status(task, documents.status_of(working, message))
            event = documents.status_update(task, update.metadata)
        events.append(event)
    return task, events


def _with_artifact(task: JSONObject, update: ArtifactUpdate) -> tuple[JSONObject, JSONObject]:
    artifact: JSONObject = {"artifactId": update.artifact_id, "parts": update.parts}
    if update.name:
        artifact["name"] = update.name
    if update.description:
        artifact["description"] = update.description
    if update.metadata:
        artifact["metadata"] = update.metadata
    changed = documents.with_artifact(task, artifact, append=update.append)
    return changed, documents.artifact_update(changed, artifact, append=update.append, last=update.last)


def change(record: TaskRecord, task: JSONObject, *events: JSONObject, status: Status | None, told: int = 0) -> Change:
    """A change to a document with its events, and the deliveries that are due for them."""
    snapshot = {**record.snapshot, "task": task, "told": record.snapshot["told"] + told}
    outbox = [delivery for event in events for delivery in deliveries(record.snapshot, task, event)]
    at = seconds_of(task["status"]["timestamp"])
    return Change(status=status, status_at=at, snapshot=snapshot, events=events, outbox=outbox)


def deliveries(snapshot: Mapping[str, Any], task: JSONObject, event: JSONObject) -> list[Outgoing]:
    """One delivery of an event to each webhook of the task."""
    return [
        Outgoing(
            channel=PUSH_CHANNEL,
            key=config_id,
            # 0.3 pushes the whole task
            payload={"config": config, "event": event, **({"document": task} if config["version"] == "0.3" else {})},
        )
        for config_id, config in snapshot.get("push", {}).items()
    ]


def present(record: TaskRecord, made: Change) -> Change:
    """Show a change that the engine makes of its own: started, asked, ended."""
    if made.status is None or not is_object(record.snapshot):
        return made
    before: JSONObject = record.snapshot["task"]
    message = _message_of(before, made)
    task = documents.with_status(before, documents.status_of(made.status, message))
    shown = change(record, task, documents.status_update(task), status=made.status)
    return evolve(made, status_at=shown.status_at, snapshot=shown.snapshot, events=shown.events, outbox=shown.outbox)


def _message_of(task: JSONObject, made: Change) -> JSONObject | None:
    """What the agent says to a change: its question, or why it ended."""
    for request in made.asks.values():
        return documents.agent_message(request["parts"], task=task)
    text = made.status_message
    if text is None and made.error is not UNCHANGED and is_object(made.error):
        text = str(made.error.get("message", ""))
    return documents.agent_message([{"text": text}], task=task) if text else None


def explain(record: TaskRecord, failure: BaseException) -> Change:
    """The end of a task whose skill raised; what it raised stays in the log."""
    if isinstance(failure, KeyError) and "artifacts" in record.snapshot["task"]:
        log.error("a skill appended to an artifact that it never began: %s", failure)
    return Change(status=Status.FAILED, reason="error", error={"message": INTERNAL}, status_message=INTERNAL)
