"""Where the official suite and ours both judge, do they agree? `python -m tests.official.agreement [URL]`.

Judges a URL, ours when none is named, with both, and compares scenario by scenario. A difference without a reason in
`REASONS` ends the script with 1.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.mcp_tools.listening import EVERYTHING, served
from tests.official.suite import REVISIONS, judge_scenarios, server_scenarios
from wireproof.conformance.report import CheckResult
from wireproof.conformance.reports.scenarios import SCENARIOS
from wireproof.conformance.run import Selection, judge
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Verdict

JUDGED: Final = {Verdict.PASS, Verdict.FAIL, Verdict.WARN}
REASONS: Final[dict[str, str]] = {}
"""Scenario → why the verdicts may differ."""


def ours(results: list[CheckResult], scenario: str, revision: str) -> str:
    """Our verdict of a scenario: `pass`, `fail`, or "" where none of its checks judged anything."""
    wanted = SCENARIOS.get(scenario, ())
    found = [result.verdict for result in results if result.check in wanted and result.revision == revision]
    judged = [verdict for verdict in found if verdict in JUDGED]
    return ("fail" if Verdict.FAIL in judged else "pass") if judged else ""


def compare(url: str, revision: str, results: Path) -> tuple[list[str], list[str]]:
    """A line for each scenario that both judge, and the scenarios that differ without a reason."""
    scenarios = [name for name in server_scenarios(revision) if name in SCENARIOS]
    official = judge_scenarios(url, scenarios, revision, results)
    report = asyncio.run(judge(Target.parse(url), Selection(revisions=frozenset({revision})), time_limit=200))
    lines: list[str] = []
    differ: list[str] = []
    for verdict in official:
        own = ours(report.results, verdict.scenario, revision)
        theirs = "pass" if verdict.passed else "fail"
        if not own:
            continue
        reason = "" if own == theirs else REASONS.get(verdict.scenario, "")
        lines.append(f"{revision}  {verdict.scenario:45} official {theirs}  ours {own}  {reason}".rstrip())
        if own != theirs and not reason:
            differ.append(f"{verdict.scenario}: {'; '.join(verdict.notes)}")
    return lines, differ


def main(words: list[str]) -> int:
    """Compare over both revisions that the official suite has."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for revision in REVISIONS:
            if words:
                lines, differ = compare(words[0], revision, Path(folder) / revision)
            else:
                with served(EVERYTHING) as url:
                    lines, differ = compare(f"{url}/mcp", revision, Path(folder) / revision)
            print("\n".join(lines))
            wrong += differ if lines else [f"{revision}: nothing was compared"]
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
