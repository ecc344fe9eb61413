"""Two targets under the same checks, and where their verdicts differ, side by side."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wireproof.conformance.judging import judged, selected, summary
from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.target import Target
from wireproof.conformance.terminal import STYLE, last_words, printable
from wireproof.conformance.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Difference:
    """One check that ended differently: `None` where a side was not asked, as it lacks the cell."""

    check: str
    revision: str
    left: CheckResult | None
    right: CheckResult | None


def differences(left: Report, right: Report) -> list[Difference]:
    """The checks whose verdicts differ, by check and revision; the transports of the two may be different ones."""
    ours, theirs = _by_name(left), _by_name(right)
    found: list[Difference] = []
    for name in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(name), theirs.get(name)
        if (one and one.verdict) != (other and other.verdict):
            found.append(Difference(*name, one, other))
    return found


def _by_name(report: Report) -> dict[tuple[str, str], CheckResult]:
    return {(result.check, result.revision): result for result in report.results}


def run_compare_verb(options: argparse.Namespace) -> int:
    """Judge both, show the differences; 0 when there are none, 1 when there are, 3 when a side cannot be judged."""
    left, right = Target.parse(options.left), Target.parse(options.right)
    selected(options)
    console = Console(highlight=False, soft_wrap=True)
    reports = [judged(left, options), judged(right, options)]
    for report in reports:
        console.print(Text(printable(summary(report))))
    if any(report.problem for report in reports):
        return 3
    found = differences(*reports)
    console.print(_table(found, *reports))
    for item in found:
        for side in (item.left, item.right):
            if side is not None and side.verdict is Verdict.FAIL:
                _evidence(console, side)
    if any(report.cut for report in reports):
        return 4
    return 1 if found else 0


def _table(found: list[Difference], left: Report, right: Report) -> Table | Text:
    if not found:
        return Text("No check ended differently.")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("check")
    table.add_column("revision")
    table.add_column(printable(left.implementation or left.target))
    table.add_column(printable(right.implementation or right.target))
    for item in found:
        table.add_row(item.check, item.revision, _said(item.left), _said(item.right))
    return table


def _said(result: CheckResult | None) -> Text:
    if result is None:
        return Text("no such cell", style="dim")
    return Text(result.verdict.value, style=STYLE[result.verdict])


def _evidence(console: Console, result: CheckResult) -> None:
    console.print(Text(f"\n{result.key}: {result.detail}", style="bold"))
    for item in last_words(result.exchanges):
        console.print(Text(printable(f"  {item.way:8} {item.text[:240]}")))
