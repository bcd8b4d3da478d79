"""Measures one utterance: when its audio arrived, how long it is, and how long a listener waits for its first sound."""

import numpy as np

from services.shared.audio.edges import find_edges
from services.shared.audio.recording import Recording
from services.tts.domain import FailureKind, SynthesisError, SynthesisMeasurements, Timing
from services.tts.sample_formats import check_samples


def measure(pcm: bytes, timing: Timing) -> SynthesisMeasurements:
    """Returns the measurements of a complete utterance. Raises SynthesisError bad_audio if it has no sound.

    `pcm` holds whole samples, signed 16-bit little-endian mono. Definitions follow github.com/coval-ai/benchmarks,
    docs/methodology.md: a listener waits for the first byte plus the silence before the first sound.
    """
    if not pcm or timing.first_byte_at is None:
        raise SynthesisError(FailureKind.BAD_AUDIO, "The provider returned no audio")
    check_samples(pcm)
    recording = Recording(np.frombuffer(pcm, dtype="<i2"), timing.sample_rate_hz)
    edges = find_edges(recording, float(recording.samples.mean()))
    if edges is None:
        raise SynthesisError(FailureKind.BAD_AUDIO, "The audio is silent from beginning to end")
    if timing.sent_at is None or timing.last_byte_at is None:
        raise ValueError("the engine returned audio without setting sent_at")
    ttfb_ms = (timing.first_byte_at - timing.sent_at) * 1000
    generation_time_ms = (timing.last_byte_at - timing.sent_at) * 1000
    return SynthesisMeasurements(
        ttfb_ms=ttfb_ms,
        leading_silence_ms=edges.leading_ms,
        ttfa_ms=ttfb_ms + edges.leading_ms,
        generation_time_ms=generation_time_ms,
        duration_seconds=recording.duration_seconds,
        real_time_factor=generation_time_ms / 1000 / recording.duration_seconds,
        connect_ms=timing.connect_ms,
        connection_reused=timing.connection_reused,
        transport=timing.transport,
        sample_rate_hz=timing.sample_rate_hz,
        region=timing.region,
    )
