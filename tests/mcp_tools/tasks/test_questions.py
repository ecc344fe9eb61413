"""Questions inside tasks of 2026-07-28: `inputRequests` out, `tasks/update` in, whatever comes in what order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mcp_tools.tasks.jobs import (
    CAPABILITIES,
    EXTENSION,
    META,
    accept,
    ended,
    get,
    make_server,
    start,
    until,
    update,
)
from tests.mcp_tools.tasks.test_calls import text_of
from tests.mcp_tools.wire import connected
from wireproof.schemas.caller import LOCAL
from wireproof.tasks import Scope
from wireproof.tasks.memory import MemoryStore

WHO = {
    "method": "elicitation/create",
    "params": {
        "mode": "form",
        "message": "Who?",
        "requestedSchema": {
            "type": "object",
            "properties": {"name": {"title": "Name", "type": "string"}},
            "required": ["name"],
        },
    },
}


@pytest.mark.parametrize("tool", ["ask", "threaded"])
async def test_a_question_makes_the_task_wait_and_its_answer_lets_it_go_on(tool: str) -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        id_ = (await start(wire, tool))["taskId"]
        told = await until(wire, id_, "input_required")
        waiting = await get(wire, id_)
        assert told["inputRequests"] == waiting["inputRequests"] == {"elicit-1": WHO}
        acknowledged = await update(wire, id_, elicit_1=accept(name="Ada"))
        assert set(acknowledged) == {"resultType", "_meta"}
        task = await ended(wire, id_)
    assert "Ada" in text_of(task)
    assert "inputRequests" not in task


async def test_questions_asked_at_once_wait_together_and_are_answered_one_by_one() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        id_ = (await start(wire, "ask_both"))["taskId"]
        told = await until(wire, id_, "input_required")
        assert set(told["inputRequests"]) == {"name", "sure"}
        await update(wire, id_, name=accept(name="Ada"))
        half = await get(wire, id_)
        assert half["status"] == "input_required"
        assert set(half["inputRequests"]) == {"sure"}
        await update(wire, id_, sure=accept(sure=True))
        assert text_of(await ended(wire, id_)) == "Ada True"


async def test_answers_to_keys_that_nobody_asked_or_that_are_answered_change_nothing() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        id_ = (await start(wire, "ask_both"))["taskId"]
        before = await until(wire, id_, "input_required")
        await update(wire, id_, nobody=accept(name="x"))
        assert (await get(wire, id_))["lastUpdatedAt"] == before["lastUpdatedAt"]
        await update(wire, id_, name=accept(name="first"))
        await update(wire, id_, name=accept(name="second"), sure=accept(sure=False), other={})
        assert text_of(await ended(wire, id_)) == "first False"


async def test_an_answer_that_does_not_fit_is_asked_for_again_under_a_key_of_its_own() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        id_ = (await start(wire, "ask"))["taskId"]
        await until(wire, id_, "input_required")
        await update(wire, id_, elicit_1=accept(wrong=1))
        again = await until(wire, id_, "input_required")
        assert again["inputRequests"] == {"elicit-1.again": WHO}
        await wire.request(
            "tasks/update", {"taskId": id_, "inputResponses": {"elicit-1.again": accept(name="Ada")}}, meta=META
        )
        assert text_of(await ended(wire, id_)) == "accept Ada"


async def test_a_declined_question_is_the_tools_to_handle() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        id_ = (await start(wire, "ask"))["taskId"]
        await until(wire, id_, "input_required")
        await update(wire, id_, elicit_1={"action": "decline"})
        assert text_of(await ended(wire, id_)) == "decline "


async def test_a_waiting_task_can_be_cancelled() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        id_ = (await start(wire, "ask"))["taskId"]
        await until(wire, id_, "input_required")
        await wire.request("tasks/cancel", {"taskId": id_}, meta=META)
        assert (await ended(wire, id_))["status"] == "cancelled"


async def test_a_question_that_the_client_never_declared_ends_the_task_as_failed() -> None:
    server, _ = make_server()
    mute = {**META, CAPABILITIES: {"extensions": {EXTENSION: {}}}}
    async with connected(server) as wire:
        made = await wire.request("tools/call", {"name": "ask", "arguments": {}}, meta=mute)
        task = await ended(wire, made["taskId"])
    assert task["status"] == "failed"
    assert task["error"]["code"] == -32021
    assert task["error"]["data"] == {"requiredCapabilities": {"elicitation": {}}}


BAD_UPDATES: dict[str, dict[str, Any]] = {
    "no responses": {},
    "null": {"inputResponses": None},
    "an array": {"inputResponses": []},
    "an answer that is no object": {"inputResponses": {"elicit-1": "Ada"}},
}


@pytest.mark.parametrize("params", BAD_UPDATES.values(), ids=BAD_UPDATES.keys())
async def test_a_malformed_update_is_refused_and_the_question_stays_open(params: dict[str, Any]) -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        id_ = (await start(wire, "ask"))["taskId"]
        await until(wire, id_, "input_required")
        assert (await wire.refused("tasks/update", {"taskId": id_, **params}, meta=META)).code == -32602
        assert list((await get(wire, id_))["inputRequests"]) == ["elicit-1"]


async def test_a_hundred_tasks_wait_for_answers_without_keeping_the_workers() -> None:
    from wireproof.mcp_tools import Settings

    server, _ = make_server(settings=Settings(task_workers=2))
    async with connected(server) as wire:
        ids = [(await start(wire, "ask"))["taskId"] for _ in range(100)]
        for id_ in ids:
            await until(wire, id_, "input_required")
        for id_ in ids:
            await update(wire, id_, elicit_1=accept(name="Ada"))
        assert {text_of(await ended(wire, id_)) for id_ in ids} == {"accept Ada"}


async def test_questions_asked_at_once_are_one_change_of_the_task() -> None:
    async with MemoryStore() as store:
        server, _ = make_server(store=store)
        async with connected(server) as wire:
            id_ = (await start(wire, "ask_both"))["taskId"]
            await until(wire, id_, "input_required")
            assert (await store.get(Scope.of(LOCAL), id_)).version == 2
