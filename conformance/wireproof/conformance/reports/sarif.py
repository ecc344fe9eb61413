"""The report as SARIF 2.1.0: a rule for each requirement, a result for each check that did not pass."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from typing import Final

from wireproof.conformance.ledger import Requirement
from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.verdict import Verdict
from wireproof.schemas.jsonrpc import JSONObject

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL: Final = {Verdict.FAIL: "error", Verdict.WARN: "warning", Verdict.INCONCLUSIVE: "note"}


def render(report: Report) -> str:
    """The SARIF document."""
    rules = [row.requirement for row in report.requirements]
    places = {rule.id: index for index, rule in enumerate(rules)}
    shown = [result for result in report.results if result.verdict in _LEVEL]
    driver: JSONObject = {
        "name": "wireproof",
        "version": version("wireproof"),
        "informationUri": "https://modelcontextprotocol.io/specification",
        "rules": [_rule(rule) for rule in rules],
    }
    run: JSONObject = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": not report.problem, "exitCode": report.exit_code}],
        "results": [_result(report, result, places) for result in shown],
        "columnKind": "unicodeCodePoints",
    }
    if report.problem:
        note = {"level": "error", "message": {"text": report.problem}}
        run["invocations"][0]["toolExecutionNotifications"] = [note]
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(rule: Requirement) -> JSONObject:
    source = {"helpUri": rule.url} if rule.url else {}
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.text},
        **source,
        "defaultConfiguration": {"level": "error" if rule.level.is_strict else "warning"},
        "properties": {"level": rule.level.value, "tags": [rule.protocol]},
    }


def _result(report: Report, result: CheckResult, places: dict[str, int]) -> JSONObject:
    rule = result.shows[0]
    found: JSONObject = {
        "ruleId": rule,
        "level": _LEVEL[result.verdict],
        "kind": "fail" if result.verdict is not Verdict.INCONCLUSIVE else "open",
        "message": {"text": f"{result.title} ({result.transport}, {result.revision}): {result.detail}"},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": f"{report.target}#{result.key}"}]}],
        "partialFingerprints": {"checkAndCell/v1": result.key},
        "properties": {"command": result.command, "requirements": list(result.shows)},
    }
    if rule in places:
        found["ruleIndex"] = places[rule]
    if result.verdict is Verdict.INCONCLUSIVE:
        found["level"] = "none"
    if result.expected:
        found["suppressions"] = [{"kind": "external", "justification": "expected by the baseline"}]
    file = re.sub(r"#.*$", "", report.target)
    if file.endswith((".py", ".json")) and "://" not in file and " " not in file:
        place = {"artifactLocation": {"uri": file}, "region": {"startLine": 1}}
        found["locations"][0]["physicalLocation"] = place
    return found
