from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.transports.http.test_single_exchange import until
from tests.transports.http.wire import NOTE, Client, Maker, NameGate, call
from wireproof.transports.exchange import Limits
from wireproof.transports.guard import Guard
from wireproof.transports.http import Paths
from wireproof.transports.serve import listening
from wireproof.transports.websocket import WebSocketListener


@pytest.fixture
def maker() -> Maker:
    return Maker()


class Listener:
    """A WebSocket listener on a real socket, and the foreign client that dials it."""

    def __init__(self, url: str, app: WebSocketListener) -> None:
        self.url = url.replace("http://", "ws://") + "/ws"
        self.http = Client(url, path="/ws")
        self.app = app

    def dial(self, *, offer: list[str] | None = None, origin: str | None = None, **fields: str) -> connect:
        names = ["mcp"] if offer is None else offer
        return connect(
            self.url,
            subprotocols=[Subprotocol(name) for name in names] or None,
            origin=origin,  # type: ignore[arg-type]
            additional_headers={name.replace("_", "-"): value for name, value in fields.items()},
            compression=None,
            max_size=None,
            proxy=None,
        )


@pytest.fixture
async def listen(maker: Maker) -> AsyncIterator[Any]:
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            subprotocols: tuple[str, ...] = ("mcp",), http: str = "auto", server: Limits | None = None, **options: Any
        ) -> Listener:
            app = WebSocketListener(maker, subprotocols=subprotocols, **options)
            limits = server or options.get("limits", Limits())
            serving = listening(Paths({"/ws": app}), http=http, limits=limits, stop_within_s=0.3)
            listener = Listener(await stack.enter_async_context(serving), app)
            stack.callback(listener.http.close)
            return listener

        yield start


@pytest.fixture
async def listener(listen: Any) -> Listener:
    return await listen()


async def ask(socket: ClientConnection, message: Any) -> Any:
    await socket.send(message if isinstance(message, str) else json.dumps(message))
    async with asyncio.timeout(5):
        return json.loads(await socket.recv())


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_one_message_is_one_text_frame(listen: Any, maker: Maker, http: str) -> None:
    listener = await listen(http=http)
    async with listener.dial() as socket:
        assert socket.subprotocol == "mcp"
        assert (await ask(socket, call("echo", 1, a="é\n")))["result"] == {"a": "é\n"}
        assert (await ask(socket, call("who", 2)))["result"] == ["websocket", ""]
        await socket.send(json.dumps(NOTE))
        await socket.send(json.dumps(call("tell", 3, n=3)))
        frames = [json.loads(await socket.recv()) for _ in range(4)]
        assert [frame.get("method") for frame in frames] == ["told", "told", "told", None]
        assert [notice.method for notice in maker.last.notices] == ["noted"]
    await until(lambda: maker.last.lost_count == 1)


async def test_the_server_can_ask(listener: Listener) -> None:
    async with listener.dial() as socket:
        question = await ask(socket, call("ask", 1))
        assert question["method"] == "question"
        assert (await ask(socket, {"jsonrpc": "2.0", "id": question["id"], "result": "blue"}))["result"] == "blue"


BAD_FRAMES = [
    ("", None, -32700),
    ("{", None, -32700),
    ('{"a":1}{"b":2}', None, -32700),
    ("[" * 300, None, -32700),
    ('{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":Infinity}}', None, -32700),
    ("[]", None, -32600),
    ("[1]", None, -32600),
    ("7", None, -32600),
    ('{"jsonrpc":"2.0","id":null,"method":"echo"}', None, -32600),
    ('{"jsonrpc":"2.0","id":4,"method":"echo","params":[]}', 4, -32602),
]


async def test_each_bad_frame_is_answered_exactly_and_the_connection_lives(listener: Listener) -> None:
    async with listener.dial() as socket:
        for frame, id_, code in BAD_FRAMES:
            answer = await ask(socket, frame)
            assert (answer["id"], answer["error"]["code"]) == (id_, code), frame
            assert (await ask(socket, call("echo", 9)))["id"] == 9


async def test_a_frame_in_fragments_is_one_message(listener: Listener) -> None:
    text = json.dumps(call("echo", 1, a="x" * 100))
    async with listener.dial() as socket:
        await socket.send([text[at : at + 7] for at in range(0, len(text), 7)])
        assert json.loads(await socket.recv())["id"] == 1


async def closed_with(socket: ClientConnection) -> int:
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionClosed):
            while await socket.recv():
                pass
    assert socket.close_code is not None
    return socket.close_code


async def test_a_binary_frame_ends_the_connection_with_1003(listener: Listener, maker: Maker) -> None:
    async with listener.dial() as socket:
        await socket.send(b"{}")
        assert await closed_with(socket) == 1003
    await until(lambda: maker.last.lost_count == 1)


@pytest.mark.parametrize("server", [Limits(message=1000), Limits(message=4_000_000)])
async def test_a_frame_over_the_bound_ends_the_connection_with_1009(listen: Any, server: Limits) -> None:
    listener = await listen(limits=Limits(message=1000), server=server)
    async with listener.dial() as socket:
        assert (await ask(socket, call("echo", 1, a="x" * 800)))["id"] == 1
        await socket.send(json.dumps(call("echo", 2, a="é" * 700)))
        assert await closed_with(socket) == 1009


