"""ListTasks: filters, order, keyset pages, totals, owners."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wireproof.a2a import Caller, Kind
from wireproof.a2a.core import Core

from .agents import ELSEWHERE, ME, OTHER, agent, refused, send


async def pages(core: Core, caller: Caller = ME, **given: Any) -> list[dict[str, Any]]:
    """Every page of a listing."""
    found = [await core.call("ListTasks", given, caller)]
    while found[-1]["nextPageToken"]:
        found.append(await core.call("ListTasks", {**given, "pageToken": found[-1]["nextPageToken"]}, caller))
    return found


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [task["id"] for page in found for task in page["tasks"]]


async def test_a_listing_without_tasks_has_every_field() -> None:
    async with agent().core as core:
        page = await core.call("ListTasks", {}, ME)
    assert page == {"tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0}


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
async def test_pages_hold_every_task_once_newest_status_first(engine: str, tmp_path: Path) -> None:
    url = "memory://" if engine == "memory" else f"sqlite:///{tmp_path}/tasks.db"
    async with agent(store=url).core as core:
        sent = [(await send(core))["id"] for _ in range(7)]
        found = await pages(core, pageSize=3)
        whole = await core.call("ListTasks", {"pageSize": 100}, ME)
    assert [len(page["tasks"]) for page in found] == [3, 3, 1]
    assert {page["totalSize"] for page in found} == {7}
    assert sorted(ids(found)) == sorted(sent)
    assert ids(found) == ids([whole])
    times = [task["status"]["timestamp"] for task in whole["tasks"]]
    assert times == sorted(times, reverse=True)


async def test_a_task_that_comes_between_two_pages_hides_and_repeats_none() -> None:
    async with agent().core as core:
        before = [(await send(core))["id"] for _ in range(4)]
        found = [await core.call("ListTasks", {"pageSize": 2}, ME)]
        await send(core)
        while token := found[-1]["nextPageToken"]:
            found.append(await core.call("ListTasks", {"pageSize": 2, "pageToken": token}, ME))
    # one that comes within the same millisecond may stand on a later page
    assert sorted(each for each in ids(found) if each in before) == sorted(before)


async def test_filters_choose_by_context_status_and_time() -> None:
    async with agent().core as core:
        one = await send(core, contextId="a")
        two = await send(core, "ask", contextId="a")
        three = await send(core, contextId="b")
        assert set(ids(await pages(core, contextId="a"))) == {one["id"], two["id"]}
        assert ids(await pages(core, status="TASK_STATE_INPUT_REQUIRED")) == [two["id"]]
        assert ids(await pages(core, contextId="b", status="TASK_STATE_COMPLETED")) == [three["id"]]
        assert ids(await pages(core, contextId="c")) == []
        at = three["status"]["timestamp"]
        assert three["id"] in ids(await pages(core, statusTimestampAfter=at))
        later = datetime.fromisoformat(at) + timedelta(milliseconds=1)
        after = f"{later.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        assert ids(await pages(core, statusTimestampAfter=after)) == []


async def test_artifacts_and_history_are_shown_as_far_as_they_are_wanted() -> None:
    async with agent().core as core:
        await send(core)
        ((plain,),) = [page["tasks"] for page in await pages(core)]
        ((full,),) = [page["tasks"] for page in await pages(core, includeArtifacts=True, historyLength=1)]
        ((bare,),) = [page["tasks"] for page in await pages(core, historyLength=0)]
    assert "artifacts" not in plain
    assert len(full["artifacts"]) == len(full["history"]) == 1
    assert "history" not in bare


async def test_nobody_lists_the_tasks_of_another_owner_or_tenant() -> None:
    async with agent().core as core:
        await send(core)
        await send(core, caller=ELSEWHERE)
        assert [(await pages(core, caller))[0]["totalSize"] for caller in (ME, ELSEWHERE, OTHER)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"pageSize": 0}, "pageSize"),
        ({"pageSize": 101}, "pageSize"),
        ({"pageSize": -1}, "pageSize"),
        ({"pageSize": "many"}, "pageSize"),
        ({"pageToken": "nonsense"}, "pageToken"),
        ({"historyLength": -1}, "historyLength"),
        ({"status": "TASK_STATE_UNSPECIFIED"}, "status"),
        ({"status": "completed"}, "status"),
        ({"statusTimestampAfter": "yesterday"}, "statusTimestampAfter"),
        ({"statusTimestampAfter": "2026-02-30T00:00:00Z"}, "statusTimestampAfter"),
        ({"includeArtifacts": "yes"}, "includeArtifacts"),
    ],
)
async def test_a_wrong_parameter_is_named(given: dict[str, Any], field: str) -> None:
    async with agent().core as core:
        error = await refused(lambda: core.call("ListTasks", given, ME))
    assert error.kind is Kind.INVALID_PARAMS
    assert [violation.field for violation in error.violations] == [field]


@pytest.mark.parametrize("caller", [OTHER, ELSEWHERE], ids=["owner", "tenant"])
async def test_a_page_token_opens_for_its_owner_and_its_filters_alone(caller: Caller) -> None:
    async with agent().core as core:
        for _ in range(2):
            await send(core, contextId="a")
        token = (await core.call("ListTasks", {"pageSize": 1, "contextId": "a"}, ME))["nextPageToken"]
        foreign = {"pageSize": 1, "contextId": "a", "pageToken": token}
        stolen = await refused(lambda: core.call("ListTasks", foreign, caller))
        moved = await refused(lambda: core.call("ListTasks", {"pageSize": 1, "pageToken": token}, ME))
        broken = await refused(lambda: core.call("ListTasks", {**foreign, "pageToken": token[:-2] + "AA"}, ME))
    assert [error.kind for error in (stolen, moved, broken)] == [Kind.INVALID_PARAMS] * 3
