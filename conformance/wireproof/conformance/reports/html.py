"""The report as one HTML file that needs nothing else: no network, no font, no library. Works without scripts too."""

from __future__ import annotations

from collections import Counter
from html import escape
from importlib.resources import files
from typing import Final

from wireproof.conformance.ledger import Requirement
from wireproof.conformance.report import CheckResult, Report, RequirementResult
from wireproof.conformance.verdict import Exchange, Verdict

OPEN: Final = {Verdict.FAIL}
ORDER: Final = (
    Verdict.FAIL,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.PASS,
    Verdict.SKIPPED,
    Verdict.NOT_APPLICABLE,
)
SHOWN_EXCHANGES: Final = 20
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def render(report: Report) -> str:
    """The HTML document."""
    name = text(report.implementation or report.target)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f'<link rel="icon" href="data:,"><title>Conformance of {name}</title>',
        f"<style>{_asset('report.css')}</style></head><body>",
        f'<header><h1>Conformance of {name}</h1><p class="lead">{_lead(report)}</p></header><main>',
    ]
    if not report.problem:
        parts += [_counts(report), _areas(report), _results(report), _requirements(report)]
    parts.append(f"</main><script>{_asset('report.js')}</script></body></html>\n")
    return "\n".join(parts)


def text(value: str) -> str:
    """Text of a stranger for HTML."""
    return escape("".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in value))


def _asset(name: str) -> str:
    return files("wireproof.conformance.reports").joinpath(name).read_text(encoding="utf-8")


def _lead(report: Report) -> str:
    if report.problem:
        return f'<strong class="fail">Nothing could be judged.</strong> {text(report.problem)}'
    cells = text(", ".join(report.cells))
    said = [f"{len(report.results)} checks over {cells} in {report.seconds:.1f} s."]
    said.append(f"Started {text(report.started)}. Target: <code>{text(report.target)}</code>.")
    said += [
        f'<strong class="fail">The baseline expects {text(entry)} to fail, and it does not.</strong>'
        for entry in report.stale
    ]
    if report.cut:
        said.append('<strong class="fail">The time limit cut the run short.</strong>')
    return " ".join(said)


def _counts(report: Report) -> str:
    boxes = [
        f'<label class="count {verdict.value}"><input type="checkbox" data-verdict="{verdict.value}" checked> '
        f"<b>{report.count(verdict)}</b> {verdict.value}</label>"
        for verdict in ORDER
        if report.count(verdict)
    ]
    return f'<fieldset class="counts"><legend>Show</legend>{"".join(boxes)}</fieldset>'


def _areas(report: Report) -> str:
    shown = [verdict for verdict in ORDER if report.count(verdict)]
    head = "".join(f'<th scope="col">{verdict.value}</th>' for verdict in shown)
    rows: list[str] = []
    for area, seconds in report.area_seconds().items():
        own = Counter(result.verdict for result in report.results if result.area == area)
        cells = "".join(
            f'<td class="{verdict.value if own[verdict] else "none"}">{own[verdict] or "·"}</td>' for verdict in shown
        )
        rows.append(f'<tr><th scope="row">{text(area)}</th>{cells}<td>{seconds:.1f}</td></tr>')
    return (
        '<section><h2 id="areas">Areas</h2><div class="scroll" tabindex="0" role="region" aria-labelledby="areas">'
        f'<table><thead><tr><th scope="col">area</th>{head}<th scope="col">seconds</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _requirements(report: Report) -> str:
    ordered = sorted(report.requirements, key=lambda row: ORDER.index(row.verdict))
    rows = "".join(_requirement(row) for row in ordered)
    return f"<section><h2>Requirements</h2><ul class=rules>{rows}</ul></section>"


def _requirement(row: RequirementResult) -> str:
    rule = row.requirement
    return (
        f'<li data-is="{row.verdict.value}"><span class="mark {row.verdict.value}">{row.verdict.value}</span> '
        f'<span class="level">{rule.level.value}</span> {text(rule.text)} '
        f"{_source(rule)}</li>"
    )


def _source(rule: Requirement) -> str:
    if not rule.url:
        return f'<span class="cell">{text(rule.id)}, a rule of this suite</span>'
    return f'<a href="{escape(rule.url)}" rel="noreferrer">{text(rule.id)}</a>'


def _results(report: Report) -> str:
    ordered = sorted(report.results, key=lambda result: ORDER.index(result.verdict))
    return f"<section><h2>Checks</h2>{''.join(_result(result) for result in ordered)}</section>"


def _result(result: CheckResult) -> str:
    opened = " open" if result.verdict in OPEN and not result.expected else ""
    expected = ' <span class="level">expected</span>' if result.expected else ""
    parts: list[str] = []
    parts.append(
        f'<details data-is="{result.verdict.value}"{opened}><summary>'
        f'<span class="mark {result.verdict.value}">{result.verdict.value}</span> {text(result.title)}{expected} '
        f'<span class="cell">{text(result.transport)} {text(result.revision)}</span></summary>'
    )
    if result.detail:
        parts.append(f"<p>{text(result.detail)}</p>")
    parts.append(f'<p class="cell">{text(result.key)}, {result.ms:.0f} ms, shows {text(", ".join(result.shows))}</p>')
    kept = result.exchanges[-2:] if result.verdict is Verdict.PASS else result.exchanges[-SHOWN_EXCHANGES:]
    if kept:
        parts.append(f'<ol class="wire">{"".join(_exchange(item) for item in kept)}</ol>')
    if result.command and result.verdict is not Verdict.PASS:
        parts.append(f'<p class="cell">Again:</p><pre tabindex="0">{text(result.command)}</pre>')
    return "".join([*parts, "</details>"])


def _exchange(item: Exchange) -> str:
    return (
        f'<li class="{item.way}"><span class="cell">{item.way} at {item.at_ms:.1f} ms</span>'
        f'<pre tabindex="0">{text(item.text[:2000])}</pre></li>'
    )
