"""Calls that become tasks in 2026-07-28: which ones, what they hold at every stage, and how each can end."""

from __future__ import annotations

import asyncio
import re
import types
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.mcp_tools.tasks.jobs import (
    ANNA,
    CAPABILITIES,
    EXTENSION,
    META,
    UNDECLARED,
    Ctx,
    accept,
    ended,
    get,
    listen,
    make_server,
    noted,
    start,
    until,
    update,
)
from tests.mcp_tools.wire import connected
from wireproof.mcp_tools import Settings, TaskOptions
from wireproof.tasks.kinds import Retry

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MASKED = "Internal error: the server has logged what went wrong"


def text_of(task: dict[str, Any]) -> str:
    return task["result"]["content"][0]["text"]  # type: ignore[no-any-return]


async def test_a_created_task_is_flat_and_says_how_long_it_lives_and_how_often_to_look() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        made = await start(wire, "brief")
    assert made.pop("_meta") == {"io.modelcontextprotocol/serverInfo": {"name": "jobs", "version": "0.0.0"}}
    assert ISO.fullmatch(made.pop("createdAt"))
    assert ISO.fullmatch(made.pop("lastUpdatedAt"))
    assert re.fullmatch(r"[A-Za-z0-9_-]{27}", made.pop("taskId"))
    assert made == {"resultType": "task", "status": "working", "ttlMs": 60_000, "pollIntervalMs": 2000}


