"""Measures one utterance: when it came, how long it is, and how long a listener waits for its first sound."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.tts.domain import FailureKind, Measurements, SynthesisError, Timing
from services.tts.sample_formats import check_samples

FRAME_MS = 10
HOP_MS = 1
# Of full scale; -40 dBFS, above the noise of any engine and below any phoneme.
AUDIBLE_RMS = 0.01
_FULL_SCALE = 32768.0


@dataclass(frozen=True, slots=True)
class Edges:
    """Where sound begins and ends, in ms: silence before the first audible frame and after the last."""

    leading_ms: float
    trailing_ms: float


def silence_edges(pcm: bytes, sample_rate_hz: int) -> Edges | None:
    """Returns the silence at both ends of signed 16-bit little-endian mono samples, None if nothing is audible.

    A frame of 10 ms is audible if its RMS is above 0.01 of full scale once the mean of the whole recording is taken
    off. Frames start at every whole ms, so the leading silence is a whole number of ms. A recording shorter than a
    frame is one frame.
    """
    samples: NDArray[np.float64] = np.frombuffer(pcm, dtype="<i2").astype(np.float64) / _FULL_SCALE
    if not samples.size:
        return None
    samples -= samples.mean()
    length = min(round(sample_rate_hz * FRAME_MS / 1000), samples.size)
    # The sum of squares up to each sample, so that every frame's is one difference.
    energy = np.concatenate(([0.0], np.cumsum(samples * samples)))
    hops = int((samples.size - length) * 1000 / (sample_rate_hz * HOP_MS)) + 1
    starts = np.rint(np.arange(hops) * (sample_rate_hz * HOP_MS / 1000)).astype(np.int64)
    starts = starts[starts <= samples.size - length]
    audible = np.flatnonzero(energy[starts + length] - energy[starts] > AUDIBLE_RMS**2 * length)
    if not audible.size:
        return None
    end = starts[audible[-1]] + length
    return Edges(float(audible[0] * HOP_MS), float((samples.size - end) * 1000 / sample_rate_hz))


def measure(pcm: bytes, timing: Timing) -> Measurements:
    """Returns the measurements of an utterance that came whole; SynthesisError bad_audio if there is nothing to hear.

    `pcm` is whole samples, signed 16-bit little-endian mono. Definitions follow github.com/coval-ai/benchmarks,
    docs/methodology.md: what a listener waits is the first byte plus the silence before the first sound.
    """
    if not pcm or timing.first_byte_at is None:
        raise SynthesisError(FailureKind.BAD_AUDIO, "the provider answered without any audio")
    check_samples(pcm)
    edges = silence_edges(pcm, timing.sample_rate_hz)
    if edges is None:
        raise SynthesisError(FailureKind.BAD_AUDIO, "the audio is silent from beginning to end")
    if timing.sent_at is None or timing.last_byte_at is None:
        raise ValueError("the engine gave audio without saying when it was asked")
    ttfb_ms = (timing.first_byte_at - timing.sent_at) * 1000
    generation_time_ms = (timing.last_byte_at - timing.sent_at) * 1000
    duration_seconds = len(pcm) / 2 / timing.sample_rate_hz
    return Measurements(
        ttfb_ms=ttfb_ms,
        leading_silence_ms=edges.leading_ms,
        ttfa_ms=ttfb_ms + edges.leading_ms,
        generation_time_ms=generation_time_ms,
        duration_seconds=duration_seconds,
        real_time_factor=generation_time_ms / 1000 / duration_seconds,
        connect_ms=timing.connect_ms,
        connection_reused=timing.connection_reused,
        transport=timing.transport,
        sample_rate_hz=timing.sample_rate_hz,
        region=timing.region,
    )
