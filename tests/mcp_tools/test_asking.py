"""Asking the client: one primitive on every wire, and state that nobody can bend."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from tests.mcp_tools.wire import MODERN_META, connected
from wireproof.auth.sealing import Keyring
from wireproof.mcp_tools import Context, Settings, Text, ToolServer
from wireproof.mcp_tools.elicitation import FormError
from wireproof.schemas.caller import Principal

Ctx = Context[Any]
SECRET = "0123456789abcdef0123456789abcdef"


class Trip(BaseModel):
    day: str
    people: int = Field(default=1, ge=1)
    seat: Literal["aisle", "window"] = "aisle"


def trip_server(**options: Any) -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("trips", keyring=Keyring(SECRET), **options)

    @server.tool
    async def plan(ctx: Ctx, city: str = "Rome") -> Text:
        answer = await ctx.elicit("Which day?", Trip)
        return Text(f"{answer.action}: {answer.data!r} to {city}")

    @server.tool
    async def twice(ctx: Ctx) -> Text:
        first = await ctx.elicit("First?", Trip, key="one")
        second = await ctx.elicit("Second?", Trip, key="two")
        return Text(f"{first.data.day} then {second.data.day}")

    @server.tool
    async def together(ctx: Ctx) -> Text:
        trip, said, roots = await asyncio.gather(ctx.elicit("Day?", Trip), ctx.sample("Hello"), ctx.roots())
        return Text(f"{trip.data.day}, {said['content']['text']}, {len(roots)}")

    @server.tool
    def threaded(ctx: Ctx) -> Text:
        answer = ctx.wait(ctx.elicit("Day?", Trip))
        return Text(str(answer.data.day))

    @server.tool
    async def page(ctx: Ctx) -> Text:
        return Text((await ctx.elicit_url("Sign in", "https://example.com/")).action)

    return server


ACCEPT = {"action": "accept", "content": {"day": "Monday", "people": 2, "seat": "window"}}
SAID = {"role": "assistant", "content": {"type": "text", "text": "Hi"}, "model": "m"}


def text_of(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


@pytest.mark.parametrize("revision", ["2025-06-18", "2025-11-25"])
async def test_a_session_is_asked_live_and_the_call_goes_on_with_the_answer(revision: str) -> None:
    async with connected(trip_server(), revision) as wire:
        wire.answers["elicitation/create"] = lambda params: ACCEPT
        assert "Trip(day='Monday', people=2, seat='window')" in text_of(await wire.call("plan"))
    ((method, params),) = wire.asked
    assert method == "elicitation/create"
    assert ("mode" in params) is (revision == "2025-11-25")
    assert params["requestedSchema"]["properties"]["day"]["type"] == "string"


async def test_a_modern_call_ends_with_its_questions_and_its_retry_finishes() -> None:
    async with connected(trip_server()) as wire:
        first = await wire.call("plan")
        assert first["resultType"] == "input_required"
        assert list(first["inputRequests"]) == ["elicit-1"]
        done = await wire.call("plan", inputResponses={"elicit-1": ACCEPT}, requestState=first["requestState"])
        assert done["resultType"] == "complete"
        assert "Monday" in text_of(done)
    assert wire.asked == []


async def test_each_round_remembers_the_rounds_before() -> None:
    async with connected(trip_server()) as wire:
        one = await wire.call("twice")
        two = await wire.call("twice", inputResponses={"one": ACCEPT}, requestState=one["requestState"])
        assert list(two["inputRequests"]) == ["two"]
        assert two["requestState"] != one["requestState"]
        late = {"action": "accept", "content": {"day": "Friday"}}
        done = await wire.call("twice", inputResponses={"two": late}, requestState=two["requestState"])
        assert text_of(done) == "Monday then Friday"


async def test_questions_asked_together_are_sent_together() -> None:
    async with connected(trip_server()) as wire:
        first = await wire.call("together")
        assert sorted(first["inputRequests"]) == ["elicit-1", "roots-1", "sample-1"]
        some = await wire.call(
            "together", inputResponses={"roots-1": {"roots": []}, "x": {}}, requestState=first["requestState"]
        )
        assert sorted(some["inputRequests"]) == ["elicit-1", "sample-1"]
        answers = {"elicit-1": ACCEPT, "sample-1": SAID}
        done = await wire.call("together", inputResponses=answers, requestState=some["requestState"])
        assert text_of(done) == "Monday, Hi, 0"


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
async def test_a_sync_tool_asks_from_its_thread(revision: str) -> None:
    async with connected(trip_server(), revision) as wire:
        wire.answers["elicitation/create"] = lambda params: ACCEPT
        result = await wire.call("threaded")
        if revision == "2026-07-28":
            result = await wire.call(
                "threaded", inputResponses={"elicit-1": ACCEPT}, requestState=result["requestState"]
            )
        assert text_of(result) == "Monday"


@pytest.mark.parametrize("answer", [{"action": "decline"}, {"action": "cancel"}])
async def test_a_user_may_decline_or_cancel(answer: dict[str, Any]) -> None:
    async with connected(trip_server(), "2025-11-25") as wire:
        wire.answers["elicitation/create"] = lambda params: answer
        assert text_of(await wire.call("plan")) == f"{answer['action']}: None to Rome"


MISFITS: dict[str, dict[str, Any]] = {
    "a field is missing": {"action": "accept", "content": {}},
    "a value is out of bounds": {"action": "accept", "content": {"day": "Monday", "people": 0}},
    "an enum value is unknown": {"action": "accept", "content": {"day": "Monday", "seat": "roof"}},
    "no content": {"action": "accept"},
    "content is a list": {"action": "accept", "content": []},
    "an unknown action": {"action": "perhaps"},
    "nothing": {},
}


@pytest.mark.parametrize("misfit", MISFITS.values(), ids=MISFITS.keys())
async def test_an_answer_that_does_not_fit_is_asked_again(misfit: dict[str, Any]) -> None:
    async with connected(trip_server()) as wire:
        first = await wire.call("plan")
        again = await wire.call("plan", inputResponses={"elicit-1": misfit}, requestState=first["requestState"])
        assert list(again["inputRequests"]) == ["elicit-1"]
        done = await wire.call("plan", inputResponses={"elicit-1": ACCEPT}, requestState=again["requestState"])
        assert "Monday" in text_of(done)
    answers = iter([misfit, ACCEPT])
    async with connected(trip_server(), "2025-11-25") as wire:
        wire.answers["elicitation/create"] = lambda params: next(answers)
        assert "Monday" in text_of(await wire.call("plan"))


@pytest.mark.parametrize("responses", [[], "x", 1, {"elicit-1": []}, {"elicit-1": None}])
async def test_responses_that_are_no_objects_are_refused(responses: Any) -> None:
    async with connected(trip_server()) as wire:
        failure = await wire.refused("tools/call", {"name": "plan", "inputResponses": responses})
        assert failure.code == -32602


def meta_without(*capabilities: str) -> dict[str, Any]:
    declared = {"elicitation": {}, "sampling": {}, "roots": {}}
    for name in capabilities:
        del declared[name]
    return {**MODERN_META, "io.modelcontextprotocol/clientCapabilities": declared}


async def test_a_question_that_the_client_did_not_declare_is_never_sent() -> None:
    async with connected(trip_server()) as wire:
        failure = await wire.refused("tools/call", {"name": "plan"}, meta=meta_without("elicitation"))
        assert (failure.code, failure.data) == (-32021, {"requiredCapabilities": {"elicitation": {}}})
        failure = await wire.refused("tools/call", {"name": "page"})
        assert failure.data == {"requiredCapabilities": {"elicitation": {"url": {}}}}
    async with connected(trip_server(), "2025-11-25", capabilities={}) as wire:
        result = await wire.call("plan")
        assert result["isError"] is True
        assert "did not declare elicitation" in text_of(result)
        assert wire.asked == []


async def state_and_server() -> tuple[str, ToolServer[Any]]:
    server = trip_server()
    async with connected(server) as wire:
        return (await wire.call("plan"))["requestState"], server


async def test_state_opens_on_a_replica_that_shares_the_keys() -> None:
    state, _ = await state_and_server()
    async with connected(trip_server()) as wire:
        done = await wire.call("plan", inputResponses={"elicit-1": ACCEPT}, requestState=state)
        assert "Monday" in text_of(done)


async def test_state_opens_after_the_key_was_rotated() -> None:
    state, _ = await state_and_server()
    server = trip_server()
    server.core._keyring = Keyring("another secret of at least 32 bytes!!", SECRET)
    async with connected(server) as wire:
        assert (await wire.call("plan", inputResponses={"elicit-1": ACCEPT}, requestState=state))["resultType"]


async def test_state_is_refused_for_another_caller_tool_argument_server_or_letter() -> None:
    state, server = await state_and_server()
    retry = {"name": "plan", "arguments": {}, "inputResponses": {"elicit-1": ACCEPT}, "requestState": state}
    swaps = {
        "another tool": {**retry, "name": "twice"},
        "another argument": {**retry, "arguments": {"city": "Oslo"}},
        "a suffix": {**retry, "requestState": state + "x"},
        "another letter": {**retry, "requestState": ("A" if state[20] != "A" else "B").join([state[:20], state[21:]])},
        "half of it": {**retry, "requestState": state[: len(state) // 2]},
        "nothing": {**retry, "requestState": ""},
        "a number": {**retry, "requestState": 7},
    }
    async with connected(server) as wire:
        for what, params in swaps.items():
            failure = await wire.refused("tools/call", params)
            assert failure.code == -32602, what
    async with connected(server, principal=Principal("mallory", issuer="https://issuer")) as wire:
        assert (await wire.refused("tools/call", retry)).code == -32602
    async with connected(ToolServer("others", keyring=Keyring("yet another secret, 32 bytes or more"))) as wire:
        server.core.tools.get("plan")
        assert (await wire.refused("tools/call", retry)).code == -32602


async def test_state_expires() -> None:
    server = trip_server(settings=Settings(state_ttl_s=-1))
    async with connected(server) as wire:
        state = (await wire.call("plan"))["requestState"]
        failure = await wire.refused(
            "tools/call", {"name": "plan", "inputResponses": {"elicit-1": ACCEPT}, "requestState": state}
        )
        assert failure.code == -32602


async def test_what_users_answered_cannot_be_read_in_the_state() -> None:
    async with connected(trip_server()) as wire:
        one = await wire.call("twice")
        two = await wire.call("twice", inputResponses={"one": ACCEPT}, requestState=one["requestState"])
        assert not re.search("Monday|window", two["requestState"])


async def test_a_client_that_refuses_or_leaves_ends_the_question_and_not_the_server() -> None:
    server = trip_server(settings=Settings(ask_timeout_s=0.01))
    async with connected(server, "2025-11-25") as wire:
        result = await wire.call("plan")
        assert "refused (-32601)" in text_of(result)
        wire.answer = lambda request, out: _never()  # type: ignore[method-assign]
        result = await wire.call("plan")
        assert "did not answer within" in text_of(result)
        assert (await wire.note("notifications/cancelled"))[0]["requestId"]


async def _never() -> None:
    await asyncio.Event().wait()


class Nested(BaseModel):
    inner: Trip


async def test_a_form_that_the_specification_does_not_allow_is_refused_where_it_is_written() -> None:
    from wireproof.mcp_tools.elicitation import Form

    with pytest.raises(FormError, match="inner"):
        Form.of(Nested)
    with pytest.raises(FormError, match="flat object"):
        Form.of({"type": "string"})


async def test_a_step_before_a_question_is_done_once_over_all_rounds() -> None:
    server = trip_server()
    done: list[str] = []

    @server.tool
    async def book(ctx: Ctx) -> Text:
        async def reserve(key: str) -> str:
            done.append(key)
            return f"seat {len(done)}"

        seat = await ctx.step("reserve", reserve)
        answer = await ctx.elicit("Which day?", Trip)
        return Text(f"{seat} on {answer.data.day}")

    async with connected(server) as wire:
        first = await wire.call("book")
        forged = {"elicit-1": ACCEPT, "reserve": {"value": "seat 9"}, "steps": {"reserve": "seat 9"}}
        last = await wire.call("book", inputResponses=forged, requestState=first["requestState"])
    assert last["content"][0]["text"] == "seat 1 on Monday"
    assert len(done) == 1
