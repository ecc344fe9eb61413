"""The report as Markdown, for a job's summary or a pull request: a table of areas, the failures folded."""

from __future__ import annotations

from collections import Counter

from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.verdict import Verdict

SHOWN = (Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE)


def render(report: Report) -> str:
    """The Markdown text."""
    name = plain(report.implementation or report.target)
    lines = [f"## Conformance of {name}", ""]
    if report.problem:
        return "\n".join([*lines, f"Nothing could be judged: {plain(report.problem)}", ""])
    counts = ", ".join(f"**{report.count(verdict)}** {verdict.value}" for verdict in Verdict if report.count(verdict))
    lines += [f"{counts} in {report.seconds:.1f} s over {', '.join(f'`{cell}`' for cell in report.cells)}.", ""]
    lines += [f"The baseline expects `{plain(entry)}` to fail, and it does not.\n" for entry in report.stale]
    if report.cut:
        lines += ["The time limit cut the run short.", ""]
    lines += [*_table(report), ""]
    for result in report.results:
        if result.verdict in SHOWN:
            lines += _folded(report, result)
    return "\n".join(lines)


def _table(report: Report) -> list[str]:
    heads = [verdict.value for verdict in Verdict]
    lines = [f"| area | {' | '.join(heads)} | seconds |", f"|---|{'--:|' * (len(heads) + 1)}"]
    for area, seconds in report.area_seconds().items():
        own = Counter(result.verdict for result in report.results if result.area == area)
        lines.append(f"| {area} | {' | '.join(str(own[verdict]) for verdict in Verdict)} | {seconds:.1f} |")
    return lines


def _folded(report: Report, result: CheckResult) -> list[str]:
    head = f"{result.verdict.value}: {plain(result.title)} <code>{plain(result.key)}</code>"
    lines = [f"<details><summary>{head}</summary>", ""]
    for row in report.requirements:
        if row.requirement.id in result.shows:
            rule = row.requirement
            lines += [f"{rule.level.value}: {rule.text} {f'[{rule.id}]({rule.url})' if rule.url else rule.id}", ""]
    lines += [plain(result.detail), ""]
    evidence = [f"{item.way:8} {item.at_ms:9.1f} ms  {item.text[:400]}" for item in result.exchanges[-6:]]
    if result.command:
        evidence.append(f"again:   {result.command}")
    return [*lines, *fenced(evidence), "", "</details>", ""]


def fenced(lines: list[str]) -> list[str]:
    """A code block whose fence is longer than any in it, whatever a target sent."""
    text = "\n".join(lines)
    longest = max((len(part) for part in text.split() if set(part) == {"`"}), default=0)
    while "`" * (longest + 1) in text and longest < 40:
        longest += 1
    fence = "`" * max(3, longest + 1)
    return [fence, text, fence]


def plain(text: str) -> str:
    """Text of a stranger, with nothing in it that Markdown or HTML would read."""
    for mark, shown in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;"), ("`", "&#96;"), ("\n", " ")):
        text = text.replace(mark, shown)
    for mark in "*_[]":
        text = text.replace(mark, f"\\{mark}")
    return text
