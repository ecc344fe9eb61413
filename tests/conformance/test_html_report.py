"""The HTML report opened from disk in a real browser: no error, no request, reachable by keyboard, fits 320 and 1400 px."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.conformance.peers import stdio_target
from tests.foreign.environments import installed, node, npm_env
from wireproof.conformance.reports import html
from wireproof.conformance.run import Selection, judge

BROWSER = ["@sparticuz/chromium@153.0.0", "puppeteer-core@24"]
SCRIPT = Path(__file__).parent / "open_report.mjs"


@pytest.mark.foreign
@pytest.mark.slow
@pytest.mark.timeout(700)
async def test_a_browser_shows_the_report_without_an_error_or_a_request(tmp_path: Path):
    modules = installed(lambda: npm_env("chromium", BROWSER))
    selection = Selection(areas=frozenset({"tools", "prompts", "framing"}), revisions=frozenset({"2026-07-28"}))
    report = await judge(stdio_target("picture-base64"), selection)
    file = tmp_path / "report.html"
    file.write_text(html.render(report), encoding="utf-8")
    command = [str(node()), str(SCRIPT), str(modules), str(file), str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["errors"] == []
    assert set(found["requests"]) <= {file.as_uri(), "data:,"}
    assert found["widths"] == {"320": 320, "1400": 1400}
    assert found["focused"].count("INPUT") >= 2
    assert "SUMMARY" in found["focused"] or "A" in found["focused"]
    assert found["toggled"] == {"before": False, "after": True}
    assert found["opened"] is True
    assert all((tmp_path / f"report-{width}.png").stat().st_size > 10_000 for width in (320, 1400))
