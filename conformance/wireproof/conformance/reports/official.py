"""The shape of the official suite's `checks.json`, for tools that read it."""

from __future__ import annotations

import json
from typing import Final

from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.verdict import Verdict
from wireproof.schemas.jsonrpc import JSONObject

STATUS: Final = {
    Verdict.PASS: "SUCCESS",
    Verdict.FAIL: "FAILURE",
    Verdict.WARN: "WARNING",
    Verdict.SKIPPED: "SKIPPED",
    Verdict.NOT_APPLICABLE: "SKIPPED",
    Verdict.INCONCLUSIVE: "INFO",
}


def render(report: Report) -> str:
    """The JSON array of checks."""
    urls = {row.requirement.id: row.requirement.url for row in report.requirements}
    return json.dumps([_check(report, result, urls) for result in report.results], indent=1) + "\n"


def _check(report: Report, result: CheckResult, urls: dict[str, str]) -> JSONObject:
    found: JSONObject = {
        "id": result.check,
        "name": result.title,
        "description": f"{result.title} ({result.transport}, {result.revision})",
        "status": STATUS[result.verdict],
        "timestamp": report.started,
        "specReferences": [{"id": id_, "url": urls.get(id_, "")} for id_ in result.shows],
        "details": {
            "transport": result.transport,
            "specVersion": result.revision,
            "command": result.command,
            "exchanges": [{"way": item.way, "text": item.text} for item in result.exchanges[-6:]],
        },
    }
    if result.verdict is not Verdict.PASS and result.detail:
        found["errorMessage"] = result.detail
    return found
