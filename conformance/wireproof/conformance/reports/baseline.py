"""Expected failures: reads the official suite's YAML (`server:` and `client:`, a list of names under each).

A name is a check, a check with its cell (`check@transport/revision`), a requirement, an area, or a scenario of the
official suite (alone or as `scenario:check`). An entry of this role that no failure matches is stale.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from wireproof.conformance.commands import OptionError
from wireproof.conformance.report import CheckResult, Report
from wireproof.conformance.reports.scenarios import SCENARIOS
from wireproof.conformance.verdict import Verdict

_KEY: Final = re.compile(r"^([A-Za-z][\w-]*):\s*(\[\s*\])?\s*$")
_ITEM: Final = re.compile(r"^\s*-\s+(.+?)\s*$")


def read(path: str) -> dict[str, list[str]]:
    """The entries of a baseline file by role. Raises `OptionError` when it cannot be read or is of another form."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise OptionError(f"cannot read the baseline {path}: {error.strerror}") from error
    found: dict[str, list[str]] = {}
    role = ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.sub(r"(^|\s)#.*$", "", line)
        if not bare.strip() or bare.strip() == "---":
            continue
        key, item = _KEY.match(bare), _ITEM.match(bare)
        if key:
            role = key[1]
            found.setdefault(role, [])
        elif item and role:
            found[role].append(item[1].strip("\"'"))
        else:
            raise OptionError(f"line {number} of {path} is neither `server:`, `client:` nor `- NAME`: {line.strip()!r}")
    unknown = sorted(set(found) - {"server", "client"})
    if unknown:
        raise OptionError(f"{path} has the key {unknown[0]!r}; a baseline has server and client")
    return found


def apply(report: Report, entries: dict[str, list[str]]) -> None:
    """Mark the failures that are expected, and list the stale entries; where nothing was judged, none is."""
    if report.problem:
        return
    for entry in entries.get(report.role, []):
        matched = [result for result in report.results if result.verdict is Verdict.FAIL and names(entry, result)]
        for result in matched:
            result.expected = True
        if not matched:
            report.stale.append(entry)


def names(entry: str, result: CheckResult) -> bool:
    """True when a baseline's entry means this result."""
    if entry in {result.check, result.key, result.area, *result.shows}:
        return True
    scenario = entry.partition(":")[0]
    return result.check in SCENARIOS.get(scenario, ())
