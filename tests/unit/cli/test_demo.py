"""The parts of the demo that need no mesh."""

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

from gateway.cli.demo import audio_places, register_speeds
from gateway.cli.demo_plan import PROMPTS, VOICES, VOICES_COMPARED, DemoVoice, choose_voices, voice_lines
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession
from gateway.cli.steps import Steps
from tests.unit.cli.stand_in import StandIn


def test_the_demo_compares_at_least_three_voices_on_at_least_eight_prompts() -> None:
    assert VOICES_COMPARED >= 3
    assert len(set(PROMPTS)) >= 8


def test_the_compared_voices_have_different_speeds() -> None:
    assert choose_voices(["en-us", "en-us+robosoft8", "en-us+f3", "en-us+croak"]) == list(VOICES)
    assert [(voice.voice_id, voice.speed) for voice in VOICES] == [
        ("en-us+croak", None),
        ("en-us+f3", 1.6),
        ("en-us+robosoft8", 0.65),
    ]


def test_a_missing_voice_is_replaced_by_another_at_its_own_speed() -> None:
    natural, _, slow = VOICES
    assert choose_voices(["en-us", "af", "en-us+robosoft8", "en-us+croak"]) == [natural, slow, DemoVoice("en-us")]
    assert choose_voices(["af", "am", "an", "ar"]) == [DemoVoice("af"), DemoVoice("am"), DemoVoice("an")]


def test_too_few_voices_are_named_in_the_error() -> None:
    with pytest.raises(CliError, match=r"needs 3 local voices\. Available: fr, en-us\."):
        choose_voices(["fr", "en-us"])
    with pytest.raises(CliError, match="Available: none"):
        choose_voices([])


def test_each_voice_is_listed_with_its_speed() -> None:
    assert voice_lines(VOICES) == [
        "espeak:en-us+croak      natural pace",
        "espeak:en-us+f3         hurried, speed 1.6",
        "espeak:en-us+robosoft8  slow, speed 0.65",
    ]


async def test_each_voice_with_another_speed_becomes_a_voice_model(mesh: StandIn, key: str) -> None:
    with CliSession().client() as client:
        assert await asyncio.to_thread(register_speeds, client, VOICES) == list(VOICES[1:])
    assert mesh.requests == [
        CreateVoiceModelRequest(
            name=name,
            provider="espeak",
            config=VoiceModelConfig(voice_id=voice_id, parameters=SpeechParameters(speed=speed)),
        )
        for name, voice_id, speed in [
            ("en-us+f3, hurried", "en-us+f3", 1.6),
            ("en-us+robosoft8, slow", "en-us+robosoft8", 0.65),
        ]
    ]


async def test_registering_a_voice_model_needs_a_key(mesh: StandIn) -> None:
    with CliSession().client() as client, pytest.raises(CliError) as caught:
        await asyncio.to_thread(register_speeds, client, VOICES)
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
        f"2 WAV files in {folder}; those of the first prompt are",
        "  espeak:en-us: trl_0.wav",
        "a signed link, valid while the mesh runs: http://localhost:8080/api/v1/audio/trl_0.wav?signature=x",
    ]


def test_missing_audio_is_reported(tmp_path: Path) -> None:
    assert audio_places([Trial()], tmp_path) == ["none: no trial completed"]


def steps_with_output() -> tuple[Steps, io.StringIO]:
    ticks = iter([1.0, 3.5])
    output = io.StringIO()
    return Steps(Console(file=output, width=80, color_system=None), clock=lambda: next(ticks)), output


def test_a_step_ends_with_a_tick_and_its_time() -> None:
    steps, output = steps_with_output()
    with steps.step("Starting") as step:
        step.done = "Started"
    assert output.getvalue().splitlines() == ["  Starting ...", f"✓ {'Started':<62}   2.5 s"]


def test_a_step_that_fails_ends_with_a_cross() -> None:
    steps, output = steps_with_output()
    with pytest.raises(KeyboardInterrupt), steps.step("Starting"):
        raise KeyboardInterrupt
    assert output.getvalue().splitlines() == ["  Starting ...", f"✗ {'Starting':<62}   2.5 s"]
