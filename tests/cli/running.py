"""The command line as users have it: processes, their two outputs and their exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
_URL = re.compile(r"(?:http|grpc)://[^\s/]+")


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that is over."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The documents on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the text form."""
        return dict(line.split(": ", 1) for line in self.out.splitlines() if ": " in line)


def wireproof(*arguments: object, stdin: str = "", cwd: Path | None = None, **environment: str) -> Ran:
    """Run `wireproof` to its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("A2ACLI_")}
    done = subprocess.run(
        [sys.executable, "-m", "wireproof.cli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=cwd or ROOT,
        env={**kept, "XDG_CONFIG_HOME": "/nonexistent", **environment},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@contextmanager
def serving(*arguments: object, lines: int = 1) -> Generator[list[str]]:
    """Run `wireproof run …` while the block runs; gives the URLs that it tells, one a line of stderr."""
    command = [sys.executable, "-m", "wireproof.cli", "run", *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    try:
        said = [process.stderr.readline() for _ in range(lines)]
        yield [found.group(0) for line in said if (found := _URL.search(line))]
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stderr.close()
