"""Lines as a client reads them: what is no message is not answered, it is bound to the call whose answer it was.

Pure: bytes in, outcomes out. Noise (a stray print of a server) is dropped with a warning, the connection lives.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Final

from wireproof.schemas.jsonrpc import (
    INVALID_PARAMS,
    MAX_MESSAGE,
    Failure,
    Outcome,
    Refusal,
    RequestId,
    decode,
    too_large,
)

log = logging.getLogger("wireproof.transports.client")

_EDGE: Final = 256
_ID: Final = rb'"id"\s*:\s*(?:(-?[0-9]{1,18})|"([^"\\\x00-\x1f]{0,256})")\s*'
_HEAD_ID: Final = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?' + _ID + rb"[,}]")
_TAIL_ID: Final = re.compile(_ID + rb'(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')


@dataclass(slots=True)
class Unreadable(Failure):
    """A line that is no message. `id` is the id it seems to have, `message` what is wrong with it."""


def unreadable(refusal: Refusal, head: bytes, tail: bytes) -> Unreadable:
    """What a client makes of a refusal: its id is looked for at both ends of the bytes, where encoders put it."""
    return Unreadable(_id_in(head, tail) if refusal.id is None else refusal.id, refusal.code, refusal.message)


def _id_in(head: bytes, tail: bytes) -> RequestId | None:
    found = _HEAD_ID.match(head) or _TAIL_ID.search(tail)
    if found is None:
        return None
    number, text = found.groups()
    return int(number) if number is not None else text.decode("utf-8", "replace")


class AnswerLines:
    """Newline-delimited JSON for the client's end. A line longer than `max_bytes` is skipped to its newline."""

    __slots__ = ("_head", "_held", "_max", "_size", "_skipping", "_tail")

    def __init__(self, *, max_bytes: int = MAX_MESSAGE) -> None:
        self._max: Final = max_bytes
        self._held: list[bytes] = []
        self._size = 0
        self._skipping = False
        self._head = b""
        self._tail = b""

    def feed(self, data: bytes) -> list[Outcome]:
        """Take the next bytes; give the outcomes that they complete, in order."""
        *lines, rest = data.split(b"\n")
        outcomes: list[Outcome] = []
        for line in lines:
            self._end_line(line, outcomes)
        if rest:
            self._hold(rest)
        return outcomes

    def _hold(self, rest: bytes) -> None:
        if self._skipping:
            self._tail = (self._tail + rest[-_EDGE:])[-_EDGE:]
            return
        self._held.append(rest)
        self._size += len(rest)
        if self._size > self._max:
            whole = b"".join(self._held)
            self._held.clear()
            self._size = 0
            self._skipping, self._head, self._tail = True, whole[:_EDGE], whole[-_EDGE:]

    def _end_line(self, line: bytes, outcomes: list[Outcome]) -> None:
        if self._skipping:
            self._skipping = False
            outcomes.append(unreadable(too_large(self._max), self._head, (self._tail + line[-_EDGE:])[-_EDGE:]))
            return
        if self._held:
            self._held.append(line)
            line = b"".join(self._held)
            self._held.clear()
            self._size = 0
        self._read(line, outcomes)

    def _read(self, line: bytes, outcomes: list[Outcome]) -> None:
        outcome = decode(line, max_bytes=self._max)
        if not isinstance(outcome, Refusal) or outcome.code == INVALID_PARAMS:  # only a request has params to refuse
            outcomes.append(outcome)
        elif line.lstrip()[:1] in (b"{", b"["):
            outcomes.append(unreadable(outcome, line[:_EDGE], line[-_EDGE:]))
        elif line.strip():
            log.warning("a line of the server is no JSON-RPC message and is ignored: %.80r", line[:80])

    def end(self) -> list[Outcome]:
        """The stream has ended: a last line without newline is a line."""
        outcomes: list[Outcome] = []
        if self._held or self._skipping:
            self._end_line(b"", outcomes)
        return outcomes

    def frame(self, message: bytes) -> bytes:
        """The message and its newline; encoders never put a newline inside."""
        return message + b"\n"
