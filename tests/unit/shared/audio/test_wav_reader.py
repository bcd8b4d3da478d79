"""WAV files that arrive in pieces, also from engines with wrong headers."""

import struct

import pytest

from services.shared.audio.wav import WavError
from services.shared.audio.wav_reader import WavBrokenOff, WavReader
from tests.fakes.bodies import chunk, extensible, fmt, riff, wav_of

PCM = bytes(range(200)) * 4


def whole(content: bytes) -> bytes:
    """Returns the samples of a WAV that arrives in one piece."""
    return pieces_of(content, len(content) or 1)


@pytest.mark.parametrize(
    "claimed",
    [
        len(PCM),
        0,
        0x3FFFFFFF,
        0x7FFFF000,
        0x7FFFFFDB,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFF - 44,
        0xFFFFFFFF - 36,
        0xFFFFFFFF,
    ],
)
def test_all_samples_are_read_if_the_header_has_a_placeholder_length(claimed: int) -> None:
    assert whole(riff(fmt(), chunk(b"data", PCM, claimed))) == PCM


def test_chunks_around_the_samples_are_dropped() -> None:
    content = riff(chunk(b"LIST", b"INFOodd"), fmt(), chunk(b"data", PCM), chunk(b"LIST", b"more"))
    assert whole(content) == PCM


def test_the_extensible_format_is_read() -> None:
    assert whole(riff(extensible(), chunk(b"data", PCM))) == PCM


@pytest.mark.parametrize("size", [1, 3, 44, 1000])
def test_pieces_of_any_size_give_the_same_samples(size: int) -> None:
    content, reader = riff(chunk(b"LIST", b"INFOodd"), fmt(rate=24000), chunk(b"data", PCM)), WavReader()
    pieces = [reader.feed(content[at : at + size]) for at in range(0, len(content), size)]
    assert (b"".join(pieces), reader.sample_rate_hz) == (PCM, 24000)


def pieces_of(content: bytes, size: int) -> bytes:
    """Returns the samples of a WAV that arrives in pieces of this size."""
    reader = WavReader()
    audio = b"".join(reader.feed(content[at : at + size]) for at in range(0, len(content), size))
    return audio + reader.finish()


INFO = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 14) + b"Lavf60.16.100\0")


@pytest.mark.parametrize("size", [1, 7, 44, 10_000])
@pytest.mark.parametrize("claimed", [len(PCM), 0, 0xFFFFFFFF])
@pytest.mark.parametrize(
    "after",
    [
        INFO,
        chunk(b"LIST", b"INFOodd"),
        chunk(b"LIST", b"INFOodd")[:-1],
        chunk(b"id3 ", b"ID3\x04" + bytes(200)),
        INFO + chunk(b"bext", bytes(602)) + chunk(b"iXML", b"<BWFXML></BWFXML>"),
    ],
    ids=["LIST", "padded", "not padded", "id3", "three"],
)
def test_chunks_after_the_samples_are_dropped_whether_the_length_is_known_or_not(
    size: int, claimed: int, after: bytes
) -> None:
    assert pieces_of(wav_of(PCM, claimed=claimed, after=after), size) == PCM


@pytest.mark.parametrize("size", [1, 5, 10_000])
@pytest.mark.parametrize(
    "sound",
    [
        PCM + b"LIST" + PCM,
        PCM + b"LIST\x04\0\0\0" + PCM,
        PCM + b"LIST\xff\xff\xff\x7f" + PCM,
        PCM + b"LIST\0\x02\0\0" + PCM[:100],
        PCM + b"RIFF" + PCM,
        PCM + b"RIFF\0\0\0\0WAVX",
        PCM + b"LIST",
        PCM + b"LI",
        PCM + b"Rj",
    ],
)
def test_sound_that_looks_like_a_chunk_is_sound(size: int, sound: bytes) -> None:
    assert pieces_of(wav_of(sound, claimed=0xFFFFFFFF), size) == sound


def test_a_chunk_is_found_after_sound_that_looks_like_one() -> None:
    sound = PCM + b"LIST\0\x02\0\0" + PCM[:100]
    assert pieces_of(wav_of(sound, claimed=0, after=INFO), 50) == sound


@pytest.mark.parametrize("size", [1, 13, 10_000])
@pytest.mark.parametrize("claimed", [len(PCM), 0xFFFFFFFF, 0])
@pytest.mark.parametrize("between", [b"", INFO])
def test_several_wavs_in_a_row_are_read_as_one(size: int, claimed: int, between: bytes) -> None:
    one = wav_of(PCM, claimed=claimed, after=between)
    assert pieces_of(one * 3, size) == PCM * 3


@pytest.mark.parametrize("claimed", [len(PCM), 0xFFFFFFFF])
@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (wav_of(PCM, rate=16000), "another WAV follows it, at 16000 Hz instead of 24000 Hz"),
        (riff(fmt(channels=2, rate=24000), chunk(b"data", PCM)), "PCM, 2 channels and 16 bits"),
    ],
)
def test_several_wavs_of_different_formats_are_refused(claimed: int, second: bytes, reason: str) -> None:
    with pytest.raises(WavError, match=reason):
        pieces_of(wav_of(PCM, claimed=claimed) + second, 100)


