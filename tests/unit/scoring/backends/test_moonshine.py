from pathlib import Path

import numpy as np
import pytest

from services.scoring.backends.backend import BackendSettings, missing_package
from services.scoring.backends.listening.moonshine import MoonshineRecogniser, phrases
from services.scoring.pipeline.decoding import decoded
from tests.fakes.spoken import speak

RATE_HZ = 16_000


def test_short_pauses_join_speech_to_phrases() -> None:
    samples = np.ones(20 * RATE_HZ, np.float32)
    assert list(phrases(samples, [(0.5, 2.0), (2.5, 3.0), (4.0, 5.0)])) == [(0.5, 3.0), (4.0, 5.0)]
    # Joined, they would be too long.
    assert list(phrases(samples, [(0.0, 10.0), (10.5, 16.0)])) == [(0.0, 10.0), (10.5, 16.0)]
    assert list(phrases(samples, [])) == []


def test_long_speech_is_cut_where_it_is_quiet() -> None:
    samples = np.ones(40 * RATE_HZ, np.float32)
    for second in (10, 21):
        samples[second * RATE_HZ : second * RATE_HZ + 4000] = 0
    found = list(phrases(samples, [(0.0, 30.0)]))
    assert [(round(start, 2), round(end, 2)) for start, end in found] == [(0.0, 10.05), (10.05, 21.1), (21.1, 30.0)]


@pytest.mark.skipif(bool(missing_package("moonshine-voice")), reason=missing_package("moonshine-voice"))
def test_a_text_does_not_depend_on_what_was_heard_before(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 8 * RATE_HZ).astype(np.float32)
    texts = ["Please quote your reference number. It starts with the letter A.", "Six, no, sixty five.", "Hello there."]
    clips = []
    for number, text in enumerate(texts):
        with decoded(speak(text, tmp_path / f"{number}.wav", speed=1.5)) as audio:
            clips.append(audio.mono() + noise[: len(audio.mono())])
    model = MoonshineRecogniser(BackendSettings())
    alone = [model.transcribe([clip], "en")[0] for clip in clips]
    assert all(transcript.text for transcript in alone)
    for order in ([2, 1, 0], [1, 0, 2], [0, 2, 1]):
        model.transcribe([noise], "en")
        assert model.transcribe([clips[index] for index in order], "en") == [alone[index] for index in order]
