"""The parts of the demo that need no mesh."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from voicearena.experiments.v1.experiment_pb2 import Trial

from gateway.cli.demo import PROMPTS, VOICES, VOICES_COMPARED, audio_places, choose_voices
from gateway.cli.errors import CliError
from gateway.cli.steps import Steps


def test_it_compares_at_least_three_voices_over_at_least_eight_different_prompts() -> None:
    assert VOICES_COMPARED >= 3
    assert len(set(PROMPTS)) >= 8


def test_the_first_voices_that_are_there_are_chosen() -> None:
    assert choose_voices([*VOICES, "fr"]) == list(VOICES[:3])
    assert choose_voices(["fr", *reversed(VOICES[1:])]) == list(VOICES[1:4])


def test_too_few_voices_are_named() -> None:
    with pytest.raises(CliError, match="There are: fr, en-us"):
        choose_voices(["fr", "en-us"])


def test_the_audio_is_found_on_disk_by_the_name_in_its_link(tmp_path: Path) -> None:
    folder = tmp_path / "audio" / "experiments"
    folder.mkdir(parents=True)
    trials = []
    for number in range(2):
        (folder / f"trl_{number}.wav").write_bytes(b"RIFF")
        url = f"http://localhost:8080/api/v1/audio/trl_{number}.wav?signature=x"
        trials.append(Trial(provider="espeak", voice_id="en-us", prompt_index=number, audio_url=url))
    (folder / "of-another-experiment.wav").write_bytes(b"RIFF")
    assert audio_places(trials, tmp_path) == [
        f"2 WAV files in {folder}, the first prompt's being",
        "  espeak:en-us: trl_0.wav",
        "signed link, while the mesh is up: http://localhost:8080/api/v1/audio/trl_0.wav?signature=x",
    ]


def test_without_audio_it_says_so(tmp_path: Path) -> None:
    assert audio_places([Trial()], tmp_path) == ["none: no trial completed"]


def steps_on_paper() -> tuple[Steps, io.StringIO]:
    ticks = iter([1.0, 3.5])
    paper = io.StringIO()
    return Steps(Console(file=paper, width=80, color_system=None), clock=lambda: next(ticks)), paper


def test_a_step_ends_with_a_tick_and_its_time() -> None:
    steps, paper = steps_on_paper()
    with steps.step("Starting") as step:
        step.done = "Started"
    assert paper.getvalue().splitlines() == ["  Starting ...", f"✓ {'Started':<62}   2.5 s"]


def test_a_step_that_fails_is_crossed_out() -> None:
    steps, paper = steps_on_paper()
    with pytest.raises(KeyboardInterrupt), steps.step("Starting"):
        raise KeyboardInterrupt
    assert paper.getvalue().splitlines() == ["  Starting ...", f"✗ {'Starting':<62}   2.5 s"]
