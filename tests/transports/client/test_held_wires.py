"""The carriers over HTTP+SSE and WebSocket against our own listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.transports.client.census import nothing_leaks
from tests.transports.client.test_http import Credentials, Hearing
from tests.transports.http.wire import Maker, NameGate, TestDialect
from wireproof.schemas.jsonrpc import Failure, Result, encode_notification, encode_request
from wireproof.transports.client.carrier import BadAnswer, Carrier, CarrierLost, StatusRefused, Unreachable
from wireproof.transports.client.legacy_sse import open_sse
from wireproof.transports.client.websocket import open_websocket
from wireproof.transports.exchange import Limits
from wireproof.transports.legacy_sse import LegacySSE
from wireproof.transports.serve import listening
from wireproof.transports.websocket import WebSocketListener

WIRES = pytest.mark.parametrize("wire", ["sse", "websocket"])


class Place:
    """A listener and what was made on both sides."""

    def __init__(self, wire: str, gate: Any) -> None:
        self.maker = Maker()
        self.ends: list[Hearing] = []
        self.wire = wire
        self.origin = ""
        self.app: Any = (
            LegacySSE(self.maker, TestDialect(), gate=gate)
            if wire == "sse"
            else WebSocketListener(self.maker, subprotocols=("mcp",), gate=gate)
        )

    def accept(self, line: Any) -> Hearing:
        self.ends.append(Hearing(line))
        return self.ends[-1]

    async def open(self, **options: Any) -> Carrier:
        if self.wire == "sse":
            return await open_sse(f"{self.origin}/sse", self.accept, **options)
        return await open_websocket(f"{self.origin.replace('http', 'ws', 1)}/ws", self.accept, **options)


@asynccontextmanager
async def served(wire: str, gate: Any = None) -> AsyncGenerator[Place]:
    place = Place(wire, gate)
    async with nothing_leaks(), listening(place.app, port=0) as place.origin:
        yield place


@asynccontextmanager
async def opened(wire: str, gate: Any = None, **options: Any) -> AsyncGenerator[tuple[Place, Carrier]]:
    async with served(wire, gate) as place:
        carrier = await place.open(**options)
        try:
            yield place, carrier
        finally:
            await carrier.aclose()


async def call(carrier: Carrier, id_: int, method: str, **params: Any) -> Any:
    answered = await carrier.ask(id_, encode_request(id_, method, params))
    assert isinstance(answered.message, Result), answered
    return answered.message.result


@WIRES
async def test_calls_notifications_and_questions_go_both_ways(wire: str) -> None:
    async with opened(wire) as (place, carrier):
        assert (carrier.transport, carrier.duplex) == (wire, True)
        answers = await asyncio.gather(*(call(carrier, n, "slow_echo", n=n) for n in range(40)))
        assert answers == [{"n": n} for n in range(40)]
        assert await call(carrier, 50, "tell", n=5) == "told"
        assert len(place.ends[0].heard) == 5
        assert await call(carrier, 51, "ask") == {"answer": {}}
        await carrier.tell(encode_notification("hello"))
        assert await call(carrier, 52, "echo") == {}
        assert [each.method for each in place.maker.last.notices] == ["hello"]
        answered = await carrier.ask(53, encode_request(53, "crash", {}))
        assert answered.message == Failure(53, -32603, "Internal error")


@WIRES
async def test_closing_fails_what_waits_and_tells_both_ends_once(wire: str) -> None:
    async with opened(wire) as (place, carrier):
        waiting = asyncio.create_task(call(carrier, 1, "wait"))
        await call(carrier, 2, "slow_echo")
        await asyncio.gather(carrier.aclose(), carrier.aclose())
        with pytest.raises(CarrierLost, match="closed by this side"):
            await waiting
        with pytest.raises(CarrierLost):
            await call(carrier, 3, "echo")
        with pytest.raises(CarrierLost):
            await carrier.tell(encode_notification("x"))
        assert place.ends[0].lost_count == 1
        async with asyncio.timeout(5):
            while place.maker.last.lost_count != 1:
                await asyncio.sleep(0.001)


@WIRES
async def test_a_server_that_stops_fails_what_waits_at_once(wire: str) -> None:
    async with opened(wire) as (place, carrier):
        waiting = asyncio.create_task(call(carrier, 1, "ask_for_ever"))
        place.maker.last.ask_for_ever = place.maker.last.silent  # type: ignore[attr-defined]
        await call(carrier, 2, "slow_echo")
        stopping = asyncio.create_task(place.app.stop(within_s=0.05))
        async with asyncio.timeout(2):
            with pytest.raises(CarrierLost):
                await waiting
        await stopping


@WIRES
async def test_a_message_beyond_the_limit_fails_its_call(wire: str) -> None:
    async with opened(wire, limits=Limits(message=10_000)) as (_, carrier):
        with pytest.raises((BadAnswer, CarrierLost)):
            await call(carrier, 1, "big", size=20_000)


@WIRES
async def test_a_refusal_before_the_connection_is_told_with_its_status(wire: str) -> None:
    async with served(wire, NameGate()) as place:
        with pytest.raises(StatusRefused) as refused:
            await place.open()
        assert refused.value.status == 401
        carrier = await place.open(headers=(("authorization", "Bearer bob"),))
        assert await call(carrier, 1, "who") == [wire, "bob"]
        await carrier.aclose()


@WIRES
async def test_a_server_that_is_not_there_is_unreachable(wire: str) -> None:
    async with served(wire) as place:
        pass
    async with nothing_leaks():
        with pytest.raises(Unreachable):
            await place.open()


@WIRES
async def test_a_listener_of_another_kind_is_refused_in_words(wire: str) -> None:
    async with served("websocket" if wire == "sse" else "sse") as place:
        place.wire = wire
        with pytest.raises((StatusRefused, BadAnswer)):
            await place.open()


async def test_challenges_on_the_stream_and_on_its_messages_are_answered() -> None:
    credentials = Credentials("", "ann", "ann+big")
    async with opened("sse", NameGate(), auth=credentials) as (_, carrier):
        assert await call(carrier, 1, "who") == ["sse", "ann"]
        assert len(await call(carrier, 2, "big", size=3)) == 3
        assert [each[0] for each in credentials.challenges] == [401, 403]


async def test_a_message_that_the_server_refuses_fails_its_call_alone() -> None:
    async with opened("sse") as (_, carrier):
        with pytest.raises(StatusRefused) as refused:
            await carrier.ask(1, b"not JSON")
        assert refused.value.status == 400
        assert await call(carrier, 2, "echo") == {}
