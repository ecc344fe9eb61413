"""A tool server of ours behind a gate: without a token its refusals are judged, with one all of it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.conformance.judged import wrong
from wireproof.auth.gate import Gate
from wireproof.auth.metadata import ProtectedResource
from wireproof.auth.verifier import StaticVerifier
from wireproof.conformance.mcp_cell import Options
from wireproof.conformance.probe.served import free_port
from wireproof.conformance.run import judge
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Verdict
from wireproof.mcp_tools import ToolServer
from wireproof.mcp_tools.asgi import ServeOptions
from wireproof.schemas.caller import Principal
from wireproof.transports.serve import listening

TOKEN = "a-token-of-a-test"


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    server: Any = ToolServer("locked", version="1")

    @server.tool
    def add(a: int, b: int) -> int:
        return a + b

    port = free_port()
    resource = f"http://127.0.0.1:{port}/mcp"
    described = ProtectedResource(resource, ("https://issuer.example",), scopes=("mcp:read",))
    caller = Principal("tester", scopes=frozenset({"mcp:read"}))
    gate = Gate(described, StaticVerifier({TOKEN: caller}), scopes=["mcp:read"])
    async with listening(server.asgi(ServeOptions(gate=gate)), port=port):
        yield resource


@pytest.mark.timeout(90)
async def test_without_a_token_its_refusals_are_judged_and_the_rest_is_skipped(url: str):
    report = await judge(Target.parse(url))
    judged = [result for result in report.results if result.verdict is not Verdict.SKIPPED]
    assert {result.area for result in judged} == {"authorization"}
    assert [(result.key, result.detail) for result in judged if result.verdict is not Verdict.PASS] == []
    assert "--bearer" in next(result.detail for result in report.results if result.verdict is Verdict.SKIPPED)


@pytest.mark.timeout(90)
async def test_with_a_token_everything_is_judged(url: str):
    report = await judge(Target.parse(url), options=Options(bearer=TOKEN))
    assert wrong(report) == []
    assert {"authorization", "tools", "sessions"} <= {
        result.area for result in report.results if result.verdict is Verdict.PASS
    }
    assert TOKEN not in "".join(item.text for result in report.results for item in result.exchanges)
    assert TOKEN not in "".join(result.command for result in report.results)
