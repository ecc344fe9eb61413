"""One run against a client: every play on every transport and revision, and the report."""

from __future__ import annotations

import asyncio
import datetime
import shlex
import shutil
import time
from collections.abc import Sequence

from wireproof.conformance.clients.cell import ClientCell
from wireproof.conformance.ledger import HTTP, STDIO
from wireproof.conformance.registry import Check
from wireproof.conformance.report import CheckResult, Report, decide
from wireproof.conformance.run import PARALLEL, Progress, Selection, run_check
from wireproof.conformance.verdict import Verdict

REVISIONS = ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")


def cells(command: Sequence[str], selection: Selection) -> list[ClientCell]:
    """Streamable HTTP in the revisions that have it, and stdio in all."""
    wanted = [
        (transport, revision)
        for transport in (HTTP, STDIO)
        for revision in REVISIONS
        if not (transport == HTTP and revision == "2024-11-05")
    ]
    return [
        ClientCell(command, transport, revision)
        for transport, revision in wanted
        if (not selection.transports or transport in selection.transports)
        and (not selection.revisions or revision in selection.revisions)
    ]


async def judge_client(
    command: Sequence[str],
    selection: Selection | None = None,
    *,
    time_limit: float = 240.0,
    progress: Progress | None = None,
) -> Report:
    """Judge the client that this command starts. Never raises for what it does; OSError when it cannot start."""
    from wireproof.conformance.checks import all_checks
    from wireproof.conformance.requirements import LEDGER

    if shutil.which(command[0]) is None:
        raise FileNotFoundError(f"{command[0]}: No such file or command")
    selection = selection or Selection()
    begun = time.monotonic()
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    report = Report(shlex.join(command), "mcp", role="client", started=started)
    chosen = [item for item in all_checks() if item.role == "client" and selection.takes(item)]
    gate = asyncio.Semaphore(PARALLEL)

    async def one(cell: ClientCell) -> None:
        async with gate:
            report.cells.append(f"{cell.transport}/{cell.revision}")
            for item in chosen:
                if cell.transport in item.transports and cell.revision in item.revisions:
                    add(await run_check(item, cell, _strict(item)))

    def add(result: CheckResult) -> None:
        report.results.append(result)
        if progress is not None:
            progress(result)

    try:
        async with asyncio.timeout(time_limit), asyncio.TaskGroup() as group:
            for cell in cells(command, selection):
                group.create_task(one(cell))
    except TimeoutError:
        report.cut = True
    spoken = {(each.transport, each.revision) for each in report.results if each.verdict is not Verdict.NOT_APPLICABLE}
    report.cells = [
        f"{cell.transport}/{cell.revision}"
        for cell in cells(command, selection)
        if (cell.transport, cell.revision) in spoken
    ]
    if not spoken:
        report.problem = "The client called the tool on no transport and in no revision: see what it is asked to do."
    report.requirements = decide(LEDGER.rows(), report.results)
    report.seconds = round(time.monotonic() - begun, 3)
    return report


def _strict(item: Check) -> bool:
    from wireproof.conformance.requirements import LEDGER

    return any(LEDGER[id_].level.is_strict for id_ in item.shows)
