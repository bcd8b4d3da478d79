"""The parts of the demo that need no mesh of their own."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console
from voicearena.elo.v1.elo_pb2 import VoiceModelConfig
from voicearena.elo.v1.elo_service_pb2 import CreateVoiceModelRequest
from voicearena.experiments.v1.experiment_pb2 import Trial
from voicearena.tts.v1.tts_pb2 import SpeechParameters

from gateway.cli.demo import audio_places, register_paces
from gateway.cli.demo_plan import PROMPTS, VOICES, VOICES_COMPARED, DemoVoice, choose_voices, voice_lines
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import Session
from gateway.cli.steps import Steps
from tests.unit.cli.stand_in import StandIn


def test_it_compares_at_least_three_voices_over_at_least_eight_different_prompts() -> None:
    assert VOICES_COMPARED >= 3
    assert len(set(PROMPTS)) >= 8


def test_the_voices_compared_differ_in_pace() -> None:
    assert choose_voices(["en-us", "en-gb", "en-us+f3", "en-us+klatt4"]) == list(VOICES)
    assert [(voice.voice_id, voice.speed) for voice in VOICES] == [
        ("en-us+klatt4", None),
        ("en-us+f3", 1.6),
        ("en-gb", 0.65),
    ]


def test_a_voice_that_is_not_there_gives_way_to_another_at_its_natural_pace() -> None:
    klatt4, _, slow = VOICES
    assert choose_voices(["en-us", "af", "en-gb", "en-us+klatt4"]) == [klatt4, slow, DemoVoice("en-us")]
    assert choose_voices(["af", "am", "an", "ar"]) == [DemoVoice("af"), DemoVoice("am"), DemoVoice("an")]


def test_too_few_voices_are_named() -> None:
    with pytest.raises(CliError, match="compares 3 local voices, and there are fewer: fr, en-us"):
        choose_voices(["fr", "en-us"])
    with pytest.raises(CliError, match="there are fewer: none"):
        choose_voices([])


def test_what_each_voice_is_stands_beside_its_name() -> None:
    assert voice_lines(VOICES) == [
        "espeak:en-us+klatt4  natural pace",
        "espeak:en-us+f3      hurried, speed 1.6",
        "espeak:en-gb         slow, speed 0.65",
    ]


async def test_each_pace_that_is_not_natural_becomes_a_voice_model(mesh: StandIn, key: str) -> None:
    with Session().client() as client:
        assert await asyncio.to_thread(register_paces, client, VOICES) == list(VOICES[1:])
    assert mesh.requests == [
        CreateVoiceModelRequest(
            name=name,
            provider="espeak",
            config=VoiceModelConfig(voice_id=voice_id, parameters=SpeechParameters(speed=speed)),
        )
        for name, voice_id, speed in [("en-us+f3, hurried", "en-us+f3", 1.6), ("en-gb, slow", "en-gb", 0.65)]
    ]


async def test_a_pace_can_be_registered_only_with_a_key(mesh: StandIn) -> None:
    with Session().client() as client, pytest.raises(CliError) as caught:
        await asyncio.to_thread(register_paces, client, VOICES)
    assert caught.value.exit_code == ExitCode.NOT_AUTHENTICATED


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
