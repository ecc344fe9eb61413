"""The client without await."""

from __future__ import annotations

import threading

import pytest

from tests.mcp_tools.client.servers import make_server
from wireproof.mcp_tools.client import CallResult, Changed, ConnectionFailed, ToolFailed
from wireproof.mcp_tools.sync import connect


def test_the_verbs_wait_for_their_results() -> None:
    with connect(make_server(), sample=lambda _: "rain") as client:
        assert client.revision == "2026-07-28"
        assert "forecast" in [tool.name for tool in client.list_tools()]
        assert client.call_tool("counts", to=2).text == "2"
        assert client.call_tool("thinks").text == "rain"
        assert client.read_resource("file:///notes.txt")[0].text == "remember"
        assert client.get_prompt("ask", topic="rain").messages[0].content.text == "What is rain?"
        assert client.complete("ask", "topic", "s").values == ["sun"]
        *_, last = client.stream_tool("counts", to=2)
        assert isinstance(last, CallResult)
        with pytest.raises(ToolFailed, match="the sensor is off"):
            client.call_tool("fails")


def test_changes_are_iterated_over() -> None:
    with connect(make_server()) as client, client.listen(tools=True) as events:
        client.call_tool("grows")
        assert next(events) == Changed("tools")


def test_a_closed_client_says_so_and_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    client = connect(make_server())
    with client:
        assert threading.active_count() > before
    with pytest.raises(ConnectionFailed, match="with connect"):
        client.list_tools()
    assert threading.active_count() == before


def test_a_client_may_be_used_from_several_threads() -> None:
    found: list[str] = []
    with connect(make_server()) as client:
        threads = [
            threading.Thread(target=lambda count=count: found.append(client.call_tool("counts", to=count).text))
            for count in range(1, 9)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert sorted(found, key=int) == [str(count) for count in range(1, 9)]
