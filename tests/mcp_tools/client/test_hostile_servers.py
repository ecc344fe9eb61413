"""What a user of the client sees of a hostile server: one exception with a next step, in time, and nothing left."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.transports.client.census import nothing_leaks
from tests.transports.client.hostile import Hostile, Raw, event, http, result, stream
from wireproof.mcp_tools import connect
from wireproof.mcp_tools.client import (
    AuthorizationNeeded,
    Client,
    ClientError,
    ConnectionFailed,
    RequestRefused,
    ServerExited,
    ServerMisbehaved,
    TimedOut,
)

PROGRAM = [sys.executable, "-S", str(Path(__file__).with_name("hostile_program.py"))]
WITHIN_S = 4.0


@asynccontextmanager
async def hostile(**options: Any) -> AsyncGenerator[Client]:
    async with nothing_leaks(), connect(PROGRAM, restart=False, **options) as client:
        yield client


STDIO: list[tuple[str, type[ClientError], str]] = [
    ("exit", ServerExited, "out of memory"),
    ("half_line", ClientError, ""),
    ("close_output", ConnectionFailed, "closed its output"),
    ("silence", TimedOut, "no answer within"),
    ("ten_megabytes", ServerMisbehaved, "more than"),
    ("invalid_utf8", ServerMisbehaved, "no JSON-RPC message"),
    ("lying_ids", TimedOut, "no answer within"),
    ("not_an_object", ServerMisbehaved, "no object"),
    ("asks_again_for_ever", ServerMisbehaved, ""),
]


@pytest.mark.parametrize(("name", "error", "words"), STDIO)
async def test_each_hostile_child_ends_in_its_exception(name: str, error: type[ClientError], words: str) -> None:
    async with hostile() as client:
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(error) as caught:
                await client.call_tool(name, timeout_s=0.5)
        assert words in str(caught.value)
        if error in (ServerMisbehaved, TimedOut):
            assert (await client.call_tool("good")).text == "good"  # one bad answer does not end the connection


async def test_a_dead_child_fails_every_call_at_once_with_its_last_words() -> None:
    async with hostile() as client:
        waiting = [asyncio.create_task(client.call_tool("silence")) for _ in range(10)]
        await client.call_tool("good")
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(ServerExited):
                await client.call_tool("exit")
            ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [(type(end), getattr(end, "code", None)) for end in ends] == [(ServerExited, 7)] * 10
        assert all("out of memory" in str(end) for end in ends)


async def test_a_child_that_died_is_started_again_where_that_is_wanted() -> None:
    async with nothing_leaks(), connect(PROGRAM, restart=True) as client:
        for _ in range(3):
            with pytest.raises(ServerExited):
                await client.call_tool("exit")
            assert (await client.call_tool("good")).text == "good"


async def test_endless_pages_end() -> None:
    async with hostile(pages=20) as client:
        with pytest.raises(ServerMisbehaved, match="does not end"):
            await client.list_tools()
        with pytest.raises(ServerMisbehaved, match="does not end"):
            await client.list_prompts()


async def test_a_result_of_the_wrong_shape_raises_nothing_but_client_errors() -> None:
    async with hostile() as client:
        answer = await client.call_tool("wrong_shape")
        with suppress(ClientError):
            assert answer.content == []
            assert isinstance(answer.text, str)
            assert answer.data is not None
        with suppress(ClientError):
            assert await client.list_resources() == []


async def test_a_flood_of_progress_neither_blocks_nor_grows_past_the_deadline() -> None:
    async with hostile() as client:
        async with asyncio.timeout(10):
            assert (await client.call_tool("floods")).text == "good"


async def test_a_question_that_nobody_answers_is_refused_by_its_code() -> None:
    async with hostile() as client:
        assert (await client.call_tool("asks_what_nobody_offers")).text == "-32601"


DISCOVERED: dict[str, Any] = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "_meta": {}}


async def dies(raw: Raw) -> None:
    raw.writer.transport.abort()


async def silence(raw: Raw) -> None:
    await raw.gone()


GOOD = result(2, {"content": [], "resultType": "complete"})
HTTP: list[tuple[str, Any, type[ClientError], str]] = [
    ("dies mid-call", dies, ConnectionFailed, "may have been carried out"),
    ("wrong content type", http("200 OK", b"<html>", type_="text/html"), ServerMisbehaved, "text/html"),
    ("half an SSE event", stream("data: {"), ServerMisbehaved, "inside an event"),
    ("a stream without an answer", stream(event(result(9))), ConnectionFailed, "before the answer"),
    ("silence", silence, TimedOut, "no answer within"),
    ("10 MB of JSON", http("200 OK", b"[" + b"1," * 5_000_000), ServerMisbehaved, "longer than"),
    ("invalid UTF-8", http("200 OK", GOOD.encode().replace(b"complete", b"\xff")), ServerMisbehaved, "no JSON-RPC"),
    ("a lying id", http("200 OK", result(77).encode()), ServerMisbehaved, "does not hold the answer"),
    ("a private redirect", http("307 Go", fields="location: http://10.0.0.1/\r\n"), ServerMisbehaved, "another origin"),
    ("metadata", http("308 Go", fields="location: http://169.254.169.254/\r\n"), ServerMisbehaved, "another origin"),
    ("401", http("401 Who", fields="www-authenticate: Bearer\r\n"), AuthorizationNeeded, "auth"),
    ("503", http("503 Busy", b"later", type_="text/plain"), ConnectionFailed, "503"),
    ("404 in HTML", http("404 No", b"<html>", type_="text/html"), ConnectionFailed, "404"),
    ("an error of its own", http("400 No", b'{"jsonrpc":"2.0","id":2,"error":{"code":-1,"message":"no"}}'), RequestRefused, "no"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "error", "words"), [pytest.param(*row[1:], id=row[0]) for row in HTTP])
async def test_each_hostile_http_server_ends_in_its_exception(
    answer: Any, error: type[ClientError], words: str
) -> None:
    discover = http("200 OK", json.dumps({"jsonrpc": "2.0", "id": 1, "result": DISCOVERED}).encode())
    async with nothing_leaks(), Hostile(discover, answer).listening() as server, connect(server.url) as client:
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(error) as caught:
                await client.call_tool("x", timeout_s=0.5)
        assert words in str(caught.value)


@pytest.mark.parametrize(("answer", "error", "words"), [pytest.param(*row[1:], id=row[0]) for row in HTTP[:-1]])
async def test_connecting_to_a_hostile_http_server_fails_in_words(
    answer: Any, error: type[ClientError], words: str
) -> None:
    async with nothing_leaks(), Hostile(answer).listening() as server:
        async with asyncio.timeout(WITHIN_S * 2):
            with pytest.raises(ClientError):
                async with connect(server.url, connect_timeout_s=1.0, probe_timeout_s=0.3):
                    pass


async def test_a_command_that_is_no_server_fails_in_words() -> None:
    async with nothing_leaks():
        with pytest.raises(ServerExited, match="exited with code 0"):
            async with connect([sys.executable, "-c", "pass"], connect_timeout_s=3):
                pass
        with pytest.raises(ConnectionFailed, match="no program"):
            async with connect(["no-such-program-here", "x"]):
                pass
        with pytest.raises(TimedOut):
            async with connect(
                [sys.executable, "-c", "import sys; sys.stdin.read()"], connect_timeout_s=0.5, probe_timeout_s=0.2
            ):
                pass
