"""The verb `check` from its options to its exit code: runs the judge, shows progress, writes the reports."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Generator

from rich.console import Console

from wireproof.conformance.commands import OptionError, bearer_of
from wireproof.conformance.mcp_cell import Options
from wireproof.conformance.report import Report
from wireproof.conformance.run import Progress, Selection, judge
from wireproof.conformance.target import Target
from wireproof.conformance.terminal import Progress as TerminalProgress
from wireproof.conformance.terminal import printable, show


def selection_of(options: argparse.Namespace) -> Selection:
    """The checks that the options select."""
    return Selection(
        frozenset(options.check), frozenset(options.area), frozenset(options.revision), frozenset(options.transport)
    )


def judged(target: Target, options: argparse.Namespace, progress: Progress | None = None) -> Report:
    """Run the judge as the options say. SIGTERM ends it like an interrupt, with everything it opened."""
    allowed = Options(frozenset(options.allow_tool), bearer_of(options.bearer))
    with _terminable():
        return asyncio.run(
            judge(target, selection_of(options), allowed, time_limit=options.time_limit, progress=progress)
        )


def selected(options: argparse.Namespace) -> None:
    """Raise `OptionError` when the options select no check at all."""
    from wireproof.conformance.checks import all_checks

    chosen = selection_of(options)
    if not any(chosen.takes(item) for item in all_checks()):
        raise OptionError("these options select no check; `wireproof check --list TARGET` shows them all")


@contextlib.contextmanager
def _terminable() -> Generator[None]:
    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_check_verb(options: argparse.Namespace) -> int:
    """Judge, show, write, and give the exit code. Raises `UnknownTarget` and `OptionError` for a wrong call."""
    target = Target.parse(options.target)
    if options.spawn:
        target = target.spawned_by(options.spawn)
    selected(options)
    if options.list:
        return _list(selection_of(options))
    return _reported(options, lambda progress: judged(target, options, progress))


def run_check_client_verb(options: argparse.Namespace) -> int:
    """Judge a client, show, write, and give the exit code. Raises `OptionError` and `OSError` for a wrong call."""
    import shlex

    from wireproof.conformance.clients.judge import judge_client

    try:
        command = shlex.split(options.command)
    except ValueError as error:
        raise OptionError(f"--command is no command line: {error}") from error
    if not command:
        raise OptionError("--command is empty; give the words that start the client")
    selection = selection_of(options)

    def run(progress: Progress) -> Report:
        with _terminable():
            return asyncio.run(judge_client(command, selection, time_limit=options.time_limit, progress=progress))

    return _reported(options, run)


def _reported(options: argparse.Namespace, run: Callable[[Progress], Report]) -> int:
    """Run with live progress, compare with the baseline, show and write."""
    from wireproof.conformance.reports import Destination
    from wireproof.conformance.reports.baseline import apply, read

    written = [Destination.parse(text) for text in options.report]
    expected = read(options.baseline) if options.baseline else None
    taken = any(destination.is_stdout for destination in written)
    console = Console(stderr=taken, highlight=False, soft_wrap=True)
    with TerminalProgress(console, quiet=options.quiet) as progress:
        report = run(progress)
    if expected is not None:
        apply(report, expected)
    if not options.quiet:
        show(console, report)
    else:
        console.print(summary(report))
    for destination in written:
        destination.write(report)
    return report.exit_code


def summary(report: Report) -> str:
    """One line."""
    from wireproof.conformance.verdict import Verdict

    if report.problem:
        return printable(report.problem)
    counts = ", ".join(f"{report.count(verdict)} {verdict.value}" for verdict in Verdict)
    return f"{printable(report.implementation or report.target)}: {counts} in {report.seconds:.1f} s"


def _list(selection: Selection) -> int:
    from wireproof.conformance.checks import all_checks

    for item in all_checks():
        if selection.takes(item):
            sys.stdout.write(f"{item.id:34} {item.protocol:4} {item.area:18} {item.title}\n")
    return 0
