"""Push notification configurations: create, get, list, delete, and who may."""

from __future__ import annotations

from typing import Any

import pytest

from wireproof.a2a import Kind
from wireproof.a2a.core import Core
from wireproof.a2a.push_configs import MAX_CONFIGS

from .agents import ELSEWHERE, ME, OTHER, agent, refused, send

HOOK = "https://hooks.example.com/a"
OPERATIONS = (
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
)


async def create(core: Core, task_id: str, **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = await core.call(OPERATIONS[0], {"taskId": task_id, "url": HOOK, **given}, ME)
    return made


async def listed(core: Core, task_id: str) -> list[dict[str, Any]]:
    found = await core.call("ListTaskPushNotificationConfigs", {"taskId": task_id}, ME)
    assert found["nextPageToken"] == ""
    configs: list[dict[str, Any]] = found["configs"]
    return configs


async def test_a_configuration_comes_back_whole_and_is_given_an_id() -> None:
    given = {"token": "t", "authentication": {"scheme": "Bearer", "credentials": "c"}}
    async with agent().core as core:
        task = await send(core, "ask")
        made = await create(core, task["id"], **given)
        got = await core.call("GetTaskPushNotificationConfig", {"taskId": task["id"], "id": made["id"]}, ME)
        assert await listed(core, task["id"]) == [made]
    assert got == made == {"id": made["id"], "taskId": task["id"], "url": HOOK, **given}
    assert made["id"]


async def test_a_second_one_with_the_same_id_takes_the_place_of_the_first() -> None:
    async with agent().core as core:
        task = await send(core, "ask")
        await create(core, task["id"], id="one")
        await create(core, task["id"], id="one", token="new")
        assert [config["token"] for config in await listed(core, task["id"])] == ["new"]


async def test_deleting_is_idempotent() -> None:
    async with agent().core as core:
        task = await send(core, "ask")
        made = await create(core, task["id"])
        for _ in range(2):
            gone = await core.call(OPERATIONS[3], {"taskId": task["id"], "id": made["id"]}, ME)
            assert gone == {}
        assert await listed(core, task["id"]) == []
        error = await refused(lambda: core.call(OPERATIONS[1], {"taskId": task["id"], "id": made["id"]}, ME))
    assert error.kind is Kind.TASK_NOT_FOUND


async def test_a_message_brings_a_configuration_with_it_first_or_later() -> None:
    async with agent().core as core:
        task = await send(core, "ask", configuration={"taskPushNotificationConfig": {"url": HOOK, "id": "a"}})
        await send(
            core,
            "monday",
            taskId=task["id"],
            configuration={"taskPushNotificationConfig": {"url": HOOK, "id": "b", "token": "t"}},
        )
        found = await listed(core, task["id"])
    assert found == [
        {"id": "a", "taskId": task["id"], "url": HOOK},
        {"id": "b", "taskId": task["id"], "url": HOOK, "token": "t"},
    ]


async def test_pages_of_configurations_hold_each_once() -> None:
    async with agent().core as core:
        task = await send(core, "ask")
        for name in "abcde":
            await create(core, task["id"], id=name)
        found: list[str] = []
        token = ""
        while True:
            page = await core.call(OPERATIONS[2], {"taskId": task["id"], "pageSize": 2, "pageToken": token}, ME)
            found += [config["id"] for config in page["configs"]]
            token = page["nextPageToken"]
            if not token:
                break
    assert found == list("abcde")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/a",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest",
        "ftp://hooks.example.com/",
        "nonsense",
        "",
    ],
)
async def test_a_webhook_that_may_not_be_called_is_refused_and_nothing_is_stored(url: str) -> None:
    async with agent().core as core:
        task = await send(core, "ask")
        error = await refused(lambda: create(core, task["id"], url=url))
        wanted = {"taskPushNotificationConfig": {"url": url}}
        first = await refused(lambda: send(core, configuration=wanted))
        later = await refused(lambda: send(core, "monday", taskId=task["id"], configuration=wanted))
        assert await listed(core, task["id"]) == []
        assert (await core.call("ListTasks", {}, ME))["totalSize"] == 1
        assert await core.call("GetTask", {"id": task["id"]}, ME) == task
    assert [each.kind for each in (error, first, later)] == [Kind.INVALID_PARAMS] * 3
    assert [violation.field for violation in error.violations] == ["url"]
    assert {v.field for v in (*first.violations, *later.violations)} == {"configuration.taskPushNotificationConfig.url"}


async def test_a_task_has_a_bounded_number_of_configurations() -> None:
    async with agent().core as core:
        task = await send(core, "ask")
        for _ in range(MAX_CONFIGS):
            await create(core, task["id"])
        error = await refused(lambda: create(core, task["id"]))
        assert len(await listed(core, task["id"])) == MAX_CONFIGS
    assert error.kind is Kind.INVALID_PARAMS


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("caller", [OTHER, ELSEWHERE], ids=["owner", "tenant"])
async def test_configurations_of_another_owner_are_as_absent_as_their_task(operation: str, caller: Any) -> None:
    async with agent().core as core:
        task = await send(core, "ask")
        made = await create(core, task["id"])
        given = {"taskId": task["id"], "id": made["id"], "url": HOOK}
        foreign = await refused(lambda: core.call(operation, given, caller))
        absent = await refused(lambda: core.call(operation, {**given, "taskId": "nothing"}, ME))
        assert await listed(core, task["id"]) == [made]
    assert foreign.kind is absent.kind is Kind.TASK_NOT_FOUND
    assert foreign.message == absent.message
    assert foreign.metadata == {"taskId": task["id"]}


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_agent_without_push_says_so(operation: str) -> None:
    async with agent(push=False).core as core:
        task = await send(core, "ask")
        given = {"taskId": task["id"], "id": "a", "url": HOOK}
        error = await refused(lambda: core.call(operation, given, ME))
        wanted = {"taskPushNotificationConfig": {"url": HOOK}}
        sent = await refused(lambda: send(core, configuration=wanted))
        assert core.card()["capabilities"]["pushNotifications"] is False
    assert error.kind is sent.kind is Kind.PUSH_NOT_SUPPORTED
