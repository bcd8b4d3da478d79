"""UTMOS: a predicted opinion score of synthesized speech (arXiv 2204.02152), its strong learner `utmos22_strong`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from services.scoring.backends.backend import (
    BackendMissing,
    BackendSettings,
    ModelCapabilities,
    Samples,
    installed_version,
)
from services.scoring.backends.models.weights import device, half_on_gpu, loading, missing_library, not_downloaded

FILE = "utmos22_strong_step7459_v1.pt"
URL = f"https://github.com/tarepan/SpeechMOS/releases/download/v1.0.0/{FILE}"
KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)
MIN_SAMPLES = 400
"""The length of one frame. Silence fills a shorter recording."""
HEAD_SIZE = 64
MAX_BATCH_RECORDINGS = 32
RENAMED = (
    (r"^feature_extractor\.conv_layers\.(\d+)\.0\.", r"feature_extractor.conv_layers.\1.conv."),
    (r"^feature_extractor\.conv_layers\.0\.2\.", "feature_extractor.conv_layers.0.layer_norm."),
    (r"^layer_norm\.", "feature_projection.layer_norm."),
    (r"^post_extract_proj\.", "feature_projection.projection."),
    (r"^mask_emb$", "masked_spec_embed"),
    (r"^encoder\.pos_conv\.0\.bias$", "encoder.pos_conv_embed.conv.bias"),
    (r"^encoder\.pos_conv\.0\.weight_g$", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"),
    (r"^encoder\.pos_conv\.0\.weight_v$", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"),
    (r"\.self_attn\.", ".attention."),
    (r"\.self_attn_layer_norm\.", ".layer_norm."),
    (r"\.fc1\.", ".feed_forward.intermediate_dense."),
    (r"\.fc2\.", ".feed_forward.output_dense."),
)
"""The names of fairseq's wav2vec 2.0, which the checkpoint has, and those of transformers."""


class Utmos:
    """Predicts an opinion score. Recordings of any length share a batch.

    The usual network would let padding change the scores: by the norm of its first layer, by its recurrent layer and by
    the mean over frames. Here each of these knows the length of each recording.
    """

    name = "utmos"
    package = "transformers"
    capabilities = ModelCapabilities(licence="MIT", max_batch=MAX_BATCH_RECORDINGS)

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        if reason := missing_library(cls.package):
            return reason
        if settings.offline and not _file(settings).is_file():
            return not_downloaded("UTMOS", _file(settings) if settings.model_dir else None, settings)
        return ""

    def __init__(self, settings: BackendSettings) -> None:
        if reason := self.missing(settings):
            raise BackendMissing(reason)
        import torch

        self.backend = f"utmos22-strong/{self.package}-{installed_version(self.package)}"
        self._device = device(settings)
        file = _file(settings)
        if not file.is_file():
            _download(file)
        with loading("UTMOS", file):
            stored = torch.load(file, map_location="cpu", weights_only=True)
            self._wav2vec = _wav2vec(stored).to(self._device)
            first = self._wav2vec.feature_extractor.conv_layers[0]
            self._norm = first.layer_norm = _norm_class()(first.layer_norm, KERNELS[0], STRIDES[0]).to(self._device)
            self._blstm, self._projection = (part.to(self._device) for part in _head(stored))
            self._constant = torch.cat([stored["domain_emb"], stored["judge_emb"]], dim=1).to(self._device)

    def naturalness(self, recordings: Sequence[Samples]) -> list[float]:
        """Returns a predicted mean opinion score, about 1 to 5, for each recording of a batch."""
        scores = [0.0] * len(recordings)
        order = sorted(range(len(recordings)), key=lambda index: len(recordings[index]))
        size = self.capabilities.max_batch
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            for row, score in zip(rows, self._score([recordings[row] for row in rows]), strict=True):
                scores[row] = score
        return scores

    def _score(self, batch: Sequence[Samples]) -> list[float]:
        import torch
        from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

        lengths = torch.tensor([max(len(samples), MIN_SAMPLES) for samples in batch])
        padded = np.zeros((len(batch), int(lengths.max())), dtype=np.float32)
        for row, samples in zip(padded, batch, strict=True):
            row[: len(samples)] = samples
        waves = torch.from_numpy(padded).to(self._device)
        inside = (torch.arange(waves.shape[1]) < lengths[:, None]).to(self._device)
        with torch.inference_mode(), half_on_gpu(self._device):
            self._norm.lengths = (lengths - self._norm.kernel) // self._norm.stride + 1
            units = self._wav2vec(waves, attention_mask=inside.long()).last_hidden_state
            # The mean of the embeddings of listeners and of data sets, the same for all frames.
            constant = self._constant[:, None].expand(len(units), units.shape[1], -1)
            frames = torch.tensor([_frames(int(length)) for length in lengths])
            packed = pack_padded_sequence(
                torch.cat([units, constant], dim=2), frames, batch_first=True, enforce_sorted=False
            )
            each = self._projection(pad_packed_sequence(self._blstm(packed)[0], batch_first=True)[0]).squeeze(2)
            each = each.float().masked_fill(
                torch.arange(each.shape[1])[None].to(each.device) >= frames[:, None].to(each.device), 0.0
            )
            means = each.sum(dim=1).cpu() / frames
        scores: list[float] = (means * 2 + 3).tolist()
        return scores


