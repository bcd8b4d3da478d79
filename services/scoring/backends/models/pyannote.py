"""pyannote: who speaks when, over pyannote.audio 4.

Its checkpoints are pickles, which can run code. So they are loaded from MODEL_DIR and from the repository below only.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.backends.backend import (
    RATE_HZ,
    BackendMissing,
    BackendSettings,
    ModelCapabilities,
    Samples,
    SpeakerTurn,
    installed_version,
)
from services.scoring.backends.models.weights import (
    cached,
    device,
    from_hub,
    loading,
    missing_from_hub,
    missing_library,
    place_of,
)

REPOSITORY = "pyannote/speaker-diarization-community-1"
PIPELINE = "pyannote.audio.pipelines.SpeakerDiarization"
PARTS = ("segmentation", "embedding", "plda")
MAX_BATCH_CHUNKS = 32
CHUNK_SECONDS = 10.0
CHUNK_HOP_SECONDS = 1.0
"""Those of the published model. Another one has chunks of its own, and these only estimate their number."""


class PyannoteDiarizer:
    """Says who speaks when. The folder has a `config.yaml` and the folders `segmentation`, `embedding` and `plda`."""

    name = "pyannote"
    capabilities = ModelCapabilities(
        licence="CC-BY-4.0", max_batch=MAX_BATCH_CHUNKS, window_seconds=CHUNK_SECONDS, hop_seconds=CHUNK_HOP_SECONDS
    )

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        if reason := missing_library("pyannote.audio") or missing_from_hub(REPOSITORY, settings):
            return reason
        place = place_of(REPOSITORY, settings)
        if settings.hf_token or (place and place.is_dir()) or cached(REPOSITORY, settings):
            return ""
        return (
            f"{REPOSITORY} is given to registered users only. Accept its conditions at the model hub and set HF_TOKEN, "
            f"or put its files into {place or 'the folder ' + REPOSITORY + ' of MODEL_DIR'}."
        )

    def __init__(self, settings: BackendSettings) -> None:
        if reason := self.missing(settings):
            raise BackendMissing(reason)
        self.backend = f"{REPOSITORY}/pyannote.audio-{installed_version('pyannote.audio')}"
        self._device = device(settings)
        folder = from_hub(REPOSITORY, settings)
        with loading(REPOSITORY, folder):
            self._pipeline = _load(folder).to(self._device)

    def diarize(self, recordings: Sequence[Samples], num_speakers: int | None) -> list[list[SpeakerTurn]]:
        """Returns the turns of all speakers of each recording. They are called speaker_1 and so on, as they begin."""
        return [self._one(samples, num_speakers) for samples in recordings]

    def _one(self, samples: Samples, num_speakers: int | None) -> list[SpeakerTurn]:
        import torch

        found = self._pipeline(
            {"waveform": torch.from_numpy(samples)[None], "sample_rate": RATE_HZ, "uri": "recording"},
            num_speakers=num_speakers,
        ).speaker_diarization
        names: dict[str, str] = {}
        turns = []
        for segment, _, label in sorted(found.itertracks(yield_label=True), key=lambda one: one[0]):
            name = names.setdefault(label, f"speaker_{len(names) + 1}")
            turns.append(SpeakerTurn(float(segment.start), min(float(segment.end), len(samples) / RATE_HZ), name))
        return turns


def _load(folder: Path) -> Any:
    """Loads the three parts with the parameters of `config.yaml`. Other classes than the known one are refused."""
    import yaml

    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    if config["pipeline"]["name"] != PIPELINE:
        raise ValueError(f"{folder} has a pipeline of another kind")
    params = {key: value for key, value in config["pipeline"]["params"].items() if key not in PARTS}
    params |= {"segmentation_batch_size": MAX_BATCH_CHUNKS, "embedding_batch_size": MAX_BATCH_CHUNKS}
    parts = {part: {"checkpoint": str(folder), "subfolder": part} for part in PARTS}
    pipeline = shared_frames_class()(**params, **parts)
    pipeline.instantiate(config["params"])
    return pipeline


@cache
def shared_frames_class() -> Any:
    """Returns pyannote's pipeline as a class that runs the network of embeddings once for each chunk.

    pyannote runs it once for each speaker of a chunk, with another mask. The masks only matter after the frames, so
    the frames are computed once and pooled with each mask.
    """
    # It would report to its authors how it is used.
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    import torch
    from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
    from pyannote.audio.pipelines import SpeakerDiarization

    class SharedFrames(SpeakerDiarization):  # type: ignore[misc]
        """Speaker diarization with embeddings over shared frames."""

        def get_embeddings(
            self, file: Any, binary_segmentations: Any, exclude_overlap: bool = False, hook: Any = None
        ) -> NDArray[np.float32]:
            """Returns the embedding of each speaker of each chunk, an array of shape (chunks, speakers, dimensions)."""
            model = self._embedding.model_
            if not isinstance(model, BaseWeSpeakerResNet):
                embeddings: NDArray[np.float32] = super().get_embeddings(
                    file, binary_segmentations, exclude_overlap=exclude_overlap, hook=hook
                )
                return embeddings
            masks = self._masks(binary_segmentations, exclude_overlap)
            chunks = [chunk for chunk, _ in binary_segmentations]
            found = []
            for start in range(0, len(chunks), self.embedding_batch_size):
                rows = slice(start, start + self.embedding_batch_size)
                waves = torch.stack([self._audio.crop(file, chunk, mode="pad")[0] for chunk in chunks[rows]])
                with torch.inference_mode():
                    frames = model.resnet.forward_frames(model.compute_fbank(waves.to(self._embedding.device)))
                    weights = torch.from_numpy(masks[rows]).to(self._embedding.device)
                    found.append(model.resnet.forward_embedding(frames, weights=weights)[1].cpu().numpy())
            return np.concatenate(found)

        def _masks(self, binary_segmentations: Any, exclude_overlap: bool) -> NDArray[np.float32]:
            """Returns when each speaker speaks, alone if that is long enough, of shape (chunks, speakers, frames)."""
            active = np.nan_to_num(binary_segmentations.data, nan=0.0).astype(np.float32)
            if exclude_overlap:
                alone = active * (active.sum(axis=2, keepdims=True) < 2)
                samples = binary_segmentations.sliding_window.duration * self._embedding.sample_rate
                min_frames = math.ceil(active.shape[1] * self._embedding.min_num_samples / samples)
                active = np.where(alone.sum(axis=1, keepdims=True) > min_frames, alone, active)
            return np.ascontiguousarray(active.transpose(0, 2, 1))

    return SharedFrames