async def test_a_task_is_there_before_it_is_announced_and_ends_with_the_result_of_the_call() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        made = await start(wire, "add", {"a": 1, "b": 2})
        assert (await get(wire, made["taskId"]))["status"] in ("working", "completed")
        task = await ended(wire, made["taskId"])
        plain = await wire.request("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, meta=UNDECLARED)
    assert task["resultType"] == "complete"
    assert task["status"] == "completed"
    assert task["result"] == {key: value for key, value in plain.items() if key != "_meta"}


async def test_a_client_that_does_not_declare_the_extension_gets_the_result_itself() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        result = await wire.request("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, meta=UNDECLARED)
        assert result["resultType"] == "complete"
        assert result["structuredContent"] == {"result": 3}


async def test_a_tool_that_needs_tasks_refuses_a_client_without_them_and_says_what_is_missing() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        refusal = await wire.refused("tools/call", {"name": "fails", "arguments": {}}, meta=UNDECLARED)
    assert refusal.code == -32021
    assert refusal.data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


@pytest.mark.parametrize("tool", ["plain", "never"])
async def test_tools_without_tasks_answer_a_declared_client_directly(tool: str) -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        result = await wire.request("tools/call", {"name": tool, "arguments": {}}, meta=META)
        assert result["resultType"] == "complete"


async def test_the_task_hint_of_the_older_revision_is_ignored() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        params = {"name": "plain", "arguments": {}, "task": {"ttl": 1000}}
        assert (await wire.request("tools/call", params, meta=META))["resultType"] == "complete"


async def test_arguments_that_do_not_fit_are_answered_at_once_without_a_task() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        params = {"name": "add", "arguments": {"a": "x"}}
        result = await wire.request("tools/call", params, meta=META)
    assert result["resultType"] == "complete"
    assert result["isError"] is True
    assert "Invalid arguments for tool add" in result["content"][0]["text"]


ENDS: dict[str, dict[str, Any]] = {
    "fails": {
        "status": "completed",
        "result": {
            "resultType": "complete",
            "content": [{"type": "text", "text": "The disk is full."}],
            "isError": True,
        },
    },
    "breaks": {
        "status": "completed",
        "result": {
            "resultType": "complete",
            "content": [{"type": "text", "text": f"Tool breaks failed. {MASKED}"}],
            "isError": True,
        },
    },
    "errs": {
        "status": "failed",
        "statusMessage": "No such account",
        "error": {"code": -32050, "message": "No such account", "data": {"account": 7}},
    },
    "slow": {
        "status": "completed",
        "result": {
            "resultType": "complete",
            "content": [{"type": "text", "text": "Tool slow was stopped: it ran longer than its time limit"}],
            "isError": True,
        },
    },
}


@pytest.mark.parametrize(("tool", "end"), ENDS.items(), ids=ENDS.keys())
async def test_every_end_of_a_tool_is_the_end_that_the_extension_has_for_it(tool: str, end: dict[str, Any]) -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        made = await start(wire, tool)
        task = await ended(wire, made["taskId"])
    for name in ("taskId", "createdAt", "lastUpdatedAt", "ttlMs", "pollIntervalMs", "resultType", "_meta"):
        del task[name]
    assert task == end


async def test_an_exception_is_tried_again_by_the_policy_of_the_tool() -> None:
    server, bench = make_server()
    async with connected(server) as wire:
        made = await start(wire, "flaky")
        task = await ended(wire, made["taskId"])
    assert text_of(task) == "3"
    assert bench.attempts == [1, 2, 3]


async def test_a_cancelled_task_stops_its_code_within_100_ms_and_stays_cancelled() -> None:
    server, bench = make_server()
    async with connected(server) as wire:
        made = await start(wire, "wait")
        await bench.entered.wait()
        loop = asyncio.get_running_loop()
        asked = loop.time()
        acknowledged = await wire.request("tasks/cancel", {"taskId": made["taskId"]}, meta=META)
        await bench.left.wait()
        assert loop.time() - asked < 0.1
        task = await ended(wire, made["taskId"])
        again = await wire.request("tasks/cancel", {"taskId": made["taskId"]}, meta=META)
        late = await update(wire, made["taskId"], elicit_1=accept(name="x"))
        after = await get(wire, made["taskId"])
    assert set(acknowledged) == set(again) == set(late) == {"resultType", "_meta"}
    assert task["status"] == "cancelled"
    assert "result" not in task
    assert after == task


async def test_progress_is_the_status_message_and_does_not_outlive_the_work() -> None:
    server, bench = make_server()
    async with connected(server) as wire:
        made = await start(wire, "reports")
        await listen(wire, made["taskId"])
        await noted(wire, lambda _, params: params.get("statusMessage") == "one third")
        bench.go.set()
        task = await ended(wire, made["taskId"])
        assert "statusMessage" not in task
        assert not [name for name, _ in wire.notes if name in ("notifications/progress", "notifications/message")]


async def test_a_deferred_tool_answers_what_is_quick_and_asks_before_it_becomes_a_task() -> None:
    server, bench = make_server()
    async with connected(server) as wire:
        quick = await wire.request("tools/call", {"name": "later", "arguments": {"long": False}}, meta=META)
        assert (quick["resultType"], quick["content"][0]["text"]) == ("complete", "at once")

        first = await wire.request("tools/call", {"name": "later", "arguments": {}}, meta=META)
        assert first["resultType"] == "input_required"
        assert list(first["inputRequests"]) == ["who"]
        assert "taskId" not in first

        retry = {"inputResponses": {"who": accept(name="Ada")}, "requestState": first["requestState"]}
        made = await start(wire, "later", **retry)
        assert not {"requestState", "inputRequests", "result"} & set(made)
        bench.go.set()
        task = await ended(wire, made["taskId"])
    assert text_of(task) == "Hello Ada"
    assert bench.seen == [made["taskId"]]


async def test_a_deferred_tool_simply_runs_where_the_client_has_no_tasks() -> None:
    server, bench = make_server()
    bench.go.set()
    async with connected(server) as wire:
        params = {"name": "later", "arguments": {}}
        asked = await wire.request("tools/call", params, meta=UNDECLARED)
        answers = {"inputResponses": {"who": accept(name="Ada")}, "requestState": asked["requestState"]}
        result = await wire.request("tools/call", {**params, **answers}, meta=UNDECLARED)
    assert result["content"][0]["text"] == "Hello Ada"
    assert bench.seen == [None]


async def test_the_extension_is_declared_and_the_methods_of_the_older_tasks_are_gone() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        found = await wire.request("server/discover", meta=META)
        assert found["capabilities"]["extensions"] == {EXTENSION: {}}
        assert "tasks" not in found["capabilities"]
        for method in ("tasks/result", "tasks/list"):
            assert (await wire.refused(method, {"taskId": "x"}, meta=META)).code == -32601


async def test_a_server_without_tasks_has_no_task_methods() -> None:
    from wireproof.mcp_tools import ToolServer

    bare: ToolServer[Any] = ToolServer("bare")

    @bare.tool
    async def plain() -> str:
        return "plain"

    async with connected(bare) as wire:
        found = await wire.request("server/discover", meta=META)
        assert "extensions" not in found["capabilities"]
        assert (await wire.refused("tasks/get", {"taskId": "x"}, meta=META)).code == -32601


async def test_each_request_declares_for_itself() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        made = await start(wire, "add", {"a": 1, "b": 1})
        nothing = {**META, CAPABILITIES: {"extensions": {}}}
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            refusal = await wire.refused(method, {"taskId": made["taskId"], "inputResponses": {}}, meta=nothing)
            assert refusal.code == -32021
            assert refusal.data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


async def test_a_call_can_become_a_task_from_within_a_task_group() -> None:
    server, _ = make_server()

    @server.tool(task=TaskOptions(deferred=True))
    async def grouped(ctx: Ctx) -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.become_task())
        return f"in {ctx.task_id}"

    async with connected(server) as wire:
        made = await start(wire, "grouped")
        assert text_of(await ended(wire, made["taskId"])) == f"in {made['taskId']}"


async def test_an_error_beside_the_wish_to_become_a_task_is_an_error() -> None:
    server, _ = make_server()

    @server.tool(task=TaskOptions(deferred=True))
    async def torn(ctx: Ctx) -> str:
        async def fail() -> None:
            raise RuntimeError("beside")

        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.become_task())
            group.create_task(fail())
        return "never"

    async with connected(server) as wire:
        result = await wire.request("tools/call", {"name": "torn", "arguments": {}}, meta=META)
        assert result["isError"] is True
        assert result["content"][0]["text"] == f"Tool torn failed. {MASKED}"


