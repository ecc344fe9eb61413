"""Which era a request belongs to, what its envelope must hold, and what each revision lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.mcp_tools.wire import MODERN_META, REVISIONS, SESSION, connected
from wireproof.mcp_tools import ToolServer

VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"


def small() -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("small", version="1.2", title="Small", instructions="Be kind.")

    @server.tool
    def hello() -> str:
        return "hello"

    @server.resource("a://b")
    def thing() -> str:
        return "thing"

    return server


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in MODERN_META.items() if key not in keys}


BAD_ENVELOPES: dict[str, tuple[Any, int]] = {
    "an unknown revision": ({**MODERN_META, VERSION: "1900-01-01"}, -32022),
    "a session revision": ({**MODERN_META, VERSION: "2025-11-25"}, -32022),
    "a number as revision": ({**MODERN_META, VERSION: 2026}, -32602),
    "no capabilities": (without(CAPABILITIES), -32602),
    "a list of capabilities": ({**MODERN_META, CAPABILITIES: []}, -32602),
    "no envelope": ({}, -32602),
    "an envelope that is no object": ([], -32602),
}


@pytest.mark.parametrize(("meta", "code"), BAD_ENVELOPES.values(), ids=BAD_ENVELOPES.keys())
@pytest.mark.parametrize("method", ["tools/list", "server/discover", "no/such"])
async def test_a_broken_envelope_is_refused_before_anything_else(method: str, meta: Any, code: int) -> None:
    async with connected(small()) as wire:
        failure = await wire.refused(method, meta=meta)
    assert failure.code == code
    if code == -32022:
        assert failure.data == {"supported": list(reversed(REVISIONS)), "requested": meta[VERSION]}


async def test_the_client_info_may_stay_out() -> None:
    async with connected(small()) as wire:
        meta = without("io.modelcontextprotocol/clientInfo")
        assert (await wire.request("tools/list", meta=meta))["tools"]


async def test_discovery_says_what_there_is() -> None:
    async with connected(small()) as wire:
        found = await wire.request("server/discover")
    assert found == {
        "resultType": "complete",
        "supportedVersions": list(reversed(REVISIONS)),
        "capabilities": {
            "tools": {"listChanged": True},
            "logging": {},
            "resources": {"listChanged": True, "subscribe": True},
        },
        "instructions": "Be kind.",
        "ttlMs": 0,
        "cacheScope": "public",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "small", "version": "1.2", "title": "Small"}},
    }


GONE_IN_MODERN = ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "x/y"]


@pytest.mark.parametrize("method", GONE_IN_MODERN)
async def test_what_the_modern_revision_dropped_is_unknown_there(method: str) -> None:
    async with connected(small()) as wire:
        assert (await wire.refused(method, {"uri": "a://b", "level": "info"})).code == -32601


@pytest.mark.parametrize("method", ["server/discover", "subscriptions/listen", "x/y", "tasks/get"])
@pytest.mark.parametrize("revision", SESSION)
async def test_what_only_the_modern_revision_has_is_unknown_in_sessions(revision: str, method: str) -> None:
    async with connected(small(), revision) as wire:
        assert (await wire.refused(method, {})).code == -32601


@pytest.mark.parametrize("revision", SESSION)
async def test_a_session_answers_in_the_revision_that_was_agreed(revision: str) -> None:
    server = small()
    async with connected(server, "none") as wire:
        params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "c", "version": "0"}}
        answer = await wire.request("initialize", params)
        assert await wire.request("ping") == {}
        again = await wire.refused("initialize", params)
    assert answer["protocolVersion"] == revision
    assert ("title" in answer["serverInfo"]) is (revision in ("2025-06-18", "2025-11-25"))
    assert answer["instructions"] == "Be kind."
    assert again.code == -32600


@pytest.mark.parametrize("asked", ["1900-01-01", "2026-07-28", "x"])
async def test_a_session_in_a_revision_that_has_none_is_offered_the_newest_that_has(asked: str) -> None:
    async with connected(small(), "none") as wire:
        params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "c", "version": "0"}}
        assert (await wire.request("initialize", params))["protocolVersion"] == "2025-11-25"


BAD_INITIALIZE = [
    {},
    {"protocolVersion": 1, "capabilities": {}, "clientInfo": {"name": "c", "version": "0"}},
    {"protocolVersion": "2025-11-25", "clientInfo": {"name": "c", "version": "0"}},
    {"protocolVersion": "2025-11-25", "capabilities": {}},
    {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": "me"},
]


@pytest.mark.parametrize("params", BAD_INITIALIZE, ids=json.dumps)
async def test_a_broken_initialize_is_refused_and_a_good_one_still_works(params: Any) -> None:
    async with connected(small(), "none") as wire:
        assert (await wire.refused("initialize", params)).code == -32602
        good = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "0"}}
        assert (await wire.request("initialize", good))["protocolVersion"] == "2025-11-25"


async def test_before_a_session_is_open_only_ping_answers() -> None:
    async with connected(small(), "none") as wire:
        assert await wire.request("ping") == {}
        failure = await wire.refused("tools/list")
        assert failure.code == -32602
        assert "initialize" in failure.message


async def test_both_eras_share_one_connection() -> None:
    async with connected(small(), "2025-06-18") as wire:
        modern = await wire.request("tools/list", meta=MODERN_META)
        session = await wire.request("tools/list")
    assert modern["resultType"] == "complete"
    assert "resultType" not in session


@pytest.mark.parametrize("revision", REVISIONS)
async def test_batches_are_taken_exactly_where_the_revision_demands_it(revision: str) -> None:
    async with connected(small(), revision) as wire:
        wire.expect(901)
        wire.expect(902)
        await wire.line.send(
            b'[{"jsonrpc":"2.0","id":901,"method":"ping"},{"jsonrpc":"2.0","id":902,"method":"tools/list"}]'
        )
        await wire.request("tools/list")
        if revision == "2025-03-26":
            assert (await wire.finish(901)).result == {}  # type: ignore[union-attr]
            assert (await wire.finish(902)).result["tools"]  # type: ignore[union-attr]
            assert wire.orphans == []
        else:
            assert [failure.code for failure in wire.orphans] == [-32600]  # type: ignore[union-attr]
