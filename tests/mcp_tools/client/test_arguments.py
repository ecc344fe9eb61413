"""What a caller hands to the client: arguments that are no JSON, targets that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.mcp_tools.client.servers import make_server
from wireproof.mcp_tools import connect
from wireproof.mcp_tools.client import BadArgument, BadTarget, ConnectionFailed


async def test_an_argument_that_is_no_json_is_named_and_nothing_is_sent() -> None:
    async with connect(make_server()) as client:
        with pytest.raises(BadArgument, match=r"'city' is no JSON value \(object\)"):
            await client.call_tool("forecast", city=object(), days=1)
        assert (await client.call_tool("counts", to=1)).text == "1"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("ftp://host/x", "http, https, ws, wss, unix or tcp"),
        ("", "empty"),
        ("no-such-program-anywhere", "no file here"),
        ([], "the program first"),
        (Path("/no/such/file.py"), "there is no file"),
        ({"args": []}, '"command" or a "url"'),
        ({"mcpServers": {"a": {}, "b": {}}}, "2 servers"),
        ({"command": "x", "args": "y"}, "list of strings"),
        ({"command": "x", "env": {"A": 1}}, "object of strings"),
        (7, "cannot connect to a int"),
    ],
)
def test_a_target_that_is_none_is_refused_at_once(target: Any, said: str) -> None:
    with pytest.raises(BadTarget, match=said):
        connect(target)


async def test_a_client_works_again_when_it_is_entered_again() -> None:
    client = connect(make_server())
    for _ in range(2):
        async with client, client:
            assert (await client.call_tool("counts", to=1)).text == "1"
    with pytest.raises(ConnectionFailed, match="async with"):
        await client.list_tools()


async def test_closing_amid_a_call_ends_it_with_a_plain_error() -> None:
    import asyncio

    client = connect(make_server())
    async with client:
        begun = asyncio.Event()
        call = asyncio.create_task(client.call_tool("waits", key="x", progress=lambda _: begun.set()))
        await asyncio.wait_for(begun.wait(), 10)
        await client.aclose()
        with pytest.raises(ConnectionFailed):
            await asyncio.wait_for(call, 10)
