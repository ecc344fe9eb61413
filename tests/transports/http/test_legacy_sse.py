from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.transports.http.test_single_exchange import until
from tests.transports.http.wire import NOTE, Client, Conversation, Maker, NameGate, TestDialect, call
from wireproof.transports.exchange import Limits
from wireproof.transports.http import Paths
from wireproof.transports.legacy_sse import LegacySSE
from wireproof.transports.serve import listening
from wireproof.transports.sessions import SessionLimits


@pytest.fixture
async def listen_sse(maker: Maker) -> AsyncIterator[Any]:
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options: Any) -> Client:
            app = LegacySSE(maker, TestDialect(), messages_path="/messages", **options)
            listener = listening(Paths({"/sse": app, "/messages": app}), stop_within_s=0.3)
            client = Client(await stack.enter_async_context(listener), path="/sse", app=app)
            stack.callback(client.close)
            return client

        yield start


@pytest.fixture
async def client(listen_sse: Any) -> Client:
    return await listen_sse()


async def opened(client: Client, **more: str) -> tuple[Conversation, str]:
    client.path = "/sse"
    conversation = await client.get(**more)
    head = await conversation.head()
    assert (head.status, head.type) == (200, "text/event-stream")
    event = await conversation.event()
    assert event is not None
    assert event.event == "endpoint"
    assert event.data.startswith("/messages?session_id=")
    return conversation, event.data


async def post(client: Client, where: str, message: Any, **more: str) -> Any:
    client.path = where
    return await client.post(message, **more)


async def test_messages_are_accepted_with_202_and_answered_on_the_stream(client: Client, maker: Maker) -> None:
    stream, where = await opened(client)
    for message in (call("echo", 1, a=1), NOTE, call("tell", 2, n=2), call("who", 3)):
        answered = await post(client, where, message)
        assert (answered.status, answered.body) == (202, b"")
    events = [await stream.event() for _ in range(5)]
    assert [event.event for event in events if event] == ["message"] * 5
    messages = [event.json for event in events if event]
    assert messages[0]["result"] == {"a": 1}
    assert sorted(message.get("id", "told") for message in messages if "id" in message) == [1, 2, 3]
    assert ["sse", ""] in [message.get("result") for message in messages]
    assert [notice.method for notice in maker.last.notices] == ["noted"]


async def test_the_server_can_ask_on_the_stream(client: Client) -> None:
    stream, where = await opened(client)
    await post(client, where, call("ask", 1))
    question = await stream.event()
    assert question is not None
    assert question.json["method"] == "question"
    await post(client, where, {"jsonrpc": "2.0", "id": question.json["id"], "result": "blue"})
    answer = await stream.event()
    assert answer is not None
    assert answer.json["result"] == "blue"


@pytest.mark.parametrize(("body", "code"), [(b"{", -32700), (b"[]", -32600), (b'{"jsonrpc":"1.0","id":1}', -32600)])
async def test_a_bad_message_is_answered_exactly_and_the_next_good_one_works(
    client: Client, body: bytes, code: int
) -> None:
    stream, where = await opened(client)
    client.path = where
    answered = await client.raw("POST", client.fields(), body)
    assert (answered.status, answered.json["error"]["code"]) == (400, code)
    assert (await post(client, where, call("echo", 9))).status == 202
    event = await stream.event()
    assert event is not None
    assert event.json["id"] == 9


async def test_a_stream_that_is_not_yours_answers_like_one_that_is_not_there(listen_sse: Any) -> None:
    client = await listen_sse(gate=NameGate())
    _, where = await opened(client, authorization="Bearer ada")
    assert (await post(client, where, NOTE, authorization="Bearer ada")).status == 202
    absent = "/messages?session_id=nothing"
    answers = [
        await post(client, where, NOTE, authorization="Bearer bob"),
        await post(client, absent, NOTE, authorization="Bearer bob"),
        await post(client, absent, NOTE, authorization="Bearer ada"),
        await post(client, "/messages", NOTE, authorization="Bearer ada"),
        await post(client, f"{where}&session_id=2", NOTE, authorization="Bearer ada"),
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}
    assert (await post(client, where, call("big"), authorization="Bearer ada")).status == 403


async def test_guard_and_gate_stand_before_both_paths(listen_sse: Any, maker: Maker) -> None:
    client = await listen_sse(gate=NameGate())
    for method, path in (("GET", "/sse"), ("POST", "/messages")):
        client.path = path
        assert (await client.raw(method, [("host", "evil.example")])).status == 403
        evil = [("host", client.authority), ("origin", "http://evil.example")]
        assert (await client.raw(method, evil)).status == 403
        assert (await client.raw(method, client.fields())).status == 401
    assert maker.made == []


async def test_a_peer_that_leaves_cancels_its_answers_and_ends_its_session(client: Client, maker: Maker) -> None:
    stream, where = await opened(client)
    await post(client, where, call("wait", 5))
    assert await stream.event() is not None
    stream.close()
    await until(lambda: maker.last.lost_count == 1)
    await until(lambda: maker.last.cancelled == [5])
    assert (await post(client, where, NOTE)).status == 404
    assert client.app._open == {}


async def test_streams_are_capped(listen_sse: Any) -> None:
    client = await listen_sse(sessions=SessionLimits(total=2))
    await opened(client)
    stream, _ = await opened(client)
    client.path = "/sse"
    assert (await (await client.get()).response()).status == 503
    stream.close()
    await until(lambda: len(client.app._open) == 1)
    await opened(client)


async def test_a_peer_that_never_reads_blocks_its_sender_and_is_cut_off(listen_sse: Any, maker: Maker) -> None:
    client = await listen_sse(limits=Limits(outgoing=100_000, write_s=0.4))
    _, where = await opened(client)
    await post(client, where, call("tell", 1, n=1_000_000, fill=10_000))
    async with asyncio.timeout(10):
        while not maker.last.lost_count:
            await asyncio.sleep(0.01)
    await until(lambda: client.app._open == {})


async def test_many_notifications_reach_a_slow_reader_in_order(listen_sse: Any) -> None:
    client = await listen_sse(limits=Limits(outgoing=10_000))
    stream, where = await opened(client)
    await post(client, where, call("tell", 1, n=2_000, fill=1_000))
    counts = []
    for _ in range(2_000):
        event = await stream.event()
        assert event is not None
        counts.append(event.json["params"]["count"])
    assert counts == list(range(2_000))
    last = await stream.event()
    assert last is not None
    assert json.loads(last.data)["result"] == "told"
