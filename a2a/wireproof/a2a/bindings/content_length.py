"""Framing of the stdio binding: a message a line, or `Content-Length` frames when the first bytes are such a header.

Pure: bytes in, outcomes out. The first byte of a connection that is no white space decides once, for both directions.
"""

from __future__ import annotations

import re
from typing import Final

from wireproof.a2a.bindings.frames import read_frame
from wireproof.schemas.jsonrpc import MAX_MESSAGE, PARSE_ERROR, Outcome, Refusal, too_large
from wireproof.transports.framing import Framer, LineFramer

MAX_HEAD: Final = 4096
"""Bytes of the header block of one frame."""
_END: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*\r?$")


class LengthFramer:
    """`Content-Length: N`, an empty line, N bytes. Other header fields are ignored.

    A body longer than `max_bytes` is refused once and skipped. A header block without a length leaves no way to find
    the next frame: it is refused, and everything after it is skipped.
    """

    __slots__ = ("_body", "_held", "_lost", "_max", "_skip")

    def __init__(self, *, max_bytes: int = MAX_MESSAGE) -> None:
        self._max: Final = max_bytes
        self._held = bytearray()
        self._body = -1
        self._skip = 0
        self._lost = False

    def feed(self, data: bytes) -> list[Outcome]:
        """Take the next bytes; give the outcomes that they complete, in order."""
        outcomes: list[Outcome] = []
        if self._lost:
            return outcomes
        self._held += data
        while self._step(outcomes):
            pass
        return outcomes

    def _step(self, outcomes: list[Outcome]) -> bool:
        """One header block or one body; False when more bytes are needed."""
        if self._skip:
            gone = min(self._skip, len(self._held))
            del self._held[:gone]
            self._skip -= gone
            return self._skip == 0 and bool(self._held)
        if self._body < 0:
            return self._read_head(outcomes)
        if len(self._held) < self._body:
            return False
        body = bytes(self._held[: self._body])
        del self._held[: self._body]
        self._body = -1
        outcomes.append(read_frame(body, max_bytes=self._max))
        return bool(self._held)

    def _read_head(self, outcomes: list[Outcome]) -> bool:
        end = _END.search(self._held, 0, MAX_HEAD)
        if end is None:
            if len(self._held) >= MAX_HEAD:
                self._lose(outcomes, f"a frame's header of more than {MAX_HEAD} bytes")
            return False
        head = bytes(self._held[: end.start() + 1])
        del self._held[: end.end()]
        length = _LENGTH.search(head)
        if length is None:
            self._lose(outcomes, "a frame without Content-Length")
            return False
        size = int(length.group(1))
        if size > self._max:
            outcomes.append(too_large(self._max))
            self._skip = size
        else:
            self._body = size
        return True

    def _lose(self, outcomes: list[Outcome], why: str) -> None:
        self._lost = True
        self._held.clear()
        outcomes.append(Refusal(None, PARSE_ERROR, f"Parse error: {why}; nothing after it can be read"))

    def end(self) -> list[Outcome]:
        """The stream has ended: half a frame is refused."""
        if self._lost or not (self._held or self._body > 0):
            return []
        self._held.clear()
        self._body = -1
        return [Refusal(None, PARSE_ERROR, "Parse error: the input ends inside a frame")]

    def frame(self, message: bytes) -> bytes:
        """The message behind its length."""
        return b"Content-Length: %d\r\n\r\n%b" % (len(message), message)


class EitherFramer:
    """Lines, until the first bytes of the peer say `Content-Length`; answers in kind."""

    __slots__ = ("_chosen", "_lines", "_max", "_seen")

    def __init__(self, *, max_bytes: int = MAX_MESSAGE) -> None:
        self._max: Final = max_bytes
        self._lines: Final = LineFramer(max_bytes=max_bytes, decoder=read_frame)
        self._chosen: Framer | None = None
        self._seen = b""

    def feed(self, data: bytes) -> list[Outcome]:
        """Take the next bytes; give the outcomes that they complete, in order."""
        if self._chosen is not None:
            return self._chosen.feed(data)
        self._seen += data
        begun = self._seen.lstrip()
        if not begun:
            if len(self._seen) > MAX_HEAD:  # white space alone, without end: lines that are no JSON
                return self._choose(self._lines, self._seen)
            return []
        if begun[:1] in b"cC":  # no JSON value begins so
            return self._choose(LengthFramer(max_bytes=self._max), begun)
        return self._choose(self._lines, self._seen)

    def _choose(self, framer: Framer, data: bytes) -> list[Outcome]:
        self._chosen, self._seen = framer, b""
        return framer.feed(data)

    def end(self) -> list[Outcome]:
        """The stream has ended."""
        return [] if self._chosen is None else self._chosen.end()

    def frame(self, message: bytes) -> bytes:
        """Wrap one encoded message as the peer wraps his."""
        return (self._chosen or self._lines).frame(message)
