"""The samples of a body are extracted, raw or from a WAV, and any other body is refused."""

from collections.abc import Mapping

import numpy as np
import pytest

from services.shared.audio import wav
from services.tts.providers.audio_body import MAX_TEXT_BYTES, AudioBody
from services.tts.providers.http_errors import TextBody, TruncatedBody, UnusableBody
from tests.fakes.behaviours import tone
from tests.fakes.bodies import FORMATS, adts_frames, chunk, fmt, mp3_frames, riff, wav_of

PCM = bytes(range(1, 41))
TYPES = ["audio/pcm", "audio/wav", "application/octet-stream", "audio/mpeg", "audio/ogg", "text/plain", ""]
QUOTA = b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'


def headers(content_type: str) -> Mapping[str, str]:
    return {"content-type": content_type} if content_type else {}


def read(body: AudioBody, data: bytes, piece_bytes: int = 4800) -> bytes:
    """Feeds a body in pieces and returns all audio. Piece n arrives at second n."""
    starts = range(0, len(data), piece_bytes)
    pieces = [each for n, at in enumerate(starts) for each in body.feed(data[at : at + piece_bytes], float(n))]
    return b"".join(audio for _, audio in [*pieces, *body.finish()])


def why_not(content_type: str, data: bytes, piece_bytes: int = 4800) -> str:
    """Returns why a body is refused."""
    with pytest.raises(UnusableBody) as caught:
        read(AudioBody(headers(content_type), 24000), data, piece_bytes)
    return str(caught.value)


def text_in(content_type: str, data: bytes, piece_bytes: int = 4800) -> tuple[str, bytes]:
    """Returns the message about a text, and the text."""
    with pytest.raises(TextBody) as caught:
        read(AudioBody(headers(content_type), 24000), data, piece_bytes)
    return str(caught.value), caught.value.content


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("piece_bytes", [1, 44, 4800])
def test_the_header_of_a_wav_is_not_audio(content_type: str, piece_bytes: int) -> None:
    body = AudioBody(headers(content_type), 24000)
    assert read(body, wav.header(16000) + PCM, piece_bytes) == PCM
    assert body.sample_rate_hz == 16000


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize(("name", "data"), FORMATS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_format_is_refused_by_name_under_every_content_type(content_type: str, name: str, data: bytes) -> None:
    shown = content_type or "a body without a content type"
    assert why_not(content_type, data) == f"sent {name} as {shown} instead of raw audio samples"


@pytest.mark.parametrize("data", [mp3_frames(40), adts_frames(40), *(data for _, data in FORMATS[::5])])
def test_a_format_is_recognised_before_any_sample_is_returned(data: bytes) -> None:
    body = AudioBody({"content-type": "audio/pcm"}, 24000)
    returned: list[tuple[float, bytes]] = []

    def feed_bytewise() -> None:
        for at in range(len(data)):
            returned.extend(body.feed(data[at : at + 1], 0.0))

    with pytest.raises(UnusableBody):
        feed_bytewise()
    assert returned == []


def test_mp3_that_begins_in_the_middle_of_a_frame_is_refused_at_its_end() -> None:
    assert why_not("audio/pcm", mp3_frames(40)[100:]) == "sent MP3 as audio/pcm instead of raw audio samples"


def test_samples_are_returned_with_their_first_piece() -> None:
    body = AudioBody({"content-type": "audio/pcm"}, 24000)
    assert list(body.feed(PCM, 5.0)) == [(5.0, PCM)]


def test_samples_that_were_held_back_keep_their_arrival_time() -> None:
    body = AudioBody({"content-type": "audio/pcm"}, 24000)
    held = mp3_frames(1)
    assert list(body.feed(held[:200], 1.0)) == []
    assert list(body.feed(held[200:], 2.0)) == []
    assert list(body.feed(bytes(8), 3.0)) == [(1.0, held[:200]), (2.0, held[200:]), (3.0, bytes(8))]


def test_the_first_sample_of_a_wav_has_the_arrival_time_of_its_piece() -> None:
    body = AudioBody({"content-type": "audio/pcm"}, 24000)
    assert list(body.feed(wav.header(24000)[:10], 1.0)) == []
    assert list(body.feed(wav.header(24000)[10:], 2.0)) == []
    assert list(body.feed(PCM, 3.0)) == [(3.0, PCM)]


@pytest.mark.parametrize("begin", [b"\xff\xfb\x90\x64", b"\xff\xf3\x84\xc4", b"\xff\xe3\x18\xc4"])
def test_one_mp3_frame_is_refused_if_the_content_type_is_mpeg(begin: bytes) -> None:
    assert why_not("audio/mpeg", begin + PCM) == "sent MP3 as audio/mpeg instead of raw audio samples"


@pytest.mark.parametrize("begin", [bytes(4), b"\xff\xff\xff\xff", b"\xff\xfb\xf0\xff", b"\xff\xeb\x90\x64"])
def test_raw_samples_with_the_content_type_mpeg_are_accepted(begin: bytes) -> None:
    assert read(AudioBody({"content-type": "audio/mpeg"}, 24000), begin + PCM, 3) == begin + PCM


@pytest.mark.parametrize("content_type", ["audio/ogg", "image/png", "multipart/mixed; boundary=x", "pcm", "video/mp4"])
def test_raw_samples_with_another_content_type_are_refused(content_type: str) -> None:
    shown = content_type.partition(";")[0]
    assert why_not(content_type, PCM) == f"returned {shown} instead of raw audio samples"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
def test_a_compressed_body_is_refused(encoding: str) -> None:
    with pytest.raises(UnusableBody, match="compressed its response"):
        AudioBody({"content-type": "audio/pcm", "content-encoding": encoding}, 24000)


def test_a_body_without_a_content_type_is_accepted() -> None:
    assert read(AudioBody({}, 24000), PCM) == PCM
    assert read(AudioBody({"content-encoding": "Identity"}, 24000), PCM) == PCM


def test_audio_shorter_than_the_inspected_bytes_is_returned() -> None:
    body = AudioBody({"content-type": "audio/pcm"}, 24000)
    assert list(body.feed(b"\x01\x02", 7.0)) == []
    assert list(body.finish()) == [(7.0, b"\x01\x02")]


def test_an_empty_body_gives_no_audio() -> None:
    assert read(AudioBody({}, 24000), b"") == b""


@pytest.mark.parametrize("content_type", ["audio/pcm", "application/octet-stream", "", "application/json", "text/html"])
@pytest.mark.parametrize("piece_bytes", [1, 4800])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\n  "])
def test_a_text_body_is_reported_with_its_content(content_type: str, piece_bytes: int, before: bytes) -> None:
    shown = content_type or "a body without a content type"
    expected = (f"sent text as {shown} instead of raw audio samples", before + QUOTA)
    assert text_in(content_type, before + QUOTA, piece_bytes) == expected


def test_an_endless_text_is_read_up_to_the_maximum_size_of_an_error() -> None:
    body = AudioBody({"content-type": "audio/pcm"}, 24000)
    with pytest.raises(TextBody) as caught:
        [list(body.feed(b"words and more words. " * 100, 0.0)) for _ in range(100)]
    assert len(caught.value.content) == MAX_TEXT_BYTES


@pytest.mark.parametrize("piece_bytes", [1, 1000, 100_000])
@pytest.mark.parametrize("sound", [tone(0.2), wav.header(24000) + tone(0.2), wav_of(tone(0.2))])
def test_text_after_the_audio_is_found(piece_bytes: int, sound: bytes) -> None:
    assert text_in("audio/pcm", sound + QUOTA, piece_bytes) == ("sent text after its audio", QUOTA)


def test_bytes_after_the_end_of_a_wav_are_refused() -> None:
    """Some servers write a WAV header for the first sentence and append the samples of the others."""
    assert why_not("audio/wav", wav_of(tone(0.1)) + tone(0.5)) == "sent 24000 bytes after the end of its WAV"


def test_a_wav_that_is_shorter_than_declared_is_truncated() -> None:
    with pytest.raises(TruncatedBody, match="after 24000 of the 48000 bytes that its WAV declares"):
        read(AudioBody({"content-type": "audio/wav"}, 24000), wav_of(tone(0.5), claimed=48000))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (riff(fmt(channels=2), chunk(b"data", PCM)), "it has PCM, 2 channels and 16 bits, not 16-bit mono PCM"),
        (riff(fmt(code=3, bits=32), chunk(b"data", PCM)), "it has float, 1 channels and 32 bits, not 16-bit mono PCM"),
        (riff(fmt(rate=1), chunk(b"data", PCM)), "its sample rate of 1 Hz is not 4000 to 192000 Hz"),
        (b"RIFF\x10\0\0\0WAVE", "it ends within its header"),
        (b"\x01\x02\x03", "it does not begin with RIFF"),
        (b"", "it ends within its header"),
    ],
)
def test_a_wav_of_another_kind_is_refused_with_the_reason(data: bytes, why: str) -> None:
    assert why_not("audio/wav", data) == f"sent a WAV that can't be used: {why}"


