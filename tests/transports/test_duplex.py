"""The duplex driver: answers, bounds, cancellation and the end, over a wire that the test holds in its hand."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.transports.echo import Echo, line_of, note_of
from wireproof.schemas.jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR, encode_notification
from wireproof.transports.duplex import Duplex
from wireproof.transports.exchange import Limits, LineClosed, Peer
from wireproof.transports.framing import LineFramer
from wireproof.transports.memory import join


class HandWire:
    """Collects what is written; the test decides when the peer reads."""

    def __init__(self) -> None:
        self.written = b""
        self.paused = False
        self.closed = False
        self.line: Duplex | None = None

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            assert self.line is not None
            asyncio.get_running_loop().call_soon(self.line.connection_lost, None)

    abort = close

    def messages(self) -> list[Any]:
        return [json.loads(line) for line in self.written.splitlines()]


def open_line(*, batches: bool = False, limits: Limits | None = None) -> tuple[Duplex, HandWire, Echo]:
    made: list[Echo] = []

    def accept(line: Any) -> Echo:
        made.append(Echo(line, batches=batches))
        return made[0]

    line = Duplex(accept, LineFramer(), peer=Peer("memory"), limits=limits or Limits())
    wire = HandWire()
    wire.line = line
    line.connection_made(wire)
    return line, wire, made[0]


async def until(condition: Any, what: str = "the condition") -> None:
    """Let the loop run until it holds; a bounded number of turns, never a wait of time."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{what} never came true")


async def test_every_request_gets_its_own_answer_whatever_the_order() -> None:
    line, wire, _ = open_line()
    line.data_received(line_of(1, "slow_echo", {"a": 1}) + line_of("x", "echo", {"b": 2}))
    await until(lambda: len(wire.messages()) == 2)
    assert {message["id"]: message["result"] for message in wire.messages()} == {1: {"a": 1}, "x": {"b": 2}}
    line.close()
    await line.wait_closed()


async def test_a_bad_line_is_answered_and_the_next_good_one_still_works() -> None:
    line, wire, _ = open_line()
    line.data_received(b'{nonsense\n{"jsonrpc":"2.0","id":5}\n' + line_of(1, "echo"))
    await until(lambda: len(wire.messages()) == 3)
    bad, invalid, good = wire.messages()
    assert (bad["id"], bad["error"]["code"]) == (None, PARSE_ERROR)
    assert (invalid["id"], invalid["error"]["code"]) == (5, INVALID_REQUEST)
    assert good["result"] == {}
    line.close()
    await line.wait_closed()


async def test_an_id_that_is_in_flight_is_refused_and_the_first_call_goes_on() -> None:
    line, wire, echo = open_line()
    line.data_received(line_of(1, "wait") + line_of(1, "echo"))
    await until(lambda: any("error" in message for message in wire.messages()))
    echo.drain()
    await until(lambda: any("result" in message for message in wire.messages()))
    refused = next(message for message in wire.messages() if "error" in message)
    assert (refused["id"], refused["error"]["code"]) == (1, INVALID_REQUEST)
    line.close()
    await line.wait_closed()


async def test_a_cancelled_request_sends_nothing_more_and_its_id_is_free_again() -> None:
    line, wire, echo = open_line()
    line.data_received(line_of(1, "wait"))
    await until(wire.messages)
    line.data_received(note_of("cancel", {"id": 1}) + line_of(1, "echo", {"again": True}))
    await until(lambda: len(wire.messages()) == 2)
    assert echo.cancelled == [1]
    assert wire.messages()[1]["result"] == {"again": True}
    line.close()
    await line.wait_closed()


async def test_a_request_cancelled_before_its_first_step_never_runs() -> None:
    line, wire, echo = open_line()
    line.data_received(line_of(1, "wait") + note_of("cancel", {"id": 1}) + line_of(2, "echo"))
    await until(wire.messages)
    assert [message["id"] for message in wire.messages()] == [2]
    assert not echo.waiting
    line.close()
    await line.wait_closed()


async def test_an_endpoint_that_fails_is_answered_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    line, wire, _ = open_line()
    with caplog.at_level(logging.ERROR):
        line.data_received(line_of(1, "crash") + line_of(2, "echo"))
        await until(lambda: len(wire.messages()) == 2)
    assert wire.messages()[0]["id"] == 2 or wire.messages()[1]["id"] == 2
    failed = next(message for message in wire.messages() if message["id"] == 1)
    assert failed["error"] == {"code": INTERNAL_ERROR, "message": "Internal error"}
    assert "a secret" in caplog.text
    line.close()
    await line.wait_closed()


async def test_a_batch_is_refused_where_the_protocol_has_none() -> None:
    line, wire, _ = open_line()
    line.data_received(b"[" + line_of(1, "echo").strip() + b"]\n")
    await until(wire.messages)
    assert wire.messages()[0]["error"]["code"] == INVALID_REQUEST
    line.close()
    await line.wait_closed()


async def test_a_batch_is_answered_as_one_array_when_the_last_answer_is_there() -> None:
    line, wire, echo = open_line(batches=True)
    items = [line_of(1, "slow_echo"), line_of(2, "echo"), b"7", note_of("hello"), line_of(2, "echo")]
    line.data_received(b"[" + b",".join(item.strip() for item in items) + b"]\n")
    await until(wire.messages)
    (answers,) = wire.messages()
    assert sorted(str(answer["id"]) for answer in answers) == ["1", "2", "2", "None"]
    assert [notice.method for notice in echo.notices] == ["hello"]
    line.close()
    await line.wait_closed()


