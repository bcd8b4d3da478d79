"""DistillMOS: a predicted opinion score of speech (arXiv 2502.05356)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from services.scoring.backends.backend import (
    RATE_HZ,
    BackendMissing,
    BackendSettings,
    ModelCapabilities,
    Samples,
    installed_version,
)
from services.scoring.backends.models.weights import device, loading, missing_library

WINDOW_SAMPLES = 122_880
"""7.68 s."""
MAX_HOP_SAMPLES = 16_000
MAX_BATCH_WINDOWS = 32


class DistillMos:
    """Predicts an opinion score. The weights come with the package.

    A score is the mean over windows of 7.68 s, so windows of all recordings share a batch.
    """

    name = "distillmos"
    package = "distillmos"
    capabilities = ModelCapabilities(
        licence="MIT",
        max_batch=MAX_BATCH_WINDOWS,
        window_seconds=WINDOW_SAMPLES / RATE_HZ,
        hop_seconds=MAX_HOP_SAMPLES / RATE_HZ,
    )

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        return missing_library(cls.package)

    def __init__(self, settings: BackendSettings) -> None:
        if reason := self.missing(settings):
            raise BackendMissing(reason)
        import distillmos
        import torch

        self.backend = f"distillmos-v7/{self.package}-{installed_version(self.package)}"
        self._device = device(settings)
        file = Path(distillmos.sqa.DEFAULT_WEIGHTS_CHKPT)
        with loading("DistillMOS", file):
            # The package itself would print to stdout while it loads.
            self._model = distillmos.ConvTransformerSQAModel(load_weights=False, segmenting_in_forward=False)
            self._model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True)["model"])
        self._model.eval().to(self._device)

    def naturalness(self, recordings: Sequence[Samples]) -> list[float]:
        """Returns a predicted mean opinion score, 1 to 5, for each recording of a batch."""
        import torch

        pieces = [(index, piece) for index, samples in enumerate(recordings) for piece in windows(samples)]
        scores: list[list[float]] = [[] for _ in recordings]
        size = self.capabilities.max_batch
        for start in range(0, len(pieces), size):
            batch = pieces[start : start + size]
            with torch.inference_mode():
                waves = torch.from_numpy(np.stack([piece for _, piece in batch])).to(self._device)
                found = self._model(waves).flatten().tolist()
            for (index, _), score in zip(batch, found, strict=True):
                scores[index].append(score)
        return [float(np.mean(own)) for own in scores]


def windows(samples: Samples) -> list[Samples]:
    """Cuts a recording into windows that are spread evenly over it, at most 1 s apart. Silence fills a short one."""
    over = len(samples) - WINDOW_SAMPLES
    if over < 0:
        return [np.pad(samples, (0, -over))]
    count = math.ceil(over / MAX_HOP_SAMPLES) + 1
    starts = (int(share * over) for share in np.linspace(0, 1, count))
    return [samples[start : start + WINDOW_SAMPLES] for start in starts]
