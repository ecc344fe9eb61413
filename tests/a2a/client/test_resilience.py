"""What the client does when the network, the card or the agent is not as it should be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from wireproof.a2a import Agent, Turn, connect
from wireproof.a2a.bindings.http import HTTPOptions
from wireproof.a2a.client import (
    ArtifactUpdate,
    AuthenticationFailed,
    BadAnswer,
    CardCache,
    CardInvalid,
    CardNotFound,
    ClientError,
    ConnectionLost,
    DeadlineExceeded,
    NoInterface,
    StatusUpdate,
    Task,
    Unreachable,
)
from wireproof.a2a.client.discovery import card_urls, choose
from wireproof.a2a.signing import Trust, sign_card
from wireproof.transports.serve import listening

from .agents import make_agent
from .proxy import relay


class Gates:
    """An agent that goes on when it is told."""

    def __init__(self) -> None:
        self.go = [asyncio.Event() for _ in range(4)]
        self.agent = Agent("Steps")

        @self.agent.skill(tags=["test"])
        async def steps(turn: Turn) -> AsyncGenerator[Any, None]:
            """Deliver one piece for each gate."""
            for index, gate in enumerate(self.go):
                await gate.wait()
                yield turn.artifact(text=str(index), id="a", append=index > 0)


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_a_cut_stream_is_taken_up_without_a_gap_and_without_a_repeat(binding: str) -> None:
    gates = Gates()
    async with listening(gates.agent.asgi()) as url, relay(url) as line:
        options = HTTPOptions(public_url=line.url, allowed_hosts=[line.url.removeprefix("http://")])
        async with listening(gates.agent.asgi(options)) as _, connect(line.url, bindings=[binding]) as agent:
            texts: list[str] = []
            async for event in agent.stream("go"):
                if isinstance(event, Task):
                    if event.artifacts:  # what was missed comes as one task
                        texts = [part.text or "" for part in event.artifacts[0].parts]
                    for gate in gates.go[: len(texts) + 1]:
                        gate.set()
                elif isinstance(event, ArtifactUpdate):
                    texts.append(event.text)
                    number = int(event.text)
                    if number == 1:
                        line.cut()
                    for gate in gates.go[: number + 2]:
                        gate.set()
            assert texts == ["0", "1", "2", "3"]
            assert isinstance(event, (StatusUpdate, Task))
            assert event.state == "TASK_STATE_COMPLETED"


async def test_a_send_whose_answer_was_lost_is_not_repeated_by_itself() -> None:
    agent = make_agent()
    async with listening(agent.asgi()) as url, relay(url) as line, connect(line.url) as client:
        card = {
            **client.card,
            "supportedInterfaces": [{**client.card["supportedInterfaces"][0], "url": line.url + "/"}],
        }
        async with connect(card) as through:
            sending = asyncio.create_task(through.send("x", skill="endless"))
            async with asyncio.timeout(5):
                while not (await client.list_tasks()).tasks:
                    await asyncio.sleep(0)
            line.cut()
            with pytest.raises(ConnectionLost):
                await sending
        page = await client.list_tasks()
        assert page.total == 1
        await client.task(page.tasks[0]).cancel()


async def test_a_card_is_asked_for_again_only_when_it_may_have_changed() -> None:
    asked: list[tuple[str, int]] = []
    app = make_agent().asgi(HTTPOptions(card_max_age_s=1000))

    class Counting:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def note(message: Any) -> None:
                if message["type"] == "http.response.start":
                    asked.append((scope["path"], message["status"]))
                await send(message)

            await app(scope, receive, note)

        async def stop(self, *, within_s: float) -> None:
            await app.stop(within_s=within_s)

    cache = CardCache()
    async with listening(Counting()) as url, connect(url, cache=cache) as one, connect(url, cache=cache) as two:
        assert one.card == two.card
        assert await one.refresh_card() == one.card
    assert asked == [("/.well-known/agent-card.json", 200), ("/.well-known/agent-card.json", 304)]


def test_a_host_an_origin_a_base_and_a_card_are_told_apart() -> None:
    assert card_urls("agent.example")[0] == "https://agent.example/.well-known/agent-card.json"
    assert card_urls("http://h:1/")[0] == "http://h:1/.well-known/agent-card.json"
    assert card_urls("https://h/a/b")[0] == "https://h/a/b/.well-known/agent-card.json"
    assert card_urls("https://h/cards/x.json?v=1") == ["https://h/cards/x.json?v=1"]


def interface(binding: str, version: str = "1.0", url: str = "https://h/") -> dict[str, str]:
    return {"url": url, "protocolBinding": binding, "protocolVersion": version}


SPOKEN = [("JSONRPC", "1.0"), ("JSONRPC", "0.3"), ("HTTP+JSON", "1.0")]


@pytest.mark.parametrize(
    ("offered", "prefer", "chosen"),
    [
        (["GRPC", "HTTP+JSON", "JSONRPC"], [], "HTTP+JSON"),
        (["HTTP+JSON", "JSONRPC"], ["JSONRPC"], "JSONRPC"),
        (["HTTP+JSON"], ["JSONRPC"], "HTTP+JSON"),
        (["https://example.com/bindings/x", "JSONRPC"], [], "JSONRPC"),
    ],
)
def test_the_first_interface_that_is_spoken_is_chosen(offered: list[str], prefer: list[str], chosen: str) -> None:
    card = {"supportedInterfaces": [interface(each) for each in offered]}
    assert choose(card, SPOKEN, prefer=prefer).binding == chosen


def test_the_newest_version_of_a_binding_is_chosen() -> None:
    card = {"supportedInterfaces": [interface("JSONRPC", "0.3.0"), interface("JSONRPC", "1.0.1")]}
    assert choose(card, SPOKEN).version == "1.0"


def test_a_card_that_came_over_https_leads_to_no_plain_http() -> None:
    card = {"supportedInterfaces": [interface("JSONRPC", url="http://h/")]}
    with pytest.raises(NoInterface):
        choose(card, SPOKEN, secure=True)


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(answer)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def http(status: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


HOSTILE_CARDS: list[tuple[str, bytes, type[ClientError]]] = [
    ("not found", http("404 X", b""), CardNotFound),
    ("an error", http("500 X", b"oops"), CardNotFound),
    ("no JSON", http("200 OK", b"<html>"), CardInvalid),
    ("an array", http("200 OK", b"[]"), CardInvalid),
    ("an empty object", http("200 OK", b"{}"), CardInvalid),
    ("interfaces that are none", http("200 OK", b'{"name":"x","supportedInterfaces":[{}]}'), CardInvalid),
    ("no list of interfaces", http("200 OK", b'{"name":"x","supportedInterfaces":7}'), CardInvalid),
    ("no interface", http("200 OK", b'{"name":"x","supportedInterfaces":[]}'), NoInterface),
    ("behind a door", http("401 X", b""), AuthenticationFailed),
    ("a flood", http("200 OK", b'{"name":"' + b"x" * 2_000_000 + b'"}'), BadAnswer),
    ("no HTTP", b"SSH-2.0-x\r\n\r\n", BadAnswer),
    ("silence", b"", ConnectionLost),
    (
        "a redirect elsewhere",
        b"HTTP/1.1 302 X\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n",
        BadAnswer,
    ),
]


@pytest.mark.parametrize(("answer", "error"), [each[1:] for each in HOSTILE_CARDS], ids=[e[0] for e in HOSTILE_CARDS])
async def test_no_answer_to_the_question_for_a_card_does_harm(answer: bytes, error: type[ClientError]) -> None:
    server = await asyncio.start_server(lambda r, w: answered(r, w, answer), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ClientError) as raised:
            async with connect(f"http://127.0.0.1:{port}", timeout_s=5):
                pass
    assert type(raised.value) is error


def rpc(result: Any) -> bytes:
    return http("200 OK", json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode())


HOSTILE_ANSWERS: list[tuple[str, bytes, type[ClientError]]] = [
    ("null", rpc(None), BadAnswer),
    ("neither", rpc({}), BadAnswer),
    ("both", rpc({"task": {}, "message": {}}), BadAnswer),
    ("a task without a status", rpc({"task": {"id": "1"}}), BadAnswer),
    ("a state that is none", rpc({"task": {"id": "1", "status": {"state": "DONE"}}}), BadAnswer),
    ("another id", http("200 OK", b'{"jsonrpc":"2.0","id":7,"result":{}}'), BadAnswer),
    ("no envelope", http("200 OK", b"{}"), BadAnswer),
    ("no JSON", http("200 OK", b"<html>", "text/html"), BadAnswer),
    ("nesting", http("200 OK", b"[" * 100_000), BadAnswer),
    ("401", http("401 X", b""), AuthenticationFailed),
    ("403", http("403 X", b'{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x"}}'), AuthenticationFailed),
    ("silence", b"", ConnectionLost),
]


@pytest.mark.parametrize(
    ("answer", "error"), [each[1:] for each in HOSTILE_ANSWERS], ids=[each[0] for each in HOSTILE_ANSWERS]
)
async def test_no_answer_of_an_agent_does_harm(answer: bytes, error: type[ClientError]) -> None:
    server = await asyncio.start_server(lambda r, w: answered(r, w, answer), "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        card = {"name": "x", "supportedInterfaces": [interface("JSONRPC", url=url)]}
        async with connect(card, timeout_s=5) as agent:
            with pytest.raises(ClientError) as raised:
                await agent.send("x")
    assert type(raised.value) is error


async def test_nobody_there_is_told_as_such() -> None:
    with pytest.raises(Unreachable):
        async with connect("http://127.0.0.1:1"):
            pass
    with pytest.raises(Unreachable):
        async with connect(["/no/such/program"]):
            pass


async def test_an_agent_that_is_silent_ends_the_wait() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    async with server:
        with pytest.raises(DeadlineExceeded):
            async with connect(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_s=0.2):
                pass
    await asyncio.sleep(0)


async def test_only_a_card_that_is_signed_by_a_trusted_key_is_taken() -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = {**ECKey.import_key(pem).as_dict(private=False), "kid": "k"}
    options = HTTPOptions(sign=lambda card: sign_card(card, pem, kid="k"))
    async with listening(make_agent().asgi(options)) as url:
        async with connect(url, trust=Trust(keys={"keys": [public]})) as agent:
            answer = await agent.send("x")
            assert isinstance(answer, Task)
        with pytest.raises(CardInvalid, match="not trusted"):
            async with connect(url, trust=Trust()):
                pass