def _frames(samples: int) -> int:
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        samples = (samples - kernel) // stride + 1
    return samples


@cache
def _norm_class() -> Any:
    import torch

    class NormOfOwnLength(torch.nn.Module):  # type: ignore[misc]
        """Normalizes each channel of each recording over its own length. Padding would change the mean of others."""

        def __init__(self, norm: Any, kernel: int, stride: int) -> None:
            super().__init__()
            self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
            self.kernel, self.stride = kernel, stride
            self.lengths: Any = None
            """In frames of this layer, one for each recording."""

        def forward(self, frames: Any) -> Any:
            """Normalizes frames of shape (recordings, channels, frames)."""
            values = frames.float()
            lengths = self.lengths.to(values.device)[:, None, None]
            inside = torch.arange(values.shape[2], device=values.device) < lengths
            mean = (values * inside).sum(dim=2, keepdim=True) / lengths
            variance = ((values - mean).square() * inside).sum(dim=2, keepdim=True) / lengths
            normal = (values - mean) / (variance + self.eps).sqrt()
            return normal * self.weight[:, None] + self.bias[:, None]

    return NormOfOwnLength


def _wav2vec(stored: Mapping[str, Any]) -> Any:
    """Returns the wav2vec 2.0 of a checkpoint. Its sizes follow from the shapes of the weights."""
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    prefix = "wav2vec2."
    state = {_renamed(key.removeprefix(prefix)): value for key, value in stored.items() if key.startswith(prefix)}
    kernels = [state[f"feature_extractor.conv_layers.{index}.conv.weight"].shape for index in range(len(STRIDES))]
    hidden = state["encoder.layer_norm.weight"].shape[0]
    position = state["encoder.pos_conv_embed.conv.parametrizations.weight.original1"].shape
    config = Wav2Vec2Config(
        hidden_size=hidden,
        num_hidden_layers=len({key.split(".")[2] for key in state if key.startswith("encoder.layers.")}),
        num_attention_heads=hidden // HEAD_SIZE,
        intermediate_size=state["encoder.layers.0.feed_forward.intermediate_dense.weight"].shape[0],
        conv_dim=[shape[0] for shape in kernels],
        conv_kernel=[shape[2] for shape in kernels],
        conv_stride=list(STRIDES),
        num_conv_pos_embeddings=position[2],
        num_conv_pos_embedding_groups=hidden // position[1],
    )
    model = Wav2Vec2Model(config)
    model.load_state_dict(state)
    return model.eval()


def _renamed(key: str) -> str:
    for pattern, replacement in RENAMED:
        key = re.sub(pattern, replacement, key)
    return key


def _head(stored: Mapping[str, Any]) -> tuple[Any, Any]:
    """Returns the recurrent layer and the projection to a score."""
    from torch import nn

    inputs, hidden = stored["blstm.weight_ih_l0"].shape[1], stored["blstm.weight_hh_l0"].shape[1]
    projected = stored["projection.0.weight"].shape[0]
    blstm = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True)
    projection = nn.Sequential(nn.Linear(2 * hidden, projected), nn.ReLU(), nn.Linear(projected, 1))
    for name, part in (("blstm.", blstm), ("projection.", projection)):
        part.load_state_dict({key.removeprefix(name): value for key, value in stored.items() if key.startswith(name)})
    return blstm.eval(), projection.eval()


def _file(settings: BackendSettings) -> Path:
    folder = settings.model_dir if settings.model_dir else Path.home() / ".cache"
    return folder / "utmos" / FILE


def _download(file: Path) -> None:
    import torch

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # It writes another file first, so that half a download never stands under this name.
        torch.hub.download_url_to_file(URL, str(file))
    except (OSError, RuntimeError) as error:
        raise BackendMissing(
            f"UTMOS could not be downloaded ({type(error).__name__}). Check the connection, or put {FILE} into the "
            "folder `utmos` of MODEL_DIR."
        ) from error
