"""The tasks of 2025-11-25: calls with `task`, tasks/get, tasks/result, tasks/list, tasks/cancel, notifications."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.mcp_tools.tasks.jobs import ANNA, RELATED, accept, make_server, noted
from tests.mcp_tools.wire import SESSION, Wire, connected
from wireproof.mcp_tools import Settings
from wireproof.schemas.caller import ANONYMOUS
from wireproof.schemas.jsonrpc import Result

NOW = "2025-11-25"
BEFORE = [revision for revision in SESSION if revision != NOW]
CHANGED = "notifications/tasks/status"


async def start(wire: Wire, tool: str, arguments: dict[str, Any] | None = None, **task: Any) -> Any:
    """Call a tool as a task and give its Task."""
    made = await wire.request("tools/call", {"name": tool, "arguments": arguments or {}, "task": task})
    assert set(made) == {"task"}
    return made["task"]


def is_status(task_id: str, *statuses: str) -> Any:
    return lambda name, params: name == CHANGED and params["taskId"] == task_id and params["status"] in statuses


async def test_a_call_with_task_is_answered_by_a_task_and_its_result_comes_later() -> None:
    server, bench = make_server()
    async with connected(server, NOW) as wire:
        task = await start(wire, "wait", ttl=60_000)
        id_ = task["taskId"]
        assert {key: task[key] for key in ("status", "ttl", "pollInterval")} == {
            "status": "working",
            "ttl": 60_000,
            "pollInterval": 500,
        }
        assert set(task) == {"taskId", "status", "createdAt", "lastUpdatedAt", "ttl", "pollInterval"}
        waiting = await wire.start("tasks/result", {"taskId": id_})
        assert (await wire.request("tasks/get", {"taskId": id_}))["status"] == "working"
        bench.go.set()
        outcome = await wire.finish(waiting)
        assert isinstance(outcome, Result)
        assert outcome.result == {
            "content": [{"type": "text", "text": "went"}],
            "isError": False,
            "_meta": {RELATED: {"taskId": id_}},
        }
        assert (await wire.request("tasks/get", {"taskId": id_}))["status"] == "completed"
        assert await wire.request("tasks/result", {"taskId": id_}) == outcome.result


async def test_a_call_without_task_is_an_ordinary_call() -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        assert (await wire.call("add", {"a": 1, "b": 2}))["structuredContent"] == {"result": 3}


async def test_the_support_of_each_tool_is_listed_and_kept() -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        tools = {tool["name"]: tool.get("execution") for tool in (await wire.request("tools/list"))["tools"]}
        assert tools["add"] == {"taskSupport": "optional"}
        assert tools["fails"] == {"taskSupport": "required"}
        assert tools["never"] == {"taskSupport": "forbidden"}
        assert tools["plain"] is None
        assert (await wire.refused("tools/call", {"name": "fails", "arguments": {}})).code == -32601
        for name in ("never", "plain"):
            assert (await wire.refused("tools/call", {"name": name, "arguments": {}, "task": {}})).code == -32601


async def test_the_capability_names_what_is_offered_and_a_list_only_to_known_callers() -> None:
    server, _ = make_server()
    requests = {"tools": {"call": {}}}
    for principal, expected in (
        (ANNA, {"cancel": {}, "list": {}, "requests": requests}),
        (ANONYMOUS, {"cancel": {}, "requests": requests}),
    ):
        async with connected(server, NOW, principal=principal) as wire:
            assert wire.opened["capabilities"]["tasks"] == expected
            outcome = await wire.finish(await wire.start("tasks/list"))
            assert isinstance(outcome, Result) is ("list" in expected)


@pytest.mark.parametrize("revision", BEFORE)
async def test_revisions_before_know_no_tasks(revision: str) -> None:
    server, _ = make_server()
    async with connected(server, revision) as wire:
        assert "tasks" not in wire.opened["capabilities"]
        assert not any("execution" in tool for tool in (await wire.request("tools/list"))["tools"])
        result = await wire.call("add", {"a": 1, "b": 2}, task={"ttl": 1000})
        assert result["content"] == [{"type": "text", "text": "3"}]
        for method in ("tasks/get", "tasks/result", "tasks/list", "tasks/cancel"):
            assert (await wire.refused(method, {"taskId": "x"})).code == -32601
        assert (await wire.refused("tools/call", {"name": "fails", "arguments": {}})).code == -32601


FAILURES = {
    "fails": ("failed", "The disk is full."),
    "breaks": ("failed", "Tool breaks failed. Internal error: the server has logged what went wrong"),
}


@pytest.mark.parametrize(("tool", "end"), FAILURES.items(), ids=FAILURES.keys())
async def test_a_tool_error_is_a_failed_task_whose_result_is_the_tool_error(tool: str, end: tuple[str, str]) -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        task = await start(wire, tool)
        result = await wire.request("tasks/result", {"taskId": task["taskId"]})
        assert result["isError"] is True
        assert result["content"][0]["text"] == end[1]
        after = await wire.request("tasks/get", {"taskId": task["taskId"]})
        assert (after["status"], after["statusMessage"]) == end


async def test_a_json_rpc_error_comes_out_of_tasks_result_as_it_was() -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        task = await start(wire, "errs")
        refusal = await wire.refused("tasks/result", {"taskId": task["taskId"]})
        assert (refusal.code, refusal.message, refusal.data) == (-32050, "No such account", {"account": 7})
        after = await wire.request("tasks/get", {"taskId": task["taskId"]})
        assert (after["status"], after["statusMessage"]) == ("failed", "No such account")


async def test_bad_arguments_of_a_task_are_a_failed_task() -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        task = await start(wire, "add", {"a": "x"})
        result = await wire.request("tasks/result", {"taskId": task["taskId"]})
        assert result["isError"] is True


async def test_cancelling_ends_the_task_before_the_answer_and_only_once() -> None:
    server, bench = make_server()
    async with connected(server, NOW) as wire:
        id_ = (await start(wire, "wait"))["taskId"]
        await bench.entered.wait()
        blocked = await wire.start("tasks/result", {"taskId": id_})
        cancelled = await wire.request("tasks/cancel", {"taskId": id_})
        assert (cancelled["status"], cancelled["statusMessage"]) == (
            "cancelled",
            "The task was cancelled by request.",
        )
        async with asyncio.timeout(0.1):
            await bench.left.wait()
        assert not isinstance(await wire.finish(blocked), Result)
        refusal = await wire.refused("tasks/cancel", {"taskId": id_})
        assert refusal.code == -32602
        assert "cancelled" in refusal.message
        assert (await wire.request("tasks/get", {"taskId": id_}))["status"] == "cancelled"


async def test_an_ended_task_cannot_be_cancelled() -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        id_ = (await start(wire, "add", {"a": 1, "b": 2}))["taskId"]
        await wire.request("tasks/result", {"taskId": id_})
        assert (await wire.refused("tasks/cancel", {"taskId": id_})).code == -32602


async def test_the_list_is_paged_and_holds_every_task_of_the_caller_once() -> None:
    server, _ = make_server(settings=Settings(page_size=4))
    async with connected(server, NOW) as wire:
        made = [(await start(wire, "brief"))["taskId"] for _ in range(10)]
        for id_ in made:
            await wire.request("tasks/result", {"taskId": id_})
        found: list[str] = []
        sizes = []
        cursor: dict[str, Any] = {}
        while True:
            page = await wire.request("tasks/list", cursor)
            sizes.append(len(page["tasks"]))
            found += [task["taskId"] for task in page["tasks"]]
            if "nextCursor" not in page:
                break
            cursor = {"cursor": page["nextCursor"]}
    assert sorted(found) == sorted(made)
    assert sizes == [4, 4, 2]


@pytest.mark.parametrize("cursor", ["", "x", 1, None, {}], ids=repr)
async def test_a_cursor_that_was_not_given_out_is_refused(cursor: Any) -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        outcome = await wire.finish(await wire.start("tasks/list", {"cursor": cursor}))
        assert isinstance(outcome, Result) is (cursor is None)


async def test_the_cursor_of_another_owner_is_refused() -> None:
    server, _ = make_server(settings=Settings(page_size=1))
    async with connected(server, NOW, principal=ANNA) as wire:
        for _ in range(2):
            await start(wire, "brief")
        cursor = (await wire.request("tasks/list"))["nextCursor"]
        async with connected(server, NOW) as other:
            assert (await other.refused("tasks/list", {"cursor": cursor})).code == -32602


async def test_tasks_result_asks_what_the_task_wants_to_know_and_names_the_task() -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        wire.answers["elicitation/create"] = lambda params: accept(
            **({"sure": True} if "Sure" in params["message"] else {"name": "Ada"})
        )
        id_ = (await start(wire, "ask_both"))["taskId"]
        await noted(wire, is_status(id_, "input_required"))
        assert wire.asked == []
        result = await wire.request("tasks/result", {"taskId": id_})
        assert result["content"][0]["text"] == "Ada True"
        assert sorted(params["message"] for _, params in wire.asked) == ["Sure?", "Who?"]
        assert all(params["_meta"] == {RELATED: {"taskId": id_}} for _, params in wire.asked)


async def test_two_streams_ask_a_question_once_and_both_get_the_result() -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        wire.answers["elicitation/create"] = lambda _: accept(name="Ada")
        id_ = (await start(wire, "ask"))["taskId"]
        first, second = [await wire.start("tasks/result", {"taskId": id_}) for _ in range(2)]
        outcomes = [await wire.finish(first), await wire.finish(second)]
        assert [isinstance(outcome, Result) for outcome in outcomes] == [True, True]
        assert len(wire.asked) == 1


async def test_a_refused_question_is_an_error_that_the_tool_reads() -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        id_ = (await start(wire, "ask"))["taskId"]
        result = await wire.request("tasks/result", {"taskId": id_})
        assert result["isError"] is True
        assert "The client refused (-32601)" in result["content"][0]["text"]


async def test_a_session_that_goes_away_leaves_its_question_for_the_next() -> None:
    server, _ = make_server()
    async with server.running():
        async with connected(server, NOW) as wire:
            hold = asyncio.Event()
            wire.hold = hold
            id_ = (await start(wire, "ask"))["taskId"]
            await wire.start("tasks/result", {"taskId": id_})
            await wire.asked_for("elicitation/create")
        async with connected(server, NOW) as wire:
            wire.answers["elicitation/create"] = lambda _: accept(name="Ada")
            assert (await wire.request("tasks/get", {"taskId": id_}))["status"] == "input_required"
            result = await wire.request("tasks/result", {"taskId": id_})
            assert result["content"][0]["text"] == "accept Ada"


async def test_a_stream_that_goes_away_hands_its_question_to_another_one() -> None:
    server, _ = make_server()
    async with connected(server, NOW) as waiting:
        waiting.answers["elicitation/create"] = lambda _: accept(name="Ada")
        async with connected(server, NOW) as asked:
            asked.hold = asyncio.Event()
            id_ = (await start(asked, "ask"))["taskId"]
            await asked.start("tasks/result", {"taskId": id_})
            await asked.asked_for("elicitation/create")
            blocked = await waiting.start("tasks/result", {"taskId": id_})
            await waiting.request("tasks/get", {"taskId": id_})
            assert waiting.asked == []
        outcome = await waiting.finish(blocked)
        assert isinstance(outcome, Result)
        assert outcome.result["content"][0]["text"] == "accept Ada"


async def test_the_session_hears_of_every_status_and_of_progress() -> None:
    server, bench = make_server()
    async with connected(server, NOW) as wire:
        made = await wire.request(
            "tools/call", {"name": "reports", "arguments": {}, "task": {}}, meta={"progressToken": "p1"}
        )
        id_ = made["task"]["taskId"]
        (first,) = await wire.note("notifications/progress")
        bench.go.set()
        done = await noted(wire, is_status(id_, "completed"))
        logged = await wire.note("notifications/message")
        progress = await wire.note("notifications/progress", 2)
    related = {RELATED: {"taskId": id_}}
    assert first == {"progressToken": "p1", "progress": 1, "total": 3, "message": "one third", "_meta": related}
    assert progress[1] == {"progressToken": "p1", "progress": 3, "total": 3, "_meta": related}
    assert logged == [{"level": "error", "data": "looking back", "_meta": related}]
    assert set(done) == {"taskId", "status", "createdAt", "lastUpdatedAt", "ttl", "pollInterval"}


TTLS = [(1000, 1000), (1500.5, 1500), (60_000, 60_000), (10**12, 60_000)]


@pytest.mark.parametrize(("asked", "given"), TTLS)
async def test_the_ttl_is_what_was_asked_for_up_to_what_the_tool_allows(asked: float, given: int) -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        assert (await start(wire, "brief", ttl=asked))["ttl"] == given


@pytest.mark.parametrize(
    "task", [7, "x", [], {"ttl": 0}, {"ttl": -1}, {"ttl": "1"}, {"ttl": True}, {"ttl": 1e99}], ids=repr
)
async def test_a_malformed_task_hint_is_refused(task: Any) -> None:
    server, _ = make_server()
    async with connected(server, NOW) as wire:
        assert (await wire.refused("tools/call", {"name": "brief", "arguments": {}, "task": task})).code == -32602


async def test_a_task_of_one_era_is_read_in_the_other() -> None:
    from tests.mcp_tools.tasks import jobs

    server, _ = make_server()
    async with connected(server, NOW) as old, connected(server) as new:
        id_ = (await start(old, "fails"))["taskId"]
        await old.request("tasks/result", {"taskId": id_})
        task = await jobs.get(new, id_)
        assert task["status"] == "completed"
        assert task["result"]["isError"] is True
        made = (await jobs.start(new, "add", {"a": 1, "b": 2}))["taskId"]
        assert (await old.request("tasks/result", {"taskId": made}))["structuredContent"] == {"result": 3}
        assert re.fullmatch(r"t.{26}", made)
