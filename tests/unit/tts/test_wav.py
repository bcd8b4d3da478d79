"""WAV files, those of engines that don't tell the truth too."""

import io
import struct
import wave

import pytest

from services.tts import wav
from services.tts.domain import FailureKind, SynthesisError

PCM = bytes(range(200)) * 4


def chunk(name: bytes, body: bytes, claimed: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if claimed is None else claimed) + body + b"\0" * (len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def fmt(code: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, more: bytes = b"") -> bytes:
    width = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * width, width, bits) + more)


def test_what_is_written_is_read_by_others() -> None:
    with wave.open(io.BytesIO(wav.encode(PCM, 22050))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22050, 1, 2)
        assert file.readframes(file.getnframes()) == PCM


def test_the_header_counts_the_bytes_that_are_there() -> None:
    content = wav.encode(PCM, 8000)
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    assert struct.unpack_from("<I", content, 40)[0] == len(PCM)


def test_a_streamed_header_claims_the_longest_length() -> None:
    head = wav.header(24000)
    assert (len(head), struct.unpack_from("<I", head, 4)[0]) == (44, 0xFFFFFFFF - 8)


@pytest.mark.parametrize("claimed", [len(PCM), 0x7FFFF000, 0xFFFFFFFF, 0])
def test_the_data_are_what_is_there_whatever_the_header_claims(claimed: int) -> None:
    assert wav.decode(riff(fmt(), chunk(b"data", PCM, claimed))) == wav.Sound(PCM, 8000)


def test_chunks_around_the_samples_are_left_out() -> None:
    content = riff(chunk(b"LIST", b"INFOodd"), fmt(), chunk(b"data", PCM), chunk(b"LIST", b"more"))
    assert wav.decode(content).pcm == PCM


def test_the_extensible_format_is_read() -> None:
    assert wav.decode(riff(fmt(0xFFFE, more=bytes(24)), chunk(b"data", PCM))).pcm == PCM


@pytest.mark.parametrize("size", [1, 3, 44, 1000])
def test_pieces_of_any_size_give_the_same_samples(size: int) -> None:
    content, reader = riff(chunk(b"LIST", b"INFOodd"), fmt(rate=24000), chunk(b"data", PCM)), wav.WavReader()
    pieces = [reader.feed(content[at : at + size]) for at in range(0, len(content), size)]
    assert (b"".join(pieces), reader.sample_rate_hz) == (PCM, 24000)


def test_a_sample_that_was_cut_in_half_is_left_out() -> None:
    assert wav.decode(riff(fmt(), chunk(b"data", PCM, 0x7FFFF000)) + b"\x01").pcm == PCM


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "ends within its header"),
        (b"RIFF\0\0\0\0WAVE", "ends within its header"),
        (b"<html>", "does not begin with RIFF"),
        (b"RIFF\0\0\0\0AVI ", "not of type WAVE"),
        (riff(chunk(b"data", PCM)), "says nothing of its format"),
        (riff(fmt(channels=2), chunk(b"data", PCM)), "format 1, 2 channels and 16 bits"),
        (riff(fmt(code=3, bits=32), chunk(b"data", PCM)), "format 3, 1 channels and 32 bits"),
        (riff(fmt(rate=10), chunk(b"data", PCM)), "sample rate of 10 Hz"),
        (riff(chunk(b"fmt ", b"short"), chunk(b"data", PCM)), "format is cut short"),
        (riff(chunk(b"LIST", b"", 0x7FFFFFFF)), "header does not end"),
    ],
)
def test_what_is_no_speech_is_refused_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(SynthesisError, match=why) as caught:
        wav.decode(content)
    assert caught.value.kind is FailureKind.BAD_AUDIO
