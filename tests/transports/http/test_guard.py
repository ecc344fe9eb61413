from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from tests.transports.http.wire import BOTH, Client, Maker, TestDialect, call
from wireproof.transports.guard import Guard, Guarded, MediaTypes, Refused
from wireproof.transports.streamable_http import StreamableHTTP


def verdict(guard: Guard, *pairs: tuple[str, str]) -> int:
    scope: dict[str, Any] = {"headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs]}
    found = guard.admit(scope)
    return found.status if isinstance(found, Refused) else 200


HOSTS = [
    ("localhost", 200),
    ("localhost:8000", 200),
    ("LOCALHOST:8000", 200),
    ("127.0.0.1", 200),
    ("127.0.0.1:1", 200),
    ("127.9.9.9:80", 200),
    ("[::1]", 200),
    ("[::1]:8000", 200),
    ("api.example", 200),
    ("api.example:9", 200),
    ("API.Example:9", 200),
    ("bound.example:8443", 200),
    ("bound.example", 403),
    ("bound.example:443", 403),
    ("evil.example", 403),
    ("evil.example:8000", 403),
    ("localhost.evil", 403),
    ("localhost.evil:8000", 403),
    ("localhost.", 403),
    ("127.0.0.1.evil", 403),
    ("127.0.0.1.nip.io", 403),
    ("0.0.0.0:8000", 403),
    ("[::]", 403),
    ("[::ffff:127.0.0.1]", 403),
    ("192.168.0.9", 403),
    ("xapi.example", 403),
    ("api.example.evil", 403),
    ("", 400),
    (" ", 400),
    ("localhost:", 400),
    ("localhost:abc", 400),
    ("localhost:123456", 400),
    ("localhost:80:80", 400),
    ("user@localhost", 400),
    ("localhost@evil.example", 400),
    ("evil.example#localhost", 400),
    ("localhost/evil", 400),
    ("localhost, evil.example", 400),
    ("localhost\x00", 400),
    ("::1", 400),
    ("[::1", 400),
    ("lócalhost", 400),
]


@pytest.mark.parametrize(("host", "expected"), HOSTS)
def test_the_host_table(host: str, expected: int) -> None:
    guard = Guard(allowed_hosts=["api.example", "Bound.example:8443"])
    for _ in range(2):  # the second time the verdict may come from memory
        assert verdict(guard, ("host", host)) == expected


ORIGINS = [
    ("localhost:8000", "http://localhost:8000", 200),
    ("localhost:8000", "http://127.0.0.1:8000", 200),
    ("localhost:8000", "http://[::1]:8000", 200),
    ("localhost:8000", "HTTP://LOCALHOST:8000", 200),
    ("127.0.0.1:8000", "http://localhost:8000", 200),
    ("localhost", "http://localhost", 200),
    ("localhost", "http://localhost:80", 200),
    ("localhost", "https://localhost", 200),
    ("api.example", "https://api.example", 200),
    ("api.example:8443", "https://api.example:8443", 200),
    ("localhost:8000", "https://app.example", 200),
    ("api.example", "https://app.example", 200),
    ("localhost:8000", "vscode-webview://abc", 200),
    ("localhost:8000", "null", 403),
    ("localhost:8000", "", 403),
    ("localhost:8000", "*", 403),
    ("localhost:8000", "http://localhost:9999", 403),
    ("localhost:8000", "http://localhost", 403),
    ("localhost:8000", "http://evil.example", 403),
    ("localhost:8000", "http://evil.example:8000", 403),
    ("localhost:8000", "http://localhost.evil:8000", 403),
    ("localhost:8000", "http://evil#localhost:8000", 403),
    ("localhost:8000", "http://localhost:8000@evil.example", 403),
    ("localhost:8000", "http://localhost:8000/", 403),
    ("localhost:8000", "http://localhost:8000/path", 403),
    ("localhost:8000", "http://localhost:8000 http://localhost:8000", 403),
    ("localhost:8000", "//localhost:8000", 403),
    ("localhost:8000", "localhost:8000", 403),
    ("localhost:8000", "ftp://localhost:8000", 403),
    ("localhost:8000", "file://", 403),
    ("localhost:8000", "javascript://localhost:8000", 403),
    ("localhost:8000", "http://[::1", 403),
    ("localhost:8000", "https://app.example.evil", 403),
    ("localhost:8000", "https://app.example:444", 403),
    ("localhost:8000", "http://app.example", 403),
    ("localhost:8000", "https://api.example", 403),
    ("api.example", "http://localhost", 403),
    ("api.example", "http://api.example:8080", 403),
    ("api.example", "https://sub.api.example", 403),
    ("evil.example", "http://evil.example", 403),
    ("localhost:8000", "http://\x00localhost:8000", 403),
    ("localhost:8000", "http://lócalhost:8000", 403),
]


@pytest.mark.parametrize(("host", "origin", "expected"), ORIGINS)
def test_the_origin_table(host: str, origin: str, expected: int) -> None:
    guard = Guard(allowed_hosts=["api.example"], allowed_origins=["https://app.example/", "vscode-webview://abc"])
    for _ in range(2):
        assert verdict(guard, ("host", host), ("origin", origin)) == expected


@pytest.mark.parametrize("host", [host for host, status in HOSTS if status == 403])
@pytest.mark.parametrize("origin", [None, *sorted({origin for _, origin, status in ORIGINS if status == 200})])
def test_no_origin_makes_up_for_a_foreign_host(host: str, origin: str | None) -> None:
    extra = [] if origin is None else [("origin", origin)]
    guard = Guard(allowed_hosts=["api.example"], allowed_origins=["https://app.example"])
    if not host.startswith("bound"):
        assert verdict(guard, ("host", host), *extra) == 403


REPEATED = [
    ([("host", "localhost"), ("host", "localhost")], 400),
    ([("host", "localhost"), ("host", "evil.example")], 400),
    ([("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://localhost")], 403),
    ([("host", "localhost"), ("content-type", "application/json"), ("content-type", "text/plain")], 400),
    ([("host", "localhost"), ("mcp-session-id", "a"), ("mcp-session-id", "b")], 400),
    ([("host", "localhost"), ("content-length", "1"), ("content-length", "2")], 400),
    ([("host", "localhost"), ("x-any", "1"), ("x-any", "2")], 200),
    ([("x-any", "1")], 400),
    ([("host", "localhost")] + [(f"x-{n}", "1") for n in range(99)], 200),
    ([("host", "localhost")] + [(f"x-{n}", "1") for n in range(100)], 431),
    ([("host", "localhost")] + [("x-same", "1")] * 100, 431),
    ([("host", "localhost"), ("x-long", "a" * 33_000)], 431),
    ([("host", "localhost")] + [("x-same", "a" * 9_000)] * 4, 431),
]


@pytest.mark.parametrize(("pairs", "expected"), REPEATED)
def test_the_header_table(pairs: list[tuple[str, str]], expected: int) -> None:
    assert verdict(Guard(), *pairs) == expected


@pytest.mark.parametrize("entry", ["*", "", "http://api.example", "*.example", "a b", "host:port"])
def test_an_entry_that_would_switch_the_host_check_off_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="allowed_hosts"):
        Guard(allowed_hosts=[entry])


