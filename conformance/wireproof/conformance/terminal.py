"""A run in the terminal: progress while it goes on, and the report when it ends. Prints, decides nothing."""

from __future__ import annotations

import time
from collections import Counter
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.verdict import Exchange, Verdict

STYLE = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.WARN: "yellow",
    Verdict.SKIPPED: "dim",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.INCONCLUSIVE: "magenta",
}
ARROWS = {"sent": "→", "received": "←", "note": "·"}
SHOWN_EXCHANGES = 6
SHOWN_CHARACTERS = 240
OURS = "a rule of this suite, which no specification states"


class Progress:
    """Takes each result as it comes; use as a context manager around the run."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        """Show on this console; a console that is no terminal gets a line for each failure only."""
        self.console = console
        self.quiet = quiet
        self.counts: Counter[Verdict] = Counter()
        self.last = ""
        self._began = time.monotonic()
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self.console.is_terminal and not self.quiet:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the progress line away."""
        self._live.stop()

    def __call__(self, result: CheckResult) -> None:
        """Count a result; show it at once when it is a failure."""
        self.counts[result.verdict] += 1
        self.last = result.key
        if not self.quiet and result.verdict in {Verdict.FAIL, Verdict.WARN}:
            self.console.print(_line(result))

    def __rich__(self) -> Text:
        """The progress line."""
        text = Text(f"{time.monotonic() - self._began:6.1f} s  ")
        for verdict, count in sorted(self.counts.items()):
            text.append(f"{count} {verdict.value}  ", style=STYLE[verdict])
        return text.append(self.last, style="dim")


def _line(result: CheckResult) -> Text:
    mark = "FAIL" if result.verdict is Verdict.FAIL else result.verdict.value.upper()
    text = Text(f"{mark:5}", style=STYLE[result.verdict])
    return text.append(f" {result.key}  {printable(result.detail)}", style="default")


def show(console: Console, report: Report) -> None:
    """Print the report: each failure with its exchange, the areas, the counts."""
    for result in report.results:
        if result.verdict in {Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE}:
            console.print(_failure(report, result))
    if report.results:
        console.print(_areas(report))
    console.print(_ending(report))


def _failure(report: Report, result: CheckResult) -> Group:
    rules = [row.requirement for row in report.requirements if row.requirement.id in result.shows]
    expected = "  (expected by the baseline)" if result.expected else ""
    parts: list[Text] = [
        Text(),
        Text(f"{result.verdict.value.upper()} {result.title}{expected}", style=STYLE[result.verdict]),
        Text(f"  {result.key}", style="dim"),
    ]
    for rule in rules:
        parts += [Text(f"  {rule.level.value}: {rule.text}"), Text(f"  {rule.url or OURS}", style="dim")]
    if result.detail:
        parts.append(Text(f"  {printable(result.detail)}", style="bold"))
    parts += [_exchange(item) for item in last_words(result.exchanges)]
    if result.command:
        parts.append(Text(f"  again: {printable(result.command)}", style="cyan"))
    return Group(*parts)


def last_words(exchanges: list[Exchange]) -> list[Exchange]:
    """The end of the evidence, which is what decided."""
    return exchanges[-SHOWN_EXCHANGES:]


def _exchange(item: Exchange) -> Text:
    shown = item.text if len(item.text) <= SHOWN_CHARACTERS else item.text[:SHOWN_CHARACTERS] + "…"
    style = "default" if item.way == "received" else "dim"
    return Text(f"  {ARROWS[item.way]} {item.at_ms:8.1f} ms  {printable(shown)}", style=style)


def printable(text: str) -> str:
    """The text without control characters: what a target sends never moves the reader's cursor."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _areas(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("area")
    for verdict in Verdict:
        table.add_column(verdict.value, justify="right")
    table.add_column("seconds", justify="right")
    for area, seconds in report.area_seconds().items():
        own = Counter(result.verdict for result in report.results if result.area == area)
        cells = [Text(str(own[verdict] or "·"), style=STYLE[verdict] if own[verdict] else "dim") for verdict in Verdict]
        table.add_row(area, *cells, f"{seconds:.1f}")
    return table


def _ending(report: Report) -> Text:
    if report.problem:
        return Text(printable(report.problem), style="bold red")
    text = Text(f"\n{printable(report.implementation) or report.target}: ")
    for verdict in Verdict:
        text.append(f"{report.count(verdict)} {verdict.value}  ", style=STYLE[verdict])
    text.append(f"in {report.seconds:.1f} s over {len(report.cells)} cells ({', '.join(report.cells)})", style="dim")
    for entry in report.stale:
        text.append(f"\nThe baseline expects {entry} to fail, and it does not.", style="bold red")
    if report.cut:
        text.append("\nThe time limit cut the run short.", style="bold red")
    return text
