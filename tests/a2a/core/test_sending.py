"""SendMessage and SendStreamingMessage: messages, tasks, questions, ends."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from pydantic import BaseModel

from wireproof.a2a import Agent, ExtensionOption, File, Kind, Turn

from .agents import ME, Stage, agent, collect, refused, request, send, staged, state, states, texts


async def test_a_plain_function_answers_with_a_message_in_the_context_of_its_caller() -> None:
    async with agent().core as core:
        given = {**request("hi", contextId="c-1"), "metadata": {"skillId": "echo"}}
        answer = await core.call("SendMessage", given, ME)
    message = answer["message"]
    assert (message["role"], message["parts"], message["contextId"]) == ("ROLE_AGENT", [{"text": "echo hi"}], "c-1")
    assert "taskId" not in message
    assert message["messageId"]


async def test_a_stream_of_a_message_is_that_one_message() -> None:
    async with agent().core as core:
        given = {**request("hi"), "metadata": {"skillId": "echo"}}
        events = await collect(await core.stream("SendStreamingMessage", given, ME))
    assert states(events) == ["message"]


async def test_a_task_stream_starts_with_the_task_and_ends_with_its_end() -> None:
    async with agent().core as core:
        events = await collect(await core.stream("SendStreamingMessage", request(contextId="c-1"), ME))
        task = await core.call("GetTask", {"id": events[0]["task"]["id"]}, ME)
    assert states(events) == ["SUBMITTED", "WORKING", "WORKING", "artifactUpdate", "COMPLETED"]
    assert task["contextId"] == "c-1"
    assert texts(task["artifacts"]) == ["two"]
    assert texts(task["history"]) == ["go", "one"]
    assert {event[name].get("taskId", task["id"]) for event in events for name in event} == {task["id"]}


async def test_a_blocking_send_waits_for_the_end_and_shows_it() -> None:
    async with agent().core as core:
        task = await send(core)
    assert state(task) == "COMPLETED"
    assert texts(task["artifacts"]) == ["two"]


async def test_a_send_that_returns_at_once_leaves_the_task_working() -> None:
    stage = Stage()
    async with staged(stage).core as core:
        with anyio.fail_after(10):
            task = await send(core, configuration={"returnImmediately": True})
            assert state(task) in ("SUBMITTED", "WORKING")
            await stage.reached.wait()
            events = await core.stream("SubscribeToTask", {"id": task["id"]}, ME)
            stage.go.set()
            told = await collect(events)
    assert states(told)[-1] == "COMPLETED"


@pytest.mark.parametrize(("length", "kept"), [(0, None), (1, ["one"]), (2, ["go", "one"]), (9, ["go", "one"])])
async def test_an_answer_holds_at_most_so_many_of_the_newest_messages(length: int, kept: list[str] | None) -> None:
    async with agent().core as core:
        task = await send(core, configuration={"historyLength": length})
        got = await core.call("GetTask", {"id": task["id"], "historyLength": length}, ME)
    assert (texts(task["history"]) if "history" in task else None) == kept
    assert got == task


async def test_a_question_ends_the_stream_and_the_next_message_answers_it() -> None:
    async with agent().core as core:
        asked = await collect(await core.stream("SendStreamingMessage", request("ask"), ME))
        task_id = asked[0]["task"]["id"]
        answered = await collect(await core.stream("SendStreamingMessage", request("monday", taskId=task_id), ME))
        task = await core.call("GetTask", {"id": task_id}, ME)
    assert states(asked)[-1] == "INPUT_REQUIRED"
    assert texts([asked[-1]["statusUpdate"]["status"]["message"]]) == ["Which day?"]
    assert states(answered) == ["WORKING", "artifactUpdate", "COMPLETED"]
    assert "task" in answered[0]
    assert texts(task["history"]) == ["ask", "one", "Which day?", "monday"]
    assert texts(task["artifacts"]) == ["on monday"]


async def test_the_context_of_a_later_message_is_the_one_of_its_task() -> None:
    async with agent().core as core:
        first = await send(core, "ask")
        assert state(first) == "INPUT_REQUIRED"
        done = await send(core, "monday", taskId=first["id"])
    assert done["contextId"] == first["contextId"]
    assert {message["contextId"] for message in done["history"]} == {first["contextId"]}


async def test_a_later_message_with_another_context_is_refused_and_changes_nothing() -> None:
    async with agent().core as core:
        first = await send(core, "ask")
        given = request("monday", taskId=first["id"], contextId="another")
        error = await refused(lambda: core.call("SendMessage", given, ME))
        after = await core.call("GetTask", {"id": first["id"]}, ME)
    assert error.kind is Kind.INVALID_PARAMS
    assert [violation.field for violation in error.violations] == ["message.contextId"]
    assert after == first


async def test_a_stream_stays_open_while_the_caller_authorizes_and_a_blocking_send_answers() -> None:
    async with agent().core as core:
        with anyio.fail_after(10):
            waiting = await send(core, "authorize")
            assert state(waiting) == "AUTH_REQUIRED"
            done = await send(core, "done", taskId=waiting["id"])
            events = await core.stream("SendStreamingMessage", request("authorize"), ME)
            told = [await anext(events) for _ in range(4)]
            await send(core, "done", taskId=told[0]["task"]["id"])
            rest = await collect(events)
    assert state(done) == "COMPLETED"
    assert states(told)[-1] == "AUTH_REQUIRED"
    assert states(rest) == ["WORKING", "artifactUpdate", "COMPLETED"]


async def test_a_message_to_an_ended_task_is_refused() -> None:
    async with agent().core as core:
        task = await send(core)
        for operation in ("SendMessage", "SendStreamingMessage"):
            call = core.call if operation == "SendMessage" else core.stream
            error = await refused(lambda call=call, op=operation: call(op, request("more", taskId=task["id"]), ME))
            assert error.kind is Kind.UNSUPPORTED_OPERATION
        after = await core.call("GetTask", {"id": task["id"]}, ME)
    assert after == task


async def test_the_same_message_again_is_the_same_task_and_another_one_is_not() -> None:
    async with agent().core as core:
        one = await send(core, "go", message_id="m-1")
        again = await send(core, "go", message_id="m-1")
        other = await send(core, "go on", message_id="m-1")
        listed = await core.call("ListTasks", {}, ME)
    assert again == one
    assert other["id"] != one["id"]
    assert listed["totalSize"] == 2


async def test_the_same_answer_again_is_taken_once() -> None:
    async with agent().core as core:
        task = await send(core, "ask", configuration={"returnImmediately": False})
        given = request("monday", taskId=task["id"])
        await core.call("SendMessage", given, ME)
        error = await refused(lambda: core.call("SendMessage", given, ME))
        after = await core.call("GetTask", {"id": task["id"]}, ME)
    assert error.kind is Kind.UNSUPPORTED_OPERATION
    assert texts(after["history"]).count("monday") == 1


@pytest.mark.parametrize(
    ("text", "ends", "says"),
    [
        ("reject", "REJECTED", "not this"),
        ("fail", "FAILED", "it broke"),
        ("crash", "FAILED", "The agent failed with an internal error."),
    ],
)
async def test_a_task_ends_as_its_skill_does(text: str, ends: str, says: str) -> None:
    async with agent().core as core:
        task = await send(core, text)
    assert state(task) == ends
    assert texts([task["status"]["message"]]) == [says]
    assert "secret" not in str(task)


class Place(BaseModel):
    city: str


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("text", {"text": "text"}),
        (Place(city="Rome"), {"data": {"city": "Rome"}}),
        ({"n": 12345678901234567890, "x": None}, {"data": {"n": 12345678901234567890, "x": None}}),
        (b"\x00\xff", {"raw": "AP8="}),
        (
            File(url="https://example.com/a.png", name="a.png", media_type="image/png"),
            {"url": "https://example.com/a.png", "filename": "a.png", "mediaType": "image/png"},
        ),
    ],
)
async def test_what_a_skill_returns_is_one_part_of_a_message_or_an_artifact(value: Any, part: dict[str, Any]) -> None:
    made = Agent("Values")

    @made.skill
    async def message() -> Any:
        return value

    @made.skill(task=True)
    async def task() -> Any:
        return value

    async with made.core as core:
        one = await core.call("SendMessage", {**request(), "metadata": {"skillId": "message"}}, ME)
        two = await core.call("SendMessage", {**request(), "metadata": {"skillId": "task"}}, ME)
    assert one["message"]["parts"] == [part]
    assert [artifact["parts"] for artifact in two["task"]["artifacts"]] == [[part]]


async def test_chunks_of_an_artifact_come_in_order_and_make_one_artifact() -> None:
    made = Agent("Chunks")

    @made.skill
    async def write(turn: Turn) -> Any:
        for index, word in enumerate(("a", "b", "c")):
            yield turn.artifact(text=word, id="text", name="Text", append=index > 0, last=index == 2)

    async with made.core as core:
        events = await collect(await core.stream("SendStreamingMessage", request(), ME))
        task = await core.call("GetTask", {"id": events[0]["task"]["id"]}, ME)
    updates = [event["artifactUpdate"] for event in events if "artifactUpdate" in event]
    assert [(u["artifact"]["parts"][0]["text"], u.get("append"), u.get("lastChunk")) for u in updates] == [
        ("a", None, None),
        ("b", True, None),
        ("c", True, True),
    ]
    assert task["artifacts"] == [
        {"artifactId": "text", "name": "Text", "parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}
    ]


async def test_arguments_come_from_the_data_part_and_what_does_not_fit_is_named() -> None:
    made = Agent("Adder")

    @made.skill
    async def add(a: int, b: int) -> dict[str, int]:
        return {"sum": a + b}

    async with made.core as core:
        given = request(parts=[{"data": {"a": 1, "b": 2}}])
        good = await core.call("SendMessage", given, ME)
        error = await refused(lambda: core.call("SendMessage", request(parts=[{"data": {"a": "x"}}]), ME))
    assert good["message"]["parts"] == [{"data": {"sum": 3}}]
    assert error.kind is Kind.INVALID_PARAMS


async def test_media_types_that_a_skill_does_not_take_or_give_are_refused() -> None:
    async with agent().core as core:
        image = request(parts=[{"raw": "AP8=", "mediaType": "image/png"}])
        taken = await refused(lambda: core.call("SendMessage", image, ME))
        wanted = request(configuration={"acceptedOutputModes": ["image/png"]})
        given = await refused(lambda: core.call("SendMessage", wanted, ME))
        fine = await send(core, configuration={"acceptedOutputModes": ["image/png", "text/*"]})
        listed = await core.call("ListTasks", {}, ME)
    assert (taken.kind, given.kind) == (Kind.CONTENT_TYPE_NOT_SUPPORTED, Kind.CONTENT_TYPE_NOT_SUPPORTED)
    assert [task["id"] for task in listed["tasks"]] == [fine["id"]]


async def test_an_agent_chooses_the_skill_where_the_caller_names_none() -> None:
    made = Agent("Chooser", select=lambda message: message["parts"][0]["text"])

    @made.skill
    async def one() -> str:
        return "1"

    @made.skill
    async def two() -> str:
        return "2"

    async with made.core as core:
        answer = await core.call("SendMessage", request("two"), ME)
        wrong = await refused(lambda: core.call("SendMessage", request("three"), ME))
        named = await refused(lambda: core.call("SendMessage", {**request("two"), "metadata": {"skillId": "x"}}, ME))
    assert texts([answer["message"]]) == ["2"]
    assert wrong.kind is Kind.INTERNAL
    assert [violation.field for violation in named.violations] == ["metadata.skillId"]


async def test_a_required_extension_must_be_activated_and_a_skill_sees_what_is_offered() -> None:
    uri, other = "https://example.com/ext/v1", "https://example.com/unknown"
    made = Agent("Extended", extensions=[ExtensionOption(uri=uri, required=True)])

    @made.skill(task=False)
    async def seen(turn: Turn) -> list[str]:
        return sorted(turn.extensions)

    async with made.core as core:
        error = await refused(lambda: core.call("SendMessage", request(), ME))
        listing = await refused(lambda: core.call("ListTasks", {}, ME))
        answer = await core.call("SendMessage", request(), ME._replace(extensions=frozenset({uri, other})))
    assert (error.kind, listing.kind) == (Kind.EXTENSION_REQUIRED, Kind.EXTENSION_REQUIRED)
    assert error.metadata == {"extensions": uri}
    assert answer["message"]["parts"] == [{"data": [uri]}]
