"""The verdicts, the ways a check ends, and the exchange that proves it. Knows no protocol."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

KEEP_BYTES: Final = 4096
"""Bytes of one message that the evidence keeps; the length is always kept."""
KEEP_EXCHANGES: Final = 60
"""Messages that one check keeps; later ones push out the middle, never the first ten."""


class Verdict(StrEnum):
    """How one check, or one requirement, ended."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    WARN = "warn"
    SKIPPED = "skipped"
    NOT_APPLICABLE = "not-applicable"
    INCONCLUSIVE = "inconclusive"


SEVERITY: Final = (
    Verdict.FAIL,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.PASS,
    Verdict.SKIPPED,
    Verdict.NOT_APPLICABLE,
)


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict of a requirement from those of its checks: the most severe one that says something."""
    return min(verdicts, key=SEVERITY.index, default=Verdict.NOT_APPLICABLE)


class Ended(Exception):
    """A check ended without a pass; the text says why."""

    verdict = Verdict.INCONCLUSIVE


class Broken(Ended):
    """The target broke the rule."""

    verdict = Verdict.FAIL


class NotHere(Ended):
    """The target does not have what the rule is about."""

    verdict = Verdict.NOT_APPLICABLE


class Unsure(Ended):
    """What was seen decides nothing."""

    verdict = Verdict.INCONCLUSIVE


class LeftOut(Ended):
    """The check was not run, by choice."""

    verdict = Verdict.SKIPPED


class PeerGone(Broken):
    """The process ended or the connection closed in the middle of a check."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message, or one event, of the evidence."""

    way: str
    """`sent`, `received` or `note`."""
    at_ms: float
    data: bytes
    total: int

    @property
    def text(self) -> str:
        """The bytes for people; what is no UTF-8 shows as escapes."""
        shown = self.data.decode("utf-8", "backslashreplace")
        return shown if len(self.data) == self.total else f"{shown}… ({self.total} bytes)"


@dataclass(slots=True)
class Recorder:
    """Keeps what went over the wire during one check, bounded."""

    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    command: str = ""
    _start: float = field(default_factory=time.monotonic)

    def sent(self, data: bytes) -> None:
        """Keep bytes that went to the target."""
        self._add("sent", data)

    def received(self, data: bytes) -> None:
        """Keep bytes that came from the target."""
        self._add("received", data)

    def note(self, text: str) -> None:
        """Keep an event: a signal, an end of file, a wait."""
        self._add("note", text.encode())

    def _add(self, way: str, data: bytes) -> None:
        at = round((time.monotonic() - self._start) * 1000, 2)
        self.exchanges.append(Exchange(way, at, bytes(data[:KEEP_BYTES]), len(data)))
        if len(self.exchanges) > KEEP_EXCHANGES:
            del self.exchanges[10]


def printf(data: bytes) -> str:
    """A shell word list that prints exactly these bytes."""
    text = data.decode("utf-8", "replace")
    if text.encode() == data and text.isprintable():
        return f"printf '%s' {shlex.quote(text)}"
    escaped = "".join(_octal(byte) for byte in data)
    return f"printf '{escaped}'"


def _octal(byte: int) -> str:
    if byte == 10:
        return "\\n"
    return chr(byte) if 32 <= byte < 127 and chr(byte) not in "\\'%" else f"\\{byte:03o}"


def pipe_command(lines: list[bytes], command: list[str]) -> str:
    """One line that sends the same lines to a fresh process of the target."""
    shown = b"".join(lines)
    if len(shown) > KEEP_BYTES:
        return f"# {len(shown)} bytes on stdin of: {shlex.join(command)}"
    return f"({printf(shown)}; sleep 2) | {shlex.join(command)}"


def curl_command(method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> str:
    """One line that sends the same HTTP request."""
    options = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers)
    start = f"curl -sSi -X {method} {shlex.quote(url)} {options}".rstrip()
    if not body:
        return start
    if len(body) > KEEP_BYTES:
        return f"# with a body of {len(body)} bytes: {start}"
    return f"{printf(body)} | {start} --data-binary @-"
