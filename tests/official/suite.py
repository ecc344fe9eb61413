"""The official MCP conformance suite, installed once by npm, and its results judged by what it recorded.

A scenario passes when no check of it failed and at least one succeeded. There is no baseline.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.foreign.environments import node, npm_env

PACKAGE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
REVISIONS = ("2025-11-25", "2026-07-28")
WITHIN_S = 900
SCENARIO_MS = 60_000
_STAMP = re.compile(r"-\d{4}-\d\d-\d\dT[\d-]+Z$")


@dataclass(frozen=True)
class Verdict:
    """What the suite recorded of one scenario. `notes` say what failed or warned."""

    scenario: str
    passed: bool
    required: bool
    notes: tuple[str, ...]


def judge_server(url: str, revision: str, results: Path) -> list[Verdict]:
    """Run every server scenario of a requirement set against a URL."""
    required, unscored = _listed(revision, "server")
    _suite("server", "--url", url, "-o", str(results), "--requirements", revision)
    return list(_verdicts(results, required, unscored, "server-"))


def server_scenarios(revision: str) -> list[str]:
    """Every server scenario that a requirement set runs, required or not."""
    required, unscored = _listed(revision, "server")
    return [*required, *unscored]


def judge_scenarios(url: str, scenarios: Sequence[str], revision: str, results: Path) -> list[Verdict]:
    """Run some server scenarios against a URL."""
    for scenario in scenarios:
        options = ["--scenario", scenario, "--spec-version", revision, "-o", str(results / "run"), "--force"]
        _suite("server", "--url", url, *options)
    return list(_verdicts(results / "run", [], list(scenarios), "server-"))


def judge_client(command: str, revision: str, results: Path) -> list[Verdict]:
    """Run every client scenario of a requirement set, one at a time, so that exit codes and time-outs count."""
    required, unscored = _listed(revision, "client")
    ended: dict[str, str] = {}
    for scenario in (*required, *unscored):
        options = ["--timeout", str(SCENARIO_MS), "-o", str(results), "--spec-version", revision, "--force"]
        said = _suite("client", "--command", command, "--scenario", scenario, *options)
        bad = re.search(r"CLIENT (TIMED OUT|EXITED WITH ERROR[^\n]*)", said)
        if bad:
            ended[scenario] = bad.group(1)
    return [
        Verdict(each.scenario, False, each.required, (*each.notes, ended[each.scenario]))
        if each.scenario in ended
        else each
        for each in _verdicts(results, required, unscored, "")
    ]


def _suite(*arguments: str) -> str:
    home = npm_env("mcp-conformance", [PACKAGE])
    script = home / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    done = subprocess.run(
        [str(node()), str(script), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1"},
    )
    return done.stdout + done.stderr


def _listed(revision: str, leg: str) -> tuple[list[str], list[str]]:
    required: list[str] = []
    unscored: list[str] = []
    section = ""
    for line in _suite("list", "--requirements", revision).splitlines():
        if re.match(r"\S", line):
            section = line.split(" ", 1)[0]
            continue
        item = re.match(r"\s+- (\S+)(?: \[(.*)\])?", line)
        if item and section.lower() == leg:
            required.append(item.group(1))
        elif item and section == "Run" and item.group(2) == leg:
            unscored.append(item.group(1))
    if not required:
        raise RuntimeError(f"the suite lists no {leg} scenario for {revision}")
    return required, unscored


def _verdicts(results: Path, required: list[str], unscored: list[str], prefix: str) -> Iterator[Verdict]:
    found: dict[str, list[dict[str, str]]] = {}
    for file in sorted(results.rglob("checks.json")):
        name = _STAMP.sub("", str(file.parent.relative_to(results))).removeprefix(prefix)
        found[name] = json.loads(file.read_text())
    for scenario in (*required, *unscored):
        checks = found.get(scenario)
        if checks is None:
            yield Verdict(scenario, False, scenario in required, ("no result: the scenario did not finish",))
            continue
        notes = tuple(
            f"{check['status']} {check['id']}: {check.get('errorMessage') or check['description']}"
            for check in checks
            if check["status"] in ("FAILURE", "WARNING")
        )
        good = any(check["status"] == "SUCCESS" for check in checks)
        failed = any(check["status"] in ("FAILURE", "WARNING") for check in checks)
        yield Verdict(scenario, good and not failed, scenario in required, notes if good or notes else ("empty",))