def test_a_declared_rate_that_differs_from_the_wav_is_refused() -> None:
    assert (
        why_not("audio/wav;rate=16000", wav_of(PCM)) == "declared a sample rate of 16000 Hz but sent a WAV at 24000 Hz"
    )
    assert read(AudioBody({"content-type": "audio/wav;rate=24000"}, 8000), wav_of(PCM)) == PCM


@pytest.mark.parametrize("piece_bytes", [1, 7, 4800])
def test_big_endian_samples_are_swapped_if_the_content_type_declares_them(piece_bytes: int) -> None:
    sound = tone(0.2, 0.1)
    swapped = np.frombuffer(sound, "<i2").byteswap().tobytes()
    body = AudioBody({"content-type": "audio/pcm;endianness=big-endian;rate=16000"}, 24000)
    assert read(body, swapped, piece_bytes) == sound
    assert body.sample_rate_hz == 16000


@pytest.mark.parametrize("piece_bytes", [1, 333, 4800])
@pytest.mark.parametrize("silence_seconds", [0.0, 0.1, 8.0])
@pytest.mark.parametrize("big_endian", [False, True])
def test_the_byte_order_of_l16_is_detected_from_the_samples(
    piece_bytes: int, silence_seconds: float, big_endian: bool
) -> None:
    """RFC 2586 says big-endian, but most speech servers send little-endian samples."""
    sound = tone(0.2, silence_seconds)
    sent = np.frombuffer(sound, "<i2").byteswap().tobytes() if big_endian else sound
    if silence_seconds < 1 or piece_bytes == 4800:
        expected = sent if silence_seconds > 5 else sound
        assert read(AudioBody({"content-type": "audio/L16;rate=24000;channels=1"}, 8000), sent, piece_bytes) == expected


def test_half_a_sample_at_the_end_is_returned_for_the_caller_to_drop() -> None:
    assert read(AudioBody({"content-type": "audio/pcm"}, 24000), tone(0.1) + b"\x01") == tone(0.1) + b"\x01"
    big_endian = AudioBody({"content-type": "audio/pcm;endian=big"}, 24000)
    assert read(big_endian, b"\x01\x02\x03\x04" * 8 + b"\x05", 3) == b"\x02\x01\x04\x03" * 8 + b"\x05"
