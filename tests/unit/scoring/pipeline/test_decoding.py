"""Files of strangers: every usual format is decoded, and everything else is refused with a reason."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.scoring.domain import AudioUnreadable
from services.scoring.pipeline.decoding import decoded
from tests.fakes.bodies import chunk, extensible, fmt, riff, wav_of
from tests.fakes.recordings import tone

pytest.importorskip("av", reason="the models that listen are not installed: `make listening` installs them")

from services.scoring.pipeline import decoding_worker
from tests.fakes.encoded import encoded, video

SECOND = tone(1.0, dbfs=-6, sample_rate_hz=8000)
PCM = SECOND.tobytes()
FLOATS = (SECOND / 32768).astype(np.float32)
UNKNOWN_SIZE = 2**32 - 1


def decode(content: bytes) -> tuple[dict[str, Any], float]:
    """Returns what is known of a file, and its length in seconds."""
    native, model = io.BytesIO(), io.BytesIO()
    found = decoding_worker.decode(io.BytesIO(content), native, model, 16_000)
    seconds = len(native.getvalue()) / (2 * found["channels"] * found["sample_rate_hz"])
    assert len(model.getvalue()) / (2 * found["channels"] * 16_000) == pytest.approx(seconds, abs=0.001)
    return found, seconds


def rf64(data: bytes, samples: int) -> bytes:
    """Returns a WAV of 64 bits that says how many samples it has."""
    sizes = struct.pack("<QQQI", 2 * samples + 72, 2 * samples, samples, 0)
    return b"RF64\xff\xff\xff\xffWAVE" + chunk(b"ds64", sizes) + fmt() + chunk(b"data", data, UNKNOWN_SIZE)


def with_sample(value: float) -> bytes:
    floats = FLOATS.copy()
    floats[100] = value
    return riff(fmt(3, bits=32), chunk(b"data", floats.tobytes()))


FORMATS: dict[str, tuple[Callable[[], bytes], str, int, float]] = {
    "8 bits": (lambda: riff(fmt(bits=8), chunk(b"data", ((SECOND >> 8) + 128).astype("u1").tobytes())), "pcm_u8", 1, 0),
    "16 bits": (lambda: wav_of(PCM, 8000), "pcm_s16le", 1, 0),
    "24 bits": (
        lambda: riff(fmt(bits=24), chunk(b"data", b"".join(struct.pack("<i", int(v) << 8)[:3] for v in SECOND))),
        "pcm_s24le",
        1,
        0,
    ),
    "32 bits": (
        lambda: riff(fmt(bits=32), chunk(b"data", (SECOND.astype(np.int32) << 16).tobytes())),
        "pcm_s32le",
        1,
        0,
    ),
    "float": (lambda: riff(fmt(3, bits=32), chunk(b"data", FLOATS.tobytes())), "pcm_f32le", 1, 0),
    "64-bit float": (
        lambda: riff(fmt(3, bits=64), chunk(b"data", FLOATS.astype(np.float64).tobytes())),
        "pcm_f64le",
        1,
        0,
    ),
    "stereo": (lambda: riff(fmt(channels=2), chunk(b"data", SECOND.repeat(2).tobytes())), "pcm_s16le", 2, 0),
    "8 channels": (lambda: riff(fmt(channels=8), chunk(b"data", SECOND.repeat(8).tobytes())), "pcm_s16le", 8, 0),
    "extensible": (lambda: riff(extensible(), chunk(b"data", PCM)), "pcm_s16le", 1, 0),
    "chunks of odd sizes": (
        lambda: riff(chunk(b"xtra", b"abc"), fmt(), chunk(b"junk", bytes(7)), chunk(b"data", PCM)),
        "pcm_s16le",
        1,
        0,
    ),
    "a size that was not known": (lambda: wav_of(PCM, 8000, claimed=UNKNOWN_SIZE), "pcm_s16le", 1, 0),
    "no size": (lambda: wav_of(PCM, 8000, claimed=0), "pcm_s16le", 1, 0),
    "RF64": (lambda: rf64(PCM, 8000), "pcm_s16le", 1, 0),
    "Wave64": (lambda: encoded("w64", "pcm_s16le"), "pcm_s16le", 1, 0),
    "mu-law": (lambda: encoded("wav", "pcm_mulaw", rate=8000), "pcm_mulaw", 1, 0),
    "A-law": (lambda: encoded("wav", "pcm_alaw", rate=8000), "pcm_alaw", 1, 0),
    "ADPCM": (lambda: encoded("wav", "adpcm_ima_wav", rate=8000), "adpcm_ima_wav", 1, 0.03),
    "MP3 in WAV": (lambda: encoded("wav", "libmp3lame"), "mp3float", 1, 0.1),
    "AIFF": (lambda: encoded("aiff", "pcm_s16be"), "pcm_s16be", 1, 0),
    "FLAC": (lambda: encoded("flac", "flac"), "flac", 1, 0),
    "MP3": (lambda: encoded("mp3", "libmp3lame"), "mp3float", 1, 0.001),
    "MP3 with a cover": (lambda: video(cover=True), "mp3float", 1, 0.001),
    "AAC": (lambda: encoded("adts", "aac"), "aac", 1, 0.1),
    "M4A": (lambda: encoded("ipod", "aac", layout="stereo"), "aac", 2, 0.1),
    "Apple lossless": (lambda: encoded("ipod", "alac"), "alac", 1, 0),
    "video": (video, "aac", 1, 0.1),
    "video with two sounds": (lambda: video(audio_streams=2), "aac", 1, 0.1),
    "Ogg Opus": (lambda: encoded("ogg", "libopus"), "opus", 1, 0.001),
    "Ogg FLAC": (lambda: encoded("ogg", "flac"), "flac", 1, 0),
    "WebM": (lambda: encoded("webm", "libopus", layout="stereo"), "opus", 2, 0.01),
    "Matroska": (lambda: encoded("matroska", "flac"), "flac", 1, 0),
    "digital silence": (lambda: wav_of(bytes(16_000), 8000), "pcm_s16le", 1, 0),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_decoded_as_long_as_it_is(name: str) -> None:
    make, codec, channels, tolerance = FORMATS[name]
    found, seconds = decode(make())
    assert (found["codec"], found["channels"], found["damaged"]) == (codec, channels, False)
    assert seconds == pytest.approx(1.0, abs=tolerance)


def test_samples_louder_than_full_scale_are_clipped() -> None:
    native = io.BytesIO()
    loud = riff(fmt(3, bits=32), chunk(b"data", (FLOATS * 32768).tobytes()))
    decoding_worker.decode(io.BytesIO(loud), native, io.BytesIO(), 16_000)
    samples = np.frombuffer(native.getvalue(), "<i2")
    assert (samples.min(), samples.max()) == (-32768, 32767)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a text": (lambda: b"I am a text.", "is not audio in a format that can be decoded"),
    "a WAV of text": (lambda: b"RIFF\0\0\0\0WAVEI am a text, and nothing more.", "is not audio in a format"),
    "a playlist": (lambda: b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "is not audio in a format"),
    "no samples": (lambda: wav_of(b""), "The recording has no samples."),
    "no format": (lambda: riff(chunk(b"data", PCM)), "or its beginning is damaged"),
    "a chunk of 4 GiB": (lambda: riff(fmt(), chunk(b"junk", b"x", UNKNOWN_SIZE)), "or its beginning is damaged"),
    "0 Hz": (lambda: riff(fmt(rate=0), chunk(b"data", PCM)), "is not audio in a format"),
    "2 Hz": (lambda: riff(fmt(rate=2), chunk(b"data", PCM)), "The sample rate must be 4000 to 384000 Hz; it is 2 Hz."),
    "0 channels": (lambda: riff(fmt(channels=0), chunk(b"data", PCM)), "1 to 8 channels; it has 0."),
    "96 channels": (lambda: riff(fmt(channels=96), chunk(b"data", PCM)), "1 to 8 channels; it has 96."),
    "NaN": (lambda: with_sample(np.nan), "samples that are not numbers, or far beyond full"),
    "infinity": (lambda: with_sample(np.inf), "samples that are not numbers, or far beyond full scale"),
    "samples of 1e30": (lambda: with_sample(-1e30), "samples that are not numbers, or far beyond full scale"),
    "half floats": (lambda: riff(fmt(3, bits=16), chunk(b"data", PCM)), "The audio has a codec that can't be decoded."),
    "an unknown codec": (lambda: riff(fmt(0x1234), chunk(b"data", PCM)), "a codec that can't be decoded"),
    "an unknown subformat": (lambda: riff(extensible(0x1234), chunk(b"data", PCM)), "a codec that can't be decoded"),
    "video without sound": (lambda: video(audio_streams=0), "The file has no audio stream."),
    "half an M4A": (lambda: encoded("ipod", "aac")[:4000], "or its beginning is damaged"),
    "1 kB that says it has 10 hours": (lambda: rf64(bytes(900), 36_000 * 8000), "longer than 2 hours, or says"),
    "a FLAC of 3 hours": (
        lambda: encoded("flac", "flac", 3 * 3600, rate=4000, silent=True),
        "The recording is longer than 2 hours, or says that it is.",
    ),
    "a FLAC that says nothing of its 3 hours": (
        lambda: _without_length(encoded("flac", "flac", 3 * 3600, rate=4000, silent=True)),
        "The recording is longer than 2 hours, or says that it is.",
    ),
}


def _without_length(flac: bytes) -> bytes:
    return flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:]


@pytest.mark.parametrize("name", REFUSED)
def test_everything_else_is_refused_with_a_reason(name: str) -> None:
    make, reason = REFUSED[name]
    with pytest.raises(decoding_worker.Refused, match=reason.replace("(", r"\(")):
        decode(make())


CUT_OFF: dict[str, tuple[str, str]] = {
    "WAV": ("wav", "pcm_s16le"),
    "AIFF": ("aiff", "pcm_s16be"),
    "FLAC": ("flac", "flac"),
    "MP3": ("mp3", "libmp3lame"),
    "WebM": ("webm", "libopus"),
}


@pytest.mark.parametrize("name", CUT_OFF)
def test_what_comes_before_the_place_where_a_file_was_cut_off_is_decoded(name: str) -> None:
    container, codec = CUT_OFF[name]
    content = encoded(container, codec, 4.0)
    found, seconds = decode(content[: len(content) // 2])
    assert found["damaged"]
    assert 1.0 < seconds < 3.0


@pytest.mark.parametrize("other", [{"layout": "stereo"}, {"rate": 24_000}], ids=["channels", "rate"])
def test_a_recording_ends_where_its_format_changes(other: dict[str, Any]) -> None:
    found, seconds = decode(encoded("adts", "aac") + encoded("adts", "aac", **other))
    assert (found["channels"], found["sample_rate_hz"], found["damaged"]) == (1, 48_000, True)
    assert seconds == pytest.approx(1.0, abs=0.1)


def test_a_file_is_decoded_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(encoded("mp3", "libmp3lame", layout="stereo"))
    with decoded(path) as audio:
        assert audio.native.shape == (48_000, 2)
        assert audio.mono().shape == (16_000,)
        assert audio.duration_seconds == 1.0
    path.write_bytes(b"I am a text.")
    with pytest.raises(AudioUnreadable, match="is not audio"), decoded(path):
        pass


@pytest.mark.parametrize(
    ("native", "limit", "printed"),
    [
        ("native", 100_000, {"message": "The decoded recording has more than 0 GiB."}),
        ("/dev/full", 2**32, {"disk_full": True}),
    ],
    ids=["a bomb", "a full disk"],
)
def test_a_file_that_decodes_to_too_much_says_so(
    tmp_path: Path, native: str, limit: int, printed: dict[str, Any]
) -> None:
    source = tmp_path / "bomb.flac"
    source.write_bytes(encoded("flac", "flac", 60, rate=8000, silent=True))
    program = (
        "import sys; from services.scoring.pipeline import decoding_worker as worker;"
        f"worker.MAX_FILE_BYTES = {limit}; worker.main(*sys.argv[1:], '16000')"
    )
    command = [sys.executable, "-c", program, str(source), str(tmp_path / native), str(tmp_path / "model")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert (done.returncode, json.loads(done.stdout)) == (0, printed)
