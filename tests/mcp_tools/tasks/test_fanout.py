"""Changes of one replica reach the listeners of the others, once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.mcp_tools.tasks.jobs import ACKNOWLEDGED, META, SECRET
from tests.mcp_tools.tasks.test_stores import url
from tests.mcp_tools.wire import Wire, connected
from wireproof.auth.sealing import Keyring
from wireproof.mcp_tools import ToolServer

__all__ = ["url"]
URI = "note://one"
WANTED = {"toolsListChanged": True, "resourceSubscriptions": [URI]}
TOOLS, UPDATED = "notifications/tools/list_changed", "notifications/resources/updated"


async def replica(url: str) -> ToolServer[Any]:
    """A server made outside of the loop, as at the import of its file: what it starts with is no change."""
    return await asyncio.to_thread(make_replica, url)


def make_replica(url: str) -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("replicas", store=url, keyring=Keyring(SECRET))

    @server.resource(URI)
    def note() -> str:
        return "one"

    @server.tool
    async def plain() -> str:
        return "plain"

    return server


async def listening(wire: Wire) -> None:
    await wire.start("subscriptions/listen", {"notifications": WANTED}, meta=META)
    await wire.note(ACKNOWLEDGED)


async def test_changes_of_one_replica_reach_the_listeners_of_all_once(url: str) -> None:
    near, far = await replica(url), await replica(url)
    async with connected(near) as here, connected(far) as there:
        await listening(here)
        await listening(there)
        near.remove_tool("plain")
        for wire in (here, there):
            await wire.note(TOOLS)
        far.resource_updated(URI)
        for wire in (here, there):
            (told,) = await wire.note(UPDATED)
            assert told["uri"] == URI
        near.resource_updated("note://other")
        near.resource_updated(URI)
        for wire in (here, there):
            await wire.note(UPDATED, 2)
        for wire in (here, there):
            methods = [name for name, _ in wire.notes if name != ACKNOWLEDGED]
            assert methods == [TOOLS, UPDATED, UPDATED]


async def test_a_server_with_a_store_and_no_task_declares_no_tasks(url: str) -> None:
    async with connected(await replica(url)) as wire:
        found = await wire.request("server/discover", meta=META)
        assert "extensions" not in found["capabilities"]


async def test_a_session_of_another_replica_hears_it_too(url: str) -> None:
    near, far = await replica(url), await replica(url)
    async with connected(near), connected(far, "2025-11-25") as there:
        await there.request("ping")
        near.remove_tool("plain")
        await there.note(TOOLS)


@pytest.mark.parametrize("count", [200])
async def test_a_burst_of_changes_of_one_resource_is_told_as_few(url: str, count: int) -> None:
    near, far = await replica(url), await replica(url)
    async with connected(near), connected(far) as there:
        await listening(there)
        for _ in range(count):
            near.resource_updated(URI)
        await there.note(UPDATED)
        near.remove_tool("plain")
        async with asyncio.timeout(10):
            await there.note(TOOLS)
        assert len([1 for name, _ in there.notes if name == UPDATED]) < count / 10
