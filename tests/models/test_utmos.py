"""UTMOS with small random weights under the names of the published checkpoint. They prove loading and batching only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from services.scoring.backends.backend import BackendMissing, BackendSettings, Samples
from services.scoring.backends.models.utmos import FILE, Utmos, _head, _wav2vec
from tests.models.utmos_weights import checkpoint


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
