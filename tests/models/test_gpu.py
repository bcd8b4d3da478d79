"""Small random weights on a GPU, in half precision where models use it, give what they give on the CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from services.scoring.backends.backend import RATE_HZ, BackendSettings, Samples
from services.scoring.backends.models.encoder import TransformerEncoder
from services.scoring.backends.models.pyannote import PyannoteDiarizer
from services.scoring.backends.models.utmos import Utmos
from services.scoring.backends.models.whisper import WhisperRecogniser
from tests.bench.gpu import weights
from tests.bench.gpu.clips import clips_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")

LENGTHS_SECONDS = (5.0, 3.0, 9.0, 4.5)


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> BackendSettings:
    """Settings that use small random weights on the CPU."""
    return weights.write(tmp_path_factory.mktemp("random") / "models", "cpu", small=True)


@pytest.fixture(scope="module")
def recordings() -> list[Samples]:
    """Recordings of different lengths."""
    return [clip[: round(seconds * RATE_HZ)] for clip, seconds in zip(clips_of(4), LENGTHS_SECONDS, strict=True)]


def on_gpu(settings: BackendSettings) -> BackendSettings:
    return replace(settings, device="cuda:0")


def cosines(ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[Any]:
    """Returns how alike the vectors of two arrays are."""
    lengths = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
    cosine: NDArray[Any] = (ours * theirs).sum(axis=-1) / lengths
    return cosine


def test_naturalness(random_weights: BackendSettings, recordings: list[Samples]) -> None:
    expected = Utmos(random_weights).naturalness(recordings)
    found = Utmos(on_gpu(random_weights)).naturalness(recordings)
    assert len({round(score, 2) for score in found}) == len(recordings)
    assert found == pytest.approx(expected, abs=0.02)


def test_embeddings_of_texts(random_weights: BackendSettings) -> None:
    texts = ["please turn on the light", "", "call me back tomorrow morning"]
    for ours, theirs in zip(
        TransformerEncoder(on_gpu(random_weights)).encode(texts),
        TransformerEncoder(random_weights).encode(texts),
        strict=True,
    ):
        assert ours.embeddings == pytest.approx(theirs.embeddings, abs=1e-3)


def test_speakers_and_their_embeddings(random_weights: BackendSettings, recordings: list[Samples]) -> None:
    found, expected = (
        prepared(PyannoteDiarizer(settings), recordings) for settings in (on_gpu(random_weights), random_weights)
    )
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours["segmentations"].data == theirs["segmentations"].data).mean() > 0.99
        spoken = theirs["segmentations"].data.sum(axis=1) > 0
        assert cosines(ours["embeddings"], theirs["embeddings"])[spoken].min() > 0.99
    turns = PyannoteDiarizer(on_gpu(random_weights)).diarize(recordings, None)
    assert all(turns)


def prepared(diarizer: PyannoteDiarizer, recordings: list[Samples]) -> list[dict[str, Any]]:
    """Returns the recordings with what both networks find in them."""
    files = [{"waveform": torch.from_numpy(one)[None], "sample_rate": RATE_HZ, "uri": "x"} for one in recordings]
    diarizer._pipeline.prepare(files, 4)
    return files


def test_texts_together_are_those_of_one_recording_alone(
    random_weights: BackendSettings, recordings: list[Samples]
) -> None:
    recogniser = WhisperRecogniser(on_gpu(random_weights))
    together = recogniser.transcribe(recordings, "en")
    assert [one.text for one in together] == [recogniser.transcribe([clip], "en")[0].text for clip in recordings]
    assert None not in recogniser._decoder._graphs.values()
