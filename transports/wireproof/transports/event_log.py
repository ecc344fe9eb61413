"""What a session has sent, kept for a while so that a broken stream can be resumed.

Pure: no clock, no connection. Bounded; the oldest events go first, and a reader who missed one is told.
Spec: MCP 2025-11-25 basic/transports, Resumability and Redelivery.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final

MAX_EVENTS: Final = 1024
MAX_BYTES: Final = 1024 * 1024

_EVENT_ID: Final = re.compile(r"([0-9]{1,12})-([0-9]{1,12})")


class Stream:
    """The messages of one stream, numbered from 1. Position 0 is the start, which a priming event names."""

    __slots__ = ("done", "events", "forgotten", "last", "number")

    def __init__(self, number: int) -> None:
        self.number: Final = number
        self.events: Final[deque[tuple[int, bytes]]] = deque()
        self.last = 0
        self.forgotten = 0
        self.done = False

    def event_id(self, position: int) -> str:
        """The id that names this position; unique in its session."""
        return f"{self.number}-{position}"

    def after(self, position: int) -> list[tuple[int, bytes]] | None:
        """The messages after that position; None when one of them is no longer kept."""
        if position < self.forgotten:
            return None
        return [event for event in self.events if event[0] > position]


class EventLog:
    """The streams of one session. Holds at most `max_events` messages and `max_bytes` bytes in all."""

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events: Final = max_events
        self._max_bytes: Final = max_bytes
        self._streams: Final[dict[int, Stream]] = {}
        self._order: Final[deque[Stream]] = deque()
        self._bytes = 0
        self._next = 0

    def __len__(self) -> int:
        return len(self._order)

    @property
    def streams(self) -> int:
        """How many streams can still be resumed."""
        return len(self._streams)

    def knows(self, number: int) -> bool:
        """True while the stream with that number can be resumed."""
        return number in self._streams

    def open(self) -> Stream:
        """A new stream; it is known to `find` until it is done and all its messages are gone."""
        stream = Stream(self._next)
        self._next += 1
        self._streams[stream.number] = stream
        return stream

    def append(self, stream: Stream, data: bytes) -> None:
        """Keep one message; the oldest ones make room."""
        stream.last += 1
        stream.events.append((stream.last, data))
        self._order.append(stream)
        self._bytes += len(data)
        while len(self._order) > self._max_events or (self._bytes > self._max_bytes and len(self._order) > 1):
            self._forget(self._order.popleft())

    def finish(self, stream: Stream) -> None:
        """Nothing more will be appended."""
        stream.done = True
        if not stream.events:
            self._streams.pop(stream.number, None)

    def find(self, event_id: str) -> tuple[Stream, int] | None:
        """The stream and position that an id names; None when it names none that is kept."""
        found = _EVENT_ID.fullmatch(event_id)
        if found is None:
            return None
        stream, position = self._streams.get(int(found.group(1))), int(found.group(2))
        if stream is None or position > stream.last or position < stream.forgotten:
            return None
        return stream, position

    def _forget(self, stream: Stream) -> None:
        stream.forgotten, data = stream.events.popleft()
        self._bytes -= len(data)
        if stream.done and not stream.events:
            self._streams.pop(stream.number, None)
