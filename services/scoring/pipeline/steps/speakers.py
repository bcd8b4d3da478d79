"""The steps about speakers: who speaks when, and how they feel."""

from __future__ import annotations

from services.scoring.backends.choice import SPEECH_ACTIVITY
from services.scoring.metrics.conversation.turns import Turn, turn_taking
from services.scoring.pipeline.step import Computed, Skipped
from services.scoring.pipeline.steps.sound import require_speech
from services.scoring.pipeline.work import Work


def diarization(work: Work) -> Computed:
    """Says who speaks when. Each channel of a call with several channels is one speaker."""
    require_speech(work)
    channels = work.audio.format.channels
    if channels < 2:
        raise Skipped("Recordings with one channel need a model of speakers, which this release does not have.")
    backend = work.backends.get(SPEECH_ACTIVITY)
    turns = [
        Turn(start, end, f"channel_{index + 1}")
        for index in range(channels)
        for start, end in backend.speech(work.audio.channel(index))
    ]
    return Computed(turn_taking(turns), f"channels/{backend.backend}")


def emotion(work: Work) -> Computed:
    """Says how the speakers feel."""
    require_speech(work)
    raise Skipped("This release has no model of emotions.")
