from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.transports.http.test_single_exchange import until
from tests.transports.http.wire import NOTE, SSE, Client, Conversation, Maker, NameGate, call
from wireproof.transports import sessions as sessions_module
from wireproof.transports import streamable_http
from wireproof.transports.exchange import Limits
from wireproof.transports.sessions import SessionLimits


async def opened(client: Client, **more: str) -> str:
    answered = await client.post(call("open", 0), **more)
    assert (answered.status, answered.json["result"]) == (200, "opened")
    return answered.headers["mcp-session-id"]


async def streaming(conversation: Conversation) -> Conversation:
    head = await conversation.head()
    assert (head.status, head.type) == (200, "text/event-stream")
    return conversation


async def next_event(conversation: Conversation) -> SSE:
    async with asyncio.timeout(5):
        event = await conversation.event()
    assert event is not None
    return event


async def test_opening_gives_an_unguessable_id_of_visible_ascii(client: Client) -> None:
    ids = {await opened(client) for _ in range(20)}
    assert len(ids) == 20
    assert all(len(id_) >= 32 and all(0x21 <= ord(char) <= 0x7E for char in id_) for id_ in ids)


async def test_one_endpoint_serves_a_session_of_many_requests(client: Client, maker: Maker) -> None:
    id_ = await opened(client)
    for number in range(3):
        answered = await client.post(call("echo", number, n=number), mcp_session_id=id_)
        assert (answered.status, answered.type) == (200, "application/json")
        assert answered.json["result"] == {"n": number}
    assert (await client.post(call("slow_echo", 9), mcp_session_id=id_)).json["id"] == 9
    assert len(maker.made) == 1


async def test_notifications_and_responses_are_accepted_with_202(client: Client, maker: Maker) -> None:
    id_ = await opened(client)
    for message in (NOTE, {"jsonrpc": "2.0", "id": "q9", "result": {}}):
        answered = await client.post(message, mcp_session_id=id_)
        assert (answered.status, answered.body) == (202, b"")
    assert [notice.method for notice in maker.last.notices] == ["noted"]


async def test_a_failed_opening_leaves_no_session(client: Client, maker: Maker) -> None:
    client.app._dialect.route = lambda message, headers: streamable_http.Route.OPEN
    answered = await client.post(call("refuse"))
    assert answered.status == 404
    await until(lambda: len(client.app.sessions) == 0)
    assert maker.last.lost_count == 1
    refused = await client.post(NOTE)
    assert refused.status == 400


SWAPS: list[tuple[str, str | None, int]] = [
    ("ada", "own", 200),
    ("bob", "own", 404),
    ("ada", "unknown", 404),
    ("bob", "unknown", 404),
    ("ada", "", 404),
    ("ada", None, 400),
]


@pytest.mark.parametrize("method", ["POST", "NOTE", "GET", "DELETE"])
@pytest.mark.parametrize(("user", "id_kind", "expected"), SWAPS)
async def test_a_session_that_is_not_yours_answers_like_one_that_is_not_there(
    listen: Any, method: str, user: str, id_kind: str | None, expected: int
) -> None:
    client: Client = await listen(gate=NameGate())
    own = await opened(client, authorization="Bearer ada")
    fields = [*client.fields(), ("authorization", f"Bearer {user}")]
    if id_kind is not None:
        fields.append(("mcp-session-id", {"own": own, "unknown": own[::-1]}.get(id_kind, "")))
    body = json.dumps(NOTE if method == "NOTE" else call("echo")).encode() if method in ("POST", "NOTE") else None
    conversation = await client.connect()
    await conversation.send("POST" if method == "NOTE" else method, "/mcp", fields, body)
    head = await conversation.head()
    wanted = {200: 202 if method == "NOTE" else 200, 404: 404, 400: 400 if body else 405}[expected]
    assert head.status == wanted
    if expected == 404:
        rest = await conversation.reader.readexactly(int(head.headers.pop("content-length")))
        head.headers.pop("date")
        assert (head.headers, json.loads(rest)["error"]) == (
            {"content-type": "application/json"},
            {"code": -32001, "message": "Session not found: open a new one"},
        )
    conversation.close()


