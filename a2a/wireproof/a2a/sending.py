"""SendMessage and SendStreamingMessage: a first message makes a task or is answered, a later one goes to its task.

Spec: A2A 1.0 sections 3.1.1, 3.1.2, 3.4 (contexts and multi-turn).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Final

from pydantic_core import to_json

from wireproof.a2a import documents
from wireproof.a2a.caller import Caller
from wireproof.a2a.card import Identity
from wireproof.a2a.errors import A2AError, Kind, invalid
from wireproof.a2a.parts import accepts, media_types, part_of
from wireproof.a2a.push_configs import PushConfigs
from wireproof.a2a.skill import Skill
from wireproof.a2a.tasks import find, follow, history_length
from wireproof.a2a.turn import Ended, TaskEndedBySkill, Turn
from wireproof.a2a.work import INTERNAL, change, kind_name, principal_as_json
from wireproof.schemas.a2a.reading import seconds_of
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object
from wireproof.tasks.errors import TaskEnded, TaskNotFound, VersionConflict
from wireproof.tasks.hints import Watch
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import Change, NewTask, Status, TaskRecord, evolve, new_task_id

log = logging.getLogger("wireproof.a2a")

_RETRIES: Final = 50
_BACKSTOP_S: Final = 2.0
"""Seconds after which a task is read again, should a hint have been lost."""


class Sending:
    """What a message does."""

    def __init__(
        self,
        store: Store,
        skills: Mapping[str, Skill],
        select: Callable[[JSONObject], str],
        identity: Identity,
        configs: PushConfigs,
    ) -> None:
        self._store: Final = store
        self._skills: Final = skills
        self._select: Final = select
        self._identity: Final = identity
        self._configs: Final = configs

    async def send(self, request: JSONObject, caller: Caller) -> JSONValue:
        """SendMessage: the task when it has ended or asks, or at once with `returnImmediately`; or a message."""
        configuration: JSONObject = request.get("configuration", {})
        length = history_length(configuration)
        task_id: str = request["message"].get("taskId") or new_task_id()
        with self._store.watch_task(task_id) as watch:
            record = await self._begun(request, caller, task_id)
            if not isinstance(record, TaskRecord):
                return {"message": record}
            if not configuration.get("returnImmediately", False):
                record = await self._settled(caller, record, watch if record.id == task_id else None)
        return {"task": documents.shown(record.snapshot["task"], history_length=length)}

    async def stream(self, request: JSONObject, caller: Caller) -> AsyncGenerator[JSONObject, None]:
        """SendStreamingMessage: a task and its events to its end or its first question; or one message."""
        length = history_length(request.get("configuration", {}))
        record = await self._begun(request, caller, new_task_id())
        if isinstance(record, TaskRecord):
            return follow(self._store, caller, record, until_asked=True, length=length)
        return _only({"message": record})

    async def _begun(self, request: JSONObject, caller: Caller, task_id: str) -> TaskRecord | JSONObject:
        """The task that the message goes to, a new one under this id, or the message that answers."""
        message: JSONObject = request["message"]
        if message["role"] != "ROLE_USER":
            raise invalid("message.role", "must be ROLE_USER: agents answer, callers ask")
        if message.get("taskId"):
            return await self._continued(request, caller, message)
        skill = self._skill_of(request)
        self._check_modes(skill, request)
        context_id: str = message.get("contextId") or documents.new_id()
        if skill.makes_task:
            return await self._created(skill, request, caller, context_id, task_id)
        return await self._answered(skill, request, caller, context_id)

    def _skill_of(self, request: JSONObject) -> Skill:
        for holder in (request, request["message"]):
            metadata: JSONValue = holder.get("metadata")
            wanted: JSONValue = metadata.get("skillId") if is_object(metadata) else None
            if wanted is not None:
                skill = self._skills.get(wanted) if isinstance(wanted, str) else None
                if skill is None:
                    raise invalid("metadata.skillId", f"names no skill; there is {', '.join(self._skills)}")
                return skill
        chosen = self._select(request["message"])
        if chosen not in self._skills:
            log.error("the agent's select= chose %r, which is no skill", chosen)
            raise A2AError(Kind.INTERNAL, INTERNAL)
        return self._skills[chosen]

    def _check_modes(self, skill: Skill, request: JSONObject) -> None:
        """Refuse media types that the skill does not take, or an answer that the caller does not."""
        taken = skill.input_modes or self._identity.input_modes
        for media_type in media_types(request["message"]["parts"]):
            if not accepts(taken, media_type):
                raise A2AError(
                    Kind.CONTENT_TYPE_NOT_SUPPORTED,
                    f"The skill {skill.id} does not take {media_type[:80]}",
                    metadata={"mediaType": media_type[:80], "supported": ", ".join(taken)},
                )
        wanted: JSONValue = request.get("configuration", {}).get("acceptedOutputModes")
        given = skill.output_modes or self._identity.output_modes
        if is_array(wanted) and wanted and not _overlap(wanted, given):
            raise A2AError(Kind.CONTENT_TYPE_NOT_SUPPORTED, metadata={"supported": ", ".join(given)})

    # -- a message for an answer ---------------------------------------------------------------------------------

    async def _answered(self, skill: Skill, request: JSONObject, caller: Caller, context_id: str) -> JSONObject:
        message = {**request["message"], "contextId": context_id}
        turn = Turn(message, principal=caller.principal, metadata=request.get("metadata"), extensions=caller.extensions)
        try:
            value = await skill.call(turn)
        except A2AError:
            raise
        except TaskEndedBySkill as told:
            value = told.ended
        except Exception:
            log.exception("the skill %s failed", skill.id)
            raise A2AError(Kind.INTERNAL, INTERNAL) from None
        if isinstance(value, Ended):
            return documents.agent_message(value.parts, context_id=context_id)
        return documents.agent_message([part_of("" if value is None else value)], context_id=context_id)

    # -- a message for a task ------------------------------------------------------------------------------------

    async def _created(
        self, skill: Skill, request: JSONObject, caller: Caller, context_id: str, task_id: str
    ) -> TaskRecord:
        message: JSONObject = request["message"]
        push = self._configs.first(request.get("configuration", {}), caller, task_id)
        task = documents.new_task(task_id, context_id, message)
        new = NewTask(
            id=task_id,
            kind=kind_name(skill.id),
            name=skill.id,
            context_id=context_id,
            status_at=seconds_of(task["status"]["timestamp"]),
            input={
                "message": {**message, "contextId": context_id, "taskId": task_id},
                "metadata": request.get("metadata", {}),
                "principal": principal_as_json(caller.principal),
                "extensions": sorted(caller.extensions),
            },
            snapshot={"task": task, "told": 0, "push": push},
            event={"task": task},
            # the same message again is a retry; another one under the same id is another message
            idempotency_key=f"message {hashlib.sha256(to_json(request)).hexdigest()}",
        )
        outcome = await self._store.create(caller.scope, new)
        if push and outcome.fresh:
            await self._configs.keep(caller, task_id, push)
        return outcome.record

    async def _continued(self, request: JSONObject, caller: Caller, message: JSONObject) -> TaskRecord:
        task_id: str = message["taskId"]
        push = self._configs.first(request.get("configuration", {}), caller, task_id)
        for _ in range(_RETRIES):
            record = await find(self._store, caller, task_id)
            if message.get("contextId", record.context_id) != record.context_id:
                raise invalid("message.contextId", "is not the context of the task")
            if record.is_terminal:
                state = documents.STATES[record.status]
                raise A2AError(
                    Kind.UNSUPPORTED_OPERATION,
                    "The task has ended: start a new one in the same context, with referenceTaskIds",
                    metadata={"taskId": task_id, "state": state},
                )
            if self._is_repeated(record, message):
                return record
            if push:
                await self._configs.keep(caller, task_id, push)
            try:
                made = _taken(record, message, push)
                outcome = await self._store.commit(caller.scope, task_id, made, expected_version=record.version)
            except (VersionConflict, TaskEnded, TaskNotFound):
                continue  # look again: it may have ended, or be gone
            return outcome.record
        raise A2AError(Kind.UNAVAILABLE, "The task changes too fast to take a message now; try again")

    def _is_repeated(self, record: TaskRecord, message: JSONObject) -> bool:
        """Whether the very message was taken before (a retry after a lost answer)."""
        bound = {**message, "taskId": record.id, "contextId": record.context_id}
        return any(
            known["messageId"] == message["messageId"] and known == bound
            for known in record.snapshot["task"].get("history", ())
        )

    async def _settled(self, caller: Caller, record: TaskRecord, watch: Watch | None) -> TaskRecord:
        """The task when it has ended or waits for its caller. `watch` stood before the record was read."""
        if watch is None:
            with self._store.watch_task(record.id) as late:
                return await self._settled(caller, await find(self._store, caller, record.id), late)
        while not (record.status.is_interrupted or record.is_terminal):
            await watch.wait(_BACKSTOP_S)
            record = watch.ended or await find(self._store, caller, record.id)
        return record


def _taken(record: TaskRecord, message: JSONObject, push: JSONObject) -> Change:
    """The change that a message makes: it answers what is asked, and the task works on."""
    before: JSONObject = record.snapshot
    if push:
        record = evolve(record, snapshot={**before, "push": {**before.get("push", {}), **push}})
    if not record.pending:
        return change(record, documents.with_message(before["task"], message), status=None)
    # the question goes into the history before its answer
    task = documents.with_status(before["task"], documents.status_of(Status.WORKING))
    task = documents.with_message(task, message)
    answers = dict.fromkeys(record.pending, task["history"][-1])
    return evolve(change(record, task, documents.status_update(task), status=None), answers=answers)


def _overlap(wanted: list[JSONValue], given: Sequence[str]) -> bool:
    """Whether one side takes something that the other gives; either may name families such as `image/*`."""
    modes = [mode for mode in wanted if isinstance(mode, str)]
    return any(accepts(modes, mode) for mode in given) or any(accepts(given, mode) for mode in modes)


async def _only(event: JSONObject) -> AsyncGenerator[JSONObject, None]:
    yield event