async def test_a_task_that_outlives_its_ttl_is_stopped() -> None:
    server, bench = make_server()

    @server.tool(task=TaskOptions(ttl_s=0.2))
    async def endless() -> str:
        bench.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            bench.left.set()
        return "never"

    async with connected(server) as wire:
        await start(wire, "endless")
        await bench.entered.wait()
        await asyncio.wait_for(bench.left.wait(), 5)


async def test_unfinished_tasks_of_one_caller_are_bounded_and_room_comes_back() -> None:
    server, bench = make_server(settings=Settings(max_tasks=3, task_workers=8))
    async with connected(server) as wire, connected(server, principal=ANNA) as other:
        ids = [(await start(wire, "wait"))["taskId"] for _ in range(3)]
        refusal = await wire.refused("tools/call", {"name": "wait", "arguments": {}}, meta=META)
        assert refusal.code == -32600
        assert "3 tasks are unfinished" in refusal.message
        await start(other, "brief")
        await wire.request("tasks/cancel", {"taskId": ids[0]}, meta=META)
        await ended(wire, ids[0])
        await start(wire, "wait")
        bench.go.set()


async def test_a_task_whose_tool_was_taken_away_ends_as_failed() -> None:
    server, bench = make_server(settings=Settings(task_workers=1))
    async with connected(server) as wire:
        await start(wire, "wait")
        await bench.entered.wait()
        made = await start(wire, "brief")
        server.remove_tool("brief")
        bench.go.set()
        task = await ended(wire, made["taskId"])
    assert task["status"] == "failed"
    assert task["error"] == {"code": -32602, "message": "Unknown tool: brief"}


async def test_a_tool_that_comes_while_the_server_runs_can_be_a_task_with_a_policy_of_its_own() -> None:
    server, _bench = make_server()
    async with connected(server) as wire:
        await ended(wire, (await start(wire, "brief"))["taskId"])

        @server.tool(task=TaskOptions(retry=Retry(failures=2, delay=0.01)))
        async def newcomer(ctx: Ctx) -> int:
            if ctx.attempt == 1:
                raise RuntimeError("not yet")
            return ctx.attempt

        task = await ended(wire, (await start(wire, "newcomer"))["taskId"])
    assert text_of(task) == "2"


DOCUMENT = Path(__file__).parents[3] / "docs" / "tasks.md"


async def test_the_example_of_the_document_works_as_it_stands() -> None:
    code = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[0]
    collected: list[str] = []

    async def collect(year: int, month: int, key: str) -> int:
        collected.append(key)
        return year + month

    class Sure(BaseModel):
        publish: bool

    example = types.ModuleType("example")
    example.__dict__.update(collect=collect, Sure=Sure)
    code = code.replace('ToolServer("reports")', 'ToolServer("reports", store="memory://")')
    exec(compile(code, "docs/tasks.md", "exec"), example.__dict__)
    async with connected(example.server) as wire:
        id_ = (await start(wire, "yearly_report", {"year": 2025}))["taskId"]
        await until(wire, id_, "input_required")
        assert collected == [f"{id_}/month-{month}" for month in range(1, 13)]
        await update(wire, id_, elicit_1=accept(publish=True))
        assert text_of(await ended(wire, id_)) == "published"
