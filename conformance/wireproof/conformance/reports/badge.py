"""A badge as SVG, and the JSON that badge services read."""

from __future__ import annotations

import json
from html import escape

from wireproof.conformance.report import Report
from wireproof.conformance.verdict import Verdict

GREEN, YELLOW, RED, GREY = "#2e7d32", "#8a6d00", "#b3261e", "#5f6368"
CHARACTER = 6.6
"""Pixels that one character of 11 px text takes, about."""


def _message(report: Report) -> tuple[str, str]:
    if report.problem:
        return "not judged", GREY
    judged = [row for row in report.requirements if row.verdict in {Verdict.PASS, Verdict.FAIL, Verdict.WARN}]
    good = sum(1 for row in judged if row.verdict is Verdict.PASS)
    color = RED if report.exit_code == 1 else GREEN if good == len(judged) else YELLOW
    return f"{good} of {len(judged)} rules", color


def render(report: Report) -> str:
    """The SVG image."""
    label = f"{report.protocol.upper() or 'MCP'} conformance"
    message, color = _message(report)
    left, right = round(len(label) * CHARACTER + 12), round(len(message) * CHARACTER + 12)
    title = escape(f"{label}: {message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="20" fill="#3c4043"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{color}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="6" y="14">{escape(label)}</text><text x="{left + 6}" y="14">{escape(message)}</text></g></svg>\n'
    )


def shield(report: Report) -> str:
    """The JSON that an endpoint badge reads."""
    message, color = _message(report)
    body = {
        "schemaVersion": 1,
        "label": f"{report.protocol.upper() or 'MCP'} conformance",
        "message": message,
        "color": color.removeprefix("#"),
    }
    return json.dumps(body) + "\n"