async def test_a_deleted_session_is_gone(client: Client, maker: Maker) -> None:
    id_ = await opened(client)
    waiting = await streaming(await client.begin(call("wait", 5), mcp_session_id=id_))
    listening = await streaming(await client.get(mcp_session_id=id_))
    deleted = await client.raw("DELETE", [("host", client.authority), ("mcp-session-id", id_)])
    assert deleted.status == 200
    assert (await next_event(waiting)).json["method"] == "waiting"
    assert await waiting.event() is None
    assert await listening.event() is None
    assert (maker.last.cancelled, maker.last.lost_count) == ([5], 1)
    assert (await client.post(call("echo"), mcp_session_id=id_)).status == 404
    assert (await client.raw("DELETE", [("host", client.authority), ("mcp-session-id", id_)])).status == 404


async def test_a_stream_ends_with_the_answer_and_its_events_have_ids_of_that_stream(client: Client) -> None:
    id_ = await opened(client)
    seen: set[str] = set()
    for number in (1, 2):
        conversation = await streaming(await client.begin(call("tell", number, n=2), mcp_session_id=id_))
        events = await conversation.events()
        assert [event.json.get("method") for event in events] == ["told", "told", None]
        ids = [event.id for event in events if event.id]
        assert len({id_.split("-")[0] for id_ in ids}) == 1
        seen.update(ids)
    assert len(seen) == 6


async def test_streams_are_primed_for_clients_that_know_it_and_only_for_them(client: Client) -> None:
    id_ = await opened(client)
    primed = await streaming(await client.begin(call("tell", n=1), mcp_session_id=id_, primes="yes"))
    events = await primed.events()
    assert (events[0].data, events[0].id is not None) == ("", True)
    plain = await streaming(await client.begin(call("tell", n=1), mcp_session_id=id_))
    assert all(event.data for event in await plain.events())


async def test_a_broken_stream_is_resumed_without_gap_or_repeat(client: Client, maker: Maker) -> None:
    id_ = await opened(client)
    conversation = await streaming(await client.begin(call("ask", 4), mcp_session_id=id_, primes="yes"))
    prime = await next_event(conversation)
    question = await next_event(conversation)
    assert question.json["method"] == "question"
    conversation.close()
    answered = await client.post({"jsonrpc": "2.0", "id": "q1", "result": "blue"}, mcp_session_id=id_)
    assert answered.status == 202
    for last, expected in ((prime.id, ["question", None]), (question.id, [None])):
        assert last is not None
        resumed = await streaming(await client.get(mcp_session_id=id_, last_event_id=last))
        events = await resumed.events()
        assert [event.json.get("method") for event in events] == expected
        assert events[-1].json == {"jsonrpc": "2.0", "id": 4, "result": "blue"}


async def test_an_answer_goes_on_when_its_connection_breaks(client: Client, maker: Maker) -> None:
    id_ = await opened(client)
    conversation = await streaming(await client.begin(call("wait", 5), mcp_session_id=id_))
    event = await next_event(conversation)
    conversation.close()
    await until(lambda: not client.app.sessions._open[id_].connections)
    assert maker.last.cancelled == []
    maker.last.drain()
    resumed = await streaming(await client.get(mcp_session_id=id_, last_event_id=event.id or ""))
    assert [found.json["result"] for found in await resumed.events()] == ["ended"]


async def test_a_replay_never_crosses_streams(client: Client) -> None:
    id_ = await opened(client)
    first = await (await streaming(await client.begin(call("tell", 1, n=2), mcp_session_id=id_))).events()
    second = await (await streaming(await client.begin(call("tell", 2, n=2), mcp_session_id=id_))).events()
    resumed = await streaming(await client.get(mcp_session_id=id_, last_event_id=first[0].id or ""))
    assert [event.data for event in await resumed.events()] == [event.data for event in first[1:]]
    other = await opened(client)
    foreign = await client.get(mcp_session_id=other, last_event_id=second[0].id or "")
    assert (await foreign.response()).status == 400


@pytest.mark.parametrize("last", ["", "x", "1", "99-1", "0-99", "0-1-1", "-1", "0-" + "9" * 40, "é"])
async def test_an_event_id_that_is_not_kept_is_refused(client: Client, last: str) -> None:
    id_ = await opened(client)
    conversation = await client.get(mcp_session_id=id_, last_event_id=last)
    answered = await conversation.response()
    assert (answered.status, answered.json["error"]["code"]) == (400, -32600)


