"""Lays out folders of pyannote's speaker diarization with weights that packages contain, or with random ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import yaml

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"

import torch
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import WeSpeakerResNet34

from tests.models.resemblyzer import Resemblyzer

PIPELINE = "pyannote.audio.pipelines.SpeakerDiarization"


def real_weights(folder: Path, packages: Path) -> None:
    """Writes a folder with WhisperX's segmentation and Resemblyzer's embeddings."""
    embedding = Resemblyzer()
    weights = torch.load(packages / "resemblyzer" / "pretrained.pt", map_location="cpu", weights_only=True)
    state = {key: value for key, value in weights["model_state"].items() if not key.startswith("similarity")}
    embedding.load_state_dict(state)
    write(
        folder,
        packages / "whisperx" / "assets" / "pytorch_model.bin",
        embedding,
        {"clustering": "AgglomerativeClustering", "embedding_exclude_overlap": True},
        {
            "clustering": {"method": "centroid", "threshold": 0.5, "min_cluster_size": 5},
            "segmentation": {"threshold": 0.5, "min_duration_off": 0.0},
        },
    )


def random_weights(folder: Path, packages: Path) -> None:
    """Writes a folder with WhisperX's segmentation, random embeddings of WeSpeaker and the clustering by PLDA."""
    torch.manual_seed(1)
    write(
        folder,
        packages / "whisperx" / "assets" / "pytorch_model.bin",
        WeSpeakerResNet34(),
        {"clustering": "VBxClustering", "embedding_exclude_overlap": True},
        {
            "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
            "segmentation": {"threshold": 0.5, "min_duration_off": 0.0},
        },
    )


def write(folder: Path, segmentation: Path, embedding: Any, options: dict[str, Any], params: dict[str, Any]) -> None:
    """Writes a folder with the checkpoint of a segmentation, a model of embeddings and arrays for PLDA."""
    for part in ("segmentation", "embedding", "plda"):
        (folder / part).mkdir(parents=True)
    (folder / "segmentation" / "pytorch_model.bin").symlink_to(segmentation.resolve())
    embedding.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0, min_duration=1.0, classes=["voice"]
    )
    save(embedding, folder / "embedding" / "pytorch_model.bin")
    # Arrays of the right shapes. The transformation has orthogonal columns.
    random = np.random.default_rng(0)
    turned = np.linalg.qr(random.standard_normal((256, 128)))[0]
    np.savez(folder / "plda" / "xvec_transform.npz", mean1=np.zeros(256), mean2=np.zeros(128), lda=turned)
    np.savez(folder / "plda" / "plda.npz", mu=np.zeros(128), tr=np.eye(128), psi=np.linspace(3, 0.1, 128))
    places = {part: f"$model/{part}" for part in ("segmentation", "embedding", "plda")}
    config = {"pipeline": {"name": PIPELINE, "params": options | places}, "params": params}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def save(model: Any, file: Path) -> None:
    """Writes a model of pyannote as a checkpoint."""
    checkpoint = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": "2.4.0",
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, file)
