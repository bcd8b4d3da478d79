"""Describes every metric of a trial in one place.

Each field of `Measurements` is a metric. Its name is also the name of the database column, of the field in the proto
message `Trial`, and of the field in the message of the service that measures it. Storage, conversion, the verdict,
exports, `GET /api/v1/metrics` and the command line are derived from this table. docs/contributing.md says how to add a
metric.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Literal, get_args, get_type_hints


class Direction(Enum):
    """Whether lower or higher values of a metric are better. The values are those in the API."""

    LOWER = "lower_is_better"
    HIGHER = "higher_is_better"
    NEUTRAL = "neutral"


class Source(Enum):
    """The service and step that measures a metric of a trial."""

    SYNTHESIS = "tts, while a provider speaks"
    SIGNAL = "scoring, from the samples alone"
    LISTENING = "scoring, by models that listen"


@dataclass(frozen=True, slots=True)
class Metric:
    """The description of one metric."""

    name: str
    kind: type
    """float, int, bool or str."""
    source: Source
    label: str
    """The heading of its column in tables."""
    unit: str
    """Empty for ratios, bools and texts."""
    direction: Direction
    description: str
    """One sentence about what it measures."""
    low: float = 0.0
    high: float = math.inf
    """The range of values. Estimates by listening models may lie outside."""
    always: bool = False
    """Whether every completed trial has it. False for metrics added later, because older trials lack them."""
    summary: Literal["avg", "median", ""] = ""
    """How a ranking summarizes the values of a model. Empty for a metric that is in no ranking. A verdict uses only
    metrics with a summary."""
    column: int = 0
    """Its position in short tables, from 1. 0 if short tables omit it."""
    primary: int = 0
    """Its position among the metrics that can be primary in an experiment, from 1. 0 if it can't be primary."""
    part: str = ""
    """The name of its weight in the profile of a composite score. Empty if it has no weight."""
    worst: float = 0.0
    best: float = 0.0
    """The values that are worth 0 and 1 in the composite score. Values beyond them are worth 0 and 1 too."""

    @property
    def summary_field(self) -> str:
        """The name of the summary in rankings in the API. Empty if it has none."""
        return f"{self.summary}_{self.name}" if self.summary else ""

    def worth(self, value: float) -> float:
        """Returns what a value contributes to the composite score, from 0 (worst) to 1 (best)."""
        if self.best < self.worst:
            return 1 - min((value - self.best) / (self.worst - self.best), 1)
        return min(max((value - self.worst) / (self.best - self.worst), 0.0), 1.0)


LOWER, HIGHER, NEUTRAL = Direction.LOWER, Direction.HIGHER, Direction.NEUTRAL
SYNTHESIS, SIGNAL, LISTENING = Source.SYNTHESIS, Source.SIGNAL, Source.LISTENING


def _metric(*about: Any, **more: Any) -> Any:
    """Returns a dataclass field with the default None. The arguments are those of `Metric` after `name` and `kind`."""
    return field(default=None, metadata={"about": about, "more": more})


