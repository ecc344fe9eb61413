"""The report as TAP 14: a subtest for each area, a YAML block for each failure."""

from __future__ import annotations

import json

from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.verdict import Verdict


def render(report: Report) -> str:
    """The TAP stream."""
    lines = ["TAP version 14"]
    if report.problem:
        lines += ["1..1", f"not ok 1 - {_name('the target can be judged')}", *_block({"message": report.problem}, 2)]
        return "\n".join(lines) + "\n"
    areas = list(dict.fromkeys(result.area for result in report.results))
    for number, area in enumerate(areas, 1):
        own = [result for result in report.results if result.area == area]
        lines.append(f"# Subtest: {area}")
        lines.append(f"    1..{len(own)}")
        for index, result in enumerate(own, 1):
            lines += _point(result, index)
        bad = any(result.verdict is Verdict.FAIL and not result.expected for result in own)
        lines.append(f"{'not ok' if bad else 'ok'} {number} - {area}")
    lines.append(f"1..{len(areas)}")
    if report.cut:
        lines.append("Bail out! The time limit cut the run short.")
    return "\n".join(lines) + "\n"


def _point(result: CheckResult, index: int) -> list[str]:
    failed = result.verdict is Verdict.FAIL
    line = f"    {'not ok' if failed else 'ok'} {index} - {_name(result.key)}"
    if failed and result.expected:
        line += " # TODO expected by the baseline"
    elif result.verdict in {Verdict.SKIPPED, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE}:
        line += f" # SKIP {_name(f'{result.verdict.value}: {result.detail}')}"
    lines = [line]
    if result.verdict in {Verdict.FAIL, Verdict.WARN}:
        fields = {
            "severity": result.verdict.value,
            "message": result.detail,
            "requirements": ", ".join(result.shows),
            "again": result.command,
        }
        lines += _block(fields, 6)
    return lines


def _name(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line.replace("\\", "\\\\").replace("#", "\\#")


def _block(fields: dict[str, str], indent: int) -> list[str]:
    pad = " " * indent
    # A JSON string is a YAML scalar too, so nothing of a stranger's text can break out of it.
    return [f"{pad}---", *(f"{pad}{name}: {json.dumps(value)}" for name, value in fields.items() if value), f"{pad}..."]
