"""pyannote: who speaks when, over pyannote.audio 4.

Its checkpoints are pickles, which can run code. So they are loaded from MODEL_DIR and from the repository below only.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
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
    half_on_gpu,
    loading,
    missing_from_hub,
    missing_library,
    place_of,
)

REPOSITORY = "pyannote/speaker-diarization-community-1"
PIPELINE = "pyannote.audio.pipelines.SpeakerDiarization"
PARTS = ("segmentation", "embedding", "plda")
MAX_BATCH_CHUNKS = 128
"""6 GB of a GPU."""
MAX_BATCH_CHUNKS_ON_CPU = 32
CHUNK_SECONDS = 10.0
CHUNK_HOP_SECONDS = 1.0
"""Those of the published model. Another one has chunks of its own, and these only estimate their number."""


class PyannoteDiarizer:
    """Says who speaks when. The folder has a `config.yaml` and the folders `segmentation`, `embedding` and `plda`."""

    name = "pyannote"
    package = "pyannote.audio"
    capabilities = ModelCapabilities(
        licence="CC-BY-4.0", max_batch=MAX_BATCH_CHUNKS, window_seconds=CHUNK_SECONDS, hop_seconds=CHUNK_HOP_SECONDS
    )

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        if reason := missing_library(cls.package) or missing_from_hub(REPOSITORY, settings):
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
        self.backend = f"{REPOSITORY}/{self.package}-{installed_version(self.package)}"
        self._device = device(settings)
        folder = from_hub(REPOSITORY, settings)
        with loading(REPOSITORY, folder):
            self._pipeline = _load(folder).to(self._device)
        if self._device.type == "cpu":
            self.capabilities = replace(self.capabilities, max_batch=MAX_BATCH_CHUNKS_ON_CPU)

    def diarize(self, recordings: Sequence[Samples], num_speakers: int | None) -> list[list[SpeakerTurn]]:
        """Returns the turns of all speakers of each recording. They are called speaker_1 and so on, as they begin.

        Both networks run over the chunks of all recordings, and then each recording is clustered.
        """
        import torch

        files = [
            {"waveform": torch.from_numpy(samples)[None], "sample_rate": RATE_HZ, "uri": "recording"}
            for samples in recordings
        ]
        self._pipeline.prepare(files, self.capabilities.max_batch)
        return [
            _turns(self._pipeline(file, num_speakers=num_speakers).speaker_diarization, len(samples) / RATE_HZ)
            for file, samples in zip(files, recordings, strict=True)
        ]


def _turns(found: Any, seconds: float) -> list[SpeakerTurn]:
    names: dict[str, str] = {}
    turns = []
    for segment, _, label in sorted(found.itertracks(yield_label=True), key=lambda one: one[0]):
        name = names.setdefault(label, f"speaker_{len(names) + 1}")
        turns.append(SpeakerTurn(float(segment.start), min(float(segment.end), seconds), name))
    return turns


def _load(folder: Path) -> Any:
    """Loads the three parts with the parameters of `config.yaml`. Other classes than the known one are refused."""
    import yaml

    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    if config["pipeline"]["name"] != PIPELINE:
        raise ValueError(f"{folder} has a pipeline of another kind")
    params = {key: value for key, value in config["pipeline"]["params"].items() if key not in PARTS}
    params["embedding_batch_size"] = MAX_BATCH_CHUNKS_ON_CPU
    parts = {part: {"checkpoint": str(folder), "subfolder": part} for part in PARTS}
    pipeline = pooled_class()(**params, **parts)
    pipeline.instantiate(config["params"])
    return pipeline


@cache
def pooled_class() -> Any:
    """Returns pyannote's pipeline as a class whose networks can run over many files before it is applied to each.

    pyannote runs the network of embeddings once for each speaker of a chunk, with another mask. The masks only matter
    after the frames, so the frames are computed once and pooled with each mask.
    """
    # It would report to its authors how it is used.
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    import torch
    from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
    from pyannote.audio.pipelines import SpeakerDiarization
    from pyannote.audio.utils.signal import binarize
    from pyannote.core import SlidingWindow, SlidingWindowFeature

    class Pooled(SpeakerDiarization):  # type: ignore[misc]
        """Speaker diarization over files that `prepare` has been given."""

        def prepare(self, files: Sequence[dict[str, Any]], max_batch: int) -> None:
            """Adds `segmentations`, and `embeddings` if it can share frames, to each file."""
            inference = self._segmentation
            size = inference.model.audio.get_num_samples(inference.duration)
            chunks = [chunks_of(file["waveform"][0], size, round(inference.step * RATE_HZ)) for file in files]
            scores = self._segment(chunks, max_batch)
            window = SlidingWindow(start=0.0, duration=inference.duration, step=inference.step)
            for file, own in zip(files, np.split(scores, np.cumsum([len(one) for one in chunks])[:-1]), strict=True):
                file["segmentations"] = SlidingWindowFeature(own, window)
            if isinstance(self._embedding.model_, BaseWeSpeakerResNet):
                heard = [index for index, file in enumerate(files) if np.nanmax(self._active(file).data) > 0]
                if heard:
                    self._embed([files[index] for index in heard], [chunks[index] for index in heard], max_batch)

        def _segment(self, chunks: Sequence[Any], max_batch: int) -> NDArray[np.float32]:
            device = self._segmentation.device
            found = []
            for batch in batches(chunks, max_batch):
                with torch.inference_mode(), half_on_gpu(device):
                    scores = self._segmentation.model(batch[:, None].to(device))
                with torch.inference_mode():
                    found.append(self._segmentation.conversion(scores.float()).cpu().numpy())
            return np.concatenate(found)

        def _active(self, file: dict[str, Any]) -> Any:
            """Returns who speaks in each frame of each chunk, as `apply` takes it."""
            found = file["segmentations"]
            if self._segmentation.model.specifications.powerset:
                return found
            return binarize(found, onset=self.segmentation.threshold, initial_state=False)

        def _embed(self, files: Sequence[dict[str, Any]], chunks: Sequence[Any], max_batch: int) -> None:
            model, device = self._embedding.model_, self._embedding.device
            masks = [self._masks(self._active(file), self.embedding_exclude_overlap) for file in files]
            found = []
            weights = torch.from_numpy(np.concatenate(masks)).split(max_batch)
            for waves, own in zip(batches(chunks, max_batch), weights, strict=True):
                with torch.inference_mode():
                    # Its values are too large for half precision.
                    banks = model.compute_fbank(waves[:, None].to(device))
                    with half_on_gpu(device):
                        frames = model.resnet.forward_frames(banks)
                    found.append(
                        model.resnet.forward_embedding(frames.float(), weights=own.to(device))[1].cpu().numpy()
                    )
            counts = np.cumsum([len(one) for one in masks])[:-1]
            for file, own in zip(files, np.split(np.concatenate(found), counts), strict=True):
                file["embeddings"] = own

        def get_segmentations(self, file: Any, hook: Any = None) -> Any:
            """Returns the scores that `prepare` has computed."""
            return file["segmentations"]

        def get_embeddings(
            self, file: Any, binary_segmentations: Any, exclude_overlap: bool = False, hook: Any = None
        ) -> NDArray[np.float32]:
            """Returns the embedding of each speaker of each chunk, an array of shape (chunks, speakers, dimensions)."""
            if "embeddings" in file:
                embeddings: NDArray[np.float32] = file["embeddings"]
                return embeddings
            embeddings = super().get_embeddings(file, binary_segmentations, exclude_overlap=exclude_overlap, hook=hook)
            return embeddings

        def _masks(self, binary_segmentations: Any, exclude_overlap: bool) -> NDArray[np.float32]:
            """Returns when each speaker speaks, alone if that is long enough, of shape (chunks, speakers, frames)."""
            active = np.nan_to_num(binary_segmentations.data, nan=0.0).astype(np.float32)
            if exclude_overlap:
                alone = active * (active.sum(axis=2, keepdims=True) < 2)
                samples = binary_segmentations.sliding_window.duration * self._embedding.sample_rate
                min_frames = math.ceil(active.shape[1] * self._embedding.min_num_samples / samples)
                active = np.where(alone.sum(axis=1, keepdims=True) > min_frames, alone, active)
            return np.ascontiguousarray(active.transpose(0, 2, 1))

    return Pooled


def chunks_of(samples: Any, size: int, step: int) -> Any:
    """Cuts samples into chunks that begin `step` apart, of shape (chunks, samples). Silence fills the last one."""
    from torch.nn.functional import pad

    over = max(0, len(samples) - size)
    last = -(-over // step) * step
    return pad(samples, (0, last + size - len(samples))).unfold(0, size, step)


def batches(chunks: Sequence[Any], max_batch: int) -> Iterator[Any]:
    """Yields the chunks of several recordings in batches. Chunks overlap, so only those of a batch are copied."""
    import torch

    every = (chunk for own in chunks for chunk in own)
    while batch := list(islice(every, max_batch)):
        yield torch.stack(batch)
