"""Reading and writing WAV files: samples, or an error that says why there are none."""

import io
import struct
import wave
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared.audio.wav import MAX_CHUNKS, WavError, header, read_wav, write_wav
from tests.fakes.bodies import chunk, extensible, fmt, riff, wav_of

FOUR = b"\x01\x00\x02\x00\xff\xff\x00\x80"
SAMPLES = [1, 2, -1, -32768]
PCM = bytes(range(200)) * 4


def test_a_written_file_can_be_read_by_the_standard_library() -> None:
    with wave.open(io.BytesIO(write_wav(PCM, 22050))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22050, 1, 2)
        assert file.readframes(file.getnframes()) == PCM


def test_the_header_has_the_exact_length() -> None:
    content = write_wav(PCM, 8000)
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    assert struct.unpack_from("<I", content, 40)[0] == len(PCM)


def test_a_streamed_header_declares_the_maximum_length() -> None:
    head = header(24000)
    assert (len(head), struct.unpack_from("<I", head, 4)[0]) == (44, 0xFFFFFFFF - 8)


def test_a_written_file_is_read_back() -> None:
    recording = read_wav(write_wav(FOUR, 16_000))
    assert (list(recording.samples), recording.sample_rate_hz) == (SAMPLES, 16_000)
    assert recording.duration_seconds == 4 / 16_000


@pytest.mark.parametrize(
    "content",
    [
        riff(fmt(rate=24_000), chunk(b"data", FOUR)),
        riff(
            chunk(b"LIST", b"odd"),
            fmt(rate=24_000),
            chunk(b"fact", b"1234"),
            chunk(b"data", FOUR),
            chunk(b"id3 ", b"x"),
        ),
        riff(extensible(rate=24_000), chunk(b"data", FOUR)),
        riff(fmt(rate=24_000), chunk(b"data", FOUR, claimed=0)),
        riff(fmt(rate=24_000), chunk(b"data", FOUR, claimed=0x7FFFF000)),
        riff(fmt(rate=24_000), chunk(b"data", FOUR, claimed=0xFFFFFFFF)),
        riff(fmt(rate=24_000), chunk(b"data", FOUR + b"\x05")),
    ],
    ids=["plain", "other chunks", "extensible", "length 0", "length of a pipe", "length unknown", "half a sample"],
)
def test_the_existing_samples_are_read(content: bytes) -> None:
    found = read_wav(content)
    assert list(found.samples) == SAMPLES
    assert found.sample_rate_hz == 24_000


@pytest.mark.parametrize("data", [b"", b"\x01"])
def test_a_file_without_a_complete_sample_has_no_samples(data: bytes) -> None:
    assert len(read_wav(wav_of(data)).samples) == 0


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 22_050, 44_100, 48_000, 192_000])
def test_the_sample_rate_is_read(rate: int) -> None:
    assert read_wav(riff(fmt(rate=rate), chunk(b"data", FOUR))).sample_rate_hz == rate


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has no data chunk"),
        (b"ID3\x04 an mp3, say", "it does not begin with RIFF"),
        (b"RIFF\x04\x00\x00\x00AVI ", "the RIFF is not of type WAVE"),
        (riff(), "it has no data chunk"),
        (riff(fmt(rate=24_000)), "it has no data chunk"),
        (riff(chunk(b"data", FOUR)), "its samples come before their format"),
        (riff(chunk(b"fmt ", b"short"), chunk(b"data", FOUR)), "its format chunk is too short"),
        (riff(fmt(code=3, bits=32), chunk(b"data", FOUR)), "it has float, 1 channels and 32 bits"),
        (riff(fmt(bits=8), chunk(b"data", FOUR)), "it has PCM, 1 channels and 8 bits"),
        (riff(fmt(channels=2), chunk(b"data", FOUR)), "it has PCM, 2 channels and 16 bits"),
        (riff(extensible(3), chunk(b"data", FOUR)), "it has float, 1 channels and 16 bits"),
        (riff(fmt(rate=3999), chunk(b"data", FOUR)), "its sample rate of 3999 Hz is not 4000 to 192000 Hz"),
        (riff(fmt(rate=192_001), chunk(b"data", FOUR)), "its sample rate of 192001 Hz is not 4000 to 192000 Hz"),
        (riff(*[chunk(b"junk", b"")] * (MAX_CHUNKS + 1)), "it has more than 1000 chunks"),
    ],
)
def test_an_unusable_file_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(WavError, match=reason):
        read_wav(content)


@given(st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(wav_of(FOUR))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(WavError):
        assert len(read_wav(cut).samples) <= len(SAMPLES)