# fmt: off
@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """The measurements of a trial, None until they are made.

    Columns and reports have this order: add new ones at the end.
    """

    duration_seconds: float | None = _metric(
        SYNTHESIS, "Length", "s", NEUTRAL, "Length of the recording.",
        always=True, column=4, summary="avg", part="duration_accuracy", best=1.0)
    ttfb_ms: float | None = _metric(
        SYNTHESIS, "TTFB", "ms", LOWER, "Time from sending the request to the first byte of audio.",
        always=True, column=1, summary="avg", primary=1, part="ttfb", worst=2000.0)
    generation_time_ms: float | None = _metric(
        SYNTHESIS, "Total", "ms", LOWER, "Time from sending the request to the last byte of audio.",
        always=True, column=2, summary="avg", primary=3, part="generation_time", worst=5000.0)
    ttfa_ms: float | None = _metric(
        SYNTHESIS, "First sound", "ms", LOWER, "TTFB plus leading silence: how long a listener waits.",
        summary="median", primary=2, part="ttfa", worst=2000.0)
    leading_silence_ms: float | None = _metric(
        SYNTHESIS, "Leading silence", "ms", LOWER,
        "Silence before the first 10 ms frame (1 ms hop, mean removed) with RMS above 0.01; "
        "the whole recording if there is none.")
    real_time_factor: float | None = _metric(
        SYNTHESIS, "Real time factor", "", LOWER, "Generation time over length; below 1 is faster than speech.")
    connect_ms: float | None = _metric(
        SYNTHESIS, "Connect", "ms", LOWER, "Duration of the handshake; absent if the request used an open connection.")
    connection_reused: bool | None = _metric(
        SYNTHESIS, "Reused", "", NEUTRAL, "Whether a connection or process was already open.")
    transport: str | None = _metric(SYNTHESIS, "Transport", "", NEUTRAL, "How the engine was reached.")
    sample_rate_hz: int | None = _metric(SYNTHESIS, "Rate", "Hz", NEUTRAL, "Samples per second of the audio.")
    region: str | None = _metric(SYNTHESIS, "Region", "", NEUTRAL, "Where the provider says the audio was made.")
    silence_ratio: float | None = _metric(
        SIGNAL, "Silence", "", LOWER, "Share of samples with |amplitude| below 300 on the 16-bit scale.",
        high=1.0, always=True, column=3, summary="avg", part="silence", worst=1.0)
    trailing_silence_ms: float | None = _metric(
        SIGNAL, "Trailing silence", "ms", LOWER,
        "Silence after the last such frame; the whole recording if there is none.")
    peak: float | None = _metric(
        SIGNAL, "Peak", "", NEUTRAL, "Largest |amplitude|, relative to full scale.", high=1.0)
    clipping_ratio: float | None = _metric(
        SIGNAL, "Clipping", "", LOWER, "Share of samples in runs of at least 3 at the largest value of the format.",
        high=1.0)
    loudness_lufs: float | None = _metric(
        SIGNAL, "Loudness", "LUFS", NEUTRAL,
        "Integrated loudness after ITU-R BS.1770-4; absent for audio shorter than 0.4 s and if all of it is gated.",
        low=-math.inf)
    dc_offset: float | None = _metric(
        SIGNAL, "DC offset", "", NEUTRAL, "Mean of the samples, relative to full scale.", low=-1.0, high=1.0)
    naturalness_mos: float | None = _metric(
        LISTENING, "Naturalness", "MOS", HIGHER, "Predicted mean opinion score.",
        low=1.0, high=5.0, column=9, summary="avg", part="naturalness", worst=1.0, best=5.0)
    word_error_rate: float | None = _metric(
        LISTENING, "Word errors", "", LOWER, "Wrong words in a transcript, per word of the prompt.",
        column=5, summary="avg", primary=4, part="intelligibility", worst=1.0)
    prosody_score: float | None = _metric(
        LISTENING, "Prosody", "", HIGHER, "How far pitch, rate and pauses are within the natural range.",
        high=1.0, column=10, summary="avg", part="prosody", best=1.0)
    signal_quality_mos: float | None = _metric(
        LISTENING, "Quality", "MOS", HIGHER, "Predicted opinion of the quality of the recording (DNSMOS OVRL).",
        low=1.0, high=5.0, column=8, summary="avg", part="signal_quality", worst=1.0, best=5.0)
    hard_word_accuracy: float | None = _metric(
        LISTENING, "Hard words", "", HIGHER,
        "Share of numbers, dates, addresses and names of the prompt that are exact; absent if there are none.",
        high=1.0, column=6, summary="avg")
    speech_failures: int | None = _metric(
        LISTENING, "Failures", "", LOWER, "Places where speech is repeated, skipped, cut off or runs away.",
        column=7, summary="avg")
    semascore: float | None = _metric(
        LISTENING, "Meaning", "", HIGHER, "SeMaScore: how much of the meaning of the prompt a transcript keeps.",
        high=1.0, summary="avg")

RECORDING_METRICS = (
    Metric("audible", bool, SIGNAL, "Audible", "", HIGHER,
           "Whether any frame is above the threshold of the leading silence."),
    Metric("rms", float, SIGNAL, "RMS", "", NEUTRAL, "Root mean square of all samples, relative to full scale.",
           high=1.0),
)
"""Metrics of a recording that are not stored with its trial."""
# fmt: on

_KINDS = get_type_hints(Measurements)
METRICS = tuple(
    Metric(one.name, get_args(_KINDS[one.name])[0], *one.metadata["about"], **one.metadata["more"])
    for one in fields(Measurements)
)
"""Every metric of a trial, in the order of reports."""

VERDICT_METRICS = tuple(sorted((metric for metric in METRICS if metric.summary), key=lambda metric: not metric.always))
"""The metrics that a verdict uses. Those that every completed trial has come first."""
