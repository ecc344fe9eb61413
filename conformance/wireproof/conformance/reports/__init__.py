"""The forms of a report, and where it is written. Each form is a module with `render(report) -> str`; none decides."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from wireproof.conformance.commands import OptionError
from wireproof.conformance.report import Report

FORMATS: Final[dict[str, str]] = {
    "json": ".json",
    "junit": ".xml",
    "tap": ".tap",
    "sarif": ".sarif",
    "markdown": ".md",
    "html": ".html",
    "badge": ".svg",
    "shield": "",
    "checks": "",
    "github": "",
}
"""The formats and the file ending that names each; those without one are named by `FORMAT:FILE`."""


def renderer(name: str) -> Callable[[Report], str]:
    """The function that renders this format. Raises KeyError for an unknown one."""
    module = import_module(f"wireproof.conformance.reports.{_MODULES[name]}")
    found: Callable[[Report], str] = getattr(module, "shield" if name == "shield" else "render")
    return found


_MODULES: Final = {name: name for name in FORMATS} | {"shield": "badge", "json": "plain", "checks": "official"}


@dataclass(frozen=True, slots=True)
class Destination:
    """A format, and the file it goes to; `-` is stdout."""

    format: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Read `FILE` or `FORMAT:FILE`. Raises `OptionError` when no format is named."""
        name, colon, path = text.partition(":")
        if colon and name in FORMATS:
            if not path:
                raise OptionError(f"--report {text!r} names no file")
            return cls(name, path)
        ending = Path(text).suffix.lower()
        for known, its in FORMATS.items():
            if its and its == ending:
                return cls(known, text)
        raise OptionError(f"--report {text!r}: which format? Write one of {', '.join(FORMATS)} before it, as json:FILE")

    @property
    def is_stdout(self) -> bool:
        """True when it goes to stdout."""
        return self.path == "-"

    def write(self, report: Report) -> None:
        """Render and write. Raises `OptionError` when the file cannot be written."""
        # A target's JSON may hold half a surrogate pair, which no file can: it is shown as the escape it came as.
        data = renderer(self.format)(report).encode("utf-8", "backslashreplace")
        if self.is_stdout:
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
            return
        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            Path(self.path).write_bytes(data)
        except OSError as error:
            raise OptionError(f"cannot write {self.path}: {error.strerror}") from error