@pytest.mark.parametrize("entry", ["*", "", "null", "app.example", "https://*", "https://app.example/path"])
def test_an_entry_that_would_switch_the_origin_check_off_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="allowed_origins"):
        Guard(allowed_origins=[entry])


def test_every_listener_has_a_guard() -> None:
    app = StreamableHTTP(Maker(), TestDialect(), guard=None)
    assert isinstance(app._guard, Guard)


MEDIA = [
    ("application/json", BOTH, 0),
    ("application/json; charset=utf-8", BOTH, 0),
    ("Application/JSON", BOTH.upper(), 0),
    ("application/json", "*/*", 0),
    ("application/json", "application/*, text/*", 0),
    ("application/json", "text/event-stream;q=0.5, application/json", 0),
    ("application/json", None, 0),
    ("application/json", "application/json", 406),
    ("application/json", "text/event-stream", 406),
    ("application/json", "text/html", 406),
    ("application/json", "application/json, text/event-stream;q=0", 406),
    ("application/json", "", 406),
    ("text/plain", BOTH, 415),
    ("application/x-www-form-urlencoded", BOTH, 415),
    ("multipart/form-data; boundary=x", BOTH, 415),
    ("application/jsonp", BOTH, 415),
    (None, BOTH, 415),
]


@pytest.mark.parametrize(("content", "accept", "expected"), MEDIA)
def test_the_media_type_table(content: str | None, accept: str | None, expected: int) -> None:
    fields = {b"content-type": content, b"accept": accept}
    given = {name: value.encode() for name, value in fields.items() if value is not None}
    media = MediaTypes()
    for _ in range(2):
        refused = media.check(given)
        assert (0 if refused is None else refused.status) == expected


def test_a_protocol_may_ask_for_less_of_accept() -> None:
    media = MediaTypes(("application/json", "application/a2a+json"), both=False)
    assert media.check({b"content-type": b"application/a2a+json", b"accept": b"application/a2a+json"}) is None
    assert media.check({b"content-type": b"application/json", b"accept": b"text/event-stream"}) is None
    refused = media.check({b"content-type": b"application/json", b"accept": b"text/html"})
    assert refused is not None
    assert refused.status == 406


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_a_foreign_origin_is_refused_before_the_body_is_read(listen: Any, maker: Maker, http: str) -> None:
    client: Client = await listen(http=http)
    fields = [*client.fields(era="single"), ("origin", "http://evil.example"), ("content-length", "1000000")]
    answered = await client.raw("POST", fields)
    assert answered.status == 403
    assert "allowed_origins=['http://evil.example']" in answered.json["error"]["message"]
    assert "id" not in answered.json
    assert maker.made == []


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_a_foreign_host_is_refused_on_every_method_and_told_the_fix(client: Client, method: str) -> None:
    answered = await client.raw(method, [("host", "evil.example"), ("mcp-session-id", "x")])
    assert answered.status == 403
    assert "allowed_hosts=['evil.example']" in answered.json["error"]["message"]


