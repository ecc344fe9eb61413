"""The ledger is held both ways: no MUST without a test or a reason, no test named that is not there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parents[2]
WITH_A_MUST = [
    "1.4",
    "3.1.1",
    "3.1.2",
    "3.1.4",
    "3.1.6",
    "3.1.7",
    "3.1.8",
    "3.1.9",
    "3.1.10",
    "3.1.11",
    "3.2.2",
    "3.2.6",
    "3.3.2",
    "3.3.4",
    "3.4.1",
    "3.4.2",
    "3.4.3",
    "3.5.2",
    "3.6",
    "3.6.1",
    "3.6.2",
    "3.6.3",
    "3.7",
    "4",
    "4.3.3",
    "4.6.3",
    "5.1",
    "5.2",
    "5.4",
    "5.5",
    "5.6.1",
    "5.7",
    "5.8",
    "7.1",
    "7.4",
    "7.6.1",
    "7.6.4",
    "8.1",
    "8.3.1",
    "8.3.2",
    "8.4.1",
    "8.4.2",
    "8.4.3",
    "9.2",
    "9.3",
    "9.5",
    "10.2",
    "10.6",
    "11.2",
    "11.5",
    "11.6",
    "12.1",
    "12.7",
    "13.1",
    "13.2",
    "13.3",
    "13.4",
    "14.1.1",
    "14.2.1",
    "14.3",
]
"""Every section of the specification that holds a MUST; 12.2 to 12.6 are the parts of 12.1-2, 8.3 is that of 8.3.1."""
FILES = {
    "call": "cli/test_call.py",
    "cards": "a2a/core/test_cards.py",
    "certificates": "a2a/security/test_certificates.py",
    "configs": "a2a/core/test_push_configs.py",
    "contract": "../tasks/wireproof/tasks/testing.py",
    "delivery": "a2a/push/test_delivery.py",
    "interfaces": "a2a/ledger/test_interfaces.py",
    "jcs": "schemas/a2a/test_jcs.py",
    "js": "a2a/foreign/test_js.py",
    "limits": "a2a/ledger/test_interfaces.py",
    "listing": "a2a/core/test_listing.py",
    "matrix": "a2a/bindings/test_matrix.py",
    "push_replicas": "replicas/test_push.py",
    "reading": "schemas/a2a/test_reading.py",
    "refusals": "a2a/core/test_refusals.py",
    "replicas": "replicas/test_agents.py",
    "resilience": "a2a/client/test_resilience.py",
    "rules": "a2a/ledger/test_rules.py",
    "schemes": "a2a/security/test_schemes.py",
    "sdk_agent": "a2a/foreign/test_sdk_agent.py",
    "sdk_client": "a2a/foreign/test_sdk_client.py",
    "sending": "a2a/core/test_sending.py",
    "signing": "a2a/signing/test_cards.py",
    "tasks": "a2a/core/test_tasks.py",
    "verbs": "a2a/client/test_verbs.py",
}
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT"}
ROLES = {"agent", "client", "both", "author", "standard"}


class Row(NamedTuple):
    """One requirement."""

    id: str
    level: str
    role: str
    sentence: str
    shown: str

    @property
    def tests(self) -> list[str]:
        return [] if self.shown.startswith("because: ") else self.shown.split()


def rows() -> list[Row]:
    lines = (Path(__file__).with_name("requirements.txt")).read_text().splitlines()
    return [Row(*(part.strip() for part in line.split("|"))) for line in lines if line and not line.startswith("#")]


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / FILES[file]).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_a_requirement_is_whole_and_shown_by_tests_that_are_there(row: Row) -> None:
    assert re.fullmatch(r"\d+(\.\d+)*-\d+", row.id)
    assert row.level in LEVELS
    assert row.role in ROLES
    assert row.sentence.endswith(".")
    missing = [name for name in row.tests if name.partition(".")[2] not in functions(name.partition(".")[0])]
    assert missing == []
    assert row.tests or len(row.shown) > 30, "a requirement without a test needs its reason"


def test_no_id_is_given_twice_and_they_stand_in_order() -> None:
    keys = [tuple(int(part) for part in re.split(r"[.-]", row.id)) for row in ROWS]
    assert len(set(keys)) == len(keys)
    sections = [tuple(int(part) for part in row.id.partition("-")[0].split(".")) for row in ROWS]
    assert sections == sorted(sections)


def test_what_is_ours_to_do_is_shown_and_only_what_is_others_is_explained() -> None:
    explained = {row.id for row in ROWS if not row.tests and row.role in ("agent", "client", "both")}
    assert explained == {"3.1.11-2", "3.3.4-2", "3.4.3-3"}


def test_every_test_of_this_folder_belongs_to_a_requirement() -> None:
    named = {name.partition(".")[2] for row in ROWS for name in row.tests}
    here = {name for file in ("rules", "interfaces") for name in functions(file) if name.startswith("test_")}
    assert here - named == set()


def test_every_section_of_the_specification_with_a_must_has_a_row() -> None:
    assert set(WITH_A_MUST) - {row.id.partition("-")[0] for row in ROWS} == set()