async def test_what_was_forgotten_is_not_silently_skipped(listen: Any) -> None:
    client: Client = await listen(sessions=SessionLimits(events=3))
    id_ = await opened(client)
    events = await (await streaming(await client.begin(call("tell", n=6), mcp_session_id=id_))).events()
    assert len(events) <= 7
    refused = await client.get(mcp_session_id=id_, last_event_id="1-1")
    assert (await refused.response()).status == 400
    resumed = await streaming(await client.get(mcp_session_id=id_, last_event_id="2-5"))
    assert [event.id for event in await resumed.events()] == ["2-6", "2-7"]


async def test_unasked_messages_go_to_the_get_stream_and_wait_for_it(client: Client, maker: Maker) -> None:
    id_ = await opened(client)
    session = client.app.sessions._open[id_]
    await session.send(b'{"jsonrpc":"2.0","method":"early"}')
    listening = await streaming(await client.get(mcp_session_id=id_))
    assert (await next_event(listening)).json["method"] == "early"
    await session.send(b'{"jsonrpc":"2.0","method":"late"}')
    late = await next_event(listening)
    assert late.json["method"] == "late"
    listening.close()
    await session.send(b'{"jsonrpc":"2.0","method":"missed"}')
    again = await streaming(await client.get(mcp_session_id=id_, last_event_id=late.id or ""))
    assert (await next_event(again)).json["method"] == "missed"
    again.close()


async def test_the_newest_get_stream_takes_over(client: Client) -> None:
    id_ = await opened(client)
    first = await streaming(await client.get(mcp_session_id=id_))
    second = await streaming(await client.get(mcp_session_id=id_))
    assert await first.event() is None
    session = client.app.sessions._open[id_]
    await session.send(b'{"jsonrpc":"2.0","method":"once"}')
    assert (await next_event(second)).json["method"] == "once"
    second.close()


async def test_a_get_must_accept_an_event_stream(client: Client) -> None:
    id_ = await opened(client)
    fields = [("host", client.authority), ("accept", "application/json"), ("mcp-session-id", id_)]
    assert (await client.raw("GET", fields)).status == 406


async def test_a_released_stream_is_polled_for_its_answer(client: Client, maker: Maker) -> None:
    id_ = await opened(client)
    conversation = await streaming(await client.begin(call("poll", 8), mcp_session_id=id_, primes="yes"))
    events = await conversation.events()
    assert (events[0].data, events[-1].retry) == ("", "5")
    assert events[-1].id is not None
    maker.last.go_on.set()
    resumed = await streaming(await client.get(mcp_session_id=id_, last_event_id=events[-1].id))
    assert [event.json["result"] for event in await resumed.events()] == ["polled"]


async def test_a_client_that_cannot_poll_keeps_its_connection(client: Client, maker: Maker) -> None:
    id_ = await opened(client)
    conversation = await client.begin(call("poll", 8), mcp_session_id=id_)
    maker.last.go_on.set()
    assert (await conversation.response()).json["result"] == "polled"


async def test_a_cancelled_request_is_answered_with_nothing(client: Client, maker: Maker) -> None:
    id_ = await opened(client)
    conversation = await streaming(await client.begin(call("wait", "w"), mcp_session_id=id_))
    assert (await next_event(conversation)).json["method"] == "waiting"
    cancel = {"jsonrpc": "2.0", "method": "cancel", "params": {"id": "w"}}
    assert (await client.post(cancel, mcp_session_id=id_)).status == 202
    assert await conversation.event() is None
    assert maker.last.cancelled == ["w"]
    silent = await client.begin(call("silent", "s"), mcp_session_id=id_)
    session = client.app.sessions._open[id_]
    await until(lambda: "s" in session._jobs)
    cancel["params"] = {"id": "s"}
    assert (await client.post(cancel, mcp_session_id=id_)).status == 202
    assert (await silent.response()).status == 202


async def test_an_id_that_is_still_being_answered_is_refused(client: Client) -> None:
    id_ = await opened(client)
    conversation = await streaming(await client.begin(call("wait", 1), mcp_session_id=id_))
    assert (await next_event(conversation)).json["method"] == "waiting"
    refused = await client.post(call("echo", 1), mcp_session_id=id_)
    assert (refused.status, refused.json["id"], refused.json["error"]["code"]) == (400, 1, -32600)
    assert (await client.post(call("echo", 2), mcp_session_id=id_)).status == 200
    conversation.close()


async def test_more_running_answers_than_the_bound_are_refused(listen: Any) -> None:
    client: Client = await listen(limits=Limits(in_flight=2))
    id_ = await opened(client)
    held = [await streaming(await client.begin(call("wait", n), mcp_session_id=id_)) for n in range(2)]
    refused = await client.post(call("slow_echo", 9), mcp_session_id=id_)
    assert refused.status == 400
    assert "try later" in refused.json["error"]["message"]
    for conversation in held:
        conversation.close()


