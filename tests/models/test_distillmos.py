"""DistillMOS with the weights of its package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from distillmos import ConvTransformerSQAModel

from services.scoring.backends.backend import BackendSettings, Samples
from services.scoring.backends.models.distillmos import DistillMos
from tests.vectors import lcg_noise, metric_vector, syllable_pulses


@pytest.fixture(scope="module")
def model(settings: BackendSettings) -> DistillMos:
    return DistillMos(settings)


@pytest.mark.parametrize(("vector", "noise"), [("models_syll_12s", 0.0), ("models_syll_12s_plus_noise", 0.01)])
def test_known_scores(model: DistillMos, vector: str, noise: float) -> None:
    known: dict[str, Any] = metric_vector(f"quality.{vector}")
    samples = syllable_pulses(4, 12)
    samples = (samples + lcg_noise(len(samples)) * np.sqrt(12) * noise).astype(np.float32)
    assert model.naturalness([samples]) == pytest.approx([known["expected"]["distillmos"]], abs=known["tolerance"])


def test_a_batch_gives_what_the_package_gives_one_by_one(model: DistillMos, clips: list[Samples]) -> None:
    package = ConvTransformerSQAModel().eval()
    with torch.inference_mode():
        expected = [package(torch.from_numpy(clip)[None]).item() for clip in clips]
    assert model.naturalness(clips) == pytest.approx(expected, abs=1e-4)
