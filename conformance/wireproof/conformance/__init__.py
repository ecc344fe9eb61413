"""The judge: point it at a server or an agent, in any language, and get a verdict for each rule of its protocol.

`check(target)` runs everything and returns a `Report`; `fuzz` throws inputs at it. The command line, the reports and
the pytest plugin are made of these.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wireproof.conformance.fuzzing import Cassette, from_schema, fuzz
    from wireproof.conformance.mcp_cell import Options
    from wireproof.conformance.report import CheckResult, Report
    from wireproof.conformance.requirements import LEDGER
    from wireproof.conformance.run import Selection, check, judge
    from wireproof.conformance.target import Target, UnknownTarget
    from wireproof.conformance.verdict import Exchange, Verdict

__all__ = [
    "LEDGER",
    "Cassette",
    "CheckResult",
    "Exchange",
    "Options",
    "Report",
    "Selection",
    "Target",
    "UnknownTarget",
    "Verdict",
    "check",
    "from_schema",
    "fuzz",
    "judge",
]

_WHERE = {
    "LEDGER": "requirements",
    "Cassette": "fuzzing",
    "CheckResult": "report",
    "Exchange": "verdict",
    "Options": "mcp_cell",
    "Report": "report",
    "Selection": "run",
    "Target": "target",
    "UnknownTarget": "target",
    "Verdict": "verdict",
    "check": "run",
    "from_schema": "fuzzing",
    "fuzz": "fuzzing",
    "judge": "run",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the command line stays fast for those who judge nothing."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
