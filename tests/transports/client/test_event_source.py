"""The SSE parser: the specification's examples, every way to cut a stream, and a naive reference beside it."""

from __future__ import annotations

import re
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.transports.client.event_source import EventSource, EventTooLong, NotText, StreamEvent

CASES: list[tuple[str, bytes, list[StreamEvent]]] = [
    ("one event", b"data: a\n\n", [StreamEvent("a")]),
    ("lines are joined", b"data: YHOO\ndata: +2\ndata: 10\n\n", [StreamEvent("YHOO\n+2\n10")]),
    (
        "ids stay until they are reset",
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        [StreamEvent("first event", id="1"), StreamEvent("second event"), StreamEvent(" third event")],
    ),
    ("empty data is an event", b"data\n\ndata\ndata\n\ndata:", [StreamEvent(""), StreamEvent("\n")]),
    ("one space is dropped", b"data:test\n\ndata: test\n\n", [StreamEvent("test"), StreamEvent("test")]),
    ("CR alone", b"data: a\r\rdata: b\r\r", [StreamEvent("a"), StreamEvent("b")]),
    ("CRLF", b"event: e\r\ndata: a\r\n\r\n", [StreamEvent("a", "e")]),
    ("mixed ends", b"data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", [StreamEvent("a"), StreamEvent("b"), StreamEvent("c")]),
    ("a BOM in front", b"\xef\xbb\xbfdata: a\n\n", [StreamEvent("a")]),
    ("a BOM elsewhere", b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [StreamEvent("a")]),
    ("no data, no event", b"event: e\nid: 7\n\ndata: a\n\n", [StreamEvent("a", id="7")]),
    ("a null in an id", b"id: a\0b\ndata: a\n\n", [StreamEvent("a")]),
    ("unknown fields and comments", b"x: y\n:c\n: data: no\ndata: a\nnonsense\n\n", [StreamEvent("a")]),
    ("other separators are data", "data: a\u2028b\x0bc\x85\n\n".encode(), [StreamEvent("a\u2028b\x0bc\x85")]),
    ("an unfinished event", b"data: a\n\ndata: b\n", [StreamEvent("a")]),
]


def read(stream: bytes, step: int) -> tuple[list[StreamEvent], EventSource]:
    source = EventSource()
    events: list[StreamEvent] = []
    for at in range(0, len(stream), step):
        events += source.feed(stream[at : at + step])
    return events, source


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
@pytest.mark.parametrize(("stream", "events"), [pytest.param(s, e, id=name) for name, s, e in CASES])
def test_a_stream_gives_its_events_however_it_is_cut(stream: bytes, events: list[StreamEvent], step: int) -> None:
    assert read(stream, step)[0] == events


def naive(stream: bytes) -> list[StreamEvent]:
    """The specification read aloud, on the whole stream at once."""
    text = stream.decode().removeprefix("\ufeff")
    lines = re.split("\r\n|\n|\r", text)[:-1]
    events: list[StreamEvent] = []
    data, event, last = "", "", ""
    for line in lines:
        if line == "":
            if data:
                events.append(StreamEvent(data[:-1], event or "message", last))
            data, event = "", ""
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line.startswith(":"):
            continue
        if name == "data":
            data += value + "\n"
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            last = value
    return events


FIELDS = st.sampled_from(
    ["data: a", "data:b", "data", "id: 1", "id", "event: x", ":c", "retry: 5", "", "", "x", "é: ü", "data: 日本"]
)
STREAMS = st.lists(st.tuples(FIELDS, st.sampled_from(["\n", "\r", "\r\n"])), max_size=30)


@given(STREAMS, st.lists(st.integers(1, 9), min_size=1, max_size=20), st.booleans())
def test_any_stream_cut_anywhere_is_read_like_the_whole(
    pieces: list[tuple[str, str]], cuts: list[int], bom: bool
) -> None:
    stream = (("\ufeff" if bom else "") + "".join(line + end for line, end in pieces)).encode() + b":\n"
    source, at, turn = EventSource(), 0, 0
    events: list[StreamEvent] = []
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        events += source.feed(stream[at : at + step])
        at, turn = at + step, turn + 1
    assert events == naive(stream)


@given(st.binary(max_size=200))
def test_any_bytes_give_events_or_the_one_refusal(stream: bytes) -> None:
    try:
        read(stream, 7)
    except NotText:
        with pytest.raises(UnicodeDecodeError):
            stream.decode()


def test_retry_and_ids_are_kept_for_coming_back() -> None:
    _, source = read(b"retry: 300\nid: e1\ndata: \n\nretry: soon\nretry: -4\nid: e2\ndata: half", 5)
    assert source.retry_ms == 300
    assert source.last_id == "e1"  # the event of e2 did not arrive
    assert source.partial


def test_a_stream_that_ends_between_events_is_whole() -> None:
    for stream in (b"", b"data: a\n\n", b"data: a\n\n: keep alive\n\n", b"data: a\r\r", b"data: a\n\n:\n"):
        assert not read(stream, 3)[1].partial


def test_a_stream_that_ends_in_an_event_says_so() -> None:
    for stream in (b"data: a", b"data: a\n", b"data: a\n\ndat", b"data: a\n\n\xc3"):
        assert read(stream, 3)[1].partial


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 2000, b"data: xxxxxxxx\n" * 200, b"x" * 2000])
def test_an_event_beyond_its_bound_is_refused(stream: bytes) -> None:
    source = EventSource(max_bytes=1000)
    chunks = [stream[at : at + 100] for at in range(0, len(stream), 100)]
    with pytest.raises(EventTooLong):
        deque(map(source.feed, chunks), maxlen=0)


def test_bytes_that_are_no_text_are_refused_not_replaced() -> None:
    with pytest.raises(NotText):
        EventSource().feed(b'data: "\xff"\n\n')
