"""The ledger and the checks hold each other: none without the other, and what cannot be seen says why."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.peers import stdio_target
from wireproof.conformance import ledger
from wireproof.conformance.checks import all_checks
from wireproof.conformance.ledger import Role
from wireproof.conformance.report import Report
from wireproof.conformance.requirements import LEDGER
from wireproof.conformance.run import Selection, judge

CHECKS = all_checks()
ROOM = Path(__file__).parents[2] / "conformance" / "wireproof" / "conformance"
JUDGED_ROOMS = ("mcp_tools", "a2a", "transports", "tasks", "auth", "bridges", "cli")


def test_no_check_shows_a_requirement_that_the_ledger_lacks():
    assert [(item.id, id_) for item in CHECKS for id_ in item.shows if id_ not in LEDGER] == []
    assert [item.id for item in CHECKS if not item.shows] == []


def test_no_observable_requirement_is_without_a_check():
    shown = {id_ for item in CHECKS for id_ in item.shows}
    assert [row.id for row in LEDGER.rows(kind="observable") if row.id not in shown] == []
    assert [row.id for row in LEDGER.rows() if row.kind != "observable" and row.id in shown] == []


def test_check_ids_are_unique_and_depend_on_checks_that_run_before():
    assert [id_ for id_, count in Counter(item.id for item in CHECKS).items() if count > 1] == []
    places = {item.id: place for place, item in enumerate(CHECKS)}
    for place, item in enumerate(CHECKS):
        assert all(places[before] < place for before in item.depends_on), item.id


@pytest.mark.parametrize("item", CHECKS, ids=lambda item: item.id)
def test_a_check_runs_only_where_its_requirements_hold(item):
    rows = [LEDGER[id_] for id_ in item.shows]
    assert item.revisions <= frozenset().union(*(row.revisions for row in rows)), "a revision without the rule"
    assert item.transports <= frozenset().union(*(row.transports for row in rows)), "a transport without the rule"
    assert {row.protocol for row in rows} == {item.protocol}
    assert {row.role for row in rows} == {Role(item.role)}


def test_a_requirement_says_something_in_its_own_words():
    for row in LEDGER.rows():
        assert re.fullmatch(r"[a-z0-9]+(\.[a-z0-9-]+)+", row.id), row.id
        assert row.text.endswith("."), row.id
        assert len(row.text) > 15, row.id
        assert row.revisions <= ledger.ALL | ledger.A2A_ALL, row.id
        assert not (row.unobservable and row.gap), row.id
    texts = Counter((row.text, row.role, row.section) for row in LEDGER.rows())
    assert [text for text, count in texts.items() if count > 1] == []


def test_every_revision_has_rules_for_servers():
    for revision in ledger.ALL:
        assert sum(revision in row.revisions for row in LEDGER.rows(role=Role.SERVER)) > 50


def test_the_judge_imports_nothing_of_what_it_judges():
    wrong = []
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if module.startswith(tuple(f"wireproof.{room}" for room in JUDGED_ROOMS)):
                wrong.append(f"{path.name}: {module}")
    assert wrong == []


def verdicts(report: Report) -> list[tuple[str, str]]:
    return sorted((result.key, result.verdict.value) for result in report.results)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("wrong", ["", "any-params"])
async def test_two_runs_give_equal_verdicts(wrong: str):
    selection = Selection(revisions=frozenset({"2025-03-26"} if wrong else {"2026-07-28"}))
    first, second = [await judge(stdio_target(wrong), selection) for _ in range(2)]
    assert verdicts(first) == verdicts(second)
    assert first.exit_code == (1 if wrong else 0)


def test_every_rule_for_tool_servers_has_a_check_or_a_reason_why_it_cannot_be_seen():
    rows = [row for row in LEDGER.rows(kind="gap", role=Role.SERVER) if row.protocol == "mcp"]
    assert [row.id for row in rows] == []
