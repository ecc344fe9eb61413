"""Whose task it is: what is absent, another's, expired or no id at all looks the same, byte for byte."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.mcp_tools.tasks.jobs import ANNA, BERT, META, Ctx, ended, get, make_server, start
from tests.mcp_tools.tasks.test_calls import text_of
from tests.mcp_tools.wire import connected
from wireproof.mcp_tools import ToolServer
from wireproof.schemas.caller import Principal
from wireproof.tasks.memory import MemoryStore

METHODS = {
    "2026-07-28": ("tasks/get", "tasks/update", "tasks/cancel"),
    "2025-11-25": ("tasks/get", "tasks/result", "tasks/cancel"),
}
CASES = [(revision, method) for revision, methods in METHODS.items() for method in methods]
ABSENT = "t" + "A" * 26
MALFORMED: dict[str, Any] = {
    "empty": "",
    "white space": " ",
    "a path": "../../etc/passwd",
    "NUL": "t\x00",
    "long": "t" * 100_000,
    "not ASCII": "täsk",
    "a number": 7,
    "null": None,
    "an array": ["x"],
}


async def test_another_owner_gets_the_same_bytes_for_a_task_as_for_none() -> None:
    server, _ = make_server()
    async with connected(server, principal=ANNA) as wire:
        made = await start(wire, "wait")
        for revision, method in CASES:
            async with connected(server, revision, principal=BERT) as other:
                meta = META if revision == "2026-07-28" else None
                refusals = [
                    await other.refused(method, {"taskId": id_, "inputResponses": {}}, meta=meta)
                    for id_ in (made["taskId"], ABSENT)
                ]
            said = {(refusal.code, refusal.message, json.dumps(refusal.data)) for refusal in refusals}
            assert said == {(-32602, "Invalid params: task not found", "null")}
        assert (await get(wire, made["taskId"]))["status"] == "working"


@pytest.mark.parametrize(
    "other",
    [
        Principal("anna", issuer="https://other.example"),
        Principal("anna", issuer="https://id.example", tenant="t"),
        Principal(""),
        Principal("https://id.example|anna"),
    ],
    ids=["issuer", "tenant", "anonymous", "lookalike"],
)
async def test_the_owner_is_the_whole_principal(other: Principal) -> None:
    server, _ = make_server()
    async with connected(server, principal=ANNA) as wire:
        made = await start(wire, "wait")
        async with connected(server, principal=other) as stranger:
            assert (await stranger.refused("tasks/get", {"taskId": made["taskId"]}, meta=META)).code == -32602


@pytest.mark.parametrize(("revision", "method"), CASES)
@pytest.mark.parametrize("id_", MALFORMED.values(), ids=MALFORMED.keys())
async def test_an_id_that_is_none_is_simply_not_found(revision: str, method: str, id_: Any) -> None:
    server, _ = make_server()
    async with connected(server, revision) as wire:
        meta = META if revision == "2026-07-28" else None
        refusal = await wire.refused(method, {"taskId": id_, "inputResponses": {}}, meta=meta)
    assert refusal.code == -32602
    assert refusal.message == "Invalid params: task not found"


async def test_no_id_at_all_is_not_found() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        assert (await wire.refused("tasks/get", {}, meta=META)).code == -32602


async def test_a_task_past_its_ttl_is_not_found_although_nobody_has_swept_it() -> None:
    async with MemoryStore(clock=lambda: time.time() - 3600) as an_hour_late:
        server, _ = make_server(store=an_hour_late)
        async with connected(server) as wire:
            made = await start(wire, "brief")
            for revision, method in CASES:
                async with connected(server, revision) as other:
                    meta = META if revision == "2026-07-28" else None
                    params = {"taskId": made["taskId"], "inputResponses": {}}
                    assert (await other.refused(method, params, meta=meta)).code == -32602


async def test_servers_of_one_store_run_and_see_their_own_tasks_only() -> None:
    async with MemoryStore() as store:
        first, second = ToolServer[Any]("first", store=store), ToolServer[Any]("second", store=store)

        @first.tool(task=True, name="where")
        async def in_first() -> str:
            return "first"

        @second.tool(task=True, name="where")
        async def in_second() -> str:
            return "second"

        async with connected(first) as near, connected(second) as far:
            mine, theirs = (await start(near, "where"))["taskId"], (await start(far, "where"))["taskId"]
            assert text_of(await ended(near, mine)) == "first"
            assert text_of(await ended(far, theirs)) == "second"
            assert (await near.refused("tasks/get", {"taskId": theirs}, meta=META)).code == -32602


async def test_the_code_of_a_task_knows_its_caller_and_no_secret_of_the_request() -> None:
    server, bench = make_server()

    @server.tool(task=True)
    async def who(ctx: Ctx) -> str:
        bench.seen.append((ctx.principal, dict(ctx.principal.claims), list(ctx.headers), ctx.facts.client))
        return ctx.principal.subject

    caller = Principal(
        "anna", "https://id.example", "t", frozenset({"read", "write"}), "app", 4e9, {"email": "anna@example.com"}
    )
    async with connected(server, principal=caller) as wire:
        made = await start(wire, "who")
        assert text_of(await ended(wire, made["taskId"])) == "anna"
    assert bench.seen == [(caller, {}, [], {"name": "wire", "version": "0"})]


async def test_a_thousand_ids_are_all_different_and_tell_nothing() -> None:
    server, _ = make_server()
    async with connected(server) as wire:
        ids = [(await start(wire, "brief"))["taskId"] for _ in range(1000)]
    assert len(set(ids)) == 1000
    for position in range(1, 27):
        assert len({id_[position] for id_ in ids}) > 40
