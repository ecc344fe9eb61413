"""The `wireproof` command: it reads arguments, imports the room that does the work, and prints what came.

Nothing is imported before it is needed, so that a server which a host spawns starts fast.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 good, 1 the work failed, 2 wrong call."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if len(arguments) == 2 and arguments[0] == "run" and not arguments[1].startswith("-"):
        from wireproof.cli.run import run_stdio  # what hosts spawn: no argument parser

        return run_stdio(arguments[1])
    from wireproof.cli.commands import dispatch

    return dispatch(arguments)
