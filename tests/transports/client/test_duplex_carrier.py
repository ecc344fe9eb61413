"""The client's end of a duplex line: answers are bound, failures are at once, broken lines find their call."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transports.echo import Echo, Recorder
from wireproof.schemas.jsonrpc import INVALID_PARAMS, Failure, Result, encode_notification, encode_request
from wireproof.transports.client.answer_lines import AnswerLines
from wireproof.transports.client.carrier import Answered, BadAnswer, Carrier, CarrierLost
from wireproof.transports.client.duplex_carrier import ClientLine, DuplexCarrier, open_joined
from wireproof.transports.client.memory import open_memory
from wireproof.transports.exchange import Limits, Peer

OPENERS = pytest.mark.parametrize("open_pair", [open_joined, open_memory])
OpenPair = Callable[..., Awaitable[Carrier]]


class HandWire:
    """What the client writes, in a list; the test speaks for the server."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.reads = True
        self.line: ClientLine | None = None
        self.came = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.came.set()

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        assert self.line is not None
        asyncio.get_running_loop().call_soon(self.line.connection_lost, None)


@asynccontextmanager
async def by_hand(limits: Limits | None = None) -> AsyncGenerator[tuple[DuplexCarrier, HandWire]]:
    limits = limits or Limits()
    carrier = DuplexCarrier("stdio", Recorder)
    line = ClientLine(carrier.accept, AnswerLines(max_bytes=limits.message), peer=Peer("stdio"), limits=limits)
    wire = HandWire()
    wire.line = line
    line.connection_made(wire)
    carrier.take(line)
    try:
        yield carrier, wire
    finally:
        await carrier.aclose()


async def asked(carrier: DuplexCarrier, wire: HandWire, *ids: Any) -> list[asyncio.Task[Answered]]:
    wanted = b"".join(wire.written).count(b"\n") + len(ids)
    tasks = [asyncio.create_task(carrier.ask(each, encode_request(each, "echo", {}))) for each in ids]
    while b"".join(wire.written).count(b"\n") < wanted:
        wire.came.clear()
        await wire.came.wait()
    return tasks


