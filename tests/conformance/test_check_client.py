"""The judge of clients is judged by miniatures; our own client keeps every rule on every transport and revision."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.conformance.judged import wireproof, wrong
from wireproof.conformance.checks import all_checks
from wireproof.conformance.clients.cell import ClientCell
from wireproof.conformance.clients.judge import judge_client
from wireproof.conformance.miniatures.client_mutants import CLIENT_FURTHER, CLIENT_MUTANTS
from wireproof.conformance.miniatures.mutants import Mutant
from wireproof.conformance.run import Selection, run_check
from wireproof.conformance.verdict import Verdict

CHECKS = {item.id: item for item in all_checks() if item.role == "client"}
ROWS = [*CLIENT_MUTANTS.items(), *((id_, mutant) for id_, more in CLIENT_FURTHER.items() for mutant in more)]
OWN = [sys.executable, str(Path(__file__).with_name("own_client.py"))]
pytestmark = pytest.mark.timeout(120)


def miniature(name: str = "") -> list[str]:
    words = [sys.executable, "-m", "wireproof.conformance.miniatures.client_peer"]
    return [*words, "--wrong", name] if name else words


def test_every_check_of_clients_has_a_mutant_and_every_mutant_a_check() -> None:
    without = sorted(set(CHECKS) - set(CLIENT_MUTANTS))
    print(f"checks without a mutant: {len(without)} of {len(CHECKS)}", file=sys.stderr)
    assert without == []
    assert sorted(set(CLIENT_MUTANTS) - set(CHECKS)) == []
    assert set(CLIENT_FURTHER) <= set(CLIENT_MUTANTS)


@pytest.mark.parametrize(("id_", "mutant"), ROWS, ids=[f"{id_}-{mutant.wrong}" for id_, mutant in ROWS])
async def test_a_check_fails_on_its_mutant_and_passes_on_the_right_client(id_: str, mutant: Mutant) -> None:
    verdicts: list[tuple[Verdict, str]] = []
    for name in (mutant.wrong, mutant.correct):
        result = await run_check(CHECKS[id_], ClientCell(miniature(name), mutant.transport, mutant.revision))
        verdicts.append((result.verdict, result.detail))
    assert [verdict for verdict, _ in verdicts] == [Verdict.FAIL, Verdict.PASS], verdicts


async def test_our_own_client_keeps_every_rule_on_every_transport_and_revision() -> None:
    report = await judge_client(OWN)
    assert wrong(report) == []
    assert report.cells == [
        *(f"http/{revision}" for revision in ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26")),
        *(f"stdio/{revision}" for revision in ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")),
    ]
    assert report.count(Verdict.PASS) > 100
    assert report.count(Verdict.NOT_APPLICABLE) == 0


def test_the_verb_judges_a_client_and_shows_the_exchange_that_proves_a_failure() -> None:
    command = shlex.join(miniature("no-name-header"))
    ran = wireproof("check-client", "--command", command, "--transport", "http", "--revision", "2026-07-28")
    assert ran.code == 1
    assert "client.http.name@http/2026-07-28" in ran.out
    assert "Mcp-Name is the tool that is called" in ran.out
    assert "mcp-method: tools/call" in ran.out
    good = wireproof("check-client", "--command", shlex.join(miniature()), "--area", "messages", "--quiet")
    assert good.code == 0, good.out


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("true", 3, "called the tool on no transport"),
        ("no-such-program-anywhere", 2, "No such file"),
        ("", 2, "--command is empty"),
        ("'", 2, "no command line"),
    ],
    ids=["does nothing", "not there", "empty", "a quote"],
)
def test_a_command_that_is_no_client_ends_with_a_reason(command: str, code: int, says: str) -> None:
    ran = wireproof("check-client", "--command", command, "--quiet")
    assert (ran.code, "Traceback" in ran.err) == (code, False)
    assert says in ran.out + ran.err


async def test_a_client_that_never_ends_is_killed_with_what_it_started() -> None:
    sleeper = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '97'])"]
    cell = ClientCell(sleeper, "http", "2026-07-28")
    record = await cell.play("", 1.0)
    assert (record.exit_code, record.called) == (None, False)
    import subprocess

    assert subprocess.run(["pgrep", "-f", "^sleep 97"], capture_output=True, check=False).stdout == b""


async def test_two_runs_of_a_client_give_equal_verdicts() -> None:
    one = frozenset({"messages"})
    selection = Selection(areas=one, transports=frozenset({"stdio"}), revisions=frozenset({"2025-11-25"}))
    found = [await judge_client(miniature("no-pong"), selection) for _ in range(2)]
    first, second = (sorted((each.key, each.verdict.value) for each in report.results) for report in found)
    assert first == second
    assert found[0].exit_code == 1
