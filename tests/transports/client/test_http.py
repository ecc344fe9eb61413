"""The HTTP carrier against our own listener: JSON, streams, sessions, resumption, credentials, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.transports.client.census import nothing_leaks
from tests.transports.echo import Recorder
from tests.transports.http.wire import Maker, NameGate, Peerless, TestDialect
from wireproof.schemas.jsonrpc import Failure, Notification, Result, encode_notification, encode_request
from wireproof.transports.client.carrier import CarrierLost, StatusRefused, Unreachable
from wireproof.transports.client.http import HTTPCarrier, open_http
from wireproof.transports.serve import listening
from wireproof.transports.streamable_http import StreamableHTTP

SINGLE = (("era", "single"),)


class Hearing(Recorder):
    """A client's end that remembers what it hears."""

    def __init__(self, line: Any) -> None:
        super().__init__(line)
        self.heard: list[Notification] = []
        self.changed = asyncio.Event()

    def notice(self, notification: Notification, out: Any) -> None:
        self.heard.append(notification)
        self.changed.set()

    async def until(self, count: int) -> None:
        while len(self.heard) < count:
            self.changed.clear()
            await self.changed.wait()


class Place:
    """A listener, its servers' ends, and a client of it."""

    def __init__(self) -> None:
        self.maker = Maker()
        self.ends: list[Hearing] = []
        self.url = ""

    def accept(self, line: Any) -> Hearing:
        self.ends.append(Hearing(line))
        return self.ends[-1]

    @property
    def server(self) -> Peerless:
        return self.maker.last

    @property
    def end(self) -> Hearing:
        return self.ends[-1]

    async def open(self, **options: Any) -> HTTPCarrier:
        return await open_http(self.url, self.accept, **options)


@asynccontextmanager
async def place(gate: Any = None, **options: Any) -> AsyncGenerator[tuple[Place, HTTPCarrier]]:
    made = Place()
    app = StreamableHTTP(made.maker, TestDialect(), gate=gate)
    async with nothing_leaks(), listening(app, port=0) as origin:
        made.url = f"{origin}/mcp"
        carrier = await made.open(**options)
        try:
            yield made, carrier
        finally:
            await carrier.aclose()


async def call(carrier: HTTPCarrier, id_: int, method: str, headers: Any = (), **params: Any) -> Any:
    answered = await carrier.ask(id_, encode_request(id_, method, params), headers=headers)
    assert isinstance(answered.message, Result), answered
    assert answered.message.id == id_
    return answered.message.result


async def test_a_single_exchange_is_answered_as_json() -> None:
    async with place() as (_, carrier):
        assert await call(carrier, 1, "echo", SINGLE, a=1) == {"a": 1}
        assert carrier.session is None


async def test_what_comes_before_the_answer_on_its_stream_is_heard_first() -> None:
    async with place() as (made, carrier):
        for round_ in range(3):
            assert await call(carrier, round_, "tell", SINGLE, n=5) == "told"
            assert len(made.end.heard) == 5 * (round_ + 1)


@pytest.mark.parametrize("method", ["slow_echo", "tell"])
async def test_many_calls_in_flight_each_get_their_own_answer(method: str) -> None:
    async with place() as (_, carrier):
        answers = await asyncio.gather(*(call(carrier, n, method, SINGLE, n=n % 5) for n in range(64)))
        assert answers == [{"n": n % 5} if method == "slow_echo" else "told" for n in range(64)]


async def test_an_error_status_with_an_answer_is_an_answer() -> None:
    async with place() as (_, carrier):
        answered = await carrier.ask(1, encode_request(1, "refuse", {}), headers=SINGLE)
        assert answered == (Failure(1, -32601, "no"), 404)


async def test_an_error_without_an_id_in_the_body_of_a_400_is_the_answer() -> None:
    async with place() as (_, carrier):
        answered = await carrier.ask(1, encode_request(1, "echo", {}), headers=(("era", "none"),))
        assert answered == (Failure(None, -32600, "no such era"), 400)


