"""Who speaks when in recordings with several channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from services.scoring.backends.backend import BackendSettings, SpeakerTurn
from services.scoring.backends.choice import Role
from services.scoring.pipeline.decoding import AudioFormat, DecodedAudio
from services.scoring.pipeline.steps.sound import SpeechActivity
from services.scoring.pipeline.steps.speakers import diarization
from services.scoring.pipeline.work import MIX, SPLIT, Options, Work


class Scripted:
    """Hears speech where samples are not 0, and two speakers in every recording."""

    settings = BackendSettings()
    backend = "scripted/1"

    def get(self, role: Role) -> Any:
        return self

    def speech(self, samples: Any) -> list[tuple[float, float]]:
        heard = np.flatnonzero(samples)
        return [(heard[0] / 16_000, (heard[-1] + 1) / 16_000)] if len(heard) else []

    def diarize(self, recordings: list[Any], num_speakers: int | None) -> list[list[SpeakerTurn]]:
        return [[SpeakerTurn(0.0, 1.0, "SPEAKER_00"), SpeakerTurn(1.0, 2.0, "SPEAKER_01")] for _ in recordings]


def work(channels: str) -> Work:
    samples = np.zeros((32_000, 2), np.int16)
    samples[:8_000, 0] = samples[16_000:24_000, 1] = 1000
    form = AudioFormat("wav", "pcm_s16le", "s16", 16_000, 2, damaged=False)
    audio = DecodedAudio(form, samples, samples)
    found = SpeechActivity(((0.0, 0.5), (1.0, 1.5)), 1.0, 0.5)
    backends: Any = Scripted()
    return Work(audio, Options(channels=channels), backends, {"speech_activity": found})


@pytest.mark.parametrize(
    ("channels", "speakers", "backend"),
    [(SPLIT, {"channel_1", "channel_2"}, "channels/scripted/1"), (MIX, {"SPEAKER_00", "SPEAKER_01"}, "scripted/1")],
)
def test_each_channel_is_a_speaker_unless_all_speakers_are_in_all_channels(
    channels: str, speakers: set[str], backend: str
) -> None:
    found = diarization(work(channels))
    assert {turn.speaker for turn in found.result.turns} == speakers
    assert found.backend == backend
