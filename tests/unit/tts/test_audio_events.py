"""Samples are extracted from server-sent events, and any other body is refused."""

import base64

import pytest

from services.shared.audio import wav
from services.tts.providers.audio_events import MAX_EVENT_BYTES, AudioEvents
from services.tts.providers.http_errors import ReportedError, TextBody, TruncatedBody, UnusableBody
from tests.fakes.bodies import FORMATS, mp3_frames, wav_of
from tests.fakes.bodies import audio_event as event

PCM = bytes(range(1, 41))
DONE = b'data: {"done": true}\n\n'


def read(data: bytes, piece_bytes: int = 4800, events: AudioEvents | None = None) -> bytes:
    events = events or AudioEvents(24000)
    starts = range(0, len(data), piece_bytes)
    pieces = [each for at in starts for each in events.feed(data[at : at + piece_bytes], 0.0)]
    return b"".join(audio for _, audio in [*pieces, *events.finish()])


@pytest.mark.parametrize("piece_bytes", [1, 5, 10_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_samples_are_read_from_events_however_the_stream_is_split(
    piece_bytes: int, line_end: bytes, begin: bytes
) -> None:
    stream = b": hello\n" + event(PCM[:10]) + event(b"") + event(PCM[10:]) + DONE
    assert read(begin + stream.replace(b"\n", line_end), piece_bytes) == PCM


def test_the_first_event_after_a_byte_order_mark_is_read() -> None:
    assert read(b"\xef\xbb\xbf" + event(PCM) + DONE) == PCM


@pytest.mark.parametrize("empty", [None, False, "", {}])
def test_an_empty_error_is_ignored(empty: object) -> None:
    assert read(event(PCM, error=empty) + DONE) == PCM


@pytest.mark.parametrize(
    "end", [DONE, b"data: [DONE]\n\n", b'data: {"type": "speech.audio.done", "usage": {}}\n\n', event(b"", done=True)]
)
def test_every_kind_of_end_is_recognised(end: bytes) -> None:
    assert read(event(PCM) + end) == PCM


@pytest.mark.parametrize("end", [b"", b'data: {"done": true}', b'data: {"done": true}\n', b'data: {"done": false}\n\n'])
def test_events_without_a_complete_end_are_truncated(end: bytes) -> None:
    with pytest.raises(TruncatedBody):
        read(event(PCM) + end)


def test_data_over_several_lines_is_one_event() -> None:
    text = base64.b64encode(PCM).decode()
    assert read(f'data: {{\ndata: "audio":\ndata: "{text}"\ndata: }}\n\n'.encode() + DONE) == PCM


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(PCM).decode().rstrip("="),
        base64.encodebytes(PCM).decode().replace("\n", "\\n"),
        base64.b64encode(PCM).decode() + "\\r\\n",
        "+/+/" * 13 + "AA==",
        "-_-_" * 13 + "AA",
    ],
    ids=["not padded", "wrapped", "with a line end", "standard", "for URLs"],
)
def test_every_variant_of_base64_is_read(text: str) -> None:
    expected = PCM if text[0] not in "+-" else b"\xfb\xff\xbf" * 13 + b"\0"
    assert read(f'data: {{"audio": "{text}"}}\n\n'.encode() + DONE) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"plain words",
        b'{"audio": "***"}',
        b'{"audio": 5}',
        b'{"audio": "A"}',
        b'{"audio": "AA==BB=="}',
        b'{"audio": "\xc3\xa9"}',
        b"[" * 100_000,
    ],
)
def test_an_unreadable_event_is_refused(data: bytes) -> None:
    with pytest.raises(UnusableBody, match="sent an unreadable event"):
        read(b"data: " + data + b"\n\n" + DONE)


@pytest.mark.parametrize(
    ("stream", "value"),
    [
        (b'data: {"error": "lost"}\n\n', {"error": "lost"}),
        (b'data: {"status": "error", "message": "lost"}\n\n', {"status": "error", "message": "lost"}),
        (b'data: {"type": "error", "message": "lost"}\n\n', {"type": "error", "message": "lost"}),
        (b'event: error\ndata: {"message": "lost"}\n\n', {"message": "lost"}),
        (b"event: error\ndata: lost\n\n", "lost"),
    ],
)
def test_an_event_can_report_an_error(stream: bytes, value: object) -> None:
    with pytest.raises(ReportedError) as caught:
        read(event(PCM) + stream + DONE)
    assert caught.value.value == value


def test_events_can_hold_wavs() -> None:
    events = AudioEvents(24000)
    assert read(event(wav.header(8000) + PCM) + DONE, 50, events) == PCM
    assert events.sample_rate_hz == 8000
    assert read(event(wav_of(PCM)) + event(wav_of(PCM)) + DONE) == PCM * 2


def test_events_with_another_format_are_refused_by_its_name() -> None:
    with pytest.raises(UnusableBody, match="sent MP3 as the audio of events instead of raw audio samples"):
        read(event(mp3_frames(2)) + event(mp3_frames(2)) + DONE)


def test_text_after_the_samples_of_events_is_found() -> None:
    with pytest.raises(TextBody, match="sent text after its audio"):
        read(event(PCM) + event(b'{"error": "lost"}') + DONE)


@pytest.mark.parametrize(("name", "data"), FORMATS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_format_instead_of_events_is_refused_by_its_name(name: str, data: bytes) -> None:
    with pytest.raises(UnusableBody) as caught:
        read(data)
    assert str(caught.value) == f"sent {name} as text/event-stream instead of raw audio samples"


@pytest.mark.parametrize("text", [b'{"error": "quota exceeded"}', b'\n[{"msg": "no"}]', b"<html>\n\n</html>"])
def test_a_text_instead_of_events_is_reported_with_its_content(text: bytes) -> None:
    with pytest.raises(TextBody, match="returned text/event-stream without any events") as caught:
        read(text)
    assert caught.value.content == text


def test_an_endless_event_is_refused() -> None:
    events = AudioEvents(24000)
    assert list(events.feed(b"data: " + b"x" * (MAX_EVENT_BYTES - 6), 0.0)) == []
    with pytest.raises(UnusableBody, match="sent an event of more than 8 MiB"):
        list(events.feed(b"x", 0.0))
