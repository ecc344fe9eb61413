"""Get, List, Cancel, Subscribe: what is told, in which order, to whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest

from wireproof.a2a import Agent, Kind, Turn

from .agents import (
    ELSEWHERE,
    ME,
    OTHER,
    Stage,
    agent,
    collect,
    refused,
    request,
    send,
    staged,
    state,
    states,
)

# -- one task ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["GetTask", "CancelTask", "SubscribeToTask"])
@pytest.mark.parametrize("caller", [OTHER, ELSEWHERE], ids=["owner", "tenant"])
async def test_a_task_of_another_owner_or_tenant_is_as_absent_as_none(operation: str, caller: Any) -> None:
    async with agent().core as core:
        task = await send(core, "ask")
        call = core.stream if operation == "SubscribeToTask" else core.call
        foreign = await refused(lambda: call(operation, {"id": task["id"]}, caller))
        absent = await refused(lambda: call(operation, {"id": "x" * len(task["id"])}, caller))
        assert state(await core.call("GetTask", {"id": task["id"]}, ME)) == "INPUT_REQUIRED"
    assert foreign.kind is absent.kind is Kind.TASK_NOT_FOUND
    assert foreign.message == absent.message
    assert str(foreign.details()).replace(task["id"], "") == str(absent.details()).replace("x" * len(task["id"]), "")


async def test_a_message_to_a_foreign_task_is_as_absent_and_leaves_nothing() -> None:
    async with agent().core as core:
        task = await send(core, "ask")
        error = await refused(lambda: send(core, "monday", OTHER, taskId=task["id"], contextId=task["contextId"]))
        foreign = await core.call("ListTasks", {}, OTHER)
        after = await core.call("GetTask", {"id": task["id"]}, ME)
    assert error.kind is Kind.TASK_NOT_FOUND
    assert foreign["totalSize"] == 0
    assert after == task


async def test_a_tenant_in_the_request_must_be_the_one_of_the_address() -> None:
    async with agent().core as core:
        task = await core.call("SendMessage", {**request(), "tenant": "elsewhere"}, ME)
        got = await core.call("GetTask", {"id": task["task"]["id"], "tenant": "elsewhere"}, ELSEWHERE)
        error = await refused(lambda: core.call("GetTask", {"id": got["id"], "tenant": "a"}, ELSEWHERE))
    assert got["id"] == task["task"]["id"]
    assert [violation.field for violation in error.violations] == ["tenant"]


# -- cancel -----------------------------------------------------------------------------------------------------


async def test_a_working_task_is_canceled_its_work_stops_and_its_streams_end() -> None:
    stopped = asyncio.Event()
    made = Agent("Endless")

    @made.skill
    async def work(turn: Turn) -> AsyncGenerator[Any, None]:
        yield turn.status("working")
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with made.core as core:
        with anyio.fail_after(10):
            events = await core.stream("SendStreamingMessage", request(), ME)
            first = await anext(events)
            while state((await anext(events))["statusUpdate"]) == "SUBMITTED":
                pass
            canceled = await core.call("CancelTask", {"id": first["task"]["id"]}, ME)
            rest = await collect(events)
            again = await core.call("CancelTask", {"id": first["task"]["id"]}, ME)
            assert stopped.is_set()
    assert state(canceled) == "CANCELED"
    assert states(rest)[-1] == "CANCELED"
    assert again == canceled


async def test_a_task_that_waits_for_its_caller_is_canceled() -> None:
    async with agent().core as core:
        with anyio.fail_after(10):
            task = await send(core, "ask")
            canceled = await core.call("CancelTask", {"id": task["id"]}, ME)
    assert state(canceled) == "CANCELED"


@pytest.mark.parametrize(("text", "ended"), [("go", "COMPLETED"), ("fail", "FAILED"), ("reject", "REJECTED")])
async def test_a_task_that_has_ended_otherwise_is_not_cancelable(text: str, ended: str) -> None:
    async with agent().core as core:
        task = await send(core, text)
        error = await refused(lambda: core.call("CancelTask", {"id": task["id"]}, ME))
        after = await core.call("GetTask", {"id": task["id"]}, ME)
    assert error.kind is Kind.TASK_NOT_CANCELABLE
    assert error.metadata == {"taskId": task["id"], "state": f"TASK_STATE_{ended}"}
    assert after == task


# -- subscribe --------------------------------------------------------------------------------------------------


async def test_an_ended_task_has_nothing_to_subscribe_to() -> None:
    async with agent().core as core:
        task = await send(core)
        error = await refused(lambda: core.stream("SubscribeToTask", {"id": task["id"]}, ME))
    assert error.kind is Kind.UNSUPPORTED_OPERATION


async def test_a_subscription_outlives_questions_and_ends_with_the_task() -> None:
    async with agent().core as core:
        with anyio.fail_after(10):
            task = await send(core, "ask")
            events = await core.stream("SubscribeToTask", {"id": task["id"]}, ME)
            assert await anext(events) == {"task": task}
            await send(core, "monday", taskId=task["id"])
            rest = await collect(events)
    assert states(rest) == ["WORKING", "artifactUpdate", "COMPLETED"]


async def test_every_subscriber_gets_the_same_events_in_order_whenever_it_came() -> None:
    """Each one's snapshot and events together are the whole story: nothing is missed, nothing is told twice."""
    gates = [asyncio.Event() for _ in range(20)]
    made = Agent("Counter")

    @made.skill
    async def count(turn: Turn) -> AsyncGenerator[Any, None]:
        for number, gate in enumerate(gates):
            await gate.wait()
            yield turn.artifact(text=str(number), id="numbers", append=number > 0)

    def numbers(events: list[dict[str, Any]]) -> list[str]:
        artifacts = events[0]["task"].get("artifacts", [])
        told = [part["text"] for artifact in artifacts for part in artifact["parts"]]
        return told + [e["artifactUpdate"]["artifact"]["parts"][0]["text"] for e in events if "artifactUpdate" in e]

    async with made.core as core:
        with anyio.fail_after(20):
            task = await send(core, configuration={"returnImmediately": True})
            readers: list[asyncio.Task[list[dict[str, Any]]]] = []
            for gate in gates:
                events = await core.stream("SubscribeToTask", {"id": task["id"]}, ME)
                readers.append(asyncio.create_task(collect(events)))
                gate.set()
                await asyncio.sleep(0)
            stories = [await reader for reader in readers]
    assert [numbers(story) for story in stories] == [[str(number) for number in range(20)]] * 20
    assert {states(story)[-1] for story in stories} == {"COMPLETED"}


