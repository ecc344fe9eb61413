"""The report as JSON, in the form that `report.schema.json` of this package describes."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Final

from wireproof.conformance.report import CheckResult, Report, RequirementResult
from wireproof.conformance.verdict import Exchange, Verdict
from wireproof.schemas.jsonrpc import JSONObject

VERSION: Final = 1
"""Grows when a reader of an older report could misunderstand a newer one."""


def render(report: Report) -> str:
    """The report as a JSON document."""
    return json.dumps(document(report), indent=1, ensure_ascii=False) + "\n"


def schema() -> JSONObject:
    """The JSON Schema (2020-12) of the document."""
    found: JSONObject = json.loads(
        files("wireproof.conformance.reports").joinpath("report.schema.json").read_text(encoding="utf-8")
    )
    return found


def document(report: Report) -> JSONObject:
    """The report as a JSON object."""
    return {
        "version": VERSION,
        "target": report.target,
        "implementation": report.implementation,
        "protocol": report.protocol,
        "role": report.role,
        "started": report.started,
        "seconds": report.seconds,
        "problem": report.problem,
        "cut": report.cut,
        "exitCode": report.exit_code,
        "cells": report.cells,
        "counts": {verdict.value: report.count(verdict) for verdict in Verdict},
        "areas": report.area_seconds(),
        "stale": report.stale,
        "requirements": [_requirement(row) for row in report.requirements],
        "results": [_result(result) for result in report.results],
    }


def _requirement(row: RequirementResult) -> JSONObject:
    rule = row.requirement
    return {
        "id": rule.id,
        "level": rule.level.value,
        "text": rule.text,
        "url": rule.url,
        "verdict": row.verdict.value,
        "results": sorted({result.key for result in row.results}),
    }


def _result(result: CheckResult) -> JSONObject:
    return {
        "key": result.key,
        "check": result.check,
        "title": result.title,
        "area": result.area,
        "transport": result.transport,
        "revision": result.revision,
        "requirements": list(result.shows),
        "verdict": result.verdict.value,
        "detail": result.detail,
        "expected": result.expected,
        "ms": result.ms,
        "command": result.command,
        "exchanges": [_exchange(item) for item in _kept(result)],
    }


def _kept(result: CheckResult) -> list[Exchange]:
    """The evidence of what did not pass; a pass keeps its last two messages."""
    return result.exchanges[-2:] if result.verdict is Verdict.PASS else result.exchanges


def _exchange(item: Exchange) -> JSONObject:
    return {"way": item.way, "atMs": item.at_ms, "bytes": item.total, "text": item.text}
