"""The whole official suite against our own server and client: `python -m tests.official [server|client]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.mcp_tools.listening import EVERYTHING, ROOT, served
from tests.official.suite import REVISIONS, Verdict, judge_client, judge_server

NEVER_JUDGED = {
    "tasks-status-notifications": "the suite skips it always",
}
"""Unscored scenarios whose result says nothing, with the reason."""


def show(leg: str, revision: str, verdicts: list[Verdict]) -> bool:
    """Print what did not pass and the count; True when all that counts passed."""
    counted = [
        each for each in verdicts if each.scenario not in NEVER_JUDGED and not each.scenario.startswith("sep-2640")
    ]
    for each in counted:
        if not each.passed:
            print(f"  failed {'required' if each.required else 'unscored'} {each.scenario}")
            for note in each.notes:
                print(f"      {' '.join(note.split())[:300]}")
    required = [each for each in counted if each.required]
    others = [each for each in counted if not each.required]
    print(
        f"{leg} {revision}: required {sum(each.passed for each in required)} of {len(required)}, "
        f"unscored {sum(each.passed for each in others)} of {len(others)}",
        flush=True,
    )
    return all(each.passed for each in counted)


def main(legs: list[str]) -> int:
    """Exit code 0 when every scenario passed in both revisions."""
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for revision in REVISIONS:
            if "server" in legs:
                with served(EVERYTHING) as origin:
                    verdicts = judge_server(f"{origin}/mcp", revision, Path(folder, "server", revision))
                good &= show("server", revision, verdicts)
            if "client" in legs:
                command = f"{sys.executable} {ROOT / 'examples' / 'conformance_client.py'}"
                verdicts = judge_client(command, revision, Path(folder, "client", revision))
                good &= show("client", revision, verdicts)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["server", "client"]))
