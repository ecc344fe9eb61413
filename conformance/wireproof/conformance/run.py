"""One run against a server: discover it, run every check that applies in every cell, decide the requirements.

A run always ends: each check, each cell and the whole have a deadline, and every process and socket of it is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from wireproof.conformance.discovery import Discovered, discover
from wireproof.conformance.mcp_cell import Options
from wireproof.conformance.probe.served import served
from wireproof.conformance.registry import Check
from wireproof.conformance.report import CheckResult, Report, decide
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Ended, PeerGone, Recorder, Verdict

PARALLEL = 3
"""Cells that are judged at the same time."""


class CellLike(Protocol):
    """What the engine needs of a cell."""

    transport: str
    revision: str
    recorder: Recorder

    async def close(self) -> None:
        """Close what the cell shares between checks."""
        ...


@dataclass(slots=True)
class Selection:
    """Which checks to run; empty sets select all."""

    checks: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    revisions: frozenset[str] = frozenset()
    transports: frozenset[str] = frozenset()

    def takes(self, item: Check) -> bool:
        """True when the check is selected by its id, a prefix of it, or a requirement's id, and by its area."""
        if self.areas and item.area not in self.areas:
            return False
        names = (item.id, *item.shows)
        return not self.checks or any(
            name == wanted or name.startswith(f"{wanted}.") for wanted in self.checks for name in names
        )


Progress = Callable[[CheckResult], None]


@dataclass(slots=True)
class _Run:
    report: Report
    selection: Selection
    progress: Progress | None
    deadline: float
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARALLEL))

    def add(self, result: CheckResult) -> None:
        self.report.results.append(result)
        if self.progress is not None:
            self.progress(result)


def check(
    target: str | Sequence[str] | Target,
    *,
    checks: Collection[str] = (),
    areas: Collection[str] = (),
    revisions: Collection[str] = (),
    transports: Collection[str] = (),
    allow_tools: Collection[str] = (),
    bearer: str | None = None,
    time_limit: float = 120.0,
    progress: Progress | None = None,
) -> Report:
    """Judge one server or agent and return the report. Never raises for what the target does.

    `target` is a URL, a command, a Python file or `FILE.json#NAME`. `time_limit` is in seconds and holds for the whole
    run. Raises `UnknownTarget` when the target names nothing.
    """
    chosen = Selection(frozenset(checks), frozenset(areas), frozenset(revisions), frozenset(transports))
    options = Options(frozenset(allow_tools), bearer)
    parsed = target if isinstance(target, Target) else Target.parse(target)
    return asyncio.run(judge(parsed, chosen, options, time_limit=time_limit, progress=progress))


async def judge(
    target: Target,
    selection: Selection | None = None,
    options: Options | None = None,
    *,
    time_limit: float = 120.0,
    progress: Progress | None = None,
) -> Report:
    """The coroutine under `check`."""
    from wireproof.conformance.checks import all_checks
    from wireproof.conformance.requirements import LEDGER

    started = time.monotonic()
    report = Report(target.name, "", started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
    run = _Run(report, selection or Selection(), progress, started + time_limit)
    found = Discovered()
    held = contextlib.AsyncExitStack()
    try:
        async with asyncio.timeout(time_limit):
            if target.spawn:
                target, _ = await held.enter_async_context(served(target))
            found = await discover(target, run.selection.transports, run.selection.revisions, options or Options())
            report.protocol, report.implementation, report.problem = found.protocol, found.implementation, found.problem
            report.cells = [f"{cell.transport}/{cell.revision}" for cell in found.cells]
            await _run_cells(run, found, all_checks())
    except PeerGone as gone:
        report.problem = f"Nothing to judge: {gone}"
    except TimeoutError:
        report.cut = True
        report.problem = report.problem or ("" if report.results else f"Nothing was judged within {time_limit} s.")
    finally:
        for cell in found.cells:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(8):
                    await cell.close()
        await held.aclose()
    report.requirements = decide(LEDGER.rows(), report.results)
    report.seconds = round(time.monotonic() - started, 3)
    return report


async def _run_cells(run: _Run, found: Discovered, checks: tuple[Check, ...]) -> None:
    suitable = [item for item in checks if item.protocol == found.protocol and item.role == "server"]
    chosen = [item for item in suitable if run.selection.takes(item)]
    async with asyncio.TaskGroup() as group:
        for cell in found.cells:
            group.create_task(_run_cell(run, cell, chosen))


async def _run_cell(run: _Run, cell: CellLike, checks: list[Check]) -> None:
    async with run.gate:
        failed: set[str] = set()
        for item in checks:
            if cell.transport not in item.transports or cell.revision not in item.revisions:
                continue
            if time.monotonic() > run.deadline - 1:
                run.report.cut = True
                run.add(_result(item, cell, Verdict.SKIPPED, "The time limit of the run was reached."))
                continue
            if getattr(cell, "locked", False) and item.area != "authorization":
                run.add(_result(item, cell, Verdict.SKIPPED, "The target wants a token; give it with --bearer."))
                continue
            blocked = failed.intersection(item.depends_on)
            if blocked:
                run.add(_result(item, cell, Verdict.SKIPPED, f"{min(blocked)} failed, on which this one depends."))
                continue
            result = await run_check(item, cell, _levels(item))
            if result.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}:
                failed.add(item.id)
            run.add(result)
        await cell.close()


def _levels(item: Check) -> bool:
    """True when at least one requirement of the check is strict, so that breaking it is a failure."""
    from wireproof.conformance.requirements import LEDGER

    return any(LEDGER[id_].level.is_strict for id_ in item.shows)


async def run_check(item: Check, cell: CellLike, strict: bool = True) -> CheckResult:
    """Run one check in one cell. Never raises but for cancellation."""
    cell.recorder = Recorder()
    begun = time.monotonic()
    try:
        async with asyncio.timeout(item.limit):
            await item.run(cell)
        verdict, detail = Verdict.PASS, ""
    except Ended as ended:
        verdict, detail = ended.verdict, str(ended)
    except TimeoutError:
        verdict, detail = Verdict.INCONCLUSIVE, f"No verdict within {item.limit:g} s."
    except (OSError, asyncio.IncompleteReadError) as error:
        verdict, detail = Verdict.FAIL, f"The connection broke: {error}"
    except Exception as error:  # shapes of a stranger that a check did not foresee never end a run
        verdict, detail = Verdict.INCONCLUSIVE, f"The answer has a shape this check cannot read: {error!r}"
    if verdict is Verdict.FAIL and not strict:
        verdict = Verdict.WARN
    result = _result(item, cell, verdict, detail)
    result.ms = round((time.monotonic() - begun) * 1000, 2)
    result.exchanges = list(cell.recorder.exchanges)
    result.command = cell.recorder.command
    return result


def _result(item: Check, cell: CellLike, verdict: Verdict, detail: str) -> CheckResult:
    return CheckResult(item.id, item.title, item.area, item.shows, cell.transport, cell.revision, verdict, detail)
