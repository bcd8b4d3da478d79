"""What stands behind a step, with its versions."""

from pathlib import Path

import pytest

from services.scoring import availability
from services.scoring.audit import versions
from services.scoring.audit.versions import builds_on, measured_by
from services.scoring.backends.backend import BackendSettings
from services.scoring.backends.choice import Role
from services.scoring.pipeline.steps import STEPS
from services.scoring.pipeline.steps.words import WORDS_BACKEND

SETTINGS = BackendSettings()


class Ears:
    """A recogniser that can always run."""

    name = "ears"
    package = "numpy"

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        return ""


class Away(Ears):
    """A recogniser whose package is unknown."""

    name = "away"
    package = "no-such-package"


def behind(step: str, settings: BackendSettings = SETTINGS) -> str:
    return measured_by(settings)[step]


def test_a_step_builds_on_all_that_it_needs_and_uses() -> None:
    assert builds_on("decode") == ("decode",)
    assert builds_on("word_errors") == ("decode", "speech_activity", "transcription", "alignment", "word_errors")
    assert "alignment" in builds_on("prosody")


def test_every_step_is_known() -> None:
    assert measured_by(SETTINGS).keys() == {step.name for step in STEPS}


def test_word_errors_change_with_the_recogniser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(availability.ROLES, "transcription", Role("transcription", (Ears,)))  # type: ignore[arg-type]
    monkeypatch.setattr(versions, "version", lambda package: "2.1")
    before = behind("word_errors")
    assert "ears/numpy-2.1" in before
    assert WORDS_BACKEND in before
    monkeypatch.setattr(versions, "version", lambda package: "2.2")
    assert behind("word_errors") != before
    assert "ears" not in behind("quality")


def test_a_setting_that_chooses_another_model_counts_too() -> None:
    moved = BackendSettings(device="cuda:0", model_dir=Path("weights"))
    assert behind("quality", moved) == f"{behind('quality')}, device=cuda:0, model_dir=weights"


def test_a_package_without_metadata_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(availability.ROLES, "transcription", Role("transcription", (Away,)))  # type: ignore[arg-type]
    assert "away/no-such-package" in behind("transcription")


def test_what_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ears, "missing", lambda settings: "It is not installed.")
    monkeypatch.setitem(availability.ROLES, "quality", Role("quality", (Ears,)))  # type: ignore[arg-type]
    assert behind("quality") == behind("speech_activity")


def test_all_models_that_do_a_step_together_count(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Role("naturalness", (Ears, Away))  # type: ignore[arg-type]
    monkeypatch.setitem(availability.ROLES, "naturalness", both)
    assert behind("naturalness").endswith("away/no-such-package")
    assert "ears/numpy-" in behind("naturalness")
