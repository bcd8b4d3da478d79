"""The settings of the models come from the environment, and each of them is used."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from services.runtime.settings import load_settings
from services.scoring.availability import step_availability
from services.scoring.backends.backend import BackendSettings, SpeakerTurn
from services.scoring.backends.choice import DIARIZATION, MEANING, TRANSCRIPTION, Backends
from services.scoring.backends.models.weights import missing_from_hub
from services.scoring.backends.settings import ModelSettings
from services.scoring.pipeline.decoding import AudioFormat, DecodedAudio
from services.scoring.pipeline.pipeline import VoiceEvaluationPipeline
from services.scoring.pipeline.step import Skipped
from services.scoring.pipeline.steps.sound import SpeechActivity
from services.scoring.pipeline.steps.speakers import diarization
from services.scoring.pipeline.work import Options, Work


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SCORING_DEVICE", "cuda:1", {"device": "cuda:1"}),
        ("MODEL_DIR", "/models", {"model_dir": Path("/models")}),
        ("MODEL_DIR", "", {"model_dir": None}),
        ("WHISPER_MODEL", "tiny.en", {"whisper_model": "tiny.en"}),
        ("BERT_MODEL", "roberta-large", {"bert_model": "roberta-large"}),
        ("HF_TOKEN", "secret", {"hf_token": "secret"}),
        ("HF_HUB_OFFLINE", "1", {"offline": True}),
        ("ENABLE_DIARIZATION", "false", {"enable_diarization": False}),
        ("DEFAULT_NUM_SPEAKERS", "2", {"default_num_speakers": 2}),
        ("DEFAULT_NUM_SPEAKERS", "", {"default_num_speakers": None}),
    ],
)
def test_each_setting_reaches_the_models(
    name: str, value: str, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    found = ModelSettings()
    assert found.for_backends() == replace(BackendSettings(), **expected)
    assert "secret" not in repr(found) + repr(found.for_backends())


def test_every_field_of_the_backends_has_a_setting() -> None:
    given = ModelSettings(
        scoring_device="cuda",
        model_dir=Path("/models"),
        whisper_model="base",
        bert_model="roberta-large",
        hf_token=cast(Any, "secret"),
        hf_hub_offline=True,
        enable_diarization=False,
        default_num_speakers=2,
    ).for_backends()
    assert [one.name for one in fields(given) if getattr(given, one.name) == getattr(BackendSettings(), one.name)] == []


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("SCORING_DEVICE", "gpu", "String should match pattern"),
        ("MODEL_DIR", __file__, "must be a folder"),
        ("WHISPER_MODEL", "enormous", "must be one of tiny.en, tiny, "),
        ("BERT_MODEL", "bert", "must be one of microsoft/deberta-large-mnli, "),
        ("ENABLE_DIARIZATION", "perhaps", "Input should be a valid boolean"),
        ("DEFAULT_NUM_SPEAKERS", "0", "Input should be greater than or equal to 1"),
        ("DEFAULT_NUM_SPEAKERS", "21", "Input should be less than or equal to 20"),
    ],
)
def test_a_bad_value_ends_the_process_with_one_line(
    name: str, value: str, fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load_settings(ModelSettings)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"bad setting: {name}: ")
    assert fault in line


class Speakers:
    """A diarizer that says how many people it was asked for."""

    name = "speakers"
    backend = "speakers/1"

    def diarize(self, recordings: list[Any], num_speakers: int | None) -> list[list[SpeakerTurn]]:
        return [[SpeakerTurn(0.0, 1.0, f"of {num_speakers}")] for _ in recordings]


class OneModel(Backends):
    def get(self, role: Any) -> Any:
        assert role is DIARIZATION
        return Speakers()


def call_of(settings: BackendSettings, num_speakers: int | None) -> Work:
    silence = np.zeros((16_000, 1), np.int16)
    audio = DecodedAudio(AudioFormat("wav", "pcm_s16le", "s16", 16_000, 1, damaged=False), silence, silence)
    work = Work(audio, Options(num_speakers=num_speakers), OneModel(settings))
    work.results["speech_activity"] = SpeechActivity(((0.0, 1.0),), 1.0, 1.0)
    return work


@pytest.mark.parametrize(("default", "asked", "used"), [(None, None, None), (2, None, 2), (2, 3, 3)])
def test_the_default_number_of_speakers_is_used_where_nobody_says_it(
    default: int | None, asked: int | None, used: int | None
) -> None:
    found = diarization(call_of(BackendSettings(default_num_speakers=default), asked))
    assert [turn.speaker for turn in found.result.turns] == [f"of {used}"]


def test_an_installation_without_diarization_says_so() -> None:
    settings = BackendSettings(enable_diarization=False)
    with pytest.raises(Skipped, match=r"^ENABLE_DIARIZATION is false in this installation\.$"):
        diarization(call_of(settings, None))
    found = step_availability(Backends(settings))["diarization"]
    assert (found.available, found.requirement) == (False, "ENABLE_DIARIZATION is false in this installation.")


def test_a_pipeline_takes_a_token_of_its_own(tmp_path: Path) -> None:
    pipeline = VoiceEvaluationPipeline(tmp_path / "call.wav", hf_token="secret")
    assert pipeline._backends.settings.hf_token == "secret"


@pytest.mark.parametrize(("role", "name"), [(TRANSCRIPTION, "whisper"), (MEANING, "encoder")])
def test_models_without_weights_say_where_to_put_them(
    role: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.scoring.backends.backend.version", lambda package: "1")
    settings = BackendSettings(model_dir=tmp_path, offline=True)
    (model,) = [one for one in role.candidates if one.name == name]
    reason = model.missing(settings)
    assert "not on this machine, and HF_HUB_OFFLINE forbids downloads." in reason
    assert str(tmp_path) in reason


def test_downloads_of_the_model_hub_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = "microsoft/deberta-large-mnli"
    settings = BackendSettings(model_dir=tmp_path, offline=True)
    assert "not on this machine" in missing_from_hub(repository, settings)
    (tmp_path / "hub" / "models--microsoft--deberta-large-mnli" / "snapshots" / "1f2e").mkdir(parents=True)
    assert missing_from_hub(repository, settings) == ""
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert missing_from_hub(repository, BackendSettings(offline=True)) == ""