async def test_cancelling_a_call_ends_it_on_the_server() -> None:
    async with place() as (made, carrier):
        calling = asyncio.create_task(call(carrier, 1, "wait", SINGLE))
        await asyncio.sleep(0)
        while not made.ends or not made.end.heard:
            await asyncio.sleep(0.001)
        calling.cancel()
        await asyncio.wait([calling])
        async with asyncio.timeout(5):
            while not made.server.cancelled:
                await asyncio.sleep(0.001)
        assert calling.cancelled()
        assert await call(carrier, 2, "echo", SINGLE) == {}


async def test_a_session_is_opened_used_and_ended() -> None:
    async with place() as (made, carrier):
        assert await call(carrier, 1, "open") == "opened"
        assert carrier.session
        assert await call(carrier, 2, "echo", a=1) == {"a": 1}
        await carrier.tell(encode_notification("hello"))
        assert [each.method for each in made.server.notices] == ["hello"]
        session = carrier.session
        await carrier.end_session()
        assert carrier.session is None
        carrier.session = session
        with pytest.raises(StatusRefused) as refused:
            await call(carrier, 3, "echo")
        assert (refused.value.status, refused.value.session_gone) == (404, True)
        with pytest.raises(StatusRefused) as refused:
            await carrier.tell(encode_notification("hello"))
        assert refused.value.session_gone


async def test_the_server_may_ask_back_while_it_answers() -> None:
    async with place() as (made, carrier):
        await call(carrier, 1, "open")
        assert await call(carrier, 2, "ask") == {"answer": {}}
        assert made.server.asked is not None


async def test_what_the_server_sends_of_its_own_accord_is_heard_until_cancelled() -> None:
    async with place() as (made, carrier):
        carrier.resumes = True
        await call(carrier, 1, "open")
        hearing = asyncio.create_task(carrier.hear(headers=(("primes", "yes"),)))
        async with asyncio.timeout(5):
            await made.server.line.send(encode_notification("first"))
            await made.end.until(1)
            await made.server.line.send(encode_notification("second"))
            await made.end.until(2)
        hearing.cancel()
        await asyncio.wait([hearing])
        assert [each.method for each in made.end.heard] == ["first", "second"]


async def test_an_answer_whose_stream_the_server_lets_go_is_fetched_later() -> None:
    async with place() as (made, carrier):
        carrier.resumes = True
        await call(carrier, 1, "open")
        calling = asyncio.create_task(call(carrier, 2, "poll", (("primes", "yes"),)))
        await asyncio.sleep(0.05)
        made.server.go_on.set()
        async with asyncio.timeout(5):
            assert await calling == "polled"


async def test_hearing_ends_quietly_where_there_is_no_stream_and_loudly_where_there_is_no_session() -> None:
    async with place() as (_, carrier):
        await carrier.hear()
        await call(carrier, 1, "open")
        await carrier.end_session()
        carrier.session = "gone"
        with pytest.raises(StatusRefused) as refused:
            await carrier.hear()
        assert refused.value.session_gone


async def test_closing_fails_what_runs_and_tells_the_end_once() -> None:
    async with place() as (made, carrier):
        calling = asyncio.create_task(call(carrier, 1, "wait", SINGLE))
        while not made.ends or not made.end.heard:
            await asyncio.sleep(0.001)
        await asyncio.gather(carrier.aclose(), carrier.aclose())
        with pytest.raises(CarrierLost, match="closed by this side"):
            await calling
        with pytest.raises(CarrierLost):
            await call(carrier, 2, "echo", SINGLE)
        assert made.end.lost_count == 1


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with nothing_leaks():
        async with place() as (made, _):
            pass
        carrier = await made.open()
        with pytest.raises(Unreachable, match="is the server running"):
            await call(carrier, 1, "echo", SINGLE)
        await carrier.aclose()


@pytest.mark.parametrize("url", ["ftp://a/b", "http://", "nonsense", "http://user:pass@host/", "http://[::1"])
async def test_a_url_that_cannot_be_used_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(Unreachable):
        await open_http(url, Recorder)


