"""Samples are found in whatever an answer's body is: raw, WAV, events; and what is none is refused."""

import base64
import json

import pytest

from services.tts import wav
from services.tts.providers.audio_body import AudioBody, UnusableBody
from services.tts.providers.audio_events import LARGEST_EVENT_BYTES, AudioEvents, BrokenOff, ToldError

PCM = bytes(range(1, 41))


def read(body: AudioBody | AudioEvents, data: bytes, piece_bytes: int) -> bytes:
    audio = b"".join(body.feed(data[at : at + piece_bytes]) for at in range(0, len(data), piece_bytes))
    return audio + body.finish()


def event(pcm: bytes) -> bytes:
    return b"event: audio\ndata: " + json.dumps({"audio": base64.b64encode(pcm).decode()}).encode() + b"\n\n"


DONE = b'data: {"done": true}\n\n'


@pytest.mark.parametrize("content_type", ["audio/wav", "audio/x-wav", "application/octet-stream", "audio/pcm"])
@pytest.mark.parametrize("piece_bytes", [1, 44, 4800])
def test_the_header_of_a_wav_is_not_audio(content_type: str, piece_bytes: int) -> None:
    body = AudioBody({"content-type": content_type}, 24000)
    assert read(body, wav.header(16000) + PCM, piece_bytes) == PCM
    assert body.sample_rate_hz == 16000


@pytest.mark.parametrize(
    ("content_type", "rate"),
    [
        ("audio/L16; rate=8000; channels=1", 8000),
        ("audio/pcm;rate=16000", 16000),
        ("audio/pcm;rate=loud", 24000),
        ("audio/pcm;rate=99999999", 24000),
        ("audio/x-pcm", 24000),
    ],
)
def test_a_rate_in_the_content_type_counts(content_type: str, rate: int) -> None:
    body = AudioBody({"content-type": content_type}, 24000)
    assert read(body, PCM, 7) == PCM
    assert body.sample_rate_hz == rate


@pytest.mark.parametrize("begin", [b"ID3\x04", b"\xff\xfb\x90\x64", b"\xff\xf3\x84\xc4", b"\xff\xe3\x18\xc4"])
def test_mp3_is_told_by_how_it_begins(begin: bytes) -> None:
    with pytest.raises(UnusableBody, match="answered with audio/mpeg where audio samples were asked for"):
        AudioBody({"content-type": "audio/mpeg"}, 24000).feed(begin + PCM)


@pytest.mark.parametrize("begin", [bytes(4), b"\xff\xff\xff\xff", b"\xff\xfb\xf0\xff", b"\xff\xeb\x90\x64"])
def test_samples_under_the_name_of_mp3_are_taken(begin: bytes) -> None:
    assert read(AudioBody({"content-type": "audio/mpeg"}, 24000), begin + PCM, 3) == begin + PCM


def test_a_compressed_body_and_one_without_a_type_are_refused() -> None:
    with pytest.raises(UnusableBody, match="compressed its answer"):
        AudioBody({"content-type": "audio/pcm", "content-encoding": "gzip"}, 24000)
    with pytest.raises(UnusableBody, match="answered with no content type"):
        AudioBody({}, 24000)


def test_audio_shorter_than_what_is_sniffed_is_kept() -> None:
    body = AudioBody({"content-type": "audio/pcm"}, 24000)
    assert (body.feed(b"\x01\x02"), body.finish()) == (b"", b"\x01\x02")


@pytest.mark.parametrize("piece_bytes", [1, 5, 10_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_events_hold_samples_however_they_are_cut(piece_bytes: int, line_end: bytes) -> None:
    stream = b": hello\n" + event(PCM[:10]) + event(b"") + event(PCM[10:]) + DONE
    events = AudioEvents(24000)
    assert read(events, stream.replace(b"\n", line_end), piece_bytes) == PCM
    assert events.sample_rate_hz == 24000


def test_events_may_hold_a_wav() -> None:
    events = AudioEvents(24000)
    assert read(events, event(wav.header(8000) + PCM) + DONE, 50) == PCM
    assert events.sample_rate_hz == 8000


def test_events_without_an_end_are_broken_off() -> None:
    events = AudioEvents(24000)
    assert events.feed(event(PCM)) == PCM
    with pytest.raises(BrokenOff):
        events.finish()


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b'{"audio": "***"}', b'{"audio": 5}', b'{"audio": "\xc3\xa9"}', b"[" * 100_000],
)
def test_an_event_that_can_not_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(UnusableBody, match="sent an event that can't be read"):
        AudioEvents(24000).feed(b"data: " + data + b"\n\n")


@pytest.mark.parametrize("data", [b'{"error": "lost"}', b'{"status": "error", "message": "lost"}'])
def test_an_event_may_tell_a_failure(data: bytes) -> None:
    with pytest.raises(ToldError, match=r"^lost$"):
        AudioEvents(24000).feed(b"data: " + data + b"\n\n")


def test_an_event_without_end_is_cut_off() -> None:
    events = AudioEvents(24000)
    assert events.feed(b"x" * LARGEST_EVENT_BYTES) == b""
    with pytest.raises(UnusableBody, match="sent an event of more than 8 MiB"):
        events.feed(b"x")
