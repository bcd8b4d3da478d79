"""UTMOS with small random weights under the names of the published checkpoint. They prove loading and batching only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from services.scoring.backends.backend import BackendMissing, BackendSettings, Samples
from services.scoring.backends.models.utmos import FILE, Utmos, _head, _wav2vec

HIDDEN, CONV, KERNELS = 64, 16, (10, 3, 3, 3, 3, 2, 2)


def checkpoint() -> dict[str, torch.Tensor]:
    """Returns random weights with the names of the published file."""
    shapes: dict[str, tuple[int, ...]] = {
        "domain_emb": (1, 8),
        "judge_emb": (1, 8),
        "wav2vec2.mask_emb": (HIDDEN,),
        "wav2vec2.feature_extractor.conv_layers.0.2.weight": (CONV,),
        "wav2vec2.feature_extractor.conv_layers.0.2.bias": (CONV,),
        "wav2vec2.layer_norm.weight": (CONV,),
        "wav2vec2.layer_norm.bias": (CONV,),
        "wav2vec2.post_extract_proj.weight": (HIDDEN, CONV),
        "wav2vec2.post_extract_proj.bias": (HIDDEN,),
        "wav2vec2.encoder.pos_conv.0.bias": (HIDDEN,),
        "wav2vec2.encoder.pos_conv.0.weight_g": (1, 1, 16),
        "wav2vec2.encoder.pos_conv.0.weight_v": (HIDDEN, 4, 16),
        "wav2vec2.encoder.layer_norm.weight": (HIDDEN,),
        "wav2vec2.encoder.layer_norm.bias": (HIDDEN,),
        "projection.0.weight": (32, 64),
        "projection.0.bias": (32,),
        "projection.2.weight": (1, 32),
        "projection.2.bias": (1,),
    }
    for index, kernel in enumerate(KERNELS):
        shapes[f"wav2vec2.feature_extractor.conv_layers.{index}.0.weight"] = (CONV, CONV if index else 1, kernel)
    for index in range(2):
        layer = f"wav2vec2.encoder.layers.{index}"
        for part in ("self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj"):
            shapes |= {f"{layer}.{part}.weight": (HIDDEN, HIDDEN), f"{layer}.{part}.bias": (HIDDEN,)}
        shapes |= {f"{layer}.fc1.weight": (128, HIDDEN), f"{layer}.fc1.bias": (128,)}
        shapes |= {f"{layer}.fc2.weight": (HIDDEN, 128), f"{layer}.fc2.bias": (HIDDEN,)}
        for part in ("self_attn_layer_norm", "final_layer_norm"):
            shapes |= {f"{layer}.{part}.weight": (HIDDEN,), f"{layer}.{part}.bias": (HIDDEN,)}
    for direction in ("", "_reverse"):
        shapes |= {f"blstm.weight_ih_l0{direction}": (128, HIDDEN + 16), f"blstm.weight_hh_l0{direction}": (128, 32)}
        shapes |= {f"blstm.bias_ih_l0{direction}": (128,), f"blstm.bias_hh_l0{direction}": (128,)}
    torch.manual_seed(0)
    return {name: torch.randn(shape) * 0.3 for name, shape in shapes.items()}


def test_a_batch_of_any_lengths_gives_what_single_recordings_give(tmp_path: Path) -> None:
    (tmp_path / "utmos").mkdir()
    torch.save(checkpoint(), tmp_path / "utmos" / FILE)
    model = Utmos(BackendSettings(model_dir=tmp_path, offline=True))
    random = np.random.default_rng(0)
    recordings = [(random.standard_normal(size) * 0.1).astype(np.float32) for size in (16000, 8000, 16000, 12000)]
    found = model.naturalness(recordings)
    assert len({round(score, 3) for score in found}) == 4
    assert found == pytest.approx([model.naturalness([one])[0] for one in recordings], abs=1e-4)
    assert found == pytest.approx([usual_score(one) for one in recordings], abs=1e-4)


def usual_score(samples: Samples) -> float:
    """Returns the score of one recording by the networks as transformers and torch have them."""
    stored = checkpoint()
    blstm, projection = _head(stored)
    with torch.inference_mode():
        units = _wav2vec(stored)(torch.from_numpy(samples)[None]).last_hidden_state
        constant = torch.cat([stored["domain_emb"], stored["judge_emb"]], dim=1)[:, None].expand(1, units.shape[1], -1)
        frames = projection(blstm(torch.cat([units, constant], dim=2))[0])
    return float(frames.mean()) * 2 + 3


def test_another_model_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "utmos").mkdir()
    torch.save({"weight": torch.zeros(3)}, tmp_path / "utmos" / FILE)
    with pytest.raises(BackendMissing, match=r"The weights of UTMOS in .* cannot be loaded \(KeyError\)"):
        Utmos(BackendSettings(model_dir=tmp_path, offline=True))


def test_offline_without_weights_it_says_where_to_put_them(tmp_path: Path) -> None:
    reason = Utmos.missing(BackendSettings(model_dir=tmp_path, offline=True))
    assert reason == (
        "The weights of UTMOS are not on this machine, and HF_HUB_OFFLINE forbids downloads. "
        f"Put them into {tmp_path / 'utmos' / FILE}, or unset it."
    )
