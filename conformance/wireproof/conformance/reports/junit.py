"""The report as JUnit XML: a suite for each cell, a case for each check."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.verdict import Verdict

SILENT = {Verdict.SKIPPED, Verdict.NOT_APPLICABLE}


def render(report: Report) -> str:
    """The XML document."""
    suites = [_suite(report, cell) for cell in report.cells]
    if report.problem:
        suites.append(
            f'<testsuite name="discovery" tests="1" failures="0" errors="1" skipped="0" time="{report.seconds:.3f}">'
            f'<testcase name="the target can be judged" classname={_attribute(report.target)}>'
            f"<error message={_attribute(report.problem)}/></testcase></testsuite>"
        )
    failed = sum(1 for result in report.results if _fails(result))
    head = (
        f'<testsuites name={_attribute(report.implementation or report.target)} tests="{len(report.results)}" '
        f'failures="{failed}" time="{report.seconds:.3f}">'
    )
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', head, *suites, "</testsuites>"]) + "\n"


def _fails(result: CheckResult) -> bool:
    return result.verdict is Verdict.FAIL and not result.expected


def _suite(report: Report, cell: str) -> str:
    own = [result for result in report.results if f"{result.transport}/{result.revision}" == cell]
    failed = sum(1 for result in own if _fails(result))
    silent = sum(1 for result in own if result.verdict in SILENT)
    urls = {row.requirement.id: row.requirement.url for row in report.requirements}
    levels = {row.requirement.id: row.requirement.level.value for row in report.requirements}
    seconds = sum(result.ms for result in own) / 1000
    head = (
        f'<testsuite name={_attribute(f"{report.protocol}/{cell}")} tests="{len(own)}" failures="{failed}" errors="0" '
        f'skipped="{silent}" time="{seconds:.3f}" timestamp={_attribute(report.started)}>'
    )
    return "\n".join([head, *(_case(result, urls, levels) for result in own), "</testsuite>"])


def _case(result: CheckResult, urls: dict[str, str], levels: dict[str, str]) -> str:
    head = (
        f'<testcase name={_attribute(result.check)} classname={_attribute(result.area)} time="{result.ms / 1000:.3f}">'
    )
    properties = [_property("title", result.title)]
    for id_ in result.shows:
        properties += [_property("requirement", id_), _property("level", levels.get(id_, ""))]
        properties.append(_property("specification", urls.get(id_, "")))
    parts = [head, f"<properties>{''.join(properties)}</properties>"]
    evidence = "\n".join(f"{item.way} {item.at_ms} ms: {item.text}" for item in result.exchanges)
    if _fails(result):
        parts.append(f"<failure message={_attribute(result.detail)}>{_text(evidence)}</failure>")
    elif result.verdict is not Verdict.PASS:
        said = f"{result.verdict.value}{' (expected)' if result.expected else ''}: {result.detail}"
        parts.append(
            f"<skipped message={_attribute(said)}/>"
            if result.verdict in SILENT
            else f"<system-out>{_text(said)}&#10;{_text(evidence)}</system-out>"
        )
    return "".join([*parts, "</testcase>"])


def _property(name: str, value: str) -> str:
    return f"<property name={_attribute(name)} value={_attribute(value)}/>"


def xml_safe(text: str) -> str:
    """The text with what XML 1.0 cannot hold shown as escapes."""
    return "".join(
        c
        if c in "\t\n" or 0x20 <= ord(c) < 0xD800 or 0xE000 <= ord(c) <= 0xFFFD or ord(c) > 0xFFFF
        else f"\\u{ord(c):04x}"
        for c in text
    )


def _attribute(text: str) -> str:
    return quoteattr(xml_safe(text), {"\n": "&#10;"})


def _text(text: str) -> str:
    return escape(xml_safe(text))
