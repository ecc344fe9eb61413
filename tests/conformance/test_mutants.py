"""The judge is judged: every check fails on the peer that is wrong in its way, and passes on the correct peer."""

from __future__ import annotations

import sys

import pytest

from tests.conformance.peers import opened
from wireproof.conformance.checks import all_checks
from wireproof.conformance.miniatures.mutants import FURTHER, MUTANTS, Mutant
from wireproof.conformance.run import run_check
from wireproof.conformance.verdict import Verdict

CHECKS = {item.id: item for item in all_checks() if item.protocol == "mcp" and item.role == "server"}
ROWS = [*MUTANTS.items(), *((id_, mutant) for id_, more in FURTHER.items() for mutant in more)]


def test_every_check_has_a_mutant_and_every_mutant_a_check():
    without = sorted(set(CHECKS) - set(MUTANTS))
    print(f"checks without a mutant: {len(without)} of {len(CHECKS)}", file=sys.stderr)
    assert without == []
    assert sorted(set(MUTANTS) - set(CHECKS)) == []
    assert set(FURTHER) <= set(MUTANTS)


@pytest.mark.parametrize(("id_", "mutant"), ROWS, ids=[f"{id_}-{mutant.wrong}" for id_, mutant in ROWS])
async def test_a_check_fails_on_its_mutant_and_passes_on_the_correct_peer(id_: str, mutant: Mutant):
    verdicts: list[tuple[Verdict, str]] = []
    for wrong in (mutant.wrong, mutant.correct):
        async with opened(wrong, mutant.transport, mutant.revision) as cell:
            result = await run_check(CHECKS[id_], cell)
        verdicts.append((result.verdict, result.detail))
    assert [verdict for verdict, _ in verdicts] == [Verdict.FAIL, Verdict.PASS], verdicts
