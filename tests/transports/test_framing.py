"""Lines: whole, byte by byte, or glued together, the outcomes are the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wireproof.schemas.jsonrpc import PARSE_ERROR, Notification, Outcome, Refusal, encode_notification
from wireproof.transports.framing import LineFramer

lines = st.lists(
    st.sampled_from([encode_notification("a"), encode_notification("b", {"x": "ä"}), b"", b"{", b"[]", b" ", b"\xff"])
)


def feed(pieces: list[bytes], *, max_bytes: int = 1000) -> list[Outcome]:
    framer = LineFramer(max_bytes=max_bytes)
    return [outcome for piece in pieces for outcome in framer.feed(piece)] + framer.end()


@given(lines, st.integers(1, 7))
def test_however_a_stream_is_cut_its_lines_are_the_same(given_lines: list[bytes], size: int) -> None:
    stream = b"".join(line + b"\n" for line in given_lines)
    whole = feed([stream])
    assert len(whole) == len(given_lines)
    assert feed([stream[at : at + size] for at in range(0, len(stream), size)]) == whole


def test_a_last_line_without_newline_is_a_line() -> None:
    assert feed([encode_notification("a")]) == [Notification("a", {})]


def test_a_line_over_the_limit_is_refused_once_and_the_next_one_works() -> None:
    for pieces in ([b"x" * 50 + b"\n"], [b"x" * 10] * 5 + [b"\n"], [b"x" * 50, b"x" * 50, b"\n"]):
        outcomes = feed([*pieces, encode_notification("a") + b"\n"], max_bytes=40)
        assert [type(outcome) for outcome in outcomes] == [Refusal, Notification]
        assert isinstance(outcomes[0], Refusal)
        assert outcomes[0].code == PARSE_ERROR


def test_a_line_that_is_still_skipped_at_the_end_is_not_answered_twice() -> None:
    assert len(feed([b"x" * 50, b"x" * 50], max_bytes=40)) == 1


def test_what_a_framer_frames_it_reads() -> None:
    framer = LineFramer()
    assert framer.feed(framer.frame(encode_notification("a", {"text": "one\ntwo"}))) == [
        Notification("a", {"text": "one\ntwo"})
    ]
