"""The steps that look at the sound alone: decode, signal, loudness, noise and speech activity."""

from __future__ import annotations

from dataclasses import dataclass

from services.scoring.backends.choice import SPEECH_ACTIVITY
from services.scoring.metrics import noise as noise_metrics
from services.scoring.metrics import signal as signal_metrics
from services.scoring.metrics.level import active_level
from services.scoring.pipeline.decoding import MODEL_RATE_HZ
from services.scoring.pipeline.step import Computed, Skipped
from services.scoring.pipeline.work import Work
from services.shared.audio.loudness import integrated_lufs
from services.shared.audio.recording import Recording

NO_SPEECH = "There is no speech in the recording."
DECODER = "ffmpeg"
DSP_BACKEND = "voicearena-sound/1"
"""Its number goes up whenever the same samples would give other values."""


@dataclass(frozen=True, slots=True)
class LoudnessMetrics:
    """Levels of the recording; None if it is too short or silent."""

    integrated_lufs: float | None
    active_level_dbov: float | None
    activity: float | None
    """The share of the recording that is active, 0 to 1."""


@dataclass(frozen=True, slots=True)
class NoiseMetrics:
    """Noise and bandwidth; None where the recording does not allow to say."""

    snr_db: float | None
    bandwidth_hz: float | None
    telephone: bool | None


@dataclass(frozen=True, slots=True)
class SpeechActivity:
    """When somebody speaks."""

    spans: tuple[tuple[float, float], ...]
    """Starts and ends in seconds, in order."""
    speech_seconds: float
    speech_share: float
    """0 to 1."""


def decode(work: Work) -> Computed:
    """Returns the format of the recording, which is decoded already."""
    return Computed(work.audio.format, DECODER)


def signal(work: Work) -> Computed:
    """Measures each channel and returns the metrics of the mean of the channels."""
    return Computed(signal_metrics.measure(_native(work)), signal_metrics.BACKEND)


def loudness(work: Work) -> Computed:
    """Measures loudness and the level of speech."""
    level = active_level(work.samples, MODEL_RATE_HZ)
    found = LoudnessMetrics(
        integrated_lufs(_native(work)), level.dbov if level else None, level.activity if level else None
    )
    return Computed(found, DSP_BACKEND)


def speech_activity(work: Work) -> Computed:
    """Finds speech."""
    backend = work.backends.get(SPEECH_ACTIVITY)
    spans = tuple(backend.speech(work.samples))
    seconds = sum(end - start for start, end in spans)
    return Computed(SpeechActivity(spans, seconds, seconds / work.audio.duration_seconds), backend.backend)


def noise(work: Work) -> Computed:
    """Measures noise in the pauses, and the bandwidth."""
    spans = work.results["speech_activity"].spans
    found = NoiseMetrics(
        noise_metrics.signal_to_noise_db(work.samples, MODEL_RATE_HZ, spans),
        noise_metrics.bandwidth_hz(work.samples, MODEL_RATE_HZ),
        noise_metrics.is_telephone(work.samples, MODEL_RATE_HZ),
    )
    return Computed(found, DSP_BACKEND)


def require_speech(work: Work) -> SpeechActivity:
    """Returns the activity. Raises Skipped if nobody speaks: models would invent words and scores for silence."""
    found: SpeechActivity = work.results["speech_activity"]
    if not found.spans:
        raise Skipped(NO_SPEECH)
    return found


def _native(work: Work) -> Recording:
    native = work.audio.native
    samples = native[:, 0] if native.shape[1] == 1 else native.mean(axis=1).round().astype(native.dtype)
    return Recording(samples, work.audio.format.sample_rate_hz)