async def test_a_request_without_an_origin_passes(client: Client) -> None:
    assert (await client.post(call("echo", a=1), era="single")).json["result"] == {"a": 1}


async def test_an_announced_oversize_body_is_refused_unread(listen: Any) -> None:
    client = await listen(guard=Guard(max_body=1000))
    answered = await client.raw("POST", [*client.fields(era="single"), ("content-length", "1001")])
    assert answered.status == 413
    assert answered.headers["connection"] == "close"


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_an_endless_body_is_refused_after_little_more_than_the_cap(listen: Any, http: str) -> None:
    client = await listen(http=http, guard=Guard(max_body=100_000))
    conversation = await client.connect()
    fields = [*client.fields(era="single"), ("transfer-encoding", "chunked")]
    await conversation.send("POST", "/mcp", fields)
    sent = 0

    async def flood() -> None:
        nonlocal sent
        with contextlib.suppress(ConnectionError):
            while sent < 64 * 1024 * 1024:
                conversation.writer.write(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
                await conversation.writer.drain()
                sent += 0x2000

    flooding = asyncio.create_task(flood())
    assert (await conversation.head()).status == 413
    await flooding
    assert sent < 16 * 1024 * 1024  # what the kernel's buffers took, far from all of it
    conversation.close()


@pytest.mark.parametrize("length", ["abc", "-1", "1_0", "9" * 30])
async def test_a_length_that_is_no_length_is_refused(client: Client, length: str) -> None:
    assert (await client.raw("POST", [*client.fields(era="single"), ("content-length", length)])).status in (400, 413)


async def test_a_compressed_body_is_refused(client: Client) -> None:
    fields = [*client.fields(era="single"), ("content-encoding", "gzip")]
    assert (await client.raw("POST", fields, b"\x1f\x8b")).status == 415


async def test_a_body_that_dribbles_is_cut_at_its_deadline(listen: Any) -> None:
    client = await listen(guard=Guard(read_s=0.2))
    answered = await client.raw("POST", [*client.fields(era="single"), ("content-length", "100")])
    assert answered.status == 408


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_a_head_that_dribbles_is_cut_at_its_deadline(listen: Any, http: str) -> None:
    client = await listen(http=http, head_s=0.2)
    conversation = await client.connect()
    conversation.writer.write(b"POST /mcp HTTP/1.1\r\nhost: local")
    async with asyncio.timeout(5):
        assert await conversation.reader.read() == b""
    conversation.close()


async def test_a_second_head_that_dribbles_is_cut_too(listen: Any) -> None:
    client = await listen(head_s=0.2)
    conversation = await client.connect()
    await conversation.send("POST", "/mcp", client.fields(era="single"), b'{"jsonrpc":"2.0","method":"n"}')
    assert (await conversation.response()).status == 202
    conversation.writer.write(b"POST /mcp HTTP/1.1\r\nhost: local")
    async with asyncio.timeout(5):
        assert await conversation.reader.read() == b""
    conversation.close()


async def test_an_endless_head_is_refused(listen: Any) -> None:
    client = await listen(http="httptools")
    conversation = await client.connect()
    conversation.writer.write(b"POST /mcp HTTP/1.1\r\nx: " + b"a" * 200_000)
    assert (await conversation.head()).status == 431
    conversation.close()


async def test_the_guard_stands_before_any_asgi_app() -> None:
    seen: list[bytes] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["body"])

    async def ask(host: bytes, *parts: bytes) -> None:
        events = [
            {"type": "http.request", "body": part, "more_body": at < len(parts) - 1} for at, part in enumerate(parts)
        ]

        async def receive() -> Any:
            return events.pop(0)

        async def send(event: Any) -> None:
            sent.append(event.get("status"))

        guarded = Guarded(app, Guard(max_body=10))
        await guarded({"type": "http", "method": "POST", "headers": [(b"host", host)]}, receive, send)

    await ask(b"localhost", b"hello")
    await ask(b"localhost", b"hel", b"lo")
    assert seen == [b"hello", b"hello"]
    await ask(b"evil.example", b"hello")
    await ask(b"localhost", b"hello", b"hello", b"!")
    assert seen == [b"hello", b"hello"]
    assert [status for status in sent if status] == [403, 413]