async def test_a_reader_that_stops_reading_holds_up_nobody_and_can_go_on() -> None:
    stage = Stage()
    async with staged(stage).core as core:
        with anyio.fail_after(10):
            task = await send(core, configuration={"returnImmediately": True})
            slow = await core.stream("SubscribeToTask", {"id": task["id"]}, ME)
            await anext(slow)
            quick = await core.stream("SubscribeToTask", {"id": task["id"]}, ME)
            stage.go.set()
            assert states(await collect(quick))[-1] == "COMPLETED"
            assert states(await collect(slow))[-1] == "COMPLETED"


async def test_a_reader_that_leaves_ends_neither_the_task_nor_another_reader() -> None:
    stage = Stage()
    async with staged(stage).core as core:
        with anyio.fail_after(10):
            gone = await core.stream("SendStreamingMessage", request(), ME)
            task = (await anext(gone))["task"]
            stays = await core.stream("SubscribeToTask", {"id": task["id"]}, ME)
            await anext(stays)
            await gone.aclose()
            stage.go.set()
            assert states(await collect(stays))[-1] == "COMPLETED"


async def test_a_thousand_subscribers_of_one_task_all_get_every_event() -> None:
    stage, updates = Stage(), 100
    made = Agent("Loud")

    @made.skill
    async def shout(turn: Turn) -> AsyncGenerator[Any, None]:
        await stage.wait()
        for number in range(updates):
            yield turn.status(str(number))

    async with made.core as core:
        with anyio.fail_after(30):
            task = await send(core, configuration={"returnImmediately": True})
            await stage.reached.wait()
            streams = [await core.stream("SubscribeToTask", {"id": task["id"]}, ME) for _ in range(1000)]
            for events in streams:
                await anext(events)
            stage.go.set()
            counts = await asyncio.gather(*[collect(events) for events in streams])
    assert {len([event for event in told if "message" in event["statusUpdate"]["status"]]) for told in counts} == {
        updates
    }