async def test_batches_are_answered_together_where_the_protocol_has_them(client: Client, maker: Maker) -> None:
    maker.batches = True
    id_ = await opened(client)
    answered = await client.post(
        [call("echo", 1), NOTE, call("slow_echo", 2), {"jsonrpc": "2.0"}, 5], mcp_session_id=id_
    )
    assert answered.status == 200
    by_id = {item["id"]: item for item in answered.json if item["id"] is not None}
    assert sorted(by_id) == [1, 2]
    assert [item["error"]["code"] for item in answered.json if item["id"] is None] == [-32600, -32600]
    only_notes = await client.post([NOTE, NOTE], mcp_session_id=id_)
    assert (only_notes.status, only_notes.body) == (202, b"")
    assert len(maker.last.notices) == 3
    empty = await client.post([], mcp_session_id=id_)
    assert (empty.status, empty.json["error"]["code"]) == (400, -32600)


async def test_batches_are_refused_where_the_protocol_has_none(client: Client) -> None:
    id_ = await opened(client)
    refused = await client.post([call("echo")], mcp_session_id=id_)
    assert (refused.status, refused.json["error"]["code"]) == (400, -32600)


async def test_sessions_are_capped_in_all_and_for_each_principal(listen: Any) -> None:
    client: Client = await listen(gate=NameGate(), sessions=SessionLimits(total=3, per_principal=2))
    first = await opened(client, authorization="Bearer ada")
    await opened(client, authorization="Bearer ada")
    refused = await client.post(call("open"), authorization="Bearer ada")
    assert (refused.status, refused.json["error"]["code"]) == (503, -32603)
    assert "retry-after" in refused.headers
    await opened(client, authorization="Bearer bob")
    assert (await client.post(call("open"), authorization="Bearer eve")).status == 503
    fields = [("host", client.authority), ("authorization", "Bearer ada"), ("mcp-session-id", first)]
    assert (await client.raw("DELETE", fields)).status == 200
    await opened(client, authorization="Bearer ada")


async def test_an_idle_session_is_reaped_and_a_used_one_is_not(listen: Any, maker: Maker) -> None:
    client: Client = await listen(sessions=SessionLimits(idle_s=0.2))
    idle = await opened(client)
    used = await opened(client)
    listening = await streaming(await client.get(mcp_session_id=used))
    sessions = client.app.sessions
    async with asyncio.timeout(5):
        while len(sessions) > 1:
            await asyncio.sleep(0.01)
    assert list(sessions._open) == [used]
    assert maker.made[0].lost_count == 1
    assert (await client.post(call("echo"), mcp_session_id=idle)).status == 404
    listening.close()


async def test_a_reader_who_does_not_read_blocks_his_own_sender_only(listen: Any, maker: Maker) -> None:
    client: Client = await listen(limits=Limits(outgoing=100_000, write_s=20), sessions=SessionLimits(bytes=400_000))
    id_ = await opened(client)
    stuck = await client.begin(call("tell", 1, n=5_000, fill=10_000), mcp_session_id=id_)
    session: sessions_module.Session = client.app.sessions._open[id_]
    await until(lambda: len(session._channels) > 1)
    channel = next(channel for channel in session._channels.values() if channel is not session.main)
    async with asyncio.timeout(10):
        while channel._room is None:
            await asyncio.sleep(0)
    assert channel.stream.last < 5_000
    assert (await client.post(call("echo", 2), mcp_session_id=id_)).status == 200
    events = await (await streaming(stuck)).events()
    assert len(events) == 5_001
    stuck.close()


async def test_many_sessions_leave_nothing_behind(client: Client, maker: Maker) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(20):
        id_ = await opened(client)
        held = await streaming(await client.begin(call("wait", 1), mcp_session_id=id_))
        listening = await streaming(await client.get(mcp_session_id=id_))
        held.close()
        fields = [("host", client.authority), ("mcp-session-id", id_)]
        assert (await client.raw("DELETE", fields)).status == 200
        listening.close()
    await until(lambda: len(asyncio.all_tasks()) <= before)
    sessions = client.app.sessions
    assert (len(sessions), sessions._owned) == (0, {})
    assert [endpoint.lost_count for endpoint in maker.made] == [1] * 20
