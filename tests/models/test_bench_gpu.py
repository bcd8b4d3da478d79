"""The benchmark of the GPU runs, with small weights on the CPU. Its figures count only on a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch


def test_every_figure_is_measured(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("`make bench-gpu` measures this machine")
    command = [sys.executable, "-m", "tests.bench.gpu", "--out", str(tmp_path / "results.json")]
    subprocess.run(command, check=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    found = json.loads((tmp_path / "results.json").read_text())
    assert [one["name"] for one in found["results"]] == [
        "clips_through_all_models",
        "call_with_diarization",
        "urgent_wait_p95",
    ]
    assert all(one["value"] > 0 for one in found["results"])
    assert found["skipped"] == []
