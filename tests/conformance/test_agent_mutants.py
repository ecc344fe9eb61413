"""The judge of agents is judged: every check fails on the miniature that is wrong in its way, and passes on the right one."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncGenerator

import pytest

from wireproof.conformance.a2a_cell import AgentCell, discover_agent
from wireproof.conformance.checks import all_checks
from wireproof.conformance.mcp_cell import Options
from wireproof.conformance.miniatures.a2a_mutants import AGENT_FURTHER, AGENT_MUTANTS
from wireproof.conformance.miniatures.a2a_peer import AgentEndpoint
from wireproof.conformance.miniatures.mutants import Mutant
from wireproof.conformance.run import run_check
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Verdict

CHECKS = {item.id: item for item in all_checks() if item.protocol == "a2a" and item.role == "server"}
ROWS = [*AGENT_MUTANTS.items(), *((id_, mutant) for id_, more in AGENT_FURTHER.items() for mutant in more)]


@contextlib.asynccontextmanager
async def opened(wrong: str, transport: str) -> AsyncGenerator[AgentCell]:
    endpoint = AgentEndpoint(wrong)
    await endpoint.listener.start()
    try:
        found = await discover_agent(Target.parse(endpoint.url), [transport], ["1.0"], Options())
        (cell,) = found.cells
        assert isinstance(cell, AgentCell)
        yield cell
    finally:
        await endpoint.listener.stop()


def test_every_check_of_agents_has_a_mutant_and_every_mutant_a_check() -> None:
    without = sorted(set(CHECKS) - set(AGENT_MUTANTS))
    print(f"checks without a mutant: {len(without)} of {len(CHECKS)}", file=sys.stderr)
    assert without == []
    assert sorted(set(AGENT_MUTANTS) - set(CHECKS)) == []
    assert set(AGENT_FURTHER) <= set(AGENT_MUTANTS)


@pytest.mark.parametrize(("id_", "mutant"), ROWS, ids=[f"{id_}-{mutant.wrong}" for id_, mutant in ROWS])
async def test_a_check_fails_on_its_mutant_and_passes_on_the_right_miniature(id_: str, mutant: Mutant) -> None:
    verdicts: list[tuple[Verdict, str]] = []
    for wrong in (mutant.wrong, mutant.correct):
        async with opened(wrong, mutant.transport) as cell:
            result = await run_check(CHECKS[id_], cell)
        verdicts.append((result.verdict, result.detail))
    assert [verdict for verdict, _ in verdicts] == [Verdict.FAIL, Verdict.PASS], verdicts
