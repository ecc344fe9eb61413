"""Each form of a report holds what the run found, is well-formed by its own rules, and takes hostile text as text."""

from __future__ import annotations

import asyncio
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.judged import wireproof
from tests.conformance.peers import stdio_target
from wireproof.conformance.commands import OptionError
from wireproof.conformance.oracle import schema_problem, value_problem
from wireproof.conformance.report import Report
from wireproof.conformance.reports import (
    FORMATS,
    Destination,
    badge,
    baseline,
    github,
    html,
    junit,
    markdown,
    official,
    plain,
    sarif,
    tap,
)
from wireproof.conformance.run import Selection, judge
from wireproof.conformance.verdict import Exchange, Verdict

HOSTILE = "</script><script>alert(1)</script> ``` \x00\x1b[31m ]]> | # '\"&\ud800 \n...\n---"


@pytest.fixture(scope="module")
def report() -> Report:
    """A real run with a failure, a warning, passes and checks that do not apply; then with hostile text in it."""
    areas = frozenset({"tools", "prompts", "paging", "resources"})
    wanted = Selection(areas=areas, revisions=frozenset({"2026-07-28"}))
    found = asyncio.run(judge(stdio_target("picture-base64"), wanted))
    failed = found.failures()
    assert len(failed) == 1
    failed[0].detail += HOSTILE
    failed[0].exchanges.append(Exchange("received", 1.5, HOSTILE.encode("utf-8", "surrogatepass"), 4000))
    warned = next(result for result in found.results if result.verdict is Verdict.PASS)
    warned.verdict = Verdict.WARN
    return found


def broken() -> Report:
    return Report("python nothing.py", "", problem=f"Nothing to judge: {HOSTILE}")


def test_the_json_fits_its_published_schema(report: Report):
    schema = plain.schema()
    assert schema_problem(schema) == ""
    for one in (report, broken()):
        one.started = one.started or "2026-01-01T00:00:00+00:00"
        document = json.loads(plain.render(one))
        assert value_problem(schema, document) == ""
        assert document["counts"]["fail"] == one.count(Verdict.FAIL)
        assert len(document["results"]) == len(one.results)


def test_junit_counts_and_shows_the_failure(report: Report):
    root = ET.fromstring(junit.render(report))
    assert root.attrib["failures"] == "1"
    cases = root.findall("./testsuite/testcase")
    assert len(cases) == len(report.results)
    failure = root.find("./testsuite/testcase/failure")
    assert failure is not None
    assert "</script>" in failure.attrib["message"]
    levels = {p.attrib["value"] for p in root.iter("property") if p.attrib["name"] == "level"}
    assert "MUST" in levels
    assert len(ET.fromstring(junit.render(broken())).findall("./testsuite/testcase/error")) == 1


TAP_POINT = re.compile(r"^(    )?(not )?ok (\d+) - [^#\n]*?((?<!\\) # (TODO|SKIP) .*)?$")


def test_tap_plans_agree_with_its_points(report: Report):
    lines = tap.render(report).splitlines()
    assert lines[0] == "TAP version 14"
    assert lines[-1] == f"1..{len({result.area for result in report.results})}"
    points = [line for line in lines if re.match(r"^(    )?(not )?ok ", line)]
    assert all("\\#" in line or TAP_POINT.match(line) for line in points), points
    assert len([line for line in points if line.startswith("    ")]) == len(report.results)
    assert len([line for line in points if line.startswith("    not ok")]) == 1
    plans = [int(line.strip()[3:]) for line in lines if re.match(r"^    1\.\.\d+$", line)]
    assert sum(plans) == len(report.results)
    assert lines.count("      ---") == lines.count("      ...") == 2
    assert tap.render(broken()).splitlines()[1:3] == ["1..1", "not ok 1 - the target can be judged"]


def test_sarif_names_a_rule_for_each_result(report: Report):
    run = json.loads(sarif.render(report))["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert {result["level"] for result in run["results"]} == {"error", "warning"}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert json.loads(sarif.render(broken()))["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_markdown_and_commands_take_hostile_text_as_text(report: Report):
    text = markdown.render(report)
    outside = re.sub(r"(?ms)^(`{3,})\n.*?\n\1$", "", text)
    assert "<script>" not in outside
    assert text.count("<details>") == text.count("</details>") == 2
    lines = github.render(report).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]


