"""A whole evaluation with the large models: pyannote's sample of a phone call, with its reference."""

from __future__ import annotations

from pathlib import Path

import jiwer
import pytest

from services.scoring.backends.backend import BackendSettings
from services.scoring.metrics.conversation.diarization_errors import diarization_errors
from services.scoring.metrics.conversation.turns import Turn
from services.scoring.metrics.text.normalization import normalize
from services.scoring.pipeline.pipeline import RecordingEvaluation, VoiceEvaluationPipeline
from services.scoring.pipeline.step import StepStatus
from services.scoring.pipeline.steps import STEPS


@pytest.fixture(scope="module")
def found(
    sample_folder: Path, call_text: str, settings: BackendSettings, tmp_path_factory: pytest.TempPathFactory
) -> RecordingEvaluation:
    """The evaluation."""
    reference = tmp_path_factory.mktemp("reference") / "call.txt"
    reference.write_text(call_text)
    return VoiceEvaluationPipeline(sample_folder / "sample.wav", reference, backend_settings=settings).evaluate()


def test_every_step_runs_but_the_one_whose_weights_are_not_here(found: RecordingEvaluation) -> None:
    reasons = {name: outcome.reason for name, outcome in found.outcomes.items() if outcome.reason}
    assert list(reasons) == ["emotion"]
    assert reasons["emotion"].startswith("The weights of FunAudioLLM/SenseVoiceSmall are not on this machine")
    completed = [name for name, outcome in found.outcomes.items() if outcome.status is StepStatus.completed]
    assert completed == [step.name for step in STEPS if step.name != "emotion"]


def test_each_value_names_its_model(found: RecordingEvaluation) -> None:
    names = {step: found.outcomes[step].backend for step in ("transcription", "alignment", "meaning", "naturalness")}
    assert names["transcription"].startswith("whisper-tiny.en/openai-whisper-")
    assert names["alignment"] == names["transcription"]
    assert names["meaning"].startswith("sentence-transformers/all-MiniLM-L6-v2/layer-6/transformers-")
    assert names["naturalness"].startswith("distillmos-v7/distillmos-0.9")


def test_words(found: RecordingEvaluation, call_text: str) -> None:
    rate = found.result("word_errors").errors.word_error_rate
    texts = normalize(call_text, "en"), normalize(found.result("transcription").text, "en")
    assert rate == pytest.approx(jiwer.wer(*texts), abs=1e-9)
    assert rate == pytest.approx(0.149, abs=0.01)
    aligned = found.result("alignment")
    assert not aligned.estimated
    # The first word of the call is between 6.68 and 7.16 s.
    assert aligned.words[0].text == "Hello."
    assert 6.4 <= aligned.words[0].start < aligned.words[0].end <= 7.4
    assert found.result("meaning").sema_score == pytest.approx(0.9, abs=0.1)
    assert found.result("bert_score").f1 > 0.8


def test_speakers(found: RecordingEvaluation, call_turns: list[Turn]) -> None:
    turns = found.result("diarization").turns
    assert diarization_errors(call_turns, turns).error_rate == pytest.approx(0.058, abs=0.02)


def test_opinions(found: RecordingEvaluation) -> None:
    naturalness = found.result("naturalness")
    assert naturalness.utmos is None
    assert 1 < naturalness.distillmos < 5
