"""Every operation and every error over every binding in both versions: equal requests give equal results."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest

from tests.a2a.bindings.conftest import serve
from tests.a2a.bindings.wires import JSON, WIRES, Refused, Served, opened
from wireproof.a2a.errors import Kind

pytestmark = pytest.mark.timeout(60)
COUNT = itertools.count()
IDS = {"id", "taskId", "contextId", "messageId"}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with serve(XDG_STATE_HOME=str(tmp_path_factory.mktemp("state"))) as where:
        yield where


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """It insists on an extension and sends no push notifications."""
    with serve(INSISTS="1", NO_PUSH="1", XDG_STATE_HOME=str(tmp_path_factory.mktemp("state"))) as where:
        yield where


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with serve(EXTENDED="1", XDG_STATE_HOME=str(tmp_path_factory.mktemp("state"))) as where:
        yield where


@pytest.fixture(params=WIRES)
async def wire(request: pytest.FixtureRequest, agent: Served) -> AsyncGenerator[Any]:
    async with opened(request.param, agent) as found:
        found.name = request.param
        yield found


def message(text: str, **more: Any) -> JSON:
    return {"messageId": f"m-{next(COUNT)}", "role": "ROLE_USER", "parts": [{"text": text}], **more}


def request(text: str, skill: str, *, wait: bool = True, **more: Any) -> JSON:
    made: JSON = {"message": message(text, **more), "metadata": {"skillId": skill}}
    return made if wait else {**made, "configuration": {"returnImmediately": True}}


def plain(value: Any) -> Any:
    """Without what differs from call to call: ids and times. Absent and empty lists are one thing to proto JSON."""
    if isinstance(value, dict):
        kept = {key: "an id" if key in IDS else plain(each) for key, each in value.items() if key != "timestamp"}
        return {key: each for key, each in kept.items() if each not in ([], {}, "")}
    return [plain(each) for each in value] if isinstance(value, list) else value


async def events(stream: Any, until: str = "") -> list[JSON]:
    found: list[JSON] = []
    async for event in stream:
        found.append(event)
        if until and event.get("statusUpdate", {}).get("status", {}).get("state") == until:
            break
    return found


async def task_of(wire: Any, text: str, skill: str, **options: Any) -> JSON:
    answer = await wire.call("SendMessage", request(text, skill, **options))
    task: JSON = answer["task"]
    return task


PARTS = [
    {"artifactId": "an id", "parts": [{"text": "done: hi"}]},
    {
        "artifactId": "an id",
        "name": "numbers",
        "parts": [{"data": {"whole": 3, "half": 0.5, "none": None, "list": [1, {"a": True}]}}],
    },
    {
        "artifactId": "an id",
        "parts": [{"raw": "AAH/", "filename": "three.bin", "mediaType": "application/x-three"}],
    },
]
ASKED = {"parts": [{"text": "hi"}], "role": "ROLE_USER", "messageId": "an id", "taskId": "an id", "contextId": "an id"}


def artifacts(task: JSON) -> list[JSON]:
    return [{**plain(each), "artifactId": "an id"} for each in task["artifacts"]]


async def test_a_message_is_answered_by_a_message(wire: Any) -> None:
    answer = await wire.call("SendMessage", request("hi", "echo"))
    said = plain(answer["message"])
    assert said == {"messageId": "an id", "contextId": "an id", "role": "ROLE_AGENT", "parts": [{"text": "echo: hi"}]}


async def test_a_task_comes_whole(wire: Any) -> None:
    task = await task_of(wire, "hi", "work")
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert artifacts(task) == PARTS
    assert plain(task["history"][0]) == ASKED
    again = await wire.call("GetTask", {"id": task["id"]})
    assert plain(again) == plain(task)
    short = await wire.call("GetTask", {"id": task["id"], "historyLength": 1})
    assert len(short["history"]) == 1


async def test_a_stream_has_the_events_in_order(wire: Any) -> None:
    found = await events(wire.stream("SendStreamingMessage", request("hi", "work")))
    kinds = [next(iter(event)) for event in found]
    assert kinds == ["task", "statusUpdate", "statusUpdate", *["artifactUpdate"] * 3, "statusUpdate"]
    states = [event["statusUpdate"]["status"]["state"] for event in found if "statusUpdate" in event]
    assert states == ["TASK_STATE_WORKING", "TASK_STATE_WORKING", "TASK_STATE_COMPLETED"]
    told = [plain(event["artifactUpdate"]["artifact"]) for event in found if "artifactUpdate" in event]
    assert [{**each, "artifactId": "an id"} for each in told] == PARTS
    assert found[2]["statusUpdate"]["status"]["message"]["parts"] == [{"text": "working on it"}]


async def test_a_stream_may_be_one_message(wire: Any) -> None:
    found = await events(wire.stream("SendStreamingMessage", request("hi", "echo")))
    assert [event["message"]["parts"] for event in found] == [[{"text": "echo: hi"}]]


async def test_a_question_is_answered_by_the_next_message(wire: Any) -> None:
    task = await task_of(wire, "hi", "ask")
    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert task["status"]["message"]["parts"] == [{"text": "Which day?"}]
    done = await task_of(wire, "Monday", "ask", taskId=task["id"])
    assert done["id"] == task["id"]
    assert done["artifacts"][0]["parts"] == [{"text": "on Monday"}]
    assert [each["parts"][0]["text"] for each in done["history"]] == ["hi", "Which day?", "Monday"]


async def test_a_task_is_followed_from_where_it_is_and_cancelled(wire: Any) -> None:
    task = await task_of(wire, "hi", "wait", wait=False)
    stream = wire.stream("SubscribeToTask", {"id": task["id"]})
    first = await anext(stream)
    assert first["task"]["id"] == task["id"]
    rest = asyncio.create_task(events(stream))
    cancelled = await wire.call("CancelTask", {"id": task["id"]})
    assert cancelled["status"]["state"] == "TASK_STATE_CANCELED"
    async with asyncio.timeout(10):
        found = await rest
    assert found[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_CANCELED"
    again = await wire.call("CancelTask", {"id": task["id"]})
    assert plain(again) == plain(cancelled)


@pytest.mark.parametrize("wire", [name for name in WIRES if name.endswith("1.0")], indirect=True)
async def test_tasks_are_listed_in_pages(wire: Any) -> None:
    made = [(await task_of(wire, "hi", "work"))["id"] for _ in range(3)]
    found: list[str] = []
    token = ""
    while True:
        page = await wire.call("ListTasks", {"pageSize": 2, **({"pageToken": token} if token else {})})
        assert page["pageSize"] == 2
        found += [task["id"] for task in page["tasks"]]
        assert all("artifacts" not in task for task in page["tasks"])
        token = page.get("nextPageToken", "")
        if not token or set(made) <= set(found):
            break
    assert len(found) == len(set(found))
    assert set(made) <= set(found)


async def test_webhooks_are_made_read_listed_and_deleted(wire: Any) -> None:
    task = await task_of(wire, "hi", "wait", wait=False)
    config = {"taskId": task["id"], "id": "hook", "url": "https://hooks.example/x", "token": "t"}
    made = await wire.call("CreateTaskPushNotificationConfig", config)
    one = {"taskId": task["id"], "id": "hook"}
    got = await wire.call("GetTaskPushNotificationConfig", one)
    assert {key: made[key] for key in config} == {key: got[key] for key in config} == config
    listed = await wire.call("ListTaskPushNotificationConfigs", {"taskId": task["id"]})
    assert [each["id"] for each in listed["configs"]] == ["hook"]
    await wire.call("DeleteTaskPushNotificationConfig", one)
    after = await wire.call("ListTaskPushNotificationConfigs", {"taskId": task["id"]})
    assert after.get("configs", []) == []
    await wire.call("CancelTask", {"id": task["id"]})


@pytest.mark.parametrize("name", [name for name in WIRES if name != "grpc 0.3"])  # there it is the public card
async def test_the_extended_card_is_for_callers_with_a_name(name: str, extended: Served) -> None:
    async with opened(name, extended) as wire:
        if name.startswith("stdio"):  # who spawned the agent is known
            card = await wire.call("GetExtendedAgentCard", {})
            assert card["description"] == "What only callers with a name may read."
            return
        with pytest.raises(Refused) as refused:
            await wire.call("GetExtendedAgentCard", {})
    assert refused.value.number == number_of(wire, Kind.UNAUTHENTICATED)


# -- errors -----------------------------------------------------------------------------------------------------


async def ended(wire: Any) -> str:
    return str((await task_of(wire, "hi", "work"))["id"])


ERRORS: dict[str, tuple[Kind, Any]] = {
    "get nothing": (Kind.TASK_NOT_FOUND, lambda wire, done: wire.call("GetTask", {"id": "nothing"})),
    "cancel nothing": (Kind.TASK_NOT_FOUND, lambda wire, done: wire.call("CancelTask", {"id": "nothing"})),
    "follow nothing": (
        Kind.TASK_NOT_FOUND,
        lambda wire, done: events(wire.stream("SubscribeToTask", {"id": "nothing"})),
    ),
    "go on with nothing": (
        Kind.TASK_NOT_FOUND,
        lambda wire, done: wire.call("SendMessage", request("x", "work", taskId="nothing")),
    ),
    "cancel what is done": (Kind.TASK_NOT_CANCELABLE, lambda wire, done: wire.call("CancelTask", {"id": done})),
    "go on with what is done": (
        Kind.UNSUPPORTED_OPERATION,
        lambda wire, done: wire.call("SendMessage", request("x", "work", taskId=done)),
    ),
    "follow what is done": (
        Kind.UNSUPPORTED_OPERATION,
        lambda wire, done: events(wire.stream("SubscribeToTask", {"id": done})),
    ),
    "a foreign context": (
        Kind.INVALID_PARAMS,
        lambda wire, done: wire.call("SendMessage", request("x", "work", taskId=done, contextId="another")),
    ),
    "no such skill": (Kind.INVALID_PARAMS, lambda wire, done: wire.call("SendMessage", request("x", "nothing"))),
    "a type that is not given": (
        Kind.CONTENT_TYPE_NOT_SUPPORTED,
        lambda wire, done: wire.call(
            "SendMessage", {**request("x", "echo"), "configuration": {"acceptedOutputModes": ["video/mp4"]}}
        ),
    ),
    "a negative length": (
        Kind.INVALID_PARAMS,
        lambda wire, done: wire.call("GetTask", {"id": done, "historyLength": -1}),
    ),
    "a webhook that is refused": (
        Kind.INVALID_PARAMS,
        lambda wire, done: wire.call(
            "CreateTaskPushNotificationConfig", {"taskId": done, "id": "h", "url": "http://hooks.example/"}
        ),
    ),
    "an unknown version": (
        Kind.VERSION_NOT_SUPPORTED,
        lambda wire, done: wire.call("GetTask", {"id": done}, A2A_Version="9.9"),
    ),
}


def number_of(wire: Any, kind: Kind) -> Any:
    row = kind.row
    return {"jsonrpc": row.code, "rest": (row.http, row.grpc), "grpc": row.grpc}[wire.kind]


@pytest.mark.parametrize("case", ERRORS)
async def test_an_error_is_the_same_in_the_words_of_each_binding(wire: Any, case: str) -> None:
    kind, call = ERRORS[case]
    with pytest.raises(Refused) as refused:
        await call(wire, await ended(wire))
    assert (refused.value.number, refused.value.reason) == (number_of(wire, kind), kind.row.reason)


@pytest.mark.parametrize("wire", [name for name in WIRES if name.endswith("1.0")], indirect=True)
@pytest.mark.parametrize("wrong", [{"pageToken": "forged"}, {"pageSize": 0}, {"pageSize": 101}], ids=str)
async def test_a_wrong_page_is_refused(wire: Any, wrong: JSON) -> None:
    with pytest.raises(Refused) as refused:
        await wire.call("ListTasks", wrong)
    assert refused.value.number == number_of(wire, Kind.INVALID_PARAMS)


@pytest.mark.parametrize("wire", [name for name in WIRES if name != "grpc 0.3"], indirect=True)
async def test_an_extended_card_that_is_not_claimed_is_not_supported(wire: Any) -> None:
    with pytest.raises(Refused) as refused:
        await wire.call("GetExtendedAgentCard", {})
    assert refused.value.number == number_of(wire, Kind.UNSUPPORTED_OPERATION)


async def test_a_crash_is_a_failed_task_that_keeps_its_secret(wire: Any) -> None:
    task = await task_of(wire, "hi", "crash")
    assert task["status"]["state"] == "TASK_STATE_FAILED"
    assert "hunter2" not in str(task)


@pytest.mark.parametrize("name", WIRES)
async def test_an_agent_that_insists_or_does_not_push_says_so(name: str, strict: Served) -> None:
    async with opened(name, strict) as wire:
        with pytest.raises(Refused) as insisted:
            await wire.call("SendMessage", request("hi", "echo"))
        extension = {"A2A_Extensions": "https://example.com/extensions/required"}
        if wire.version == "0.3":
            extension = {"X_A2A_Extensions": extension["A2A_Extensions"]}
        answer = await wire.call("SendMessage", request("hi", "echo"), **extension)
        task = (await wire.call("SendMessage", request("hi", "work"), **extension))["task"]["id"]
        config = {"taskId": task, "id": "h", "url": "https://h.example/"}
        with pytest.raises(Refused) as pushed:
            await wire.call("CreateTaskPushNotificationConfig", config, **extension)
    assert insisted.value.number == number_of(wire, Kind.EXTENSION_REQUIRED)
    assert answer["message"]["parts"] == [{"text": "echo: hi"}]
    assert pushed.value.number == number_of(wire, Kind.PUSH_NOT_SUPPORTED)