def test_html_takes_hostile_text_as_text_and_fetches_nothing(report: Report):
    for one in (report, broken()):
        text = html.render(one)
        assert text.count("<script>") == text.count("</script>") == 1
        assert "&lt;/script&gt;" in text
        assert "\x1b" not in text
        assert not re.search(r"""(src|href)=["'](?!https://(modelcontextprotocol|www\.jsonrpc)|data:)""", text)


def test_the_official_shape_has_a_status_for_each_check(report: Report):
    found = json.loads(official.render(report))
    assert {item["status"] for item in found} == {"SUCCESS", "FAILURE", "WARNING"}
    assert all(item["id"] and item["name"] and item["specReferences"] for item in found)


def test_the_badge_says_how_many_rules_are_kept(report: Report):
    ET.fromstring(badge.render(report))
    said = json.loads(badge.shield(report))
    assert (said["schemaVersion"], said["label"]) == (1, "MCP conformance")
    assert re.fullmatch(r"\d+ of \d+ rules", said["message"])
    assert json.loads(badge.shield(broken()))["message"] == "not judged"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_written_where_it_is_told(report: Report, name: str, tmp_path: Path):
    path = tmp_path / "new" / "report"
    Destination.parse(f"{name}:{path}").write(report)
    assert path.read_text(encoding="utf-8").strip()


def test_an_unknown_format_is_told(tmp_path: Path):
    with pytest.raises(OptionError, match="which format"):
        Destination.parse(str(tmp_path / "report.pdf"))


BASELINE = """# known problems
server:
  - {entry}  # a remark
client: []
"""


def marked(report: Report, tmp_path: Path, entry: str) -> Report:
    path = tmp_path / "baseline.yaml"
    path.write_text(BASELINE.format(entry=entry))
    copy = Report(report.target, "mcp", results=[replace(result) for result in report.results], cells=report.cells)
    baseline.apply(copy, baseline.read(str(path)))
    return copy


@pytest.mark.parametrize(
    "entry",
    [
        "tools.binary",
        "tools.binary@stdio/2026-07-28",
        "mcp.content.base64",
        "tools",
        "'tools-call-image'",
        "tools-call-image:whatever",
    ],
)
def test_an_expected_failure_is_no_failure(report: Report, tmp_path: Path, entry: str):
    assert report.exit_code == 1
    assert marked(report, tmp_path, entry).exit_code == 0


@pytest.mark.parametrize("entry", ["tools.unknown", "tools.binary@http/2026-07-28", "ping", "no-such-scenario"])
def test_an_entry_that_does_not_fail_is_stale_and_fails_the_run(report: Report, tmp_path: Path, entry: str):
    found = marked(report, tmp_path, entry)
    assert (found.stale, found.exit_code) == ([entry], 1)


@pytest.mark.parametrize("text", ["servers:\n  - a\n", "server: a\n", "- a\n", "server:\n  a: b\n"])
def test_a_baseline_of_another_form_is_refused_with_its_line(tmp_path: Path, text: str):
    path = tmp_path / "baseline.yaml"
    path.write_text(text)
    with pytest.raises(OptionError):
        baseline.read(str(path))


def test_the_command_line_writes_reports_and_takes_a_baseline(tmp_path: Path):
    path = tmp_path / "baseline.yaml"
    path.write_text("server:\n  - tools.binary\n")
    command = " ".join(stdio_target("picture-base64").command)
    options = ["--area", "tools", "--revision", "2026-07-28", "--report", "json:-"]
    without, known = (
        wireproof("check", command, *options),
        wireproof("check", command, *options, "--baseline", str(path)),
    )
    assert (without.code, known.code) == (1, 0)
    assert json.loads(known.out)["counts"]["fail"] == json.loads(without.out)["counts"]["fail"] == 1
    assert "tools.binary@stdio/2026-07-28" in without.err
