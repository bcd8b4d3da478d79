"""Server-sent events are read as the WHATWG standard says, however the stream is split."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tts.providers.event_stream import EventStream, ServerSentEvent


def events(*pieces: bytes) -> list[ServerSentEvent]:
    stream = EventStream()
    return [event for piece in pieces for event in stream.feed(piece)]


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"data: one\n\ndata: two\n\n", [b"one", b"two"]),
        (b"data: one\r\rdata: two\r\r", [b"one", b"two"]),
        (b"data: one\r\n\r\ndata: two\r\n\r\n", [b"one", b"two"]),
        (b"data: one\r\n\ndata: two\n\r", [b"one", b"two"]),
        (b"\xef\xbb\xbfdata: one\n\n", [b"one"]),
        (b"data: one\n\n\xef\xbb\xbfdata: two\n\n", [b"one"]),
        (b"data:one\n\n", [b"one"]),
        (b"data:  one \n\n", [b" one "]),
        (b"data: {\ndata: }\n\n", [b"{\n}"]),
        (b"data\n\n", [b""]),
        (b"data:\ndata\n\n", [b"\n"]),
        (b": a comment\n\n:\n\ndata: one\n\n", [b"one"]),
        (b"id: 5\nretry: 10\nunknown: x\nno colon\ndata: one\n\n", [b"one"]),
        (b"id: 5\n\nevent: lonely\n\ndata: one\n\n", [b"one"]),
        (b" data: indented\n\ndata : spaced\n\nDATA: loud\n\n", []),
        (b"data: one\n\ndata: not whole", [b"one"]),
        (b"data: one\n\ndata: without a blank line\n", [b"one"]),
    ],
)
def test_events_are_read_as_the_standard_says(stream: bytes, data: list[bytes]) -> None:
    assert [event.data for event in events(stream)] == data
    assert [event.data for event in events(*(bytes([byte]) for byte in stream))] == data


def test_a_name_applies_to_one_event_only() -> None:
    assert events(b"event: error\ndata: a\n\ndata: b\n\n") == [
        ServerSentEvent("error", b"a"),
        ServerSentEvent("message", b"b"),
    ]


def test_an_event_that_a_piece_completes_is_returned_at_once() -> None:
    stream = EventStream()
    assert [each.data for each in stream.feed(b"data: one\r\n\r")] == [b"one"]
    assert list(stream.feed(b"\ndata: two\n")) == []
    assert [each.data for each in stream.feed(b"\n")] == [b"two"]


def test_comments_do_not_make_an_event_grow() -> None:
    stream = EventStream()
    assert [list(stream.feed(b": still here\n\n")) for _ in range(1000)] == [[]] * 1000
    assert stream.size == 0
    assert list(stream.feed(b"data: x")) == []
    assert stream.size == 7


_LINES = st.lists(st.sampled_from([b"data: a", b"data:b", b":c", b"event: e", b"", b"x"]), max_size=12)


@given(_LINES, st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=1), st.lists(st.integers(0, 80)))
def test_events_do_not_depend_on_how_the_stream_is_split(
    lines: list[bytes], ends: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(line + ends[at % len(ends)] for at, line in enumerate(lines))
    places = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert events(*pieces) == events(stream)