def line(**members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode() + b"\n"


@OPENERS
async def test_many_calls_in_flight_each_get_their_own_answer(open_pair: OpenPair) -> None:
    carrier = await open_pair(Echo, Recorder)

    async def call(number: int) -> Answered:
        method = "slow_echo" if number % 2 else "echo"
        return await carrier.ask(number, encode_request(number, method, {"n": number}))

    answers = await asyncio.gather(*(call(number) for number in range(100)))
    assert answers == [Answered(Result(number, {"n": number})) for number in range(100)]
    await carrier.aclose()


@OPENERS
async def test_what_the_server_sends_before_its_answer_is_seen_before_it(open_pair: OpenPair) -> None:
    seen: list[str] = []

    class Hearing(Recorder):
        def notice(self, notification: Any, out: Any) -> None:
            seen.append(notification.method)

    carrier = await open_pair(Echo, Hearing)
    await carrier.ask(1, encode_request(1, "tell", {"n": 3}))
    assert seen == ["told"] * 3
    await carrier.aclose()


@OPENERS
async def test_the_server_may_ask_back_while_it_answers(open_pair: OpenPair) -> None:
    carrier = await open_pair(Echo, Recorder)
    answered = await carrier.ask(1, encode_request(1, "ask", {}))
    assert answered.message == Result(1, {"answer": {}})
    await carrier.aclose()


@OPENERS
async def test_a_closed_carrier_fails_what_waits_and_what_comes_later(open_pair: OpenPair) -> None:
    servers: list[Echo] = []

    def accept(line: Any) -> Echo:
        servers.append(Echo(line))
        return servers[-1]

    carrier = await open_pair(accept, Recorder)
    waiting = asyncio.create_task(carrier.ask(1, encode_request(1, "wait", {})))
    await carrier.ask(2, encode_request(2, "slow_echo", {}))
    await asyncio.gather(carrier.aclose(), carrier.aclose())
    await carrier.aclose()
    with pytest.raises(CarrierLost):
        await waiting
    with pytest.raises(CarrierLost):
        await carrier.ask(3, encode_request(3, "echo", {}))
    with pytest.raises(CarrierLost):
        await carrier.tell(encode_notification("x"))
    assert servers[0].cancelled == [1]
    assert servers[0].lost_count == 1


async def test_a_cancelled_call_frees_its_id_and_its_late_answer_is_dropped(caplog: Any) -> None:
    async with by_hand() as (carrier, wire):
        (first,) = await asked(carrier, wire, 1)
        first.cancel()
        await asyncio.wait([first])
        wire.line.data_received(line(id=1, result={}))  # type: ignore[union-attr]
        (again,) = await asked(carrier, wire, 1)
        wire.line.data_received(line(id=1, result={"again": True}))  # type: ignore[union-attr]
        assert (await again).message == Result(1, {"again": True})
    assert "no request that waits" in caplog.text


LIES: list[tuple[str, bytes]] = [
    ("another id", line(id=7, result={})),
    ("the id as text", line(id="1", result={})),
    ("the id as a float", b'{"jsonrpc":"2.0","id":1.0,"result":{}}\n'),
    ("an error for nobody", line(id=9, error={"code": 1, "message": "x"})),
    ("a stray print", b"Server is up!\n"),
    ("an empty line", b"\r\n"),
    ("a JSON string", b'"hello"\n'),
]


@pytest.mark.parametrize("lie", [pytest.param(lie, id=name) for name, lie in LIES])
async def test_a_line_that_answers_nobody_disturbs_nobody(lie: bytes, caplog: Any) -> None:
    caplog.set_level(logging.CRITICAL)
    async with by_hand() as (carrier, wire):
        one, two = await asked(carrier, wire, 1, 2)
        sent = len(wire.written)
        wire.line.data_received(lie + line(id=2, result=2) + line(id=1, result=1))  # type: ignore[union-attr]
        assert [(await one).message, (await two).message] == [Result(1, 1), Result(2, 2)]
        await asyncio.sleep(0)
        assert len(wire.written) == sent  # a client never answers an answer


BROKEN: list[tuple[str, bytes]] = [
    ("invalid UTF-8", b'{"jsonrpc":"2.0","id":1,"result":{"text":"\xff\xfe"}}\n'),
    ("half a value", b'{"jsonrpc":"2.0","id":1,"result":{"text":\n'),
    ("result and error", line(id=1, result={}, error={"code": 1, "message": "x"})),
    ("an error without a code", line(id=1, error={"message": "x"})),
    ("neither", line(id=1)),
    ("another version", b'{"jsonrpc":"1.0","id":1,"result":{}}\n'),
    ("NaN", b'{"result":NaN,"id":1}\n'),
    ("too long, its id in front", b'{"jsonrpc":"2.0","id":1,"result":"' + b"x" * 5000 + b'"}\n'),
    ("too long, its id behind", b'{"result":"' + b"x" * 5000 + b'","jsonrpc":"2.0","id":1}\n'),
    ("nested too deep", b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 400 + b"]" * 400 + b"}\n"),
]


@pytest.mark.parametrize("broken", [pytest.param(broken, id=name) for name, broken in BROKEN])
@pytest.mark.parametrize("step", [7, 1000, 10_000])
async def test_a_broken_answer_fails_its_call_alone(broken: bytes, step: int) -> None:
    async with by_hand(Limits(message=4000)) as (carrier, wire):
        one, two = await asked(carrier, wire, 1, 2)
        for at in range(0, len(broken), step):
            wire.line.data_received(broken[at : at + step])  # type: ignore[union-attr]
        wire.line.data_received(line(id=2, result="good"))  # type: ignore[union-attr]
        with pytest.raises(BadAnswer, match="no JSON-RPC message"):
            await one
        assert (await two).message == Result(2, "good")


async def test_an_error_without_an_id_is_for_the_one_call_that_waits() -> None:
    async with by_hand() as (carrier, wire):
        (one,) = await asked(carrier, wire, 1)
        wire.line.data_received(line(id=None, error={"code": -32700, "message": "no"}))  # type: ignore[union-attr]
        assert (await one).message == Failure(None, -32700, "no")


async def test_a_bad_question_of_the_server_is_refused_by_name() -> None:
    async with by_hand() as (_, wire):
        wire.line.data_received(line(id="q", method="ask", params=[1]))  # type: ignore[union-attr]
        await wire.came.wait()
        assert json.loads(wire.written[-1])["error"]["code"] == INVALID_PARAMS


async def test_the_end_of_the_output_fails_every_call_at_once() -> None:
    async with by_hand() as (carrier, wire):
        tasks = await asked(carrier, wire, 1, 2, 3)
        wire.line.data_received(b'{"jsonrpc":"2.0","id":1,"resu')  # type: ignore[union-attr]
        wire.line.eof_received()  # type: ignore[union-attr]
        async with asyncio.timeout(1):
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ends] == [BadAnswer, CarrierLost, CarrierLost]


async def test_a_client_that_cannot_write_still_reads() -> None:
    async with by_hand() as (carrier, wire):
        (one,) = await asked(carrier, wire, 1)
        wire.line.pause_writing()  # type: ignore[union-attr]
        assert wire.reads
        blocked = asyncio.create_task(carrier.tell(encode_notification("x")))
        wire.line.data_received(line(id=1, result={}))  # type: ignore[union-attr]
        assert (await one).message == Result(1, {})
        assert not blocked.done()
        wire.line.resume_writing()  # type: ignore[union-attr]
        await blocked