class Credentials:
    """A name at first that the server refuses, then the one it wants."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.challenges: list[tuple[int, str | None, int, str]] = []
        self.observed = 0

    async def headers_for(self, method: str, url: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.names[0]}"} if self.names[0] else {}

    async def on_challenge(
        self, status: int, www_authenticate: str | None, *, attempt: int = 1, operation: str = "", **rest: Any
    ) -> bool:
        sent: Mapping[str, str] = rest["sent"]
        assert sent == await self.headers_for(rest["method"], rest["url"])
        self.challenges.append((status, www_authenticate, attempt, operation))
        if len(self.names) == 1:
            return False
        del self.names[0]
        return True

    def observe(self, url: str, dpop_nonce: str | None) -> None:
        self.observed += 1


async def test_challenges_are_answered_and_the_call_goes_on() -> None:
    credentials = Credentials("", "ann", "ann+big")
    async with place(gate=NameGate(), auth=credentials) as (_, carrier):
        assert await call(carrier, 1, "who", SINGLE) == ["http", "ann"]
        answered = await carrier.ask(2, encode_request(2, "big", {"size": 3}), headers=SINGLE, operation="big it")
        assert answered.message == Result(2, "xxx")
        assert credentials.challenges == [
            (401, 'Bearer scope="a"', 1, ""),
            (403, 'Bearer error="insufficient_scope", scope="big"', 1, "big it"),
        ]
        assert credentials.observed == 2


async def test_a_challenge_that_cannot_be_answered_is_told() -> None:
    async with place(gate=NameGate(), auth=Credentials("")) as (_, carrier):
        with pytest.raises(StatusRefused) as refused:
            await call(carrier, 1, "echo", SINGLE)
        assert refused.value.status == 401
        assert ("www-authenticate", 'Bearer scope="a"') in [(n.lower(), v) for n, v in refused.value.headers]


async def test_credentials_that_want_for_ever_are_stopped() -> None:
    class Hopeful(Credentials):
        async def on_challenge(self, status: int, www_authenticate: str | None, **rest: Any) -> bool:
            self.challenges.append((status, None, rest["attempt"], ""))
            return True

    credentials = Hopeful("")
    async with place(gate=NameGate(), auth=credentials) as (_, carrier):
        with pytest.raises(StatusRefused):
            await call(carrier, 1, "echo", SINGLE)
        assert len(credentials.challenges) == 5


async def test_what_credentials_raise_reaches_the_caller_and_nothing_stays_open() -> None:
    class Broken(Credentials):
        async def on_challenge(self, status: int, www_authenticate: str | None, **rest: Any) -> bool:
            raise RuntimeError("no way")

    async with place(gate=NameGate(), auth=Broken("")) as (_, carrier):
        with pytest.raises(RuntimeError, match="no way"):
            await call(carrier, 1, "echo", SINGLE)


async def test_headers_given_once_go_with_every_request_and_line_breaks_with_none() -> None:
    async with place(gate=NameGate(), headers=(("authorization", "Bearer bob"),)) as (_, carrier):
        assert await call(carrier, 1, "who", SINGLE) == ["http", "bob"]
        with pytest.raises(Unreachable, match="not valid"):
            await call(carrier, 2, "who", (("x", "a\r\nb: c"),))


async def test_connections_are_used_again_and_never_too_many(monkeypatch: Any) -> None:
    monkeypatch.setattr("wireproof.transports.client.http_pool.MAX_CONNECTIONS", 4)
    opened: list[Any] = []
    loop = asyncio.get_running_loop()
    dial = loop.create_connection

    async def counted(*args: Any, **options: Any) -> Any:
        opened.append(args)
        return await dial(*args, **options)

    monkeypatch.setattr(loop, "create_connection", counted)
    async with place() as (_, carrier):
        await asyncio.gather(*(call(carrier, n, "slow_echo", SINGLE) for n in range(40)))
        await asyncio.gather(*(call(carrier, n, "tell", SINGLE, n=1) for n in range(40)))
        assert len(opened) == 4
        waiting = [asyncio.create_task(call(carrier, n, "wait", SINGLE)) for n in range(8)]
        await asyncio.sleep(0.02)
        for each in waiting[2:]:
            each.cancel()
        await asyncio.wait(waiting[2:])
        assert await call(carrier, 50, "echo", SINGLE) == {}
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
