"""What a server can do to an HTTP client: each ends in the right exception, at once, and nothing leaks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.transports.client.census import nothing_leaks
from tests.transports.client.hostile import Answer, Hostile, Raw, event, http, result, stream
from tests.transports.client.test_http import Hearing
from wireproof.schemas.jsonrpc import Result, encode_notification, encode_request
from wireproof.transports.client.carrier import (
    BadAnswer,
    CarrierError,
    CarrierLost,
    StatusRefused,
    Unreachable,
)
from wireproof.transports.client.http import open_http
from wireproof.transports.client.legacy_sse import open_sse
from wireproof.transports.exchange import Limits

GOOD = result(1, {"good": True})
WITHIN_S = 3.0


async def silence(raw: Raw) -> None:
    await raw.gone()


async def dies(raw: Raw) -> None:
    raw.writer.transport.abort()


async def half_a_head(raw: Raw) -> None:
    await raw.send(b"HTTP/1.1 200 OK\r\ncontent-type: app")


async def ten_megabytes_of_stream(raw: Raw) -> None:
    await raw.send(stream("data: "))
    for _ in range(160):
        await raw.send(b"x" * 65536)


def sent(data: bytes) -> Answer:
    """Send and hang up."""

    async def answer(raw: Raw) -> None:
        await raw.send(data)

    return answer


ELSEWHERE = "location: http://10.0.0.1/mcp\r\n"
METADATA = "location: http://169.254.169.254/latest/meta-data\r\n"
TABLE: list[tuple[str, Answer, type[CarrierError], str]] = [
    ("dies before its answer", dies, CarrierLost, "may have been carried out"),
    ("half a head", half_a_head, CarrierLost, ""),
    ("not HTTP at all", sent(b"220 smtp.example ESMTP\r\n\r\n"), BadAnswer, "no HTTP"),
    ("an endless head", sent(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000), BadAnswer, "no HTTP"),
    ("HTML", http("200 OK", b"<html>", type_="text/html"), BadAnswer, "text/html"),
    ("no content type", http("200 OK", GOOD.encode(), type_=""), BadAnswer, "without a content type"),
    ("202 to a request", http("202 Accepted", type_=""), BadAnswer, "202"),
    ("half of a JSON body", sent(http("200 OK", GOOD.encode())[:-10]), CarrierLost, "inside an answer"),
    ("no JSON", http("200 OK", b"{nonsense"), BadAnswer, "no JSON-RPC message"),
    ("invalid UTF-8", http("200 OK", GOOD.encode().replace(b"good", b"\xff\xfe")), BadAnswer, "no JSON-RPC message"),
    ("another id", http("200 OK", result(2).encode()), BadAnswer, "does not hold the answer"),
    ("the id as text", http("200 OK", result("1").encode()), BadAnswer, "does not hold the answer"),
    ("a request instead", http("200 OK", b'{"jsonrpc":"2.0","method":"x"}'), BadAnswer, "does not hold the answer"),
    ("10 MB of JSON", http("200 OK", b"[" + b"1," * 5_000_000), BadAnswer, "longer than"),
    ("10 MB in one event", ten_megabytes_of_stream, BadAnswer, "more than"),
    ("an ended stream", stream(": hello\n\n"), CarrierLost, "before the answer"),
    ("half an event", stream("data: {"), BadAnswer, "inside an event"),
    ("an event that is cut in its answer", stream(f"data: {GOOD}\n"), BadAnswer, "inside an event"),
    ("a stream of another answer", stream(event(result(7))), CarrierLost, "before the answer"),
    ("a stream of garbage", stream(event("garbage")), BadAnswer, "no JSON-RPC message"),
    ("a stream that is no text", sent(stream() + b"data: \xff\n\n"), BadAnswer, "UTF-8"),
    ("a stream cut in a chunk", sent(stream(fields="transfer-encoding: chunked\r\n") + b"ff\r\nda"), CarrierLost, ""),
    ("a bad chunk", sent(stream(fields="transfer-encoding: chunked\r\n") + b"zz\r\n"), BadAnswer, "no HTTP"),
    ("a redirect to a private address", http("307 Go", fields=ELSEWHERE), BadAnswer, "another origin"),
    ("a redirect to metadata", http("308 Go", fields=METADATA), BadAnswer, "another origin"),
    ("a redirect to nowhere", http("307 Go", fields="location: gopher://x\r\n"), CarrierError, "no http"),
    (
        "a redirect that loses the message",
        http("303 Go", fields="location: /other\r\n"),
        BadAnswer,
        "loses the message",
    ),
    ("a redirect in a circle", http("307 Go", fields="location: /mcp\r\n"), BadAnswer, "more than 3 times"),
    ("a redirect without a place", http("302 Go"), BadAnswer, "no Location"),
    ("404", http("404 Not Found", b"<html>no", type_="text/html"), StatusRefused, "404"),
    ("500 with half an error", http("500 Oops", b'{"jsonrpc":"2.0","error":{'), StatusRefused, "500"),
    ("401", http("401 Who", fields="www-authenticate: Bearer\r\n"), StatusRefused, "401"),
    ("a session id with a space", http("200 OK", GOOD.encode(), fields="mcp-session-id: a b\r\n"), BadAnswer, "ASCII"),
]


@pytest.mark.parametrize(("answer", "error", "words"), [pytest.param(*row[1:], id=row[0]) for row in TABLE])
async def test_each_hostile_answer_ends_in_its_exception(answer: Answer, error: type[CarrierError], words: str) -> None:
    async with nothing_leaks(), Hostile(answer).listening() as server:
        carrier = await open_http(server.url, Hearing)
        try:
            async with asyncio.timeout(WITHIN_S):
                with pytest.raises(error) as caught:
                    await carrier.ask(1, encode_request(1, "x", {}))
            assert words in str(caught.value)
            assert len(server.seen) <= 4
        finally:
            await carrier.aclose()


async def test_silence_ends_with_the_callers_deadline_and_the_connection_is_closed() -> None:
    gone = asyncio.Event()

    async def notice(raw: Raw) -> None:
        await raw.gone()
        gone.set()

    async with nothing_leaks(), Hostile(notice).listening() as server:
        carrier = await open_http(server.url, Hearing)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await carrier.ask(1, encode_request(1, "x", {}))
        async with asyncio.timeout(WITHIN_S):
            await gone.wait()
        await carrier.aclose()


async def test_a_status_tells_at_most_64_kib_of_its_body() -> None:
    async with nothing_leaks(), Hostile(http("500 No", b"n" * 1_000_000, type_="text/plain")).listening() as server:
        carrier = await open_http(server.url, Hearing)
        with pytest.raises(StatusRefused) as refused:
            await carrier.ask(1, encode_request(1, "x", {}))
        assert len(refused.value.body) == 65536
        with pytest.raises(StatusRefused):
            await carrier.tell(encode_notification("x"))
        await carrier.aclose()


async def test_an_answer_among_lies_is_found() -> None:
    lies = [event(result(9)), event(result("1")), event("", id="p"), ": c\n\n", event(result(1), event="other")]
    async with nothing_leaks(), Hostile(stream(*lies, event(GOOD))).listening() as server:
        carrier = await open_http(server.url, Hearing)
        answered = await carrier.ask(1, encode_request(1, "x", {}))
        assert answered.message == Result(1, {"good": True})
        await carrier.aclose()


async def test_a_redirect_inside_the_origin_is_followed_with_its_message() -> None:
    moved = http("308 Moved", fields="location: /new\r\n")
    async with nothing_leaks(), Hostile(moved, http("200 OK", GOOD.encode())).listening() as server:
        carrier = await open_http(server.url, Hearing)
        await carrier.ask(1, encode_request(1, "x", {}))
        assert [each[0] for each in server.seen] == ["POST /mcp HTTP/1.1", "POST /new HTTP/1.1"]
        assert server.seen[0][2] == server.seen[1][2] == encode_request(1, "x", {})
        await carrier.aclose()


async def test_a_broken_answer_is_resumed_where_it_broke_and_when_the_server_said() -> None:
    first = stream(event("", id="e1", retry="30"), event('{"jsonrpc":"2.0","method":"a"}', id="e2"), "id: e3\ndata: {")
    second = stream(event('{"jsonrpc":"2.0","method":"b"}', id="e4"))
    third = stream(event(GOOD, id="e5"))
    async with nothing_leaks(), Hostile(first, second, third).listening() as server:
        ends: list[Hearing] = []

        def accept(line: Any) -> Hearing:
            ends.append(Hearing(line))
            return ends[-1]

        carrier = await open_http(server.url, accept)
        carrier.resumes = True
        began = asyncio.get_running_loop().time()
        answered = await carrier.ask(1, encode_request(1, "x", {}))
        assert asyncio.get_running_loop().time() - began >= 0.06
        assert answered.message == Result(1, {"good": True})
        assert [each.method for each in ends[0].heard] == ["a", "b"]
        assert [(line.split()[0], fields.get("last-event-id")) for line, fields, _ in server.seen] == [
            ("POST", None),
            ("GET", "e2"),
            ("GET", "e4"),
        ]
        await carrier.aclose()


RESUMED: list[tuple[str, Answer, type[CarrierError]]] = [
    ("forgot the place", http("400 No"), StatusRefused),
    ("has no stream", http("405 No"), CarrierLost),
    ("lost the session", http("404 No"), StatusRefused),
    ("always breaks", stream(": nothing\n\n"), CarrierLost),
    ("always fails", http("503 Busy"), CarrierLost),
    ("answers HTML", http("200 OK", b"<html>", type_="text/html"), BadAnswer),
]


@pytest.mark.parametrize(("answer", "error"), [pytest.param(*row[1:], id=row[0]) for row in RESUMED])
async def test_an_answer_that_cannot_be_resumed_fails_after_a_few_attempts(
    answer: Answer, error: type[CarrierError]
) -> None:
    first = stream(event("", id="e1", retry="5"))
    async with nothing_leaks(), Hostile(first, answer).listening() as server:
        carrier = await open_http(server.url, Hearing)
        carrier.resumes, carrier.session = True, "s"
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(error):
                await carrier.ask(1, encode_request(1, "x", {}))
        assert len(server.seen) <= 6
        await carrier.aclose()


async def test_a_stream_of_the_session_comes_back_after_every_way_to_break() -> None:
    told = event('{"jsonrpc":"2.0","method":"told"}', id="t")
    answers: list[Answer] = [
        stream("retry: 1\n\n", told),
        http("503 Busy"),
        dies,
        stream("data: {"),
        stream(event("garbage"), told),
        sent(stream() + b"data: \xff\n\n"),
        silence,
    ]
    async with nothing_leaks(), Hostile(*answers).listening() as server:
        ends: list[Hearing] = []

        def accept(line: Any) -> Hearing:
            ends.append(Hearing(line))
            return ends[-1]

        carrier = await open_http(server.url, accept)
        carrier.resumes = True
        hearing = asyncio.create_task(carrier.hear())
        async with asyncio.timeout(WITHIN_S):
            while len(server.seen) < len(answers):
                await asyncio.sleep(0.005)
        assert [each.method for each in ends[0].heard] == ["told", "told"]
        assert not hearing.done()
        hearing.cancel()
        await asyncio.wait([hearing])
        await carrier.aclose()


ENDPOINTS: list[tuple[str, Answer, type[CarrierError], str]] = [
    ("never names it", silence, Unreachable, "did not name"),
    ("names another origin", stream("event: endpoint\ndata: http://10.0.0.1/x\n\n"), BadAnswer, "another origin"),
    ("names no URL", stream("event: endpoint\ndata: http://[::1\n\n"), CarrierError, "no URL"),
    ("names another scheme", stream("event: endpoint\ndata: file:///etc/passwd\n\n"), CarrierError, "no http"),
    ("ends", stream(), CarrierLost, "ended its event stream"),
    ("HTML", http("200 OK", b"<html>", type_="text/html"), BadAnswer, "text/html"),
    ("404", http("404 No"), StatusRefused, "404"),
    ("too long", ten_megabytes_of_stream, BadAnswer, "more than"),
]


@pytest.mark.parametrize(("answer", "error", "words"), [pytest.param(*row[1:], id=row[0]) for row in ENDPOINTS])
async def test_a_stream_that_names_no_good_endpoint_is_refused(
    answer: Answer, error: type[CarrierError], words: str
) -> None:
    async with nothing_leaks(), Hostile(answer).listening() as server:
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(error, match=words):
                await open_sse(server.url, Hearing, timeout_s=0.3)


async def test_many_failing_connections_leave_nothing() -> None:
    async with nothing_leaks(), Hostile(dies).listening() as server:
        for number in range(100):
            carrier = await open_http(server.url, Hearing, limits=Limits(message=1000))
            with pytest.raises(CarrierLost):
                await carrier.ask(number, encode_request(number, "x", {}))
            await carrier.aclose()


async def test_a_get_that_never_brings_a_stream_is_given_up(monkeypatch: Any) -> None:
    monkeypatch.setattr("wireproof.transports.client.http.RETRY_S", 0.001)
    async with nothing_leaks(), Hostile(http("200 OK", b"<html>", type_="text/html")).listening() as server:
        carrier = await open_http(server.url, Hearing)
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(BadAnswer, match="not an event stream"):
                await carrier.hear()
        assert len(server.seen) == 6
        await carrier.aclose()


async def test_a_stream_that_only_opens_and_closes_is_asked_for_less_and_less(monkeypatch: Any) -> None:
    waits: list[float] = []
    pause = asyncio.sleep

    async def noted(seconds: float) -> None:
        waits.append(seconds)
        await pause(0)

    async with nothing_leaks(), Hostile(stream(": hello\n\n")).listening() as server:
        carrier = await open_http(server.url, Hearing)
        monkeypatch.setattr("wireproof.transports.client.http.asyncio.sleep", noted)
        hearing = asyncio.create_task(carrier.hear())
        async with asyncio.timeout(WITHIN_S):
            while len(server.seen) < 9:
                await pause(0.001)
        monkeypatch.undo()
        hearing.cancel()
        await asyncio.wait([hearing])
        assert all(0.25 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(waits[:6]))
        assert max(waits) <= 30
        await carrier.aclose()
