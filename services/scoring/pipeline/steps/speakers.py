"""The steps about speakers: who speaks when, and how they feel."""

from __future__ import annotations

from services.scoring.backends.choice import DIARIZATION, EMOTION, SPEECH_ACTIVITY
from services.scoring.metrics.conversation.turns import Turn, turn_taking
from services.scoring.pipeline.step import Computed, Skipped
from services.scoring.pipeline.steps.sound import require_speech
from services.scoring.pipeline.work import MIX, Work

DIARIZATION_OFF = "ENABLE_DIARIZATION is false in this installation."


def diarization(work: Work) -> Computed:
    """Says who speaks when. If the channels are split, each is one speaker."""
    settings = work.backends.settings
    if not settings.enable_diarization:
        raise Skipped(DIARIZATION_OFF)
    require_speech(work)
    channels = work.audio.format.channels
    if channels < 2 or work.options.channels == MIX:
        diarizer = work.backends.get(DIARIZATION)
        (found,) = diarizer.diarize([work.samples], work.options.num_speakers or settings.default_num_speakers)
        return Computed(turn_taking(Turn(one.start, one.end, one.speaker) for one in found), diarizer.backend)
    backend = work.backends.get(SPEECH_ACTIVITY)
    turns = [
        Turn(start, end, f"channel_{index + 1}")
        for index in range(channels)
        for start, end in backend.speech(work.audio.channel(index))
    ]
    return Computed(turn_taking(turns), f"channels/{backend.backend}")


def emotion(work: Work) -> Computed:
    """Says how the speakers feel, and what else can be heard."""
    require_speech(work)
    backend = work.backends.get(EMOTION)
    language = work.options.language.partition("-")[0].lower()
    if language not in backend.capabilities.languages:
        known = ", ".join(sorted(backend.capabilities.languages))
        raise Skipped(f"The model of emotions knows the languages {known}, not {work.options.language}.")
    (found,) = backend.recognise([work.samples], language)
    return Computed(found, backend.backend)
