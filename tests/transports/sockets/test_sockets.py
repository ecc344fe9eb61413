"""Newline-delimited JSON over real Unix and TCP sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.transports.echo import Echo
from wireproof.mcp_tools import ToolServer, connect
from wireproof.mcp_tools.client.errors import BadTarget, ConnectionFailed
from wireproof.transports.exchange import Limits
from wireproof.transports.sockets import listening_tcp, listening_unix

WEATHER = Path(__file__).parents[3] / "examples" / "weather.py"


class Raw:
    """A client that knows only bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def line(self) -> Any:
        async with asyncio.timeout(5):
            return json.loads(await self.reader.readline())

    async def ask(self, data: bytes) -> Any:
        self.writer.write(data + b"\n")
        return await self.line()

    async def refused(self) -> bool:
        """Whether the other side ends the connection without a word."""
        try:
            return await self.rest() == b""
        except ConnectionError:
            return True

    async def rest(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.read()


@asynccontextmanager
async def raw(where: Path | tuple[str, int]) -> AsyncGenerator[Raw]:
    opened = asyncio.open_connection(*where) if isinstance(where, tuple) else asyncio.open_unix_connection(where)
    reader, writer = await opened
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def request(id_: Any, method: str = "echo", **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id_, "method": method, "params": params}).encode()


async def test_a_unix_socket_is_its_users_alone_and_gone_with_its_listener(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    async with listening_unix(Echo, path) as file, raw(file) as client:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (await client.ask(request(1, x="y")))["result"] == {"x": "y"}
    assert not path.exists()


async def test_a_stale_socket_file_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with listening_unix(Echo, path), raw(path) as client:
        assert (await client.ask(request(1)))["id"] == 1
        with pytest.raises(OSError, match="somebody listens there"):
            async with listening_unix(Echo, path):
                pass
        assert (await client.ask(request(2)))["id"] == 2


async def test_a_path_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("kept")
    with pytest.raises(FileExistsError, match="no socket"):
        async with listening_unix(Echo, path):
            pass
    assert path.read_text() == "kept"


async def test_a_bad_line_is_answered_and_the_next_good_one_still_works() -> None:
    async with listening_tcp(Echo) as where, raw(where) as client:
        assert (await client.ask(request(1)))["id"] == 1
        assert (await client.ask(b"{"))["error"]["code"] == -32700
        assert (await client.ask(request(2)))["id"] == 2


async def test_a_connection_that_begins_with_something_else_is_closed_before_its_second_line() -> None:
    async with listening_tcp(Echo) as where, raw(where) as browser:
        browser.writer.write(b"POST / HTTP/1.1\r\nhost: x\r\n\r\n" + request(1) + b"\n")
        answers = [json.loads(line) for line in (await browser.rest()).splitlines()]
    assert [answer.get("error", {}).get("code") for answer in answers] == [-32700]


async def test_only_so_many_connections_are_taken_and_one_that_ends_makes_room() -> None:
    async with listening_tcp(Echo, max_connections=1) as where, raw(where) as first:
        assert (await first.ask(request(1)))["id"] == 1
        async with raw(where) as second:
            assert await second.refused()
        first.writer.write_eof()
        assert await first.rest() == b""
        async with raw(where) as third:
            assert (await third.ask(request(3)))["id"] == 3


async def test_a_host_that_is_not_loopback_must_be_asked_for() -> None:
    with pytest.raises(ValueError, match="not loopback"):
        async with listening_tcp(Echo, host="0.0.0.0"):
            pass


async def test_a_peer_that_never_reads_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    limits = Limits(outgoing=1024, write_s=0.2)
    async with listening_tcp(Echo, limits=limits) as where:
        with socket.create_connection(where) as deaf:
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            with pytest.raises(ConnectionError):
                await _flood(loop, deaf)
    assert "read nothing for 0.2 s" in caplog.text


async def _flood(loop: asyncio.AbstractEventLoop, deaf: socket.socket) -> None:
    async with asyncio.timeout(20):
        while True:
            await loop.sock_sendall(deaf, request(1, text="x" * 60_000) + b"\n")


@pytest.mark.parametrize("kind", ["unix", "tcp"])
async def test_a_tool_server_is_reached_by_its_url(kind: str, tmp_path: Path) -> None:
    server = ToolServer("lines")

    @server.tool
    async def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    path = tmp_path / "a b.sock"
    made = listening_unix(server.accept, path) if kind == "unix" else listening_tcp(server.accept)
    async with server.running(), made as where:
        url = f"unix://{str(path).replace(' ', '%20')}" if kind == "unix" else f"tcp://{where[0]}:{where[1]}"  # type: ignore[index]
        for mode in ("auto", "2025-11-25", "2024-11-05"):
            async with connect(url, mode=mode) as client:
                assert (await client.call_tool("add", a=1, b=2)).text == "3"


@pytest.mark.parametrize("target", ["unix://host/x", "unix:", "tcp://127.0.0.1", "tcp://x:y"])
async def test_a_url_that_names_no_socket_is_refused(target: str) -> None:
    with pytest.raises(BadTarget):
        async with connect(target):
            pass


async def test_nobody_there_is_a_plain_error(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        async with connect(f"unix://{tmp_path}/none.sock"):
            pass


async def test_the_command_line_serves_a_socket_until_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "w.sock"
    command = [sys.executable, "-m", "wireproof.cli", "run", str(WEATHER), "--unix", str(path)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(20):
            while not path.exists() and process.returncode is None:
                await asyncio.sleep(0.01)
        async with connect(f"unix://{path}") as client:
            assert [tool.name for tool in await client.list_tools()]
        os.kill(process.pid, signal.SIGTERM)
        async with asyncio.timeout(5):
            assert await process.wait() == 0
        assert process.stderr is not None
        assert await process.stderr.read() == b""
        assert not path.exists()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
