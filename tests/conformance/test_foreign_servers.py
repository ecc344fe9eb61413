"""The judge finds in other people's servers what is known to be wrong with them, without being told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.foreign.environments import installed, python_env
from wireproof.conformance.report import Report
from wireproof.conformance.run import Selection, judge
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Verdict

SERVER = Path(__file__).parent / "foreign" / "sdk_server.py"
STDIO = {
    "framing.bad-json.answered@stdio/2026-07-28": "fail",
    "framing.bad-json.answered@stdio/2024-11-05": "fail",
    "framing.bad-utf8.answered@stdio/2025-11-25": "fail",
    "framing.invalid-request.answered@stdio/2025-06-18": "fail",
    "framing.batch.received@stdio/2025-03-26": "fail",
    "paging.bad-cursor@stdio/2025-11-25": "warn",
}
HTTP = {
    "framing.batch.received@http/2025-03-26": "fail",
    "framing.invalid-request.code@http/2025-11-25": "fail",
    "http.header.version.differs@http/2026-07-28": "fail",
    "life.term.streams@http/2026-07-28": "warn",
}


def found(report: Report) -> dict[str, str]:
    return {
        result.key: result.verdict.value
        for result in report.results
        if result.verdict in {Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE}
    }


@pytest.mark.foreign
@pytest.mark.slow
@pytest.mark.timeout(700)
async def test_the_official_sdk_over_stdio_is_silent_to_what_it_cannot_parse():
    python = installed(lambda: python_env("mcp-2.3", ["mcp==2.3.0"]))
    selection = Selection(areas=frozenset({"framing", "versions", "paging"}))
    report = await judge(Target.parse([str(python), str(SERVER)]), selection)
    seen = found(report)
    assert STDIO.items() <= seen.items()
    assert "inconclusive" not in seen.values()
    for result in report.failures():
        assert result.exchanges, f"{result.key} shows no exchange"
        assert result.command, f"{result.key} cannot be reproduced"


@pytest.mark.foreign
@pytest.mark.slow
@pytest.mark.timeout(700)
async def test_the_official_sdk_over_http_hangs_on_sigterm_with_an_open_subscription():
    python = installed(lambda: python_env("mcp-2.3", ["mcp==2.3.0"]))
    target = Target.parse("http://127.0.0.1:{port}/mcp").spawned_by(f"{python} {SERVER} {{port}}")
    areas = frozenset({"framing", "http", "sessions", "lifecycle"})
    report = await judge(target, Selection(areas=areas))
    seen = found(report)
    assert HTTP.items() <= seen.items()
    assert "life.term.idle@http/2026-07-28" not in seen
    assert {entry for entry in seen.values() if entry == "inconclusive"} == set()


@pytest.mark.foreign
@pytest.mark.slow
@pytest.mark.timeout(700)
async def test_the_older_official_sdk_ends_in_a_storm_of_cancelled_calls():
    python = installed(lambda: python_env("mcp-1", ["mcp>=1.30,<2"]))
    selection = Selection(
        checks=frozenset({"use.cancelled-calls", "framing.method-not-found"}), revisions=frozenset({"2025-11-25"})
    )
    report = await judge(Target.parse([str(python), str(SERVER.with_name("sdk1_server.py"))]), selection)
    assert found(report) == {
        "framing.method-not-found@stdio/2025-11-25": "fail",
        "use.cancelled-calls@stdio/2025-11-25": "warn",
    }