async def test_a_batch_whose_slow_request_is_cancelled_still_answers_the_others() -> None:
    line, wire, _ = open_line(batches=True)
    line.data_received(b"[" + line_of(1, "wait").strip() + b"," + line_of(2, "echo").strip() + b"]\n")
    await until(wire.messages)
    line.data_received(note_of("cancel", {"id": 1}))
    await until(lambda: len(wire.messages()) == 2)
    assert [answer["id"] for answer in wire.messages()[1]] == [2]
    line.close()
    await line.wait_closed()


async def test_reading_stops_at_the_bound_of_running_answers_and_goes_on_below_it() -> None:
    line, wire, echo = open_line(limits=Limits(in_flight=3))
    line.data_received(b"".join(line_of(id_, "wait") for id_ in range(10)))
    await until(lambda: len(echo.waiting) == 3)
    assert wire.paused
    for _ in range(4):
        echo.drain()
        await until(lambda: wire.paused is False or len(echo.waiting) == 3 or not echo.waiting)
    await until(lambda: sum("result" in message for message in wire.messages()) == 10 or not _poke(echo))
    assert not wire.paused
    line.close()
    await line.wait_closed()


def _poke(echo: Echo) -> bool:
    echo.drain()
    return True


async def test_a_peer_that_does_not_read_blocks_its_own_answers_and_no_memory_grows() -> None:
    line, wire, _ = open_line()
    line.pause_writing()
    line.data_received(b"".join(line_of(id_, "big", {"size": 1000}) for id_ in range(50)))
    for _ in range(20):
        await asyncio.sleep(0)
    assert wire.written == b""
    assert wire.paused
    line.resume_writing()
    await until(lambda: len(wire.messages()) == 50)
    line.close()
    await line.wait_closed()


async def test_a_peer_that_never_reads_is_cut_off_at_its_deadline(caplog: pytest.LogCaptureFixture) -> None:
    line, wire, echo = open_line(limits=Limits(write_s=0.01))
    line.data_received(line_of(1, "wait"))
    line.pause_writing()
    await asyncio.wait_for(line.wait_closed(), 5)
    assert wire.closed
    assert echo.lost_count == 1
    assert "read nothing" in caplog.text


async def test_after_the_end_of_input_accepted_calls_still_get_their_answers() -> None:
    line, wire, echo = open_line()
    line.data_received(line_of(1, "slow_echo") + line_of(2, "slow_echo")[:-1])
    line.eof_received()
    await asyncio.wait_for(line.wait_closed(), 5)
    assert [message["id"] for message in wire.messages()] == [1, 2]
    assert echo.lost_count == 1


async def test_what_does_not_finish_in_the_drain_window_is_cancelled() -> None:
    line, wire, echo = open_line(limits=Limits(drain_s=0.01))
    line.data_received(line_of(1, "wait"))
    line.eof_received()
    await asyncio.wait_for(line.wait_closed(), 5)
    assert echo.cancelled == [1]
    assert not any("result" in message for message in wire.messages())


async def test_stopping_ends_long_answers_with_their_last_message() -> None:
    line, wire, echo = open_line()
    line.data_received(line_of(1, "wait"))
    await until(lambda: echo.waiting)
    await asyncio.wait_for(line.stop(within_s=5), 5)
    assert wire.messages()[-1] == {"jsonrpc": "2.0", "id": 1, "result": "ended"}


async def test_a_lost_connection_cancels_every_answer_and_tells_the_endpoint_once() -> None:
    line, _, echo = open_line(batches=True)
    line.data_received(line_of(1, "wait") + line_of(2, "ask") + b"[" + line_of(3, "wait").strip() + b"]\n")
    await until(lambda: len(echo.waiting) == 2)
    line.connection_lost(None)
    line.connection_lost(None)
    await until(lambda: sorted(echo.cancelled) == [1, 3])
    assert echo.lost_count == 1
    with pytest.raises(LineClosed):
        await line.send(encode_notification("late"))


async def test_both_sides_of_a_joined_line_may_ask() -> None:
    from tests.transports.echo import Recorder

    near, far = join(Echo, Recorder)
    sent: list[bytes] = []
    far_endpoint = far.endpoint
    far_endpoint.settle = lambda response, out: sent.append(response.result)  # type: ignore[method-assign, union-attr]
    await far.send(line_of(1, "ask").strip())
    await until(lambda: sent)
    assert sent == [{"answer": {}}]
    near.close()
    await asyncio.gather(near.wait_closed(), far.wait_closed())


async def test_a_flood_of_notifications_arrives_whole_and_in_order_over_memory() -> None:
    from tests.transports.echo import Recorder

    counts: list[int] = []
    near, far = join(Echo, Recorder, limits=Limits(outgoing=1000))
    far.endpoint.notice = lambda notification, out: counts.append(notification.params["count"])  # type: ignore[method-assign]
    await far.send(line_of(1, "tell", {"n": 10_000, "fill": 50}).strip())
    await until(lambda: len(counts) == 10_000)
    assert counts == list(range(10_000))
    far.close()
    await asyncio.gather(near.wait_closed(), far.wait_closed())
