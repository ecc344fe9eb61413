"""An agent as its caller has it: send, stream, tasks. One connection, any number of calls at once.

Spec: A2A 1.0 section 3.1.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final, Self

from wireproof.a2a import documents
from wireproof.a2a.client.discovery import checked, fetch_card
from wireproof.a2a.client.errors import BadAnswer, ConnectionLost, InvalidRequest, UnsupportedOperation
from wireproof.a2a.client.following import followed
from wireproof.a2a.client.handle import TaskHandle
from wireproof.a2a.client.opening import Opened, Options, Target, open_target, verified
from wireproof.a2a.client.views import Event, Message, Task, TaskPage, event_of
from wireproof.a2a.client.wires import Wire
from wireproof.a2a.parts import Content, part_of
from wireproof.schemas.a2a.reading import BadMessage, read, timestamp
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object


class RemoteAgent:
    """Made by `connect`; use it inside `async with`. May be shared by tasks. Everything raises `ClientError`."""

    def __init__(self, target: Target, options: Options) -> None:
        self._target: Final = target
        self._options: Final = options
        self._opened: Opened | None = None

    async def __aenter__(self) -> Self:
        """Find the card and connect. Raises `ClientError`."""
        self._opened = await open_target(self._target, self._options)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the connection; twice does no harm."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.wire.aclose()

    @property
    def _now(self) -> Opened:
        if self._opened is None:
            raise ConnectionLost("the client is closed: use it inside `async with connect(...)`")
        return self._opened

    @property
    def wire(self) -> Wire:
        """The wire under this client; `wire.binding` and `wire.version` say which was chosen."""
        return self._now.wire

    @property
    def card(self) -> JSONObject:
        """The Agent Card in the form of 1.0. With `trust=`, exactly what its signature covers."""
        return self._now.card

    @property
    def name(self) -> str:
        """The agent's name."""
        return str(self.card["name"])

    def can(self, capability: str) -> bool:
        """Whether the card claims a capability: `streaming`, `pushNotifications`, `extendedAgentCard`."""
        return self.card["capabilities"].get(capability) is True

    # -- messages -----------------------------------------------------------------------------------------------

    async def send(self, message: Content, *, timeout_s: float | None = None, **options: Any) -> Task | Message:
        """Send a message; gives the agent's message, or its task when it has ended or waits for you.

        `message` is text, bytes, a `File`, JSON or a model; a list of these; or a Message document. Options:
        `task_id`, `context_id`, `skill` (an id of the card's), `metadata`, `wait` (False: the task as soon as it
        exists), `history_length`, `output_modes`, `reference_task_ids`, `push` (a webhook's configuration),
        `message_id`. Never repeated by itself: give the same `message_id` again to repeat a message whose answer
        was lost.
        """
        params = self.message_params(message, **options)
        event = event_of(await self.operate("SendMessage", params, timeout_s=timeout_s))
        if not isinstance(event, (Task, Message)):
            raise BadAnswer("the agent's answer is neither a task nor a message")
        return event

    async def stream(self, message: Content, **options: Any) -> AsyncGenerator[Event, None]:
        """Send a message; gives its events as they come, to the end of the task or its first question.

        Options as for `send`. A broken stream is taken up again: what was missed comes as one `Task`, nothing comes
        twice. From an agent that does not stream comes its answer, when it is there.
        """
        if not self.can("streaming"):
            yield await self.send(message, **options)
            return
        params = self.message_params(message, **options)
        async with aclosing(self.events("SendStreamingMessage", params)) as events:
            async for event in events:
                yield event

    def message_params(
        self,
        message: Content,
        *,
        task_id: str = "",
        context_id: str = "",
        skill: str = "",
        message_id: str = "",
        metadata: Mapping[str, JSONValue] | None = None,
        reference_task_ids: Sequence[str] = (),
        wait: bool = True,
        history_length: int | None = None,
        output_modes: Sequence[str] = (),
        push: Mapping[str, JSONValue] | None = None,
    ) -> JSONObject:
        """The SendMessageRequest of a message and its options. Raises `InvalidRequest`."""
        made = message_of(message)
        made |= {key: value for key, value in (("taskId", task_id), ("contextId", context_id)) if value}
        if message_id:
            made["messageId"] = message_id
        if reference_task_ids:
            made["referenceTaskIds"] = list(reference_task_ids)
        if self._options.settings.extensions:
            made.setdefault("extensions", list(self._options.settings.extensions))
        params: JSONObject = {"message": made}
        meta = {**(metadata or {}), **({"skillId": skill} if skill else {})}
        if meta:
            params["metadata"] = meta
        configuration: JSONObject = {} if wait else {"returnImmediately": True}
        if history_length is not None:
            configuration["historyLength"] = history_length
        if output_modes:
            configuration["acceptedOutputModes"] = list(output_modes)
        if push is not None:
            configuration["taskPushNotificationConfig"] = dict(push)
        if configuration:
            params["configuration"] = configuration
        return params

    # -- tasks --------------------------------------------------------------------------------------------------

    def task(self, task: str | Task) -> TaskHandle:
        """A handle on a task by its id. Nothing is asked before you use it."""
        return TaskHandle(self, task if isinstance(task, str) else task.id)

    async def list_tasks(
        self,
        *,
        context_id: str = "",
        state: str = "",
        page_size: int | None = None,
        page_token: str = "",
        history_length: int | None = None,
        after: datetime | None = None,
        artifacts: bool = False,
    ) -> TaskPage:
        """One page of your tasks, the newest first. `state` is e.g. `TASK_STATE_WORKING`; `after` bounds its time."""
        given = {"contextId": context_id, "status": state, "pageToken": page_token}
        params: JSONObject = {name: value for name, value in given.items() if value}
        if page_size is not None:
            params["pageSize"] = page_size
        if history_length is not None:
            params["historyLength"] = history_length
        if after is not None:
            params["statusTimestampAfter"] = timestamp(after.astimezone(UTC).timestamp())
        if artifacts:
            params["includeArtifacts"] = True
        found = await self.operate("ListTasks", params)
        return TaskPage([Task(each) for each in found["tasks"]], found["nextPageToken"], found["totalSize"])

    async def every_task(self, **options: Any) -> AsyncGenerator[Task, None]:
        """All pages of `list_tasks`."""
        token = ""
        while True:
            page = await self.list_tasks(**options, page_token=token)
            for task in page.tasks:
                yield task
            token = page.next_page_token
            if not token:
                return

    # -- cards --------------------------------------------------------------------------------------------------

    async def extended_card(self) -> JSONObject:
        """The card for callers who are known. Raises `UnsupportedOperation` when the agent has none."""
        if not self.can("extendedAgentCard"):
            raise UnsupportedOperation("the card claims no extended Agent Card")
        return checked(await verified(await self.operate("GetExtendedAgentCard", {}), self._options.trust))

    async def refresh_card(self) -> JSONObject:
        """Ask for the card anew, conditionally where the agent gave an ETag. The connection stays what it is."""
        if self._now.source:
            found = await fetch_card(self._now.source, self._options.settings, self._options.cache, anew=True)
            return checked(await verified(found, self._options.trust))
        return self.card

    # -- everything else is made of these -------------------------------------------------------------------------

    async def operate(self, operation: str, params: JSONObject, *, timeout_s: float | None = None) -> Any:
        """Any unary operation with its params in the form of 1.0. `Any`: its result, plain JSON."""
        opened = self._now
        limit = self._options.settings.times.answer if timeout_s is None else timeout_s
        return await opened.wire.call(operation, {**self._tenant(opened), **params}, within_s=limit)

    async def events(self, operation: str, params: JSONObject) -> AsyncGenerator[Event, None]:
        """A streaming operation, over reconnections."""
        opened = self._now
        tenant, times = self._tenant(opened), self._options.settings.times
        found = followed(opened.wire, operation, {**tenant, **params}, times, tenant=tenant)
        async with aclosing(found) as events:
            async for event in events:
                yield event_of(event)

    @staticmethod
    def _tenant(opened: Opened) -> JSONObject:
        return {"tenant": opened.tenant} if opened.tenant else {}


def message_of(content: Content) -> JSONObject:
    """A Message of the user. Raises `InvalidRequest` for what cannot be one."""
    if is_object(content) and "parts" in content and "role" in content:
        given = {"messageId": documents.new_id(), **content}
    else:
        items = content if is_array(content) else [content]
        try:
            parts = [each if _is_part(each) else part_of(each) for each in items]
        except (ValueError, TypeError) as error:
            raise InvalidRequest(f"this cannot be sent as a part: {error}") from error
        given = {"messageId": documents.new_id(), "role": "ROLE_USER", "parts": parts}
    try:
        return read("Message", given)
    except BadMessage as bad:
        raise InvalidRequest(f"this is no message: {bad}") from None


def _is_part(value: object) -> bool:
    """A dict that is a Part document; any other dict is data."""
    return is_object(value) and len({"text", "raw", "url", "data"} & set(value)) == 1 and set(value) <= _PART


_PART: Final = frozenset({"text", "raw", "url", "data", "metadata", "filename", "mediaType"})
