"""pyannote's diarization with weights that packages contain, on its own sample of a phone call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate

from services.scoring.backends.backend import RATE_HZ, BackendMissing, BackendSettings, Samples
from services.scoring.backends.models.pyannote import REPOSITORY, PyannoteDiarizer
from services.scoring.metrics.conversation.diarization_errors import diarization_errors
from services.scoring.metrics.conversation.turns import Turn
from tests.models import pyannote_folder


@pytest.fixture(scope="module")
def real(settings: BackendSettings) -> PyannoteDiarizer:
    return PyannoteDiarizer(settings)


def annotation(turns: list[Turn]) -> Annotation:
    found = Annotation()
    for index, turn in enumerate(turns):
        found[Segment(turn.start, turn.end), index] = turn.speaker
    return found


def test_the_speakers_of_the_call(real: PyannoteDiarizer, call: Samples, call_turns: list[Turn]) -> None:
    found = [Turn(one.start, one.end, one.speaker) for one in real.diarize([call], None)[0]]
    assert {turn.speaker for turn in found} == {"speaker_1", "speaker_2"}
    assert found[0].speaker == "speaker_1"
    rate = diarization_errors(call_turns, found).error_rate
    theirs = DiarizationErrorRate()(annotation(call_turns), annotation(found), uem=None)
    assert rate == pytest.approx(theirs, abs=1e-3)
    assert rate == pytest.approx(0.058, abs=0.02)


def test_the_number_of_speakers_can_be_given(real: PyannoteDiarizer, call: Samples) -> None:
    assert {turn.speaker for turn in real.diarize([call[: 15 * RATE_HZ]], 1)[0]} == {"speaker_1"}


def test_nobody_speaks_in_silence(real: PyannoteDiarizer) -> None:
    assert real.diarize([np.zeros(6 * RATE_HZ, dtype=np.float32)], None) == [[]]


def test_files_together_have_the_scores_and_embeddings_of_pyannote(
    tmp_path: Path, packages: Path, call: Samples
) -> None:
    pyannote_folder.random_weights(tmp_path / REPOSITORY, packages)
    diarizer = PyannoteDiarizer(BackendSettings(model_dir=tmp_path, offline=True))
    pipeline = diarizer._pipeline
    cuts = [(6.5, 12.5), (14.0, 17.0), (0.0, 3.0)]
    recordings = [np.ascontiguousarray(call[round(a * RATE_HZ) : round(b * RATE_HZ)]) for a, b in cuts]
    files = [
        {"waveform": torch.from_numpy(one)[None], "sample_rate": RATE_HZ, "uri": "recording"} for one in recordings
    ]
    pipeline.prepare(files, 4)
    for file in files:
        segmentations = SpeakerDiarization.get_segmentations(pipeline, file)
        assert file["segmentations"].data == pytest.approx(segmentations.data, abs=1e-4)
        assert file["segmentations"].sliding_window.start == segmentations.sliding_window.start
        assert file["segmentations"].sliding_window.step == segmentations.sliding_window.step
    for file in files[:2]:
        active = pipeline._active(file)
        expected = SpeakerDiarization.get_embeddings(pipeline, file, active, exclude_overlap=True)
        assert file["embeddings"] == pytest.approx(expected, abs=1e-4, nan_ok=True)
    # Nobody speaks in the last one, so it is not embedded.
    assert "embeddings" not in files[2]
    # With random embeddings, only that the clustering by PLDA runs is worth knowing.
    together = diarizer.diarize(recordings, 2)
    assert together == [diarizer.diarize([one], 2)[0] for one in recordings]
    assert {turn.speaker for turn in together[0]} <= {"speaker_1", "speaker_2"}


@pytest.mark.parametrize("wrong", ["no pickle", "another pipeline", "no file"])
def test_wrong_weights_are_named(wrong: str, tmp_path: Path, packages: Path) -> None:
    folder = tmp_path / REPOSITORY
    pyannote_folder.real_weights(folder, packages)
    if wrong == "no pickle":
        (folder / "embedding" / "pytorch_model.bin").write_bytes(b"half a file")
    elif wrong == "no file":
        (folder / "plda" / "plda.npz").unlink()
    else:
        config = (folder / "config.yaml").read_text()
        (folder / "config.yaml").write_text(config.replace("SpeakerDiarization", "VoiceActivityDetection"))
    with pytest.raises(BackendMissing, match=f"The weights of {REPOSITORY} in .* cannot be loaded"):
        PyannoteDiarizer(BackendSettings(model_dir=tmp_path, offline=True))
