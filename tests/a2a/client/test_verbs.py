"""Every verb of the client over every wire: equal results."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wireproof.a2a import File
from wireproof.a2a.client import (
    AgentRefused,
    ArtifactUpdate,
    DeadlineExceeded,
    InvalidRequest,
    Message,
    StatusUpdate,
    Task,
    TaskNotCancelable,
    TaskNotFound,
    UnsupportedOperation,
)
from wireproof.a2a.errors import Kind

from .agents import WIRES, connected

every_wire = pytest.mark.parametrize("wire", WIRES)


@every_wire
async def test_a_message_is_answered_by_a_task_that_has_ended(wire: str) -> None:
    async with connected(wire) as agent:
        task = await agent.send("hello")
    assert isinstance(task, Task)
    assert (task.state, task.result) == ("TASK_STATE_COMPLETED", "hello")
    assert task.has_ended
    assert task.history[0].text == "hello"


@every_wire
async def test_a_message_is_answered_by_a_message(wire: str) -> None:
    async with connected(wire) as agent:
        answer = (
            await agent.send({"text": "hi"}, skill="reply") if wire == "" else await agent.send("hi", skill="reply")
        )
    assert isinstance(answer, Message)
    assert (answer.text, answer.is_of_agent) == ("you said hi", True)


@every_wire
async def test_a_stream_brings_the_task_first_and_its_end_last(wire: str) -> None:
    async with connected(wire) as agent:
        events = [event async for event in agent.stream("x", skill="chunks")]
    assert isinstance(events[0], Task)
    assert [event.text for event in events if isinstance(event, ArtifactUpdate)] == ["0", "1", "2"]
    assert [event.append for event in events if isinstance(event, ArtifactUpdate)] == [False, True, True]
    last = events[-1]
    assert isinstance(last, StatusUpdate)
    assert last.state == "TASK_STATE_COMPLETED"


@every_wire
async def test_a_stream_of_a_message_is_one_message(wire: str) -> None:
    async with connected(wire) as agent:
        (event,) = [event async for event in agent.stream("hi", skill="reply")]
    assert isinstance(event, Message)


@every_wire
async def test_a_question_is_answered_and_the_task_goes_on(wire: str) -> None:
    async with connected(wire) as agent:
        task = await agent.send("Rome", skill="plan")
        assert isinstance(task, Task)
        assert (task.wants_input, task.text) == (True, "Which day?")
        handle = agent.task(task)
        events = [event async for event in handle.stream("Monday")]
        assert isinstance(events[-1], StatusUpdate)
        assert events[-1].has_ended
        assert (await handle.get()).result == "Leave on Monday"


@every_wire
async def test_a_follower_sees_the_task_to_its_end_over_its_question(wire: str) -> None:
    async with connected(wire) as agent:
        task = await agent.send("Rome", skill="plan")
        assert isinstance(task, Task)
        states: list[str] = []
        async for event in agent.task(task.id).follow():
            states.append(getattr(event, "state", "artifact"))
            if len(states) == 1:
                await agent.task(task.id).answer("Monday", wait=False)
    assert states[0] == "TASK_STATE_INPUT_REQUIRED"
    assert states[-2:] == ["artifact", "TASK_STATE_COMPLETED"]


@every_wire
async def test_a_task_is_canceled_once_and_for_all(wire: str) -> None:
    async with connected(wire) as agent:
        task = await agent.send("x", skill="endless", wait=False)
        assert isinstance(task, Task)
        assert not task.has_ended
        canceled = await agent.task(task.id).cancel()
        assert canceled.state == "TASK_STATE_CANCELED"
        assert (await agent.task(task.id).wait(timeout_s=5)).state == "TASK_STATE_CANCELED"
        done = await agent.send("x")
        assert isinstance(done, Task)
        with pytest.raises(TaskNotCancelable) as refused:
            await agent.task(done.id).cancel()
    assert refused.value.name == "TaskNotCancelableError"


@every_wire
async def test_tasks_are_listed_page_by_page(wire: str) -> None:
    async with connected(wire) as agent:
        sent = [await agent.send(str(number)) for number in range(3)]
        page = await agent.list_tasks(page_size=2)
        assert (len(page.tasks), page.total) == (2, 3)
        listed = [task.id async for task in agent.every_task(page_size=2)]
        assert sorted(listed) == sorted(task.id for task in sent if isinstance(task, Task))
        alone = await agent.list_tasks(context_id=sent[0].context_id, state="TASK_STATE_COMPLETED")
        assert [task.id for task in alone.tasks] == [sent[0].wire["id"]]


@every_wire
async def test_webhooks_are_kept_shown_and_deleted(wire: str) -> None:
    async with connected(wire) as agent:
        task = await agent.send("x", skill="endless", wait=False)
        assert isinstance(task, Task)
        handle = agent.task(task)
        kept = await handle.notify("http://127.0.0.1:9/hook", token="t", scheme="Bearer", credentials="c")
        assert (kept.task_id, kept.url) == (task.id, "http://127.0.0.1:9/hook")
        assert (await handle.get_webhook(kept.id)).wire == kept.wire
        assert [each.id for each in await handle.list_webhooks()] == [kept.id]
        await handle.delete_webhook(kept.id)
        await handle.delete_webhook(kept.id)
        assert await handle.list_webhooks() == []
        with pytest.raises(TaskNotFound):
            await handle.get_webhook(kept.id)
        await handle.cancel()


@every_wire
async def test_data_and_files_come_as_they_were(wire: str) -> None:
    async with connected(wire) as agent:
        task = await agent.send({"city": "Oslo"}, skill="weather")
        assert isinstance(task, Task)
        kept = 2**53 + (wire != "GRPC")  # a number of protobuf's Value is a double
        assert task.artifacts[0].data == {"city": "Oslo", "degrees": kept}
        task = await agent.send("x", skill="file")
        assert isinstance(task, Task)
        (part,) = task.artifacts[0].parts
        assert (part.raw, part.filename, part.media_type) == (b"\x00\xff", "a.bin", "application/octet-stream")


ERRORS: list[tuple[str, Any, type[Exception], Kind]] = [
    ("an unknown task", lambda agent: agent.task("none").get(), TaskNotFound, Kind.TASK_NOT_FOUND),
    ("cancel an unknown task", lambda agent: agent.task("none").cancel(), TaskNotFound, Kind.TASK_NOT_FOUND),
    ("a bad page token", lambda agent: agent.list_tasks(page_token="x"), InvalidRequest, Kind.INVALID_PARAMS),
    ("an unknown skill", lambda agent: agent.send("x", skill="none"), InvalidRequest, Kind.INVALID_PARAMS),
    ("a message to no task", lambda agent: agent.send("x", task_id="none"), TaskNotFound, Kind.TASK_NOT_FOUND),
    (
        "a media type it does not take",
        lambda agent: agent.send(File(data=b"x", media_type="video/x")),
        AgentRefused,
        Kind.CONTENT_TYPE_NOT_SUPPORTED,
    ),
]


@every_wire
@pytest.mark.parametrize(("ask", "error", "kind"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
async def test_an_error_is_the_same_on_every_wire(wire: str, ask: Any, error: type[Exception], kind: Kind) -> None:
    async with connected(wire) as agent:
        with pytest.raises(AgentRefused) as refused:
            await ask(agent)
    assert type(refused.value) is error
    assert refused.value.kind is kind


@every_wire
async def test_a_message_to_a_task_that_has_ended_is_refused(wire: str) -> None:
    async with connected(wire) as agent:
        task = await agent.send("x")
        assert isinstance(task, Task)
        with pytest.raises(UnsupportedOperation):
            await agent.task(task.id).answer("more")


@every_wire
async def test_what_went_wrong_inside_stays_inside(wire: str) -> None:
    async with connected(wire) as agent:
        task = await agent.send("x", skill="failing")
    assert isinstance(task, Task)
    assert task.state == "TASK_STATE_FAILED"
    assert "secret" not in str(task.wire)


@every_wire
async def test_an_answer_that_does_not_come_in_time_ends_the_wait(wire: str) -> None:
    async with connected(wire) as agent:
        with pytest.raises(DeadlineExceeded):
            await agent.send("x", skill="endless", timeout_s=0.2)
        (task,) = (await agent.list_tasks()).tasks
        await agent.task(task).cancel()


@every_wire
async def test_a_repeated_message_makes_one_task(wire: str) -> None:
    async with connected(wire) as agent:
        first = await agent.send("x", message_id="m-1")
        again = await agent.send("x", message_id="m-1")
        assert isinstance(first, Task)
        assert isinstance(again, Task)
        assert first.id == again.id
        assert (await agent.list_tasks()).total == 1


@every_wire
async def test_many_calls_share_one_client(wire: str) -> None:
    async with connected(wire) as agent:
        answers = await asyncio.gather(*(agent.send(str(number)) for number in range(40)))
    assert sorted(int(answer.wire["history"][0]["parts"][0]["text"]) for answer in answers) == list(range(40))


async def test_what_is_no_message_is_refused_before_it_is_sent() -> None:
    async with connected("memory") as agent:
        for bad in (object(), [], {"role": "ROLE_USER", "parts": []}):
            with pytest.raises(InvalidRequest):
                await agent.send(bad)