def test_an_odd_length_may_be_padded_or_not() -> None:
    odd = riff(fmt(rate=24000), chunk(b"data", PCM[:-1]))
    assert pieces_of(odd + odd, 9) == PCM[:-1] * 2
    assert pieces_of(odd[:-1] + odd, 9) == PCM[:-1] * 2


@pytest.mark.parametrize("size", [1, 100, 10_000])
@pytest.mark.parametrize(
    ("content", "where"),
    [
        (wav_of(PCM, claimed=2 * len(PCM)), "after 800 of the 1600 bytes that its WAV declares"),
        (wav_of(PCM) + wav_of(PCM)[:20], "in the header of another WAV"),
        (wav_of(PCM) + wav_of(PCM, claimed=900), "after 800 of the 900 bytes that its WAV declares"),
    ],
)
def test_a_wav_shorter_than_declared_is_incomplete(size: int, content: bytes, where: str) -> None:
    with pytest.raises(WavBrokenOff) as caught:
        pieces_of(content, size)
    assert str(caught.value) == where


def test_a_length_that_includes_the_header_by_mistake_is_accepted() -> None:
    assert whole(wav_of(PCM, claimed=len(PCM) + 44)) == PCM


@pytest.mark.parametrize("size", [1, 100, 10_000])
@pytest.mark.parametrize(
    ("after", "trailing"),
    [
        (PCM, PCM),
        (bytes(100), b""),
        (b'{"error": "lost"}', b'{"error": "lost"}'),
        (chunk(b"abcd", PCM), b""),
        (b"", b""),
    ],
)
def test_unknown_bytes_after_the_end_are_returned(size: int, after: bytes, trailing: bytes) -> None:
    content, reader = wav_of(PCM) + after, WavReader()
    assert b"".join(reader.feed(content[at : at + size]) for at in range(0, len(content), size)) == PCM
    assert reader.trailing == trailing


def test_endless_bytes_after_the_end_are_refused() -> None:
    reader = WavReader()
    reader.feed(wav_of(PCM))
    with pytest.raises(WavError, match="goes on after its end"):
        reader.feed(b"\x01" * 2 * 1024 * 1024)


def test_endless_chunks_are_refused() -> None:
    reader = WavReader()
    assert reader.feed(wav_of(PCM, claimed=0)) == PCM
    with pytest.raises(WavError, match="goes on after its end"):
        reader.feed(chunk(b"LIST", b"") * 100_000)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "ends within its header"),
        (b"RIFF\0\0\0\0WAVE", "ends within its header"),
        (b"<html>", "does not begin with RIFF"),
        (b"RIFF\0\0\0\0AVI ", "not of type WAVE"),
        (riff(chunk(b"data", PCM)), "its samples come before their format"),
        (riff(fmt(channels=2), chunk(b"data", PCM)), "PCM, 2 channels and 16 bits, not 16-bit mono PCM"),
        (riff(fmt(code=3, bits=32), chunk(b"data", PCM)), "float, 1 channels and 32 bits"),
        (riff(fmt(bits=8), chunk(b"data", PCM)), "PCM, 1 channels and 8 bits"),
        (riff(fmt(bits=24), chunk(b"data", PCM)), "PCM, 1 channels and 24 bits"),
        (riff(fmt(code=7, bits=8), chunk(b"data", PCM)), "mu-law, 1 channels and 8 bits"),
        (riff(fmt(code=85, bits=0), chunk(b"data", PCM)), "MP3, 1 channels and 0 bits"),
        (riff(fmt(code=0x1234), chunk(b"data", PCM)), "codec 4660, 1 channels"),
        (riff(extensible(3), chunk(b"data", PCM)), "float, 1 channels and 16 bits"),
        (riff(fmt(0xFFFE, more=bytes(24)), chunk(b"data", PCM)), "extensible format names an unknown codec"),
        (riff(fmt(0xFFFE), chunk(b"data", PCM)), "extensible format names an unknown codec"),
        (riff(fmt(rate=3999), chunk(b"data", PCM)), "sample rate of 3999 Hz"),
        (riff(fmt(rate=192_001), chunk(b"data", PCM)), "sample rate of 192001 Hz"),
        (riff(fmt(rate=10), chunk(b"data", PCM)), "sample rate of 10 Hz"),
        (riff(chunk(b"fmt ", b"short"), chunk(b"data", PCM)), "format chunk is too short"),
        (riff(chunk(b"LIST", bytes(70_000), 0x7FFFFFFF)), "header is longer than 64 KiB"),
        (riff(chunk(b"LIST", bytes(70_000)), fmt(), chunk(b"data", PCM)), "header is longer than 64 KiB"),
        (riff(*[chunk(b"LIST", b"")] * 1000), "more than 1000 chunks before its samples"),
    ],
)
def test_an_unusable_stream_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(WavError, match=reason):
        whole(content)
