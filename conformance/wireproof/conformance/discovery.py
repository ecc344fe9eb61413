"""Finds out what a target is: its protocol, its transports and its revisions. Asks only harmless questions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from wireproof.conformance.ledger import HTTP, SSE, STDIO, WEBSOCKET
from wireproof.conformance.mcp_cell import Cell, Options, open_cell, server_name
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import PeerGone, Recorder

REVISIONS: Final = ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
SPAWN_AT_ONCE: Final = 2
NO_URL: Final = "An agent is judged over HTTP: give its URL, or a Python file that holds one."


class AnyCell(Protocol):
    """A cell of either protocol."""

    transport: str
    revision: str
    recorder: Recorder

    async def close(self) -> None:
        """Close what it shares."""
        ...


@dataclass(slots=True)
class Discovered:
    """What a target turned out to be; `problem` says why there are no cells."""

    protocol: str = ""
    cells: Sequence[AnyCell] = field(default_factory=list[AnyCell])
    implementation: str = ""
    problem: str = ""


async def discover(
    target: Target, transports: Collection[str], revisions: Collection[str], options: Options
) -> Discovered:
    """Open a cell for each transport and revision that the target speaks."""
    wanted = [revision for revision in REVISIONS if not revisions or revision in revisions]
    if target.url is None:
        return await _mcp(target, STDIO, wanted, options) if wanted else Discovered("a2a", [], "", NO_URL)
    scheme = target.url.partition(":")[0].lower()
    if scheme in {"ws", "wss"}:
        return await _mcp(target, WEBSOCKET, wanted, options)
    found = await _agent(target, transports, revisions, options)
    if found.cells or scheme.startswith("grpc"):
        return found
    found = await _mcp(target, HTTP, wanted, options) if not transports or HTTP in transports else Discovered()
    if not found.cells and (not transports or SSE in transports) and "2024-11-05" in wanted:
        found = await _mcp(target, SSE, ["2024-11-05"], options)
    return found


async def _agent(
    target: Target, transports: Collection[str], revisions: Collection[str], options: Options
) -> Discovered:
    from wireproof.conformance.a2a_cell import discover_agent

    return await discover_agent(target, transports, revisions, options)


async def _mcp(target: Target, transport: str, revisions: list[str], options: Options) -> Discovered:
    gate = asyncio.Semaphore(SPAWN_AT_ONCE)
    problems: list[str] = []

    async def attempt(revision: str) -> Cell | None:
        async with gate:
            try:
                async with asyncio.timeout(25):
                    return await open_cell(target, transport, revision, options)
            except TimeoutError:
                problems.append("No answer within 25 s.")
            except (PeerGone, OSError) as error:
                problems.append(str(error))
        return None

    # A group waits for all its members when it is cancelled: each has a process to end.
    async with asyncio.TaskGroup() as group:
        attempts = [group.create_task(attempt(revision)) for revision in revisions]
    cells = [cell for attempted in attempts if (cell := attempted.result()) is not None]
    if cells:
        return Discovered("mcp", cells, server_name(cells[0]))
    stderr = await _last_words(target) if transport == STDIO else ""
    reason = problems[0] if problems else "It answered neither server/discover nor initialize as an MCP server would."
    return Discovered("mcp", [], "", f"Nothing to judge on {transport}: {reason}{stderr}")


async def _last_words(target: Target) -> str:
    """The last line that a command which is no server printed on stderr."""
    from wireproof.conformance.probe.child import Child

    with contextlib.suppress(OSError):
        child = await Child.spawn(list(target.command))
        try:
            child.end_input()
            await child.wait(2)
        finally:
            await child.close()
        lines = child.stderr.decode("utf-8", "replace").strip().splitlines()
        return f" Its stderr ends with: {lines[-1][:200]}" if lines else ""
    return ""
