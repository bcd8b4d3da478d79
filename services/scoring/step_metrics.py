"""Describes the metrics that the steps of an evaluation give, in one place.

`GET /api/v1/metrics` and docs/evaluations.md are derived from this table. A metric has the name of its field in the
message of its step. The metrics of the step `signal` are those of `services.shared.metrics`, because trials have them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from services.scoring.metrics.voice.prosody import (
    ARTICULATION_RATE,
    PAUSE_LENGTH_SECONDS,
    PAUSE_SHARE,
    PITCH_SD_SEMITONES,
)
from services.shared.metrics import Direction

LOWER, HIGHER, NEUTRAL = Direction.LOWER, Direction.HIGHER, Direction.NEUTRAL
# The range of an opinion score, of a share, and of a correlation.
OPINION, SHARE, COSINE = (1.0, 5.0), (0.0, 1.0), (-1.0, 1.0)
POSITIVE, ANY = (0.0, math.inf), (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class StepMetric:
    """The description of one metric that a step gives."""

    step: str
    name: str
    label: str
    """Its heading in tables."""
    unit: str
    """Empty for shares, counts, truth values and texts."""
    direction: Direction
    range: tuple[float, float]
    description: str
    """One sentence about what it measures."""
    good: tuple[float, float] | None = None
    """The values that need no attention, ends included. None if no range is documented."""


# fmt: off
STEP_METRICS = (
    StepMetric("decode", "sample_rate_hz", "Rate", "Hz", NEUTRAL, POSITIVE, "Samples per second of the file."),
    StepMetric("decode", "channels", "Channels", "", NEUTRAL, POSITIVE, "Channels of the file."),
    StepMetric("decode", "damaged", "Damaged", "", LOWER, SHARE,
               "Whether the end is missing because the file is damaged or was cut off."),
    StepMetric("loudness", "integrated_lufs", "Loudness", "LUFS", NEUTRAL, ANY,
               "Integrated loudness after ITU-R BS.1770-4.", (-26.0, -16.0)),
    StepMetric("loudness", "active_level_dbov", "Speech level", "dBov", NEUTRAL, ANY,
               "Level while somebody speaks, after ITU-T P.56, relative to full scale."),
    StepMetric("loudness", "activity", "Activity", "", NEUTRAL, SHARE, "Share of the recording that is active."),
    StepMetric("noise", "snr_db", "SNR", "dB", HIGHER, ANY,
               "Power of speech over power of pauses; absent with less than 0.3 s of pauses.", (25.0, math.inf)),
    StepMetric("noise", "bandwidth_hz", "Bandwidth", "Hz", HIGHER, POSITIVE,
               "Highest frequency whose power is within 50 dB of the strongest."),
    StepMetric("noise", "telephone", "Telephone", "", NEUTRAL, SHARE,
               "Whether the recording went through a telephone."),
    StepMetric("speech_activity", "speech_seconds", "Speech", "s", NEUTRAL, POSITIVE, "How long somebody speaks."),
    StepMetric("speech_activity", "speech_share", "Speech share", "", NEUTRAL, SHARE,
               "Share of the recording in which somebody speaks."),
    StepMetric("word_errors", "word_error_rate", "Word errors", "", LOWER, POSITIVE,
               "Wrong, missing and additional words per word of the reference, numbers compared as digits."),
    StepMetric("word_errors", "match_error_rate", "Match errors", "", LOWER, SHARE,
               "The same errors as a share of all aligned words."),
    StepMetric("word_errors", "character_error_rate", "Character errors", "", LOWER, POSITIVE,
               "Wrong, missing and additional characters per character of the reference."),
    StepMetric("word_errors", "raw_word_error_rate", "Raw word errors", "", LOWER, POSITIVE,
               "Word errors with numbers compared as they are written."),
    StepMetric("word_errors", "hits", "Right words", "", HIGHER, POSITIVE, "Words that are right."),
    StepMetric("word_errors", "substitutions", "Replaced", "", LOWER, POSITIVE, "Words that are replaced."),
    StepMetric("word_errors", "deletions", "Missing", "", LOWER, POSITIVE, "Words that are missing."),
    StepMetric("word_errors", "insertions", "Additional", "", LOWER, POSITIVE, "Words that are too many."),
    StepMetric("word_errors", "hard_word_accuracy", "Hard words", "", HIGHER, SHARE,
               "Share of numbers, amounts, dates, addresses and names that are exact; absent if there are none.",
               (1.0, 1.0)),
    StepMetric("meaning", "sema_score", "Meaning", "", HIGHER, SHARE,
               "SeMaScore (arXiv 2401.07506): how much of the meaning is kept; blind to a missing \"not\"."),
    StepMetric("bert_score", "precision", "BERT precision", "", HIGHER, COSINE,
               "BERTScore (arXiv 1904.09675) over the tokens of the transcript, not rescaled."),
    StepMetric("bert_score", "recall", "BERT recall", "", HIGHER, COSINE,
               "BERTScore over the tokens of the reference, not rescaled."),
    StepMetric("bert_score", "f1", "BERTScore", "", HIGHER, COSINE, "Harmonic mean of precision and recall."),
    StepMetric("pitch", "median_hz", "Pitch", "Hz", NEUTRAL, (75.0, 500.0), "Median fundamental frequency."),
    StepMetric("pitch", "sd_semitones", "Pitch movement", "semitones", NEUTRAL, POSITIVE,
               "Standard deviation of the pitch.", (PITCH_SD_SEMITONES.low, PITCH_SD_SEMITONES.high)),
    StepMetric("pitch", "range_semitones", "Pitch range", "semitones", NEUTRAL, POSITIVE,
               "Range of the pitch from the 5th to the 95th percentile."),
    StepMetric("pitch", "voiced_seconds", "Voiced", "s", NEUTRAL, POSITIVE, "How much of the recording is voiced."),
    StepMetric("rhythm", "words_per_minute", "Words per minute", "1/min", NEUTRAL, POSITIVE,
               "Words per minute, pauses included."),
    StepMetric("rhythm", "speaking_rate", "Speaking rate", "1/s", NEUTRAL, POSITIVE,
               "Syllables per second, pauses included."),
    StepMetric("rhythm", "articulation_rate", "Articulation", "1/s", NEUTRAL, POSITIVE,
               "Syllables per second, pauses excluded.", (ARTICULATION_RATE.low, ARTICULATION_RATE.high)),
    StepMetric("rhythm", "pause_share", "Pauses", "", NEUTRAL, SHARE,
               "Share of pauses of 0.25 s or more in the time from the first to the last word.",
               (PAUSE_SHARE.low, PAUSE_SHARE.high)),
    StepMetric("rhythm", "longest_pause_seconds", "Longest pause", "s", LOWER, POSITIVE,
               "Longest gap between words.", (PAUSE_LENGTH_SECONDS.low, PAUSE_LENGTH_SECONDS.high)),
    StepMetric("prosody", "prosody_score", "Prosody", "", HIGHER, SHARE,
               "How far pitch, rate and pauses are within the natural range; not validated on listeners.", (0.8, 1.0)),
    StepMetric("naturalness", "utmos", "UTMOS", "MOS", HIGHER, OPINION,
               "Opinion score of naturalness that UTMOS predicts."),
    StepMetric("naturalness", "distillmos", "DistillMOS", "MOS", HIGHER, OPINION,
               "Opinion score of naturalness that DistillMOS predicts."),
    StepMetric("quality", "signal_mos", "Signal", "MOS", HIGHER, OPINION,
               "Predicted opinion of the speech alone (P.835 SIG)."),
    StepMetric("quality", "background_mos", "Background", "MOS", HIGHER, OPINION,
               "Predicted opinion of the background noise (P.835 BAK)."),
    StepMetric("quality", "overall_mos", "Overall", "MOS", HIGHER, OPINION,
               "Predicted opinion of the whole (P.835 OVRL)."),
    StepMetric("quality", "p808_mos", "Quality", "MOS", HIGHER, OPINION, "Predicted opinion of the quality (P.808)."),
    StepMetric("diarization", "num_speakers", "Speakers", "", NEUTRAL, POSITIVE, "People who speak."),
    StepMetric("diarization", "speech_seconds", "Speech", "s", NEUTRAL, POSITIVE, "Time with at least one speaker."),
    StepMetric("diarization", "overlap_seconds", "Overlap", "s", NEUTRAL, POSITIVE,
               "Time with at least two speakers."),
    StepMetric("diarization", "response_gap_p50_seconds", "Response gap", "s", LOWER, POSITIVE,
               "Median time between the end of one speaker and the start of the next.", (0.0, 0.8)),
    StepMetric("diarization", "response_gap_p95_seconds", "Response gap p95", "s", LOWER, POSITIVE,
               "95th percentile of that time.", (0.0, 2.0)),
    StepMetric("emotion", "emotion", "Emotion", "", NEUTRAL, ANY, "How the speakers feel, such as happy or angry."),
)
# fmt: on
"""In the order of steps and of the fields of their messages."""
