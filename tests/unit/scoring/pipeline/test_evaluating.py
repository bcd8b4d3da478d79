from pathlib import Path

import pytest

from services.scoring.backends.choice import Backends
from services.scoring.pipeline.evaluating import Request, chosen_steps, evaluate
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.work import Options
from services.shared.audio.wav import write_wav
from tests.fakes.recordings import tone

SOUND = chosen_steps(["signal", "loudness"])


@pytest.fixture
def beep(tmp_path: Path) -> Path:
    path = tmp_path / "beep.wav"
    path.write_bytes(write_wav(tone(1.0, dbfs=-12).tobytes(), 24_000))
    return path


def run(path: Path, conditions: tuple[str, ...] = (), ended: dict[tuple[str, str], StepOutcome] | None = None):
    reported: list[tuple[str, str, str]] = []
    found = evaluate(
        Request(path, Options(), SOUND, conditions),
        Backends(),
        lambda one: reported.append((one.condition, one.step, one.status.value)),
        ended,
    )
    return found, reported


def test_chosen_steps_have_all_that_they_build_on() -> None:
    assert [step.name for step in chosen_steps(["prosody"])] == [
        "decode",
        "speech_activity",
        "transcription",
        "alignment",
        "pitch",
        "rhythm",
        "prosody",
    ]
    assert [step.name for step in SOUND] == ["decode", "signal", "loudness"]
    assert len(chosen_steps([])) == 17


def test_the_telephone_version_is_evaluated_after_the_recording(beep: Path) -> None:
    found, reported = run(beep, ("telephone",))
    assert found.duration_seconds == 1.0
    telephone = found.conditions["telephone"]
    assert (found.outcomes["decode"].result.sample_rate_hz, telephone.outcomes["decode"].result.sample_rate_hz) == (
        24_000,
        8000,
    )
    assert telephone.outcomes["decode"].backend == "voicearena-telephone/1"
    assert telephone.outcomes["loudness"].condition == "telephone"
    assert telephone.outcomes["loudness"].result.integrated_lufs == pytest.approx(
        found.outcomes["loudness"].result.integrated_lufs, abs=0.1
    )
    assert [condition for condition, _, _ in reported] == [""] * 6 + ["telephone"] * 6


def test_steps_that_have_ended_are_not_repeated(beep: Path) -> None:
    whole, _ = run(beep)
    before = {("", name): whole.outcomes[name] for name in ("decode", "signal")}
    found, reported = run(beep, ended=before)
    assert reported == [("", "loudness", "started"), ("", "loudness", "completed")]
    assert found.outcomes["signal"] is not None
    assert {name: one.result for name, one in found.outcomes.items()} == {
        name: one.result for name, one in whole.outcomes.items()
    }


def test_a_recording_that_cannot_be_decoded_fails_the_first_step_and_skips_the_others(tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("this is text")
    found, reported = run(path, ("telephone",))
    assert found.duration_seconds is None
    assert found.conditions == {}
    reason = "The file is not audio in a format that can be decoded, or its beginning is damaged."
    assert [(one.step, one.status, one.reason) for one in found.outcomes.values()] == [
        ("decode", StepStatus.failed, reason),
        ("signal", StepStatus.skipped, reason),
        ("loudness", StepStatus.skipped, reason),
    ]
    assert reported[:2] == [("", "decode", "started"), ("", "decode", "failed")]
