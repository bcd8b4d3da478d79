"""Makes the clip that a listener hears of stored speech.

All clips have one rate, one loudness and a header that says nothing, and no two have the same samples or their trial's
length: who has the trials' audio can't find a clip among it by comparing bytes or sizes.
"""

import hashlib
import io
import math
import wave
from dataclasses import dataclass

import numpy as np
import numpy.typing
import soxr

from services.experiments.listening.loudness import gain
from services.shared.audio.loudness import FULL_SCALE, integrated_lufs

SAMPLE_RATE_HZ = 24_000
SAMPLE_BYTES = 2
# Too short to be noticed, and enough for no sample to stay in its place.
MIN_LEAD_SECONDS, MAX_LEAD_SECONDS = 0.005, 0.025
MIN_LEAD_FRAMES, MAX_LEAD_FRAMES = round(MIN_LEAD_SECONDS * SAMPLE_RATE_HZ), round(MAX_LEAD_SECONDS * SAMPLE_RATE_HZ)
MIN_TAIL_SECONDS = 0.005
# The size of a clip tells its length in such steps only.
LENGTH_STEP_SECONDS = 0.25

Samples = np.typing.NDArray[np.float32]


def play(stored: bytes) -> Samples:
    """Returns stored speech at 24 kHz, in steps of 16-bit PCM but not rounded to them.

    `stored` is 16-bit mono PCM at any rate, as tts stores it. ValueError if it is not that. Silence at its ends stays,
    since it is part of what is compared.
    """
    samples, rate_hz = _samples(stored)
    return soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ, quality="HQ") if len(samples) else samples


def clip_seconds(seconds: float) -> float:
    """Returns how long the clip of speech of some length is: the next whole number of steps after it."""
    return math.ceil((seconds + MAX_LEAD_SECONDS + MIN_TAIL_SECONDS) / LENGTH_STEP_SECONDS) * LENGTH_STEP_SECONDS


def clip(played: Samples, target_lufs: float, seconds: float, seed: bytes) -> bytes:
    """Returns a WAV of 16-bit mono PCM at 24 kHz, with a header of 44 bytes, that is like no other of the same speech.

    It has the target loudness, or a lower one if its peak would come above -1 dBFS. The seed decides how much silence
    comes first and what noise is added to all of it: a triangular dither of two steps, which no ear can hear. The same
    seed gives the same bytes. The clip has the length given, or a longer one if the speech does not fit in.
    """
    frames = max(round(seconds * SAMPLE_RATE_HZ), round(clip_seconds(len(played) / SAMPLE_RATE_HZ) * SAMPLE_RATE_HZ))
    # Two uniform numbers for each sample, from a stream that is the same everywhere and for ever.
    drawn = hashlib.shake_128(seed).digest(4 + 4 * frames)
    lead = MIN_LEAD_FRAMES + int.from_bytes(drawn[:4], "little") % (MAX_LEAD_FRAMES - MIN_LEAD_FRAMES + 1)
    heard = np.zeros(frames, dtype=np.float32)
    heard[lead : lead + len(played)] = played
    # Measured as it is heard: in a short clip the silence around it counts.
    heard *= np.float32(gain(target_lufs, integrated_lufs(_Sound(heard)), *_rms_and_peak(played)))
    noise = np.frombuffer(drawn, dtype="<u2", offset=4).astype(np.float32)
    heard += (noise[:frames] - noise[frames:]) / np.float32(2**16)
    # Between samples, what was clipped when it was made may come above full scale.
    pcm = np.clip(np.rint(heard), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    return _wav(pcm.tobytes())


@dataclass(frozen=True, slots=True)
class _Sound:
    samples: Samples
    sample_rate_hz: int = SAMPLE_RATE_HZ

    @property
    def duration_seconds(self) -> float:
        return len(self.samples) / self.sample_rate_hz


def _rms_and_peak(samples: Samples) -> tuple[float, float]:
    """Returns both relative to full scale."""
    if not len(samples):
        return 0.0, 0.0
    rms = math.sqrt(float(np.mean(np.square(samples), dtype=np.float64)))
    return rms / FULL_SCALE, float(np.max(np.abs(samples))) / FULL_SCALE


def _samples(stored: bytes) -> tuple[Samples, int]:
    try:
        with wave.open(io.BytesIO(stored), "rb") as reader:
            if (reader.getnchannels(), reader.getsampwidth()) != (1, SAMPLE_BYTES):
                raise ValueError("stored speech is 16-bit mono PCM")
            pcm = reader.readframes(reader.getnframes())
            rate_hz = reader.getframerate()
    except (wave.Error, EOFError) as error:
        raise ValueError(f"stored speech can't be read: {error}") from error
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32), rate_hz


def _wav(pcm: bytes) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(SAMPLE_BYTES)
        writer.setframerate(SAMPLE_RATE_HZ)
        writer.writeframes(pcm)
    return written.getvalue()
