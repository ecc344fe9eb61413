"""What a run gives: one result for each check and cell, and the requirements they decide. Renders nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wireproof.conformance.ledger import Requirement
from wireproof.conformance.verdict import Exchange, Verdict, worst


@dataclass(slots=True)
class CheckResult:
    """One check in one cell (a transport and a revision)."""

    check: str
    title: str
    area: str
    shows: tuple[str, ...]
    transport: str
    revision: str
    verdict: Verdict
    detail: str = ""
    ms: float = 0.0
    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    command: str = ""
    expected: bool = False
    """True when the baseline named it."""

    @property
    def key(self) -> str:
        """The check and its cell, as a baseline names it."""
        return f"{self.check}@{self.transport}/{self.revision}"


@dataclass(slots=True)
class RequirementResult:
    """One requirement, and the checks that decided it."""

    requirement: Requirement
    verdict: Verdict
    results: list[CheckResult]


@dataclass(slots=True)
class Report:
    """A whole run."""

    target: str
    protocol: str
    role: str = "server"
    cells: list[str] = field(default_factory=list[str])
    results: list[CheckResult] = field(default_factory=list[CheckResult])
    requirements: list[RequirementResult] = field(default_factory=list[RequirementResult])
    seconds: float = 0.0
    started: str = ""
    implementation: str = ""
    problem: str = ""
    """Why nothing could be judged; empty when something was."""
    stale: list[str] = field(default_factory=list[str])
    """Entries of the baseline that did not fail."""
    cut: bool = False
    """True when the time limit ended the run."""

    def count(self, verdict: Verdict) -> int:
        """How many check results have this verdict."""
        return sum(1 for result in self.results if result.verdict is verdict)

    def failures(self) -> list[CheckResult]:
        """The failed results that no baseline expects."""
        return [result for result in self.results if result.verdict is Verdict.FAIL and not result.expected]

    def area_seconds(self) -> dict[str, float]:
        """Seconds spent in each area."""
        spent: dict[str, float] = {}
        for result in self.results:
            spent[result.area] = spent.get(result.area, 0.0) + result.ms / 1000
        return {area: round(seconds, 3) for area, seconds in spent.items()}

    @property
    def exit_code(self) -> int:
        """0 nothing failed; 1 something failed or the baseline is stale; 3 nothing could be judged; 4 cut short."""
        if self.problem:
            return 3
        if self.failures() or self.stale:
            return 1
        return 4 if self.cut else 0


def decide(requirements: Iterable[Requirement], results: list[CheckResult]) -> list[RequirementResult]:
    """The verdict of each observable requirement that the results touch."""
    by_id: dict[str, list[CheckResult]] = {}
    for result in results:
        for id_ in result.shows:
            by_id.setdefault(id_, []).append(result)
    decided: list[RequirementResult] = []
    for row in requirements:
        own = by_id.get(row.id)
        if own:
            decided.append(RequirementResult(row, worst([result.verdict for result in own]), own))
    return decided