async def test_invalid_utf8_ends_the_connection_with_1007(listener: Listener) -> None:
    async with listener.dial() as socket:
        socket.transport.write(b"\x81\x82\x00\x00\x00\x00\xff\xfe")
        assert await closed_with(socket) == 1007


FOREIGN = [
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "null"}, 403),
    ({"origin": "http://localhost:1"}, 403),
    ({"offer": []}, 400),
    ({"offer": ["graphql-ws"]}, 400),
]


@pytest.mark.parametrize(("how", "status"), FOREIGN)
async def test_a_foreign_handshake_is_refused_before_it_is_accepted(
    listener: Listener, maker: Maker, how: dict[str, Any], status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await listener.dial(**how)
    assert refused.value.response.status_code == status
    assert maker.made == []


async def test_a_foreign_host_is_refused_before_the_handshake_is_accepted(listener: Listener, maker: Maker) -> None:
    fields = [
        ("host", "evil.example"),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "mcp"),
    ]
    answered = await listener.http.raw("GET", fields)
    assert answered.status == 403
    assert "allowed_hosts=['evil.example']" in answered.json["error"]["message"]
    assert maker.made == []


async def test_the_own_origin_and_listed_ones_pass(listen: Any) -> None:
    listener = await listen(guard=Guard(allowed_origins=["https://app.example"]))
    for origin in ("https://app.example", listener.url.replace("ws://", "http://").removesuffix("/ws")):
        async with listener.dial(origin=origin) as socket:
            assert (await ask(socket, call("echo", 1)))["id"] == 1


async def test_the_gate_stands_before_the_handshake(listen: Any) -> None:
    listener = await listen(gate=NameGate())
    with pytest.raises(InvalidStatus) as refused:
        await listener.dial()
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["www-authenticate"] == 'Bearer scope="a"'
    async with listener.dial(authorization="Bearer ada") as socket:
        assert (await ask(socket, call("who", 1)))["result"] == ["websocket", "ada"]


async def test_the_first_known_subprotocol_is_chosen(listen: Any) -> None:
    listener = await listen(subprotocols=("a2a.v1", "mcp"))
    async with listener.dial(offer=["x", "mcp", "a2a.v1"]) as socket:
        assert socket.subprotocol == "a2a.v1"


async def test_plain_http_is_told_to_upgrade(listener: Listener) -> None:
    assert (await listener.http.raw("GET", [("host", listener.http.authority)])).status == 426
    assert (await listener.http.raw("GET", [("host", "evil.example")])).status == 403


async def test_connections_are_capped(listen: Any) -> None:
    listener = await listen(connections=1)
    async with listener.dial():
        with pytest.raises(InvalidStatus) as refused:
            await listener.dial()
        assert refused.value.response.status_code == 503
    await until(lambda: not listener.app._open)
    async with listener.dial() as socket:
        assert (await ask(socket, call("echo", 1)))["id"] == 1


async def test_a_peer_that_leaves_cancels_its_answers(listener: Listener, maker: Maker) -> None:
    async with listener.dial() as socket:
        assert (await ask(socket, call("wait", 5)))["method"] == "waiting"
        socket.transport.abort()
    await until(lambda: maker.last.lost_count == 1)
    await until(lambda: maker.last.cancelled == [5])
    await until(lambda: not listener.app._open)


async def test_the_protocol_can_close_the_connection(listener: Listener, maker: Maker) -> None:
    async with listener.dial() as socket:
        assert (await ask(socket, call("echo", 1)))["id"] == 1
        maker.last.line.close()
        assert await closed_with(socket) == 1000


async def test_a_slow_reader_gets_everything_in_order(listen: Any) -> None:
    listener = await listen(limits=Limits(outgoing=10_000))
    async with listener.dial() as socket:
        await socket.send(json.dumps(call("tell", 1, n=3_000, fill=1_000)))
        counts = [json.loads(await socket.recv())["params"]["count"] for _ in range(3_000)]
        assert counts == list(range(3_000))
        assert json.loads(await socket.recv())["result"] == "told"


async def test_a_peer_that_never_reads_is_pushed_back_and_cut_off(listen: Any, maker: Maker) -> None:
    listener = await listen(limits=Limits(outgoing=100_000, write_s=0.4))
    async with listener.dial() as socket:
        assert (await ask(socket, call("echo", 0)))["id"] == 0
        socket.transport.pause_reading()
        await socket.send(json.dumps(call("tell", 1, n=1_000_000, fill=10_000)))
        async with asyncio.timeout(10):
            while not maker.last.lost_count:
                await asyncio.sleep(0.01)
        await until(lambda: not listener.app._open)
        socket.transport.abort()


async def test_stopping_ends_answers_properly_and_closes_with_1001(listener: Listener, maker: Maker) -> None:
    async with listener.dial() as socket:
        assert (await ask(socket, call("wait", 5)))["method"] == "waiting"
        await listener.app.stop(within_s=2)
        assert json.loads(await socket.recv())["result"] == "ended"
        assert await closed_with(socket) == 1001
    with pytest.raises(InvalidStatus) as refused:
        await listener.dial()
    assert refused.value.response.status_code == 503
