"""The outbox is the store's: what a killed replica still had to deliver is delivered by another."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.a2a.push.webhook import webhook
from tests.replicas.agent import STEPS
from tests.replicas.test_agents import replica, store
from wireproof.a2a import connect
from wireproof.a2a.client import Task

__all__ = ["store"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(100)]


def told(body: Any) -> str:
    """A step, or the state."""
    if "artifactUpdate" in body:
        return str(body["artifactUpdate"]["artifact"]["parts"][0]["text"])
    return str((body.get("statusUpdate") or body["task"])["status"]["state"])


async def test_what_a_killed_replica_had_to_deliver_is_delivered_by_another_in_order(store: str) -> None:
    async with webhook(statuses=[503, 503]) as hook:
        with replica(store) as (doomed, port):
            async with connect(f"http://127.0.0.1:{port}") as agent:
                task = await agent.send("go", wait=False, push={"url": hook.url})
                assert isinstance(task, Task)
            await hook.has(1)
            os.kill(doomed, signal.SIGKILL)
        with replica(store):
            got = await hook.until("TASK_STATE_COMPLETED", within_s=60)
    said = [told(body) for _, body in got]
    once = [word for index, word in enumerate(said) if index == 0 or said[index - 1] != word]
    steps = [word for word in once if word.isdigit()]
    assert steps == [str(number) for number in range(STEPS)]
    assert once[-1] == "TASK_STATE_COMPLETED"
    assert once.count("TASK_STATE_COMPLETED") == 1
