"""The report as workflow commands, which GitHub shows as annotations. At most ten of a kind, as it takes no more."""

from __future__ import annotations

from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.verdict import Verdict

AT_MOST = 10


def render(report: Report) -> str:
    """The commands, one on each line."""
    if report.problem:
        return f"::error title=Conformance::{_data(report.problem)}\n"
    lines = [_line("error", result) for result in report.failures()[:AT_MOST]]
    warned = [result for result in report.results if result.verdict is Verdict.WARN]
    lines += [_line("warning", result) for result in warned[:AT_MOST]]
    lines += [
        f"::error title=Stale baseline::{_data(entry)} does not fail any more" for entry in report.stale[:AT_MOST]
    ]
    lines.append(
        f"::notice title=Conformance::{_data(report.implementation or report.target)}: "
        f"{report.count(Verdict.PASS)} passed, {len(report.failures())} failed, {len(warned)} warned"
    )
    return "\n".join(lines) + "\n"


def _line(kind: str, result: CheckResult) -> str:
    return f"::{kind} title={_property(result.key)}::{_data(f'{result.title}: {result.detail}')}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
