"""Framing: how messages are cut out of a byte stream, and put back into one.

Pure: bytes in, outcomes out; every byte is answered for. Knows no socket and no method.

Spec: MCP 2026-07-28 basic/transports/stdio (one message a line).
"""

from __future__ import annotations

from typing import Final, Protocol

from wireproof.schemas.jsonrpc import MAX_MESSAGE, Outcome, decode, too_large


class Decoder(Protocol):
    """Reads one frame; `decode` is the usual one, a binding with members of its own brings another."""

    def __call__(self, data: bytes, *, max_bytes: int) -> Outcome:
        """The outcome of exactly these bytes. Never raises."""
        ...


class Framer(Protocol):
    """One direction of a byte stream, cut into messages."""

    def feed(self, data: bytes) -> list[Outcome]:
        """Take the next bytes; give the outcomes that they complete, in order."""
        ...

    def end(self) -> list[Outcome]:
        """The stream has ended; give what its last bytes still were."""
        ...

    def frame(self, message: bytes) -> bytes:
        """Wrap one encoded message for the way out."""
        ...


class LineFramer:
    """Newline-delimited JSON. A line longer than `max_bytes` is refused once and skipped to its newline.

    A line without any content is answered like every other line that is no JSON.
    """

    __slots__ = ("_decode", "_held", "_max", "_size", "_skipping")

    def __init__(self, *, max_bytes: int = MAX_MESSAGE, decoder: Decoder = decode) -> None:
        self._max: Final = max_bytes
        self._decode: Final = decoder
        self._held: list[bytes] = []
        self._size = 0
        self._skipping = False

    def feed(self, data: bytes) -> list[Outcome]:
        """Take the next bytes; give the outcomes that they complete, in order."""
        *lines, rest = data.split(b"\n")
        outcomes: list[Outcome] = []
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif self._held:
                self._held.append(line)
                outcomes.append(self._decode(b"".join(self._held), max_bytes=self._max))
                self._held.clear()
                self._size = 0
            else:
                outcomes.append(self._decode(line, max_bytes=self._max))
        if rest and not self._skipping:
            self._hold(rest, outcomes)
        return outcomes

    def _hold(self, rest: bytes, outcomes: list[Outcome]) -> None:
        self._size += len(rest)
        if self._size > self._max:
            outcomes.append(too_large(self._max))
            self._held.clear()
            self._size = 0
            self._skipping = True
        else:
            self._held.append(rest)

    def end(self) -> list[Outcome]:
        """The stream has ended: a last line without newline is a line."""
        if not self._held:
            return []
        line = b"".join(self._held)
        self._held.clear()
        self._size = 0
        return [self._decode(line, max_bytes=self._max)]

    def frame(self, message: bytes) -> bytes:
        """The message and its newline; encoders never put a newline inside."""
        return message + b"\n"
