"""`notifications/tasks` over `subscriptions/listen`: who hears of which task, when, and in what words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mcp_tools.tasks.jobs import (
    ACKNOWLEDGED,
    ANNA,
    BERT,
    EXTENSION,
    META,
    UNDECLARED,
    accept,
    get,
    listen,
    make_server,
    noted,
    start,
    until,
    update,
)
from tests.mcp_tools.wire import Wire, connected

SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


def told_of(wire: Wire, task_id: str) -> list[dict[str, Any]]:
    return [params for name, params in wire.notes if name == "notifications/tasks" and params["taskId"] == task_id]


async def test_a_notification_says_what_tasks_get_says_and_names_its_subscription() -> None:
    server, bench = make_server()
    async with connected(server) as wire:
        made = await start(wire, "wait")
        id_ = await listen(wire, made["taskId"])
        bench.go.set()
        told = await noted(wire, lambda _, params: params.get("status") == "completed")
        task = await get(wire, made["taskId"])
    assert told.pop("_meta") == {SUBSCRIPTION: id_}
    assert told == {key: value for key, value in task.items() if key not in ("_meta", "resultType")}


async def test_the_acknowledgment_names_the_tasks_that_are_there_and_ours() -> None:
    server, _ = make_server()
    async with connected(server, principal=BERT) as wire:
        theirs = (await start(wire, "wait"))["taskId"]
    async with connected(server, principal=ANNA) as wire:
        ours = (await start(wire, "wait"))["taskId"]
        await listen(wire, ours, theirs, "absent", ours, "")
        (acknowledged,) = await wire.note(ACKNOWLEDGED)
        assert acknowledged["notifications"] == {"taskIds": [ours]}


async def test_the_state_of_now_comes_first_even_of_a_task_that_has_ended() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        made = await start(wire, "add", {"a": 1, "b": 2})
        await until(wire, made["taskId"], "completed")
        count = len(wire.notes)
        await listen(wire, made["taskId"])
        await noted(wire, lambda name, _: name == "notifications/tasks")
        await until(wire, made["taskId"], "completed")
        assert {note[1]["status"] for note in wire.notes[count:] if note[0] == "notifications/tasks"} == {"completed"}


async def test_a_subscription_hears_of_its_own_tasks_only_and_of_every_stage() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        heard, other = (await start(wire, "ask"))["taskId"], (await start(wire, "ask"))["taskId"]
        await listen(wire, heard)
        await noted(wire, lambda _, params: params.get("status") == "input_required")
        await update(wire, heard, elicit_1=accept(name="Ada"))
        await noted(wire, lambda _, params: params.get("status") == "completed")
    statuses = [params["status"] for params in told_of(wire, heard)]
    assert statuses[-1] == "completed"
    assert "input_required" in statuses
    assert statuses.count("completed") == 1
    assert told_of(wire, other) == []


async def test_a_client_that_did_not_declare_the_extension_may_not_name_tasks() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        params = {"notifications": {"toolsListChanged": True, "taskIds": ["x"]}}
        refusal = await wire.refused("subscriptions/listen", params, meta=UNDECLARED)
    assert refusal.code == -32021
    assert refusal.data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
    assert not [name for name, _ in wire.notes if name == ACKNOWLEDGED]


@pytest.mark.parametrize("ids", ["x", [1], {}, ["x"] * 1001], ids=["text", "numbers", "object", "too many"])
async def test_task_ids_of_another_form_are_refused(ids: Any) -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        refusal = await wire.refused("subscriptions/listen", {"notifications": {"taskIds": ids}}, meta=META)
        assert refusal.code == -32602


async def test_a_subscription_without_tasks_says_nothing_of_them() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        await wire.start("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, meta=UNDECLARED)
        (acknowledged,) = await wire.note(ACKNOWLEDGED)
        assert acknowledged["notifications"] == {"toolsListChanged": True}
        server.remove_tool("plain")
        await wire.note("notifications/tools/list_changed")


async def test_a_closed_subscription_leaves_nothing_running() -> None:
    import asyncio

    server, _ = make_server()
    async with connected(server) as wire:
        made = await start(wire, "wait")
        before = len(asyncio.all_tasks())
        for _ in range(5):
            await until(wire, made["taskId"], "working")
        await get(wire, made["taskId"])
        assert len(asyncio.all_tasks()) <= before + 1
