"""A task's events over streams that break: come back, and tell what was missed as one Task, nothing twice.

Spec: A2A 1.0 sections 3.1.2, 3.1.6 (the first event of a subscription is the task as it is).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from wireproof.a2a import documents
from wireproof.a2a.client.errors import ConnectionLost, Unreachable, UnsupportedOperation
from wireproof.a2a.client.views import INTERRUPTED, TERMINAL
from wireproof.a2a.client.wires import Times, Wire
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

ATTEMPTS: Final = 6
"""Reconnections in a row that bring nothing new, after which the last error is raised."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 10.0


class Fold:
    """A task as its events have told it so far. Pure."""

    def __init__(self, task: JSONObject | None = None) -> None:
        self.task = task

    def take(self, event: JSONObject) -> None:
        """Apply one event."""
        if "task" in event:
            self.task = event["task"]
        elif self.task is not None and "statusUpdate" in event:
            self.task = documents.with_status(self.task, event["statusUpdate"]["status"])
        elif self.task is not None and "artifactUpdate" in event:
            update: JSONObject = event["artifactUpdate"]
            known = {each["artifactId"] for each in self.task.get("artifacts", ())}
            append = update.get("append") is True and update["artifact"]["artifactId"] in known
            self.task = documents.with_artifact(self.task, update["artifact"], append=append)

    def knows(self, task: JSONObject) -> bool:
        """Whether a snapshot says nothing new."""
        if self.task is None:
            return False
        return all(self.task.get(name) == task.get(name) for name in ("status", "artifacts"))

    @property
    def state(self) -> str:
        """The state; "" before the first event."""
        return "" if self.task is None else str(self.task["status"]["state"])


async def followed(
    wire: Wire, operation: str, params: JSONObject, times: Times, *, tenant: JSONObject
) -> AsyncGenerator[JSONObject, None]:
    """The events of a streaming operation, over reconnections. Raises `ClientError`."""
    fold, failures, resumed = Fold(), 0, False
    while True:
        lost: Exception | None = None
        try:
            async with aclosing(wire.stream(operation, params)) as events:
                async for event in events:
                    is_known = resumed and "task" in event and fold.knows(event["task"])
                    resumed = False
                    fold.take(event)
                    if is_known:
                        continue
                    failures = 0
                    yield event
                    if "message" in event:
                        return
        except (ConnectionLost, Unreachable) as error:
            if fold.task is None or failures >= ATTEMPTS:
                raise
            lost = error
        except UnsupportedOperation:  # it ended meanwhile, or the agent has no subscriptions
            if fold.task is None or not resumed:
                raise
            task = await _now(wire, fold.task["id"], times, tenant)
            if not fold.knows(task):
                failures = 0
                fold.take({"task": task})
                yield {"task": task}
        if fold.task is None or fold.state in TERMINAL or (lost is None and fold.state in INTERRUPTED):
            return
        if failures >= ATTEMPTS:
            raise ConnectionLost("the agent ended the stream again and again while the task goes on: get the task")
        failures += 1
        await asyncio.sleep(_pause(failures))
        operation, params, resumed = "SubscribeToTask", {**tenant, "id": fold.task["id"]}, True


async def _now(wire: Wire, task_id: str, times: Times, tenant: JSONObject) -> JSONObject:
    found: JSONValue = await wire.call("GetTask", {**tenant, "id": task_id}, within_s=times.answer)
    return found if is_object(found) else {}


def _pause(failures: int) -> float:
    pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (failures - 1))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311