async def test_an_id_that_waits_already_is_refused_before_it_is_sent() -> None:
    async with by_hand() as (carrier, wire):
        (one,) = await asked(carrier, wire, 1)
        with pytest.raises(ValueError, match="waits already"):
            await carrier.ask(1, b"{}")
        wire.line.data_received(line(id=1, result={}))  # type: ignore[union-attr]
        await one


@OPENERS
async def test_nothing_is_left_behind_by_many_connections(open_pair: OpenPair) -> None:
    for number in range(200):
        carrier = await open_pair(Echo, Recorder)
        await carrier.ask(number, encode_request(number, "echo", {}))
        await carrier.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_server_in_this_process_cannot_hold_the_loop_for_long() -> None:
    carrier = await open_memory(Echo, Recorder)
    other = asyncio.create_task(asyncio.sleep(0.01))
    async with asyncio.timeout(5):
        number = 0
        while not other.done():
            number += 1
            await carrier.ask(number, encode_request(number, "echo", {}))
    await carrier.aclose()


async def test_a_call_that_its_server_will_not_let_go_of_can_still_be_given_up() -> None:
    hold = asyncio.Event()

    class Stubborn(Echo):
        async def stay(self, request: Any, out: Any) -> Any:
            while not hold.is_set():
                try:
                    await hold.wait()
                except asyncio.CancelledError:
                    continue

    carrier = await open_memory(Stubborn, Recorder)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await carrier.ask(1, encode_request(1, "stay", {}))
    await carrier.ask(2, encode_request(2, "echo", {}))
    hold.set()
    await carrier.aclose()


@OPENERS
async def test_a_cancellation_that_is_told_ends_the_answer_on_the_server(open_pair: OpenPair) -> None:
    servers: list[Echo] = []

    def accept(line: Any) -> Echo:
        servers.append(Echo(line))
        return servers[-1]

    carrier = await open_pair(accept, Recorder)
    call = asyncio.create_task(carrier.ask(1, encode_request(1, "wait", {})))
    await carrier.ask(2, encode_request(2, "slow_echo", {}))
    call.cancel()
    await carrier.tell(encode_notification("cancel", {"id": 1}))
    await carrier.ask(3, encode_request(3, "slow_echo", {}))
    assert servers[0].cancelled == [1]
    await carrier.aclose()


@OPENERS
async def test_a_crash_of_the_server_tells_no_secret(open_pair: OpenPair) -> None:
    carrier = await open_pair(Echo, Recorder)
    answered = await carrier.ask(1, encode_request(1, "crash", {}))
    assert answered.message == Failure(1, -32603, "Internal error")
    await carrier.aclose()


@OPENERS
async def test_an_answer_beyond_the_limit_fails_its_call(open_pair: OpenPair) -> None:
    carrier = await open_pair(Echo, Recorder, limits=Limits(message=10_000))
    with pytest.raises(BadAnswer, match="more than 10000 bytes"):
        await carrier.ask(1, encode_request(1, "big", {"size": 20_000}))
    assert (await carrier.ask(2, encode_request(2, "echo", {}))).message == Result(2, {})
    await carrier.aclose()


@OPENERS
async def test_more_calls_than_the_bound_wait_for_room_and_all_are_answered(open_pair: OpenPair) -> None:
    carrier = await open_pair(Echo, Recorder, limits=Limits(in_flight=3))
    answers = await asyncio.gather(*(carrier.ask(n, encode_request(n, "slow_echo", {})) for n in range(50)))
    assert [answer.message for answer in answers] == [Result(n, {}) for n in range(50)]
    await carrier.aclose()


PIECES = st.sampled_from(
    [
        line(id=1, result={"a": "b"}),
        line(id=2, error={"code": 1, "message": "x"}),
        line(method="note", params={}),
        line(id="q", method="ask", params=[1]),
        b'{"jsonrpc":"2.0","id":1,"result":{"x":"' + b"y" * 300 + b'"}}\n',
        b'{"result":"\xff","id":3}\n',
        b"noise\n",
        b"\r\n",
        b"[]\n",
        b"{\n",
    ]
)


@given(st.lists(PIECES, max_size=12), st.lists(st.integers(1, 80), min_size=1), st.booleans())
def test_lines_cut_anywhere_are_read_like_the_whole(pieces: list[bytes], cuts: list[int], ends: bool) -> None:
    data = b"".join(pieces)
    data = data if ends else data.removesuffix(b"\n")
    whole, cut = AnswerLines(max_bytes=200), AnswerLines(max_bytes=200)
    expected = [*whole.feed(data), *whole.end()]
    found: list[Any] = []
    at = turn = 0
    while at < len(data):
        step = cuts[turn % len(cuts)]
        found += cut.feed(data[at : at + step])
        at, turn = at + step, turn + 1
    assert [*found, *cut.end()] == expected


@given(st.binary(max_size=300))
def test_any_bytes_of_a_server_are_survived(data: bytes) -> None:
    lines = AnswerLines(max_bytes=100)
    lines.feed(data)
    lines.end()
