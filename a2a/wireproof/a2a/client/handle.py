"""A task of a remote agent by its id: get, follow, answer, cancel, webhooks. Spec: A2A 1.0 sections 3.1.3 to 3.1.10."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from wireproof.a2a.client.errors import DeadlineExceeded, UnsupportedOperation
from wireproof.a2a.client.views import Event, Message, PushConfig, Task
from wireproof.a2a.parts import Content
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

if TYPE_CHECKING:
    from wireproof.a2a.client.remote import RemoteAgent

_FIRST_POLL_S: Final = 0.5
_LONGEST_POLL_S: Final = 10.0


class TaskHandle:
    """Made by `agent.task(id)`. Keeps nothing but the id; everything raises `ClientError`."""

    def __init__(self, agent: RemoteAgent, task_id: str) -> None:
        self._agent: Final = agent
        self.id: Final = task_id

    def __repr__(self) -> str:
        return f"TaskHandle({self.id!r})"

    async def get(self, *, history_length: int | None = None) -> Task:
        """The task as it is now. Raises `TaskNotFound`."""
        params: JSONObject = {"id": self.id}
        if history_length is not None:
            params["historyLength"] = history_length
        return Task(await self._agent.operate("GetTask", params))

    async def cancel(self, *, metadata: Mapping[str, JSONValue] | None = None) -> Task:
        """Ask the agent to stop. Raises `TaskNotCancelable` for one that has ended, `TaskNotFound`."""
        params: JSONObject = {"id": self.id, **({"metadata": dict(metadata)} if metadata else {})}
        return Task(await self._agent.operate("CancelTask", params))

    async def follow(self) -> AsyncGenerator[Event, None]:
        """The task as it is, then every later event, to its end, also over its questions.

        Of a task that has ended comes the task alone. A broken stream is taken up again, as in `RemoteAgent.stream`.
        """
        task = await self.get()
        if task.has_ended or not self._agent.can("streaming"):
            yield task
            async for polled in self._polled(task):
                yield polled
            return
        try:
            async with aclosing(self._agent.events("SubscribeToTask", {"id": self.id})) as events:
                async for event in events:
                    yield event
        except UnsupportedOperation:
            task = await self.get()
            if not task.has_ended:
                raise
            yield task  # it ended between two looks

    async def _polled(self, task: Task) -> AsyncGenerator[Task, None]:
        """Changes of the task as polling finds them; ends with the task."""
        pause = _FIRST_POLL_S
        while not task.has_ended:
            await asyncio.sleep(pause)
            found = await self.get()
            pause = _FIRST_POLL_S if found.wire != task.wire else min(_LONGEST_POLL_S, pause * 1.5)
            if found.wire != task.wire:
                task = found
                yield task

    async def wait(self, *, timeout_s: float | None = None) -> Task:
        """The task when it has ended or waits for you. Raises `DeadlineExceeded` after `timeout_s` (None: no limit)."""
        try:
            async with asyncio.timeout(timeout_s), aclosing(self.follow()) as events:
                async for event in events:
                    if getattr(event, "has_ended", False) or getattr(event, "is_interrupted", False):
                        break
        except TimeoutError:
            raise DeadlineExceeded(f"the task goes on after {timeout_s:g} s") from None
        return await self.get()

    async def answer(self, message: Content, **options: Any) -> Task | Message:
        """Send the next message to this task; options as for `RemoteAgent.send`."""
        return await self._agent.send(message, task_id=self.id, **options)

    async def stream(self, message: Content, **options: Any) -> AsyncGenerator[Event, None]:
        """Send the next message to this task and give what comes of it, as `RemoteAgent.stream` does."""
        async with aclosing(self._agent.stream(message, task_id=self.id, **options)) as events:
            async for event in events:
                yield event

    # -- webhooks -----------------------------------------------------------------------------------------------

    async def notify(
        self, url: str, *, token: str = "", scheme: str = "", credentials: str = "", config_id: str = ""
    ) -> PushConfig:
        """Have a webhook told of this task. `token` and `scheme credentials` come back with each notification."""
        params: JSONObject = {"taskId": self.id, "url": url}
        if config_id:
            params["id"] = config_id
        if token:
            params["token"] = token
        if scheme:
            params["authentication"] = {"scheme": scheme, **({"credentials": credentials} if credentials else {})}
        return PushConfig(await self._agent.operate("CreateTaskPushNotificationConfig", params))

    async def get_webhook(self, config_id: str) -> PushConfig:
        """One of the task's webhooks. Raises `TaskNotFound` where there is none of this id."""
        params = {"taskId": self.id, "id": config_id}
        return PushConfig(await self._agent.operate("GetTaskPushNotificationConfig", params))

    async def list_webhooks(self) -> list[PushConfig]:
        """All of the task's webhooks."""
        found: list[PushConfig] = []
        token = ""
        while True:
            params: JSONObject = {"taskId": self.id, **({"pageToken": token} if token else {})}
            page = await self._agent.operate("ListTaskPushNotificationConfigs", params)
            found += [PushConfig(each) for each in page.get("configs", ())]
            token = page.get("nextPageToken", "")
            if not token:
                return found

    async def delete_webhook(self, config_id: str) -> None:
        """Have a webhook told no more; one that is gone is gone."""
        await self._agent.operate("DeleteTaskPushNotificationConfig", {"taskId": self.id, "id": config_id})
