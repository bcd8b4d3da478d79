"""The steps about how something is said: pitch, rhythm and prosody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.scoring.backends.choice import PITCH
from services.scoring.metrics.text.speech_failures import TimedWord
from services.scoring.metrics.voice.pitch import pitch
from services.scoring.metrics.voice.prosody import prosody_score
from services.scoring.metrics.voice.rhythm import rhythm
from services.scoring.pipeline.step import Computed, Skipped
from services.scoring.pipeline.steps.sound import require_speech
from services.scoring.pipeline.work import Work

RHYTHM_BACKEND = "voicearena-rhythm/1"
PROSODY_BACKEND = "voicearena-prosody/1"


@dataclass(frozen=True, slots=True)
class ProsodyMetrics:
    """How natural pitch and rhythm are."""

    prosody_score: float
    """0 to 1; 1 is within the natural range. It was not checked against the opinions of listeners."""


def pitch_step(work: Work) -> Computed:
    """Follows the pitch."""
    require_speech(work)
    backend = work.backends.get(PITCH)
    found = pitch(np.asarray(backend.track(work.samples)), backend.frame_seconds)
    if found is None:
        raise Skipped("Less than 0.3 s of the recording is voiced.")
    return Computed(found, backend.backend)


def rhythm_step(work: Work) -> Computed:
    """Measures rate and pauses from the words and their times."""
    require_speech(work)
    if (aligned := work.results.get("alignment")) is None:
        raise Skipped("The words and their times are not known.")
    words: tuple[TimedWord, ...] = aligned.words
    found = rhythm([(word.text, word.start, word.end) for word in words])
    if found is None:
        raise Skipped("There are no words.")
    return Computed(found, RHYTHM_BACKEND)


def prosody_step(work: Work) -> Computed:
    """Sums pitch and rhythm up."""
    score = prosody_score(work.results["pitch"], work.results["rhythm"])
    if score is None:
        raise Skipped("Pitch and rhythm are not known.")
    return Computed(ProsodyMetrics(score), PROSODY_BACKEND)
