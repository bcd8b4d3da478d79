"""Reading WAV files: the samples that are there, or a sentence that says why not."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.domain import AudioUnreadable
from services.scoring.wav import MOST_CHUNKS, read_wav
from tests.unit.scoring.recordings import chunk, format_chunk, wav, wav_of

FOUR = b"\x01\x00\x02\x00\xff\xff\x00\x80"
SAMPLES = [1, 2, -1, -32768]
PCM = bytes.fromhex("0100000000001000800000aa00389b71")


def extensible(subformat: bytes) -> bytes:
    return format_chunk(code=0xFFFE, more=b"\x16\x00\x10\x00\x04\x00\x00\x00" + subformat)


@pytest.mark.parametrize(
    "content",
    [
        wav(format_chunk(), chunk(b"data", FOUR)),
        wav(
            chunk(b"LIST", b"odd"), format_chunk(), chunk(b"fact", b"1234"), chunk(b"data", FOUR), chunk(b"id3 ", b"x")
        ),
        wav(extensible(PCM), chunk(b"data", FOUR)),
        wav(format_chunk(), chunk(b"data", FOUR, size=0)),
        wav(format_chunk(), chunk(b"data", FOUR, size=0x7FFFF000)),
        wav(format_chunk(), chunk(b"data", FOUR, size=0xFFFFFFFF)),
        wav(format_chunk(), chunk(b"data", FOUR + b"\x05")),
    ],
    ids=["plain", "other chunks", "extensible", "length 0", "length of a pipe", "length unknown", "half a sample"],
)
def test_the_samples_that_are_there_are_read(content: bytes) -> None:
    found = read_wav(content)
    assert list(found.samples) == SAMPLES
    assert found.sample_rate_hz == 24_000


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 22_050, 44_100, 48_000, 192_000])
def test_the_rate_is_read(rate: int) -> None:
    assert read_wav(wav(format_chunk(rate=rate), chunk(b"data", FOUR))).sample_rate_hz == rate


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it does not begin as one"),
        (b"ID3\x04 an mp3, say", "it does not begin as one"),
        (b"RIFF\x04\x00\x00\x00AVI ", "it does not begin as one"),
        (wav(), "it has no data chunk"),
        (wav(format_chunk()), "it has no data chunk"),
        (wav(chunk(b"data", FOUR)), "its samples come before their format"),
        (wav(chunk(b"fmt ", b"short"), chunk(b"data", FOUR)), "its format is cut short"),
        (wav(format_chunk(code=3, bits=32), chunk(b"data", FOUR)), "format 3, 1 channels and 32 bits"),
        (wav(format_chunk(bits=8), chunk(b"data", FOUR)), "format 1, 1 channels and 8 bits"),
        (wav(format_chunk(channels=2), chunk(b"data", FOUR)), "format 1, 2 channels and 16 bits"),
        (wav(extensible(b"\x03" + PCM[1:]), chunk(b"data", FOUR)), "format 65534"),
        (wav(format_chunk(rate=3999), chunk(b"data", FOUR)), "its sample rate is 3999 Hz, not 4000 to 192000"),
        (wav(format_chunk(rate=192_001), chunk(b"data", FOUR)), "its sample rate is 192001 Hz"),
        (wav(format_chunk(), chunk(b"data", b"")), "The audio has no samples."),
        (wav(format_chunk(), chunk(b"data", b"\x01")), "The audio has no samples."),
        (wav(*[chunk(b"junk", b"")] * (MOST_CHUNKS + 1)), "it has more than 1000 chunks"),
    ],
)
def test_what_can_not_be_measured_is_refused_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(AudioUnreadable, match=why):
        read_wav(content)


@given(st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(wav_of(read_wav(wav(format_chunk(), chunk(b"data", FOUR))).samples))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(AudioUnreadable):
        assert len(read_wav(cut).samples) <= len(SAMPLES)
