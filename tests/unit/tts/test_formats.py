"""Formats are recognised by their first bytes, and never in sound."""

from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tts.domain import Timing, Utterance
from services.tts.providers.espeak import EspeakEngine
from services.tts.providers.formats import (
    SAMPLES,
    TEXT,
    UNDECIDED,
    WAV,
    format_of,
    frames_within,
    is_mpeg_frame,
    text_at_end,
)
from tests.fakes.behaviours import tone
from tests.fakes.bodies import FORMATS, adts_frames, mp3_frames

# The longest start of a body that is inspected: three frames of AAC.
MAX_BEGIN_BYTES = 3 * 8200
TEXTS = [
    b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}',
    b"<html><head><title>502 Bad Gateway</title></head><body>nginx, which is not feeling well</body></html>",
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>No</Message></Error>',
    "Внутренняя ошибка сервера, попробуйте ещё раз немного позже, пожалуйста".encode(),
]
SPOKEN = "She sells sea shells by the shore; six thick thistle sticks. Hello, how can I help you today?"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def speech(espeak: EspeakEngine) -> AsyncIterator[bytes]:
    """Half a minute of speech by several voices of espeak."""
    voices = ("en-us", "en-gb", "en-us+f3", "de", "hi")
    yield b"".join([piece for voice in voices async for piece in espeak.synthesize(Utterance(SPOKEN, voice), Timing())])


@pytest.mark.parametrize(("name", "begin"), FORMATS, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("ended", [False, True])
def test_a_format_is_named_by_its_first_bytes(name: str, begin: bytes, ended: bool) -> None:
    assert format_of(begin, ended=ended) == name


@pytest.mark.parametrize(("name", "begin"), FORMATS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_format_is_undecided_until_its_bytes_have_arrived(name: str, begin: bytes) -> None:
    found = [format_of(begin[:length]) for length in range(len(begin) + 1)]
    assert found[0] == UNDECIDED
    assert set(found) == {UNDECIDED, name}


def test_a_wav_is_recognised_by_its_first_four_bytes() -> None:
    assert (format_of(b"RIF"), format_of(b"RIFF"), format_of(b"RIF", ended=True)) == (UNDECIDED, WAV, TEXT)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b" \r\n\t\n"])
def test_text_is_recognised_in_any_language_and_after_whitespace(text: bytes, before: bytes) -> None:
    assert format_of(before + text) == TEXT
    assert format_of((before + text)[:20], ended=False) == UNDECIDED


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_recognised_by_its_byte_order_mark(encoding: str) -> None:
    text = "\ufeff" * encoding.startswith("utf-16-") + '{"error": "the quota of this month is used up by now"}'
    assert format_of(text.encode(encoding)) == TEXT


@pytest.mark.parametrize("text", [b"no", b"{}", b"Internal Server Error", "не сейчас".encode()])
def test_a_short_text_is_recognised_at_the_end_of_the_body(text: bytes) -> None:
    assert (format_of(text), format_of(text, ended=True)) == (UNDECIDED, TEXT)


def test_mp3_is_recognised_by_the_headers_of_the_next_two_frames() -> None:
    frames = mp3_frames(4)
    assert format_of(frames[: 2 * 417]) == UNDECIDED
    assert format_of(frames[: 2 * 417 + 6]) == "MP3"
    assert format_of(frames[:417] + bytes(2000)) == SAMPLES
    assert is_mpeg_frame(frames)


def test_a_body_that_ends_after_two_frames_is_recognised() -> None:
    assert format_of(mp3_frames(2), ended=True) == "MP3"
    assert format_of(mp3_frames(1), ended=True) == SAMPLES
    assert format_of(adts_frames(2), ended=True) == "AAC (ADTS)"


@pytest.mark.parametrize("body", [b"", bytes(40), b"\xff" * 40, b"\x01\x02"])
def test_no_format_is_found_in_silence(body: bytes) -> None:
    assert format_of(body, ended=True) == SAMPLES


def test_no_format_is_found_in_speech_wherever_it_begins(speech: bytes) -> None:
    """Every tenth sample is tried as the start, so that bodies begin in the middle of every sound."""
    found = {format_of(speech[at : at + MAX_BEGIN_BYTES]) for at in range(0, len(speech) - MAX_BEGIN_BYTES, 20)}
    assert found == {SAMPLES}


def test_no_text_is_found_at_the_end_of_speech(speech: bytes) -> None:
    assert not any(text_at_end(speech[:at]) for at in range(4096, len(speech), 106))


def test_no_frames_are_found_within_speech(speech: bytes) -> None:
    assert not any(frames_within(speech[at : at + 8192]) for at in range(0, len(speech), 999))


@pytest.mark.parametrize(("name", "frames"), [("MP3", mp3_frames(8)), ("AAC (ADTS)", adts_frames(8))])
@pytest.mark.parametrize("before", [bytes(1), bytes(1000), mp3_frames(1)[50:], b"\xff\xfb"])
def test_frames_are_found_after_silence_or_a_part_of_another_frame(name: str, frames: bytes, before: bytes) -> None:
    assert format_of(before + frames) != name
    assert frames_within(before + frames) == name


def test_twelve_bytes_of_speech_are_almost_always_decided(speech: bytes) -> None:
    starts = range(0, len(speech) - 12, 20)
    undecided = sum(format_of(speech[at : at + 12]) == UNDECIDED for at in starts)
    assert undecided < len(starts) / 100


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 30, 1000, 12000, 32767]))
@settings(max_examples=1000, deadline=None)
def test_no_format_is_found_in_noise_of_any_loudness(seed: int, loudness: int) -> None:
    random = np.random.default_rng(seed)
    noise = random.integers(-loudness, loudness, MAX_BEGIN_BYTES // 2, endpoint=True).astype("<i2").tobytes()
    assert format_of(noise) == SAMPLES
    assert text_at_end(noise) == b""
    assert frames_within(noise) == ""


@given(st.binary(max_size=600))
@settings(max_examples=500, deadline=None)
def test_a_decision_does_not_change_with_more_bytes(body: bytes) -> None:
    decided = [found for length in range(len(body)) if (found := format_of(body[:length])) != UNDECIDED]
    assert len(set(decided)) <= 1


@pytest.mark.parametrize("text", [*TEXTS[:3], b'{"a": 1}', b"The upstream server closed the connection: out of memory"])
@pytest.mark.parametrize("after", [b"", b"\n", b"\r\n\0"])
def test_text_after_samples_is_found(text: bytes, after: bytes) -> None:
    assert text_at_end(tone(0.2) + text + after) == text


@pytest.mark.parametrize("end", [b"", b"{}", b"}", b"a few words", b">" * 40])
def test_an_end_that_can_be_sound_is_not_text(end: bytes) -> None:
    assert text_at_end(tone(0.2) + end) == b""
