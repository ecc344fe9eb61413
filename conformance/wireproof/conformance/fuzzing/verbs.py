"""The verbs `fuzz` and `replay` from their options to their exit codes."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from rich.console import Console
from rich.text import Text

from wireproof.conformance.commands import OptionError, bearer_of
from wireproof.conformance.fuzzing.campaign import PATIENCE, Outcome, fuzz
from wireproof.conformance.fuzzing.cassette import BadCassette, Cassette
from wireproof.conformance.fuzzing.lane import Trouble, open_lane
from wireproof.conformance.fuzzing.messages import Input
from wireproof.conformance.mcp_cell import Cell, Options
from wireproof.conformance.probe.served import served
from wireproof.conformance.shapes import as_object
from wireproof.conformance.target import Target
from wireproof.conformance.terminal import printable
from wireproof.conformance.verdict import PeerGone
from wireproof.schemas.jsonrpc import is_object

SHOWN = 10
"""Messages of a cassette that are printed."""


def run_fuzz_verb(options: argparse.Namespace) -> int:
    """Fuzz and save what was found. 0 nothing found, 1 found, 3 nothing to fuzz. Raises `OptionError`."""
    target = Target.parse(options.target)
    if options.spawn:
        target = target.spawned_by(options.spawn)
    console = Console(highlight=False, soft_wrap=True)
    allowed = Options(frozenset(options.allow_tool), bearer_of(options.bearer))
    with console.status("fuzzing") as status:

        def progress(outcome: Outcome) -> None:
            status.update(f"{outcome.sent} inputs, {outcome.rate:.0f} a second, {len(outcome.findings)} found")

        outcome = asyncio.run(
            fuzz(
                target,
                examples=options.examples,
                seed=options.seed,
                options=allowed,
                time_limit=options.time_limit,
                progress=progress,
            )
        )
    if outcome.problem:
        console.print(Text(printable(outcome.problem), style="bold red"))
        return 3
    _tell(console, outcome, target, Path(options.save))
    return 1 if outcome.findings else 0


def _tell(console: Console, outcome: Outcome, target: Target, folder: Path) -> None:
    for number, (finding, cassette) in enumerate(zip(outcome.findings, outcome.cassettes(target), strict=True), 1):
        path = folder / f"{finding.kind}-{outcome.seed}-{number}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            cassette.save(path)
        except OSError as error:
            raise OptionError(f"cannot write {path}: {error.strerror}") from error
        console.print(Text(f"{finding.kind}: {printable(finding.detail)}", style="bold red"))
        _messages(console, finding.messages)
        again = "" if finding.shrunk else " (it did not fail again on a fresh connection)"
        console.print(Text(f"  saved as {path}{again}; again: wireproof replay {path}", style="cyan"))
    console.print(
        f"{outcome.sent} inputs of seed {outcome.seed} over {outcome.transport} {outcome.revision} in "
        f"{outcome.seconds:.1f} s, {outcome.rate:.0f} a second; methods: {', '.join(outcome.methods)}; "
        f"{len(outcome.findings)} found"
    )


def _messages(console: Console, messages: tuple[bytes, ...]) -> None:
    for message in messages[:SHOWN]:
        console.print(Text(printable(f"  → {message[:400].decode('utf-8', 'backslashreplace')}")))
    if len(messages) > SHOWN:
        console.print(f"  … and {len(messages) - SHOWN} more")


def run_replay_verb(options: argparse.Namespace) -> int:
    """Send a cassette's messages again. 0 when nothing goes wrong any more, 1 when it does, 3 without a target."""
    try:
        cassette = Cassette.load(Path(options.cassette))
    except BadCassette as error:
        raise OptionError(str(error)) from error
    console = Console(highlight=False, soft_wrap=True)
    target = Target.parse(options.target or cassette.target)
    spawn = options.spawn or ("" if options.target else cassette.spawn)
    if spawn:
        target = target.spawned_by(spawn)
    try:
        troubles = asyncio.run(replay(cassette, target, Options(bearer=bearer_of(options.bearer))))
    except PeerGone as gone:
        console.print(Text(printable(str(gone)), style="bold red"))
        return 3
    _messages(console, cassette.messages)
    for trouble in troubles:
        console.print(Text(f"{trouble.kind}: {printable(trouble.detail)}", style="bold red"))
    console.print(f"{'It fails again' if troubles else 'It does not fail any more'} ({cassette.kind} was recorded).")
    return 1 if troubles else 0


async def replay(cassette: Cassette, target: Target, options: Options | None = None) -> list[Trouble]:
    """Send the messages on a fresh connection; gives what went wrong. Raises PeerGone when there is no target."""
    if target.spawn:
        async with served(target) as (listening, _):
            return await _replay(cassette, listening, options or Options())
    return await _replay(cassette, target, options or Options())


async def _replay(cassette: Cassette, target: Target, options: Options) -> list[Trouble]:
    lane = await open_lane(Cell(target, cassette.transport, cassette.revision, options))
    try:
        return await lane.run([Input(message, _due(message)) for message in cassette.messages], patience=PATIENCE / 2)
    finally:
        await lane.close()


def _due(message: bytes) -> str | None:
    """The id under which an answer is due: that of a request whose envelope is right."""
    try:
        value = as_object(json.loads(message))
    except (ValueError, RecursionError):
        return None
    params = value.get("params", {})
    right = value.get("jsonrpc") == "2.0" and isinstance(value.get("method"), str) and is_object(params)
    id_ = value.get("id")
    return id_ if right and isinstance(id_, str) else None
