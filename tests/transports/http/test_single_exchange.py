from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.transports.http.wire import NOTE, Client, Maker, NameGate, call
from wireproof.transports import event_stream, single_exchange
from wireproof.transports.exchange import Limits


async def until(condition: Any) -> None:
    """Give the loop turns until something that other tasks do is done."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.parametrize("http", ["httptools", "h11"])
@pytest.mark.parametrize("method", ["echo", "slow_echo"])
async def test_one_message_is_answered_as_json(listen: Any, maker: Maker, http: str, method: str) -> None:
    client: Client = await listen(http=http)
    answered = await client.post(call(method, a=1), era="single")
    assert (answered.status, answered.type) == (200, "application/json")
    assert answered.json == {"jsonrpc": "2.0", "id": 1, "result": {"a": 1}}
    assert "mcp-session-id" not in answered.headers
    await until(lambda: maker.last.lost_count == 1)


async def test_more_messages_are_answered_as_an_event_stream_that_ends_with_the_answer(client: Client) -> None:
    conversation = await client.begin(call("tell", n=3), era="single")
    head = await conversation.head()
    assert (head.status, head.type) == (200, "text/event-stream")
    assert head.headers["x-accel-buffering"] == "no"
    events = await conversation.events()
    assert [event.json.get("method") for event in events] == ["told", "told", "told", None]
    assert events[-1].json["result"] == "told"
    assert [event.id for event in events] == [None] * 4  # nothing of 2026-07-28 can be resumed
    conversation.close()


async def test_connections_are_kept_for_the_next_request(client: Client) -> None:
    conversation = await client.connect()
    for method in ("echo", "tell", "slow_echo", "echo"):
        body = json.dumps(call(method, n=1)).encode()
        await conversation.send("POST", "/mcp", client.fields(era="single"), body)
        assert (await conversation.response()).status == 200
    conversation.close()


async def test_a_notification_is_accepted_with_202_and_no_body(client: Client, maker: Maker) -> None:
    answered = await client.post(NOTE, era="single")
    assert (answered.status, answered.body) == (202, b"")
    assert [notice.method for notice in maker.last.notices] == ["noted"]
    assert maker.last.lost_count == 1


BAD_BODIES: list[tuple[bytes, int, Any, int]] = [
    (b"", 400, None, -32700),
    (b"{", 400, None, -32700),
    (b"\xff", 400, None, -32700),
    (b'{"jsonrpc":"2.0","id":1,"method":"echo"}{"jsonrpc":"2.0","id":2,"method":"echo"}', 400, None, -32700),
    (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"echo"}', 400, None, -32700),
    (b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":NaN}}', 400, None, -32700),
    (b"[" * 500, 400, None, -32700),
    (b"[]", 400, None, -32600),
    (b"null", 400, None, -32600),
    (b'"echo"', 400, None, -32600),
    (b'{"jsonrpc":"1.0","id":5,"method":"echo"}', 400, 5, -32600),
    (b'{"jsonrpc":"2.0","id":null,"method":"echo"}', 400, None, -32600),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"echo"}', 400, None, -32600),
    (b'{"jsonrpc":"2.0","id":"a","method":1}', 400, "a", -32600),
    (b'{"jsonrpc":"2.0","id":7,"method":"echo","params":[1]}', 400, 7, -32602),
]


@pytest.mark.parametrize(("body", "status", "id_", "code"), BAD_BODIES)
async def test_a_bad_body_is_answered_exactly_and_the_next_good_one_works(
    client: Client, body: bytes, status: int, id_: Any, code: int
) -> None:
    conversation = await client.connect()
    await conversation.send("POST", "/mcp", client.fields(era="single"), body)
    answered = await conversation.response()
    assert (answered.status, answered.json["id"], answered.json["error"]["code"]) == (status, id_, code)
    await conversation.send("POST", "/mcp", client.fields(era="single"), json.dumps(call("echo", 9)).encode())
    assert (await conversation.response()).json["id"] == 9
    conversation.close()


@pytest.mark.parametrize("message", [[call("echo")], {"jsonrpc": "2.0", "id": 1, "result": {}}])
async def test_batches_and_responses_have_no_place_in_a_single_exchange(client: Client, message: Any) -> None:
    answered = await client.post(message, era="single")
    assert (answered.status, answered.json["error"]["code"]) == (400, -32600)


async def test_the_dialect_gives_the_status_of_errors_and_may_reject(client: Client) -> None:
    assert (await client.post(call("refuse"), era="single")).status == 404
    rejected = await client.post(call("echo"), era="none")
    assert (rejected.status, rejected.json["error"]["message"]) == (400, "no such era")


async def test_an_endpoint_that_fails_is_masked_and_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    answered = await client.post(call("crash"), era="single")
    assert (answered.status, answered.json["error"]) == (400, {"code": -32603, "message": "Internal error"})
    assert "a secret of the server" in caplog.text
    caplog.clear()


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_not_allowed_without_a_session(client: Client, method: str) -> None:
    conversation = await client.connect()
    await conversation.send(method, "/mcp", [("host", client.authority), ("last-event-id", "0-1")])
    head = await conversation.head()
    assert (head.status, head.headers["allow"]) == (405, "POST")
    conversation.close()


async def test_an_unknown_path_is_not_found(client: Client) -> None:
    client.path = "/other"
    answered = await client.post(call("echo"), era="single")
    assert answered.status == 404
    assert "/mcp" in answered.json["error"]["message"]


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_a_peer_that_leaves_its_stream_cancels_the_answer(listen: Any, maker: Maker, http: str) -> None:
    client: Client = await listen(http=http)
    conversation = await client.begin(call("wait"), era="single")
    event = await conversation.event() if (await conversation.head()).status == 200 else None
    assert event is not None
    assert event.json["method"] == "waiting"
    conversation.close()
    await until(lambda: maker.last.cancelled == [1])
    await until(lambda: maker.last.lost_count == 1)
    assert not client.app._running


async def test_a_peer_that_leaves_before_the_first_byte_cancels_the_answer(client: Client, maker: Maker) -> None:
    conversation = await client.begin(call("ask"), era="single")
    await until(lambda: maker.made and maker.last.asked is not None)
    conversation.close()
    await until(lambda: maker.last.lost_count == 1)


CUTS = range(0, 420, 7)


async def test_a_peer_may_disconnect_at_every_byte(
    client: Client, maker: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps(call("tell", n=2)).encode()
    head = "\r\n".join(["POST /mcp HTTP/1.1"] + [f"{n}: {v}" for n, v in client.fields(era="single")])
    raw = head.encode() + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    for cut in range(0, len(raw) + 1, 5):
        conversation = await client.connect()
        conversation.writer.write(raw[:cut])
        await conversation.writer.drain()
        conversation.close()
    for bytes_read in (1, 20, 200, 300):
        conversation = await client.begin(call("tell", n=50, fill=100), era="single")
        await conversation.reader.readexactly(bytes_read)
        conversation.close()
    await until(lambda: all(endpoint.lost_count == 1 for endpoint in maker.made))
    assert (await client.post(call("echo"), era="single")).status == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_peer_that_never_reads_blocks_its_sender_and_is_cut_off(
    listen: Any, maker: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    client: Client = await listen(limits=Limits(write_s=0.3))
    conversation = await client.begin(call("tell", n=1_000_000, fill=10_000), era="single")
    await until(lambda: maker.made)
    async with asyncio.timeout(10):
        while not maker.last.lost_count:
            await asyncio.sleep(0.01)
    assert "read nothing for 0.3 s" in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    conversation.close()


async def test_a_long_answer_becomes_a_stream_that_is_kept_alive(
    client: Client, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_exchange, "KEEP_ALIVE_S", 0.05)
    conversation = await client.begin(call("ask"), era="single")
    # `ask` sends its question at once; what follows are comments until the answer.
    assert (await conversation.head()).type == "text/event-stream"
    assert b"question" in await conversation.chunk()
    assert await conversation.chunk() == event_stream.COMMENT
    assert await conversation.chunk() == event_stream.COMMENT
    assert maker.last.asked is not None
    maker.last.asked.set_result("yes")
    assert b'"result":"yes"' in await conversation.chunk()
    conversation.close()


async def test_a_silent_long_answer_is_kept_alive_too(
    client: Client, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_exchange, "KEEP_ALIVE_S", 0.05)
    conversation = await client.begin(call("silent"), era="single")
    assert (await conversation.head()).type == "text/event-stream"
    assert await conversation.chunk() == event_stream.COMMENT
    maker.last.go_on.set()
    event = await conversation.event()
    assert event is not None
    assert event.json["result"] == "spoken"
    conversation.close()


async def test_the_principal_comes_from_the_gate(listen: Any) -> None:
    client: Client = await listen(gate=NameGate())
    client.base = [("authorization", "Bearer ada")]
    assert (await client.post(call("who"), era="single")).json["result"] == ["http", "ada"]


async def test_a_caller_without_a_token_gets_the_challenge(listen: Any, maker: Maker) -> None:
    client: Client = await listen(gate=NameGate())
    for method in ("POST", "GET", "DELETE"):
        answered = await client.raw(method, client.fields(era="single"))
        assert (answered.status, answered.headers["www-authenticate"]) == (401, 'Bearer scope="a"')
    assert maker.made == []


async def test_an_operation_that_needs_scopes_names_them(listen: Any) -> None:
    client: Client = await listen(gate=NameGate())
    refused = await client.post(call("big", size=1), era="single", authorization="Bearer ada")
    assert (refused.status, refused.headers["www-authenticate"]) == (
        403,
        'Bearer error="insufficient_scope", scope="big"',
    )
    assert (await client.post(call("big", size=1), era="single", authorization="Bearer ada+big")).status == 200


async def test_many_exchanges_leave_nothing_behind(client: Client, maker: Maker) -> None:
    before = len(asyncio.all_tasks())
    for round_ in range(30):
        methods = ("echo", "slow_echo", "tell", "crash", "wait")
        conversation = await client.begin(call(methods[round_ % 5], n=3), era="single")
        await conversation.head()
        conversation.close()
    await until(lambda: len(asyncio.all_tasks()) <= before)
    assert all(endpoint.lost_count == 1 for endpoint in maker.made)
    assert not client.app._running
