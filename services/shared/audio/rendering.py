"""Makes the clip that a listener hears from stored speech.

All clips have one rate, one loudness and a header that says nothing, so that nobody prefers what is merely louder. No
two have the same samples or the length of their speech: whoever has the speech can't find a clip in it by comparing
bytes or sizes.
"""

import hashlib
import math
from collections.abc import Iterable

import numpy as np
import numpy.typing
import soxr

from services.shared.audio.loudness import ABSOLUTE_GATE_LUFS, OFFSET_LUFS, integrated_lufs
from services.shared.audio.recording import FULL_SCALE, Recording
from services.shared.audio.wav import read_wav, write_wav

SAMPLE_RATE_HZ = 24_000
MAX_TARGET_LUFS = -23.0
"""The loudness of all clips where no clip is too peaky for it. It is the target of EBU R 128, with room above speech.
"""
MAX_PEAK_DBFS = -1.0
"""No clip's peak comes above it."""
MAX_PEAK = 10 ** (MAX_PEAK_DBFS / 20)
# Too short to be noticed, and enough for no sample to stay in its place.
MIN_LEAD_SECONDS, MAX_LEAD_SECONDS = 0.005, 0.025
MIN_LEAD_FRAMES, MAX_LEAD_FRAMES = round(MIN_LEAD_SECONDS * SAMPLE_RATE_HZ), round(MAX_LEAD_SECONDS * SAMPLE_RATE_HZ)
MIN_TAIL_SECONDS = 0.005
# The size of a clip tells its length in such steps only.
LENGTH_STEP_SECONDS = 0.25

Samples = np.typing.NDArray[np.float32]


def resampled(stored: bytes) -> Samples:
    """Returns the samples of a WAV at 24 kHz, on the 16-bit scale but not rounded to it.

    Silence at its ends stays, since it is part of what is compared. Raises WavError if it is not 16-bit mono PCM.
    """
    recording = read_wav(stored)
    samples = recording.samples.astype(np.float32)
    return soxr.resample(samples, recording.sample_rate_hz, SAMPLE_RATE_HZ, quality="HQ") if len(samples) else samples


def target_lufs(measured: Iterable[tuple[float | None, float | None]]) -> float:
    """Returns one loudness for clips, given the loudness in LUFS and the peak (1 is full scale) of each, where known.

    It is -23 LUFS, or lower if a clip's peak would else come above -1 dBFS. A clip without a known loudness does not
    count here. Its own gain holds it back.
    """
    target = MAX_TARGET_LUFS
    for loudness_lufs, peak in measured:
        if loudness_lufs is not None and peak:
            target = min(target, loudness_lufs + MAX_PEAK_DBFS - 20 * math.log10(peak))
    return target


def gain(target: float, loudness_lufs: float | None, rms: float, peak: float) -> float:
    """Returns the factor that brings a clip to the target loudness, as far as its peak allows.

    A clip that is too short for a measured loudness goes by its RMS. A clip that is peaky and short is quieter than the
    others rather than distorted. RMS and peak are relative to full scale. Silence stays silent: what is below the
    absolute gate of BS.1770 is not speech.
    """
    if rms <= 0 or peak <= 0:
        return 1.0
    loudness = OFFSET_LUFS + 20 * math.log10(rms) if loudness_lufs is None else loudness_lufs
    if loudness < ABSOLUTE_GATE_LUFS:
        return 1.0
    return min(float(10 ** ((target - loudness) / 20)), MAX_PEAK / peak)


def clip_seconds(seconds: float) -> float:
    """Returns how long the clip of speech of some length is: the next whole number of steps after it."""
    return math.ceil((seconds + MAX_LEAD_SECONDS + MIN_TAIL_SECONDS) / LENGTH_STEP_SECONDS) * LENGTH_STEP_SECONDS


def clip(speech: Samples, target: float, seconds: float, seed: bytes) -> bytes:
    """Returns a WAV of 16-bit mono PCM at 24 kHz, with a header of 44 bytes, that is like no other of the same speech.

    It has the target loudness in LUFS, or a lower one if its peak would come above -1 dBFS. The seed decides how much
    silence comes first and what noise is added to all of it: a triangular dither of two steps, which no ear can hear.
    The same seed gives the same bytes. The clip has the length given, or a longer one if the speech does not fit in.
    """
    frames = max(round(seconds * SAMPLE_RATE_HZ), round(clip_seconds(len(speech) / SAMPLE_RATE_HZ) * SAMPLE_RATE_HZ))
    # Two uniform numbers for each sample, from a stream that is the same everywhere and for ever.
    drawn = hashlib.shake_128(seed).digest(4 + 4 * frames)
    lead = MIN_LEAD_FRAMES + int.from_bytes(drawn[:4], "little") % (MAX_LEAD_FRAMES - MIN_LEAD_FRAMES + 1)
    heard = np.zeros(frames, dtype=np.float32)
    heard[lead : lead + len(speech)] = speech
    # Measured as it is heard: in a short clip the silence around it counts.
    loudness_lufs = integrated_lufs(Recording(heard, SAMPLE_RATE_HZ))
    heard *= np.float32(gain(target, loudness_lufs, *Recording(speech, SAMPLE_RATE_HZ).rms_and_peak()))
    noise = np.frombuffer(drawn, dtype="<u2", offset=4).astype(np.float32)
    heard += (noise[:frames] - noise[frames:]) / np.float32(2**16)
    # Between samples, what was clipped when it was made may come above full scale.
    pcm = np.clip(np.rint(heard), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    return write_wav(pcm.tobytes(), SAMPLE_RATE_HZ)
