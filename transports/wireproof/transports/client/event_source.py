"""An SSE stream as a client reads it: bytes in, events out. Pure; knows no message and no connection.

Spec: WHATWG HTML, 9.2.5 and 9.2.6 (parsing and interpreting an event stream).
"""

from __future__ import annotations

import codecs
from typing import Final, NamedTuple

MAX_EVENT: Final = 4 * 1024 * 1024
_BOM: Final = "\ufeff"


class EventTooLong(ValueError):
    """An event, or one line of a stream, is longer than the reader takes."""


class NotText(ValueError):
    """The stream holds bytes that are no UTF-8. A browser would replace them; a message must not be changed."""


class StreamEvent(NamedTuple):
    """One event. `id` is the last id that the stream has named so far, "" when none."""

    data: str
    event: str = "message"
    id: str = ""


class EventSource:
    """Reads one stream. `last_id` and `retry_ms` hold what it said of coming back; `partial` tells of a cut event."""

    __slots__ = (
        "_after_cr",
        "_data",
        "_decoder",
        "_event",
        "_fresh",
        "_id",
        "_max",
        "_rest",
        "_size",
        "last_id",
        "retry_ms",
    )

    def __init__(self, *, max_bytes: int = MAX_EVENT, last_id: str = "") -> None:
        """`max_bytes` bounds one event; `last_id` is that of the stream which this one resumes."""
        self._max: Final = max_bytes
        self._decoder: Final = codecs.getincrementaldecoder("utf-8")("strict")
        self._fresh = True
        self._after_cr = False
        self._rest = ""
        self._size = 0
        self._data: list[str] = []
        self._event = ""
        self._id = last_id
        self.last_id = last_id
        self.retry_ms: int | None = None

    @property
    def partial(self) -> bool:
        """True when the bytes so far end inside an event: if the stream ends here, something is missing."""
        return bool(self._data or self._rest or self._decoder.getstate()[0])

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        """Take the next bytes; give the events that they complete. Raises `EventTooLong` and `NotText`."""
        try:
            text = self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            raise NotText("an event stream is UTF-8") from error
        if self._fresh and text:
            self._fresh = False
            text = text.removeprefix(_BOM)
        events: list[StreamEvent] = []
        for line in self._lines(text):
            self._take(line, events)
        return events

    def _lines(self, text: str) -> list[str]:
        """The complete lines. A CR ends its line at once; an LF that comes next belongs to it."""
        if self._after_cr and text:
            text = text.removeprefix("\n")
            self._after_cr = False
        if "\r" in text:
            self._after_cr = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, rest = text.split("\n")
        if lines:
            lines[0] = self._rest + lines[0]
            self._rest = rest
        else:
            self._rest += rest
        if len(self._rest) > self._max:
            raise EventTooLong(f"a line of more than {self._max} bytes")
        return lines

    def _take(self, line: str, events: list[StreamEvent]) -> None:
        if not line:
            self._dispatch(events)
            return
        name, colon, value = line.partition(":")
        if not name and colon:
            return
        value = value.removeprefix(" ")
        if name == "data":
            self._size += len(value) + 1
            if self._size > self._max:
                raise EventTooLong(f"an event of more than {self._max} bytes")
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) < 10:
            self.retry_ms = int(value)

    def _dispatch(self, events: list[StreamEvent]) -> None:
        self.last_id = self._id
        if self._data:
            events.append(StreamEvent("\n".join(self._data), self._event or "message", self._id))
        self._data = []
        self._size = 0
        self._event = ""
