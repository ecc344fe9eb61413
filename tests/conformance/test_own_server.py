"""Our own tool servers keep every rule that can be seen from outside, on every transport, in every revision."""

from __future__ import annotations

import pytest

from tests.conformance.judged import listening, wrong
from wireproof.conformance.run import judge
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Verdict

REVISIONS = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
FILES = ["examples/everything.py", "examples/weather.py"]


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize("file", FILES)
async def test_every_rule_is_kept_on_stdio_in_less_than_a_minute(file: str):
    report = await judge(Target.parse(file))
    assert wrong(report) == []
    assert report.cells == [f"stdio/{revision}" for revision in REVISIONS]
    assert report.count(Verdict.PASS) > 200
    assert report.seconds < 60


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("path", "transport", "revisions"),
    [("/mcp", "http", REVISIONS), ("/ws", "websocket", REVISIONS), ("/sse", "http+sse", ["2024-11-05"])],
    ids=["http", "websocket", "http+sse"],
)
async def test_every_rule_is_kept_by_a_listening_server(path: str, transport: str, revisions: list[str]):
    async with listening(FILES[0]) as base:
        url = base.replace("http", "ws", 1) if transport == "websocket" else base
        report = await judge(Target.parse(url + path))
    assert wrong(report) == []
    assert report.cells == [f"{transport}/{revision}" for revision in revisions]
    assert report.seconds < 60


@pytest.mark.slow
@pytest.mark.timeout(100)
async def test_a_served_process_can_be_signalled_and_watched():
    command = f"{sys_executable()} -m wireproof.cli run examples/weather.py --http {{port}}"
    target = Target.parse("http://127.0.0.1:{port}/mcp").spawned_by(command)
    from wireproof.conformance.run import Selection

    report = await judge(target, Selection(areas=frozenset({"lifecycle", "resources-use"})))
    assert wrong(report) == []
    judged = {result.check for result in report.results if result.verdict is Verdict.PASS}
    assert {"life.term.idle", "life.term.streams", "use.leak"} <= judged


def sys_executable() -> str:
    import sys

    return sys.executable
