"""What the miniature agent does: tasks, streams, listings and webhooks' configurations, right or wrong in one way."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from wireproof.conformance.miniatures.faults import JSON
from wireproof.conformance.shapes import as_object, at

ERRORS: Final[dict[str, tuple[int, int, str]]] = {
    "TASK_NOT_FOUND": (-32001, 404, "NOT_FOUND"),
    "TASK_NOT_CANCELABLE": (-32002, 400, "FAILED_PRECONDITION"),
    "PUSH_NOTIFICATION_NOT_SUPPORTED": (-32003, 400, "FAILED_PRECONDITION"),
    "UNSUPPORTED_OPERATION": (-32004, 400, "FAILED_PRECONDITION"),
    "EXTENSION_SUPPORT_REQUIRED": (-32008, 400, "FAILED_PRECONDITION"),
    "VERSION_NOT_SUPPORTED": (-32009, 400, "FAILED_PRECONDITION"),
    "UNAUTHENTICATED": (-32600, 401, "UNAUTHENTICATED"),
    "PARSE": (-32700, 400, "INVALID_ARGUMENT"),
    "INVALID_REQUEST": (-32600, 400, "INVALID_ARGUMENT"),
    "METHOD_NOT_FOUND": (-32601, 404, "UNIMPLEMENTED"),
    "INVALID_PARAMS": (-32602, 400, "INVALID_ARGUMENT"),
    "INTERNAL": (-32603, 500, "INTERNAL"),
}
ENDED: Final = ("TASK_STATE_COMPLETED", "TASK_STATE_CANCELED")
WORK_S: Final = 0.4
"""How long the work of a task takes that nobody waits for."""


class Refusal(Exception):
    """An error of the protocol."""

    def __init__(self, reason: str) -> None:
        """One of `ERRORS`."""
        super().__init__(reason)
        self.reason = reason
        self.code, self.http, self.grpc = ERRORS[reason]


@dataclass
class Kept:
    """A task, its events and who waits for them."""

    document: JSON
    events: list[JSON] = field(default_factory=list[JSON])
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    configs: dict[str, JSON] = field(default_factory=dict[str, JSON])
    readers: int = 0

    @property
    def state(self) -> str:
        """Of the task."""
        return str(self.document["status"]["state"])

    def tell(self, event: JSON) -> None:
        """Add an event."""
        self.events.append(event)
        self.moved.set()
        self.moved = asyncio.Event()


class Work:
    """All tasks of one miniature."""

    def __init__(self, wrong: str) -> None:
        """Be wrong in this one way."""
        self.wrong = wrong
        self.tasks: dict[str, Kept] = {}
        self.numbers = itertools.count(1)
        self.running: set[asyncio.Task[None]] = set()
        self.dropped = False

    async def call(self, operation: str, params: JSON) -> JSON | AsyncGenerator[JSON, None]:
        """Do one operation; a generator for a stream. Raises `Refusal`."""
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).strip("_")
        run: Any = getattr(self, name)
        return await run(params)  # type: ignore[no-any-return]

    def is_(self, *names: str) -> bool:
        """True when one of these is the way to be wrong."""
        return self.wrong in names

    def _find(self, id_: Any, wrong: str) -> Kept:
        kept = self.tasks.get(str(id_))
        if kept is None:
            if not isinstance(id_, str):
                raise Refusal("INTERNAL" if self.is_("params-internal") else "INVALID_PARAMS")
            raise Refusal("INVALID_PARAMS" if self.is_(wrong) else "TASK_NOT_FOUND")
        return kept

    # -- sending ------------------------------------------------------------------------------------------------

    def _begin(self, params: JSON) -> Kept:
        message: JSON = params.get("message") or {}
        if not message.get("parts") and not self.is_("no-parts-taken"):
            raise Refusal("INVALID_PARAMS")
        if not message.get("messageId") and not self.is_("no-id-taken"):
            raise Refusal("INVALID_PARAMS")
        if "fieldOfTheFuture" in message and self.is_("unknown-refused"):
            raise Refusal("INVALID_PARAMS")
        given = message.get("taskId")
        if given and not (given not in self.tasks and self.is_("unknown-task-made")):
            return self._continued(message)
        number = next(self.numbers)
        id_ = "t-1" if self.is_("same-id") else f"t-{number}"
        context = f"c-{number}" if self.is_("new-context") else message.get("contextId") or f"c-{number}"
        asked = {**message, "taskId": id_, "contextId": context}
        asked.pop("fieldOfTheFuture", None)
        document: JSON = {"id": id_, "contextId": context, "status": self._status("TASK_STATE_SUBMITTED")}
        document["history"] = [asked, {**asked, "messageId": "a", "role": "ROLE_AGENT"}]
        if self.is_("no-context"):
            del document["contextId"]
        kept = self.tasks[id_] = Kept(document)
        return kept

    def _continued(self, message: JSON) -> Kept:
        kept = self._find(message["taskId"], "unknown-task-code")
        if message.get("contextId", kept.document["contextId"]) != kept.document["contextId"]:
            if not self.is_("mismatch-taken"):
                raise Refusal("INVALID_PARAMS")
        elif kept.state in ENDED and not self.is_("ended-taken"):
            raise Refusal("UNSUPPORTED_OPERATION")
        return kept

    def _status(self, state: str) -> JSON:
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self.is_("time-offset"):
            stamp = stamp.replace("Z", "+02:00")
        return {
            "state": state.removeprefix("TASK_STATE_").lower() if self.is_("enum-lower") else state,
            "timestamp": stamp,
        }

    def _ids(self, kept: Kept) -> JSON:
        other = "t-0" if self.is_("stream-other-task") else kept.document["id"]
        return {"taskId": other, "contextId": kept.document.get("contextId", "")}

    def _move(self, kept: Kept, state: str) -> None:
        kept.document["status"] = self._status(state)
        kept.tell({"statusUpdate": {**self._ids(kept), "status": kept.document["status"]}})

    def _do(self, kept: Kept) -> None:
        """The work: an artifact in two pieces."""
        self._move(kept, "TASK_STATE_WORKING")
        for index, text in enumerate(("hello ", "there")):
            artifact: JSON = {"artifactId": "a", "parts": [{"text": text}]}
            update = {**self._ids(kept), "artifact": artifact, "append": index > 0, "lastChunk": index > 0}
            if self.is_("artifact-no-parts"):
                del artifact["parts"]
            if not (index and self.is_("event-lost")):
                kept.tell({"artifactUpdate": update})
        kept.document["artifacts"] = [{"artifactId": "a", "parts": [{"text": "hello "}, {"text": "there"}]}]
        if not self.is_("never-ends"):
            self._move(kept, "TASK_STATE_COMPLETED")

    async def _later(self, kept: Kept) -> None:
        await asyncio.sleep(WORK_S)
        if kept.state not in ENDED:
            self._do(kept)

    async def send_message(self, params: JSON) -> JSON:
        """SendMessage."""
        kept = self._begin(params)
        if kept.state in ENDED:
            return {"task": self._shown(kept)}
        if as_object(params.get("configuration")).get("returnImmediately"):
            self._start(kept)
        elif self.is_("returns-working"):
            self._move(kept, "TASK_STATE_WORKING")
            self._start(kept)
        else:
            self._do(kept)
        said: JSON = {"task": self._shown(kept)}
        if self.is_("both-answers"):
            said["message"] = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "hi"}]}
        return said

    def _start(self, kept: Kept) -> None:
        task = asyncio.get_running_loop().create_task(self._later(kept))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    def _shown(self, kept: Kept) -> JSON:
        shown = {**kept.document}
        if self.is_("no-status"):
            del shown["status"]
        if self.is_("snake-names"):
            shown["context_id"] = shown.pop("contextId")
        return shown

    async def send_streaming_message(self, params: JSON) -> AsyncGenerator[JSON, None]:
        """SendStreamingMessage."""
        kept = self._begin(params)
        first: JSON = {"task": {**kept.document}}
        self._do(kept)
        return self._told(kept, first, 0)

    async def _told(self, kept: Kept, first: JSON, after: int) -> AsyncGenerator[JSON, None]:
        if not self.is_("status-first"):
            yield first
        kept.readers += 1
        try:
            while True:
                while after < len(kept.events):
                    event: JSON = kept.events[after]
                    after += 1
                    if "artifactUpdate" in event and self.is_("event-two-kinds"):
                        event = {**event, "statusUpdate": {}}
                    yield event
                    if at(event, "statusUpdate", "status", "state") in ENDED:
                        if self.is_("after-the-end"):
                            yield event
                        return
                if self.is_("never-ends"):
                    return
                await kept.moved.wait()
                if self.dropped:
                    return
        finally:
            kept.readers -= 1

    def drop(self) -> None:
        """One reader of a stream has left: end all others, which is wrong."""
        self.dropped = True
        for kept in self.tasks.values():
            kept.moved.set()

    # -- looking ------------------------------------------------------------------------------------------------

    async def get_task(self, params: JSON) -> JSON:
        """GetTask."""
        kept = self._find(params.get("id"), "get-unknown-code")
        shown = {**kept.document}
        if self.is_("get-other"):
            shown["contextId"] = "c-other"
        return self._trimmed(shown, params)

    def _trimmed(self, shown: JSON, params: JSON) -> JSON:
        length = params.get("historyLength")
        if length == 0 and not self.is_("history-always", "history-unbounded"):
            shown.pop("history", None)
        elif length and not self.is_("history-unbounded"):
            shown["history"] = shown["history"][-length:]
        return shown

    async def list_tasks(self, params: JSON) -> JSON:
        """ListTasks."""
        context = params.get("contextId")
        found = [kept.document for kept in self.tasks.values()]
        if context and not self.is_("filter-ignored"):
            found = [task for task in found if task.get("contextId") == context]
        found.sort(
            key=lambda task: (task["status"]["timestamp"], task["id"]), reverse=not self.is_("list-oldest-first")
        )
        size, token = int(params.get("pageSize", 50)), str(params.get("pageToken") or 0)
        if not token.isdigit() and not self.is_("any-token"):
            raise Refusal("INVALID_PARAMS")
        start = int(token) if token.isdigit() else 0
        skip = max(start - 1, 0) if self.is_("page-repeats") else start
        shown = [{**task} for task in found[skip : skip + size]]
        for task in shown:
            if not params.get("includeArtifacts") and not self.is_("list-with-artifacts"):
                task.pop("artifacts", None)
            if self.is_("list-never-artifacts"):
                task.pop("artifacts", None)
        after = start + size
        following = str(after) if after < len(found) else ""
        page: JSON = {"tasks": shown, "nextPageToken": following, "pageSize": size, "totalSize": len(found)}
        if self.is_("list-no-token"):
            del page["nextPageToken"]
        return page

    async def cancel_task(self, params: JSON) -> JSON:
        """CancelTask."""
        kept = self._find(params.get("id"), "cancel-unknown-code")
        if kept.state in ENDED:
            if self.is_("cancel-ended"):
                return self._shown(kept)
            raise Refusal("TASK_NOT_CANCELABLE")
        shown = self._shown(kept)
        if self.is_("cancel-nothing"):
            return {**shown, "status": self._status("TASK_STATE_CANCELED")}
        self._move(kept, "TASK_STATE_CANCELED")
        return self._shown(kept)

    async def subscribe_to_task(self, params: JSON) -> AsyncGenerator[JSON, None]:
        """SubscribeToTask."""
        kept = self._find(params.get("id"), "subscribe-unknown-code")
        if kept.state in ENDED and not self.is_("subscribe-ended"):
            raise Refusal("UNSUPPORTED_OPERATION")
        first: JSON = {"task": {**kept.document}}
        if self.is_("no-snapshot"):
            first = {"statusUpdate": {**self._ids(kept), "status": kept.document["status"]}}
        return self._told(kept, first, len(kept.events) if kept.state not in ENDED else 0)

    # -- webhooks and cards -------------------------------------------------------------------------------------

    async def create_task_push_notification_config(self, params: JSON) -> JSON:
        """CreateTaskPushNotificationConfig."""
        if self.wrong.startswith("no-push"):
            if self.is_("no-push-taken"):
                return params
            raise Refusal("PUSH_NOTIFICATION_NOT_SUPPORTED")
        kept = self._find(params.get("taskId"), "push-unknown-code")
        if not str(params.get("url")).startswith("https://") and not self.is_("push-anywhere"):
            raise Refusal("INVALID_PARAMS")
        if not (kept.configs and self.is_("push-keeps-one")):
            kept.configs[str(params["id"])] = params
        return params

    async def get_task_push_notification_config(self, params: JSON) -> JSON:
        """GetTaskPushNotificationConfig."""
        found = self._find(params.get("taskId"), "").configs.get(str(params.get("id")))
        if found is None:
            raise Refusal("TASK_NOT_FOUND")
        return {**found, "url": "https://other.example"} if self.is_("push-other-url") else found

    async def list_task_push_notification_configs(self, params: JSON) -> JSON:
        """ListTaskPushNotificationConfigs."""
        return {"configs": list(self._find(params.get("taskId"), "").configs.values()), "nextPageToken": ""}

    async def delete_task_push_notification_config(self, params: JSON) -> JSON:
        """DeleteTaskPushNotificationConfig."""
        configs = self._find(params.get("taskId"), "").configs
        if str(params.get("id")) not in configs and self.is_("push-delete-once"):
            raise Refusal("TASK_NOT_FOUND")
        configs.pop(str(params.get("id")), None)
        return {}

    async def get_extended_agent_card(self, _params: JSON) -> JSON:
        """GetExtendedAgentCard."""
        if self.is_("extended-open", "unclaimed-extended"):
            return {"name": "Miniature"}
        raise Refusal("UNAUTHENTICATED" if self.wrong.startswith("extended") else "UNSUPPORTED_OPERATION")
