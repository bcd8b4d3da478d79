"""Makes the clip that a listener hears from stored speech.

All clips have the same sample rate, the same loudness and the same header, because listeners prefer louder speech. No
two clips have the same samples, and no clip has the length of its speech. So a person who has the speech can't identify
a clip by comparing bytes or sizes.
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
"""The target level of EBU R 128, which leaves headroom for the peaks of speech. Clips with higher peaks lower it."""
MAX_PEAK_DBFS = -1.0
"""The highest peak of any clip."""
MAX_PEAK = 10 ** (MAX_PEAK_DBFS / 20)
# The silence before the speech is too short to notice, and long enough to move every sample.
MIN_LEAD_SECONDS, MAX_LEAD_SECONDS = 0.005, 0.025
MIN_LEAD_FRAMES, MAX_LEAD_FRAMES = round(MIN_LEAD_SECONDS * SAMPLE_RATE_HZ), round(MAX_LEAD_SECONDS * SAMPLE_RATE_HZ)
MIN_TAIL_SECONDS = 0.005
# The length of a clip is a multiple of this, so that its size does not reveal the length of its speech.
LENGTH_STEP_SECONDS = 0.25

Samples = np.typing.NDArray[np.float32]


def resampled(stored: bytes) -> Samples:
    """Returns the samples of a WAV resampled to 24 kHz, on the 16-bit scale but not rounded.

    Silence at both ends stays, because it is part of the comparison. Raises WavError if it is not 16-bit mono PCM.
    """
    recording = read_wav(stored)
    samples = recording.samples.astype(np.float32)
    return soxr.resample(samples, recording.sample_rate_hz, SAMPLE_RATE_HZ, quality="HQ") if len(samples) else samples


def target_lufs(measured: Iterable[tuple[float | None, float | None]]) -> float:
    """Returns the common target loudness of clips in LUFS.

    `measured` has the loudness in LUFS and the peak relative to full scale of each clip, None if unknown. The target is
    -23 LUFS, or lower if the peak of a clip would exceed -1 dBFS otherwise. Clips with unknown values are ignored:
    `gain` limits their peak.
    """
    target = MAX_TARGET_LUFS
    for loudness_lufs, peak in measured:
        if loudness_lufs is not None and peak:
            target = min(target, loudness_lufs + MAX_PEAK_DBFS - 20 * math.log10(peak))
    return target


def gain(target: float, loudness_lufs: float | None, rms: float, peak: float) -> float:
    """Returns the factor that brings a clip to the `target` loudness in LUFS without raising its peak above -1 dBFS.

    `rms` and `peak` are relative to full scale. If `loudness_lufs` is None because the clip is too short to measure,
    the RMS replaces it. A short clip with high peaks becomes quieter than the others, but is not distorted. Silence
    stays silent: audio below the absolute gate of BS.1770 gets the factor 1.
    """
    if rms <= 0 or peak <= 0:
        return 1.0
    loudness = OFFSET_LUFS + 20 * math.log10(rms) if loudness_lufs is None else loudness_lufs
    if loudness < ABSOLUTE_GATE_LUFS:
        return 1.0
    return min(float(10 ** ((target - loudness) / 20)), MAX_PEAK / peak)


def clip_seconds(seconds: float) -> float:
    """Returns the length of the clip for speech of this length, both in seconds: a whole number of steps of 0.25 s."""
    return math.ceil((seconds + MAX_LEAD_SECONDS + MIN_TAIL_SECONDS) / LENGTH_STEP_SECONDS) * LENGTH_STEP_SECONDS


def clip(speech: Samples, target: float, seconds: float, seed: bytes) -> bytes:
    """Returns a WAV of 16-bit mono PCM at 24 kHz with a header of 44 bytes, different for each seed.

    The clip has the `target` loudness in LUFS, or a lower one if its peak would exceed -1 dBFS otherwise. The seed
    determines the silence before the speech and the noise that is added: triangular dither of two quantization steps,
    which is inaudible. The same seed gives the same bytes. The clip lasts `seconds`, or longer if the speech does not
    fit.
    """
    frames = max(round(seconds * SAMPLE_RATE_HZ), round(clip_seconds(len(speech) / SAMPLE_RATE_HZ) * SAMPLE_RATE_HZ))
    # Two uniform numbers per sample, from a stream that is the same on every machine and in every release.
    drawn = hashlib.shake_128(seed).digest(4 + 4 * frames)
    lead_frames = MIN_LEAD_FRAMES + int.from_bytes(drawn[:4], "little") % (MAX_LEAD_FRAMES - MIN_LEAD_FRAMES + 1)
    samples = np.zeros(frames, dtype=np.float32)
    samples[lead_frames : lead_frames + len(speech)] = speech
    # Measured with the silence around it, as listeners hear it. In a short clip that makes a difference.
    loudness_lufs = integrated_lufs(Recording(samples, SAMPLE_RATE_HZ))
    samples *= np.float32(gain(target, loudness_lufs, *Recording(speech, SAMPLE_RATE_HZ).rms_and_peak()))
    noise = np.frombuffer(drawn, dtype="<u2", offset=4).astype(np.float32)
    samples += (noise[:frames] - noise[frames:]) / np.float32(2**16)
    # Resampling speech that was clipped can exceed full scale.
    pcm = np.clip(np.rint(samples), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    return write_wav(pcm.tobytes(), SAMPLE_RATE_HZ)
