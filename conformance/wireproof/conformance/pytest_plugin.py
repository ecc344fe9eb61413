"""A pytest plugin: the fixture `wireproof_check`, and `--wireproof TARGET`, which adds a test for each check and cell.

Switch it on with `-p wireproof.conformance.pytest_plugin`, or by that name in `pytest_plugins`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.verdict import Verdict

SILENT = {Verdict.SKIPPED, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE}
Check = Callable[..., Report]


class RuleBroken(AssertionError):
    """The target broke a rule; the text holds the exchange that proves it."""


@pytest.fixture
def wireproof_check() -> Check:
    """Judge a target and fail the test on any broken rule: `wireproof_check("server.py", areas=["tools"])`.

    Takes the arguments of `wireproof.conformance.check` and gives its report.
    """

    def judged(target: Any, **options: Any) -> Report:
        from wireproof.conformance.run import check

        report = check(target, **options)
        if report.problem:
            raise RuleBroken(report.problem)
        failures = report.failures()
        if failures:
            raise RuleBroken("\n\n".join(described(result) for result in failures))
        return report

    return judged


def described(result: CheckResult) -> str:
    """A failure with its exchange, for a test's report."""
    lines = [f"{result.key}: {result.title}", result.detail]
    lines += [f"  {item.way:8} {item.text[:300]}" for item in result.exchanges[-6:]]
    if result.command:
        lines.append(f"  again:   {result.command}")
    return "\n".join(lines)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("wireproof", "conformance of an MCP server or an A2A agent")
    group.addoption("--wireproof", metavar="TARGET", help="add a test for each check of this target")
    group.addoption("--wireproof-area", action="append", default=[], metavar="NAME", help="only this area")
    group.addoption("--wireproof-time-limit", type=float, default=120.0, metavar="SECONDS", help="default 120")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Judge the target once and add its results as tests."""
    target: str | None = config.getoption("--wireproof")
    if target:
        items.extend(_results(session, config, target))


def _results(session: pytest.Session, config: pytest.Config, target: str) -> Iterator[pytest.Item]:
    from wireproof.conformance.run import check

    areas = cast("list[str]", config.getoption("--wireproof-area"))
    limit = cast("float", config.getoption("--wireproof-time-limit"))
    report = check(target, areas=areas, time_limit=limit)
    if report.problem:
        raise pytest.UsageError(report.problem)
    for result in report.results:
        item = JudgedItem.from_parent(session, name=result.key)  # pyright: ignore[reportUnknownMemberType]
        item.result = result
        yield item


class JudgedItem(pytest.Item):
    """One check in one cell, already judged."""

    result: CheckResult

    def runtest(self) -> None:
        """Tell the verdict."""
        if self.result.verdict is Verdict.FAIL:
            raise RuleBroken(described(self.result))
        if self.result.verdict in SILENT:
            pytest.skip(f"{self.result.verdict.value}: {self.result.detail}")
        if self.result.verdict is Verdict.WARN:
            self.warn(pytest.PytestWarning(f"{self.result.key}: {self.result.detail}"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """The failure without the plugin's own frames."""
        return str(excinfo.value) if isinstance(excinfo.value, RuleBroken) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[str, None, str]:
        """Where it stands in the report."""
        return ("wireproof", None, f"{self.result.title} ({self.result.transport}, {self.result.revision})")
