"""How lists look on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType
from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
from voicearena.tts.v1.tts_pb2 import Provider, Voice

from gateway.cli.rendering import (
    audio_lines,
    bar,
    experiment_card,
    experiments_table,
    plain,
    trials_table,
    voices_table,
)
from services.shared.reporting.formats import milliseconds, percent, seconds
from tests.unit.cli.stand_in import METRICS


def drawn(renderable: RenderableType, width: int = 80) -> list[str]:
    """Returns the lines that a terminal of this width shows, without colour and trailing spaces."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "    "), (1.0, "████"), (0.5, "██  "), (0.53125, "██▏ "), (0.99, "████"), (7.0, "████"), (-1.0, "    ")],
)
def test_a_bar_is_filled_to_an_eighth_of_a_cell(share: float, text: str) -> None:
    assert bar(share, 4) == text


def test_numbers_have_units_and_an_absent_value_is_a_dash() -> None:
    assert [milliseconds(value) for value in (3.21, 9.99, 44.7, 1234.5, None)] == [
        "3.2 ms",
        "10.0 ms",
        "45 ms",
        "1234 ms",
        "–",
    ]
    assert [seconds(3.412), seconds(None), percent(0.1234), percent(None)] == ["3.41 s", "–", "12.3%", "–"]


def test_text_from_the_server_cannot_steer_the_terminal() -> None:
    assert drawn(plain("[bold]a\x1b[2Jb[/bold]")) == ["[bold]a [2Jb[/bold]"]


def test_providers_that_are_not_available_are_listed_with_the_reason() -> None:
    voices = [
        Voice(
            provider="espeak",
            voice_id="en-us",
            display_name="English (America)",
            languages=["en-US", "en"],
            sample_rate_hz=22050,
        ),
        Voice(provider="flite", voice_id="kal", display_name="KAL", sample_rate_hz=8000),
    ]
    providers = [
        Provider(id="espeak", available=True),
        Provider(id="cartesia", unavailable_reason="set CARTESIA_API_KEY"),
    ]
    assert drawn(voices_table(voices, providers)) == [
        "Voice         Name               Languages       Rate",
        "─────────────────────────────────────────────────────",
        "espeak:en-us  English (America)  en-US, en  22.05 kHz",
        "flite:kal     KAL                –              8 kHz",
        "",
        "Not available:",
        "  cartesia: set CARTESIA_API_KEY",
    ]


def test_an_empty_list_of_voices_has_a_text() -> None:
    assert drawn(voices_table([], [])) == ["No voices."]


@pytest.fixture
def experiment() -> Experiment:
    experiment = Experiment(
        id="exp_" + "0" * 32,
        name="Which voice?",
        scenario="customer_support",
        status=Experiment.running,
        prompts=["a", "b"],
        total_trials=4,
        completed_trials=2,
        failed_trials=1,
    )
    experiment.models.add(provider="espeak", voice_id="en-us")
    experiment.models.add(provider="espeak", voice_id="en-gb")
    experiment.created_at.FromJsonString("2026-01-31T12:34:56Z")
    return experiment


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_narrow_terminal_gets_two_lines_per_experiment(experiment: Experiment) -> None:
    assert drawn(experiments_table([experiment], 80)) == [
        "Id                                    Name          Status   Trials",
        "───────────────────────────────────────────────────────────────────",
        "exp_00000000000000000000000000000000  Which voice?  running     2/4",
        "customer_support, 2026-01-31 12:34",
    ]


def test_a_wide_terminal_gets_one_line_per_experiment(experiment: Experiment) -> None:
    assert drawn(experiments_table([experiment], 120), 120) == [
        "Id                                    Name          Status   Trials  Scenario          Created",
        "───────────────────────────────────────────────────────────────────────────────────────────────────────",
        "exp_00000000000000000000000000000000  Which voice?  running     2/4  customer_support  2026-01-31 12:34",
    ]


def test_an_empty_list_of_experiments_has_a_text() -> None:
    assert drawn(experiments_table([], 80)) == ["No experiments."]


def test_an_experiment_is_described_in_a_few_lines(experiment: Experiment) -> None:
    experiment.webhook_url = "https://example.com/hook"
    experiment.error_message = "the database was full"
    assert drawn(experiment_card(experiment)) == [
        "Which voice?  running",
        "  id        exp_00000000000000000000000000000000",
        "  scenario  customer_support",
        "  models    espeak:en-us, espeak:en-gb",
        "  prompts   2",
        "  trials    2 of 4 completed, 1 failed",
        "  webhook   https://example.com/hook",
        "  error     the database was full",
    ]


def test_trials_show_measurements_and_audio_lines_have_the_links() -> None:
    done = Trial(prompt_text="Hello, how can I help?", provider="espeak", voice_id="en-us", status=Trial.completed)
    done.ttfb_ms, done.generation_time_ms, done.duration_seconds, done.silence_ratio = 3.21, 44.3, 3.412, 0.1234
    done.audio_url = "http://localhost:8080/api/v1/audio/trl_0.wav?signature=" + "s" * 60
    failed = Trial(
        prompt_text="Bye.", provider="espeak", voice_id="en-gb", status=Trial.failed, error_message="timed out"
    )
    waiting = Trial(prompt_text="Bye.", provider="espeak", voice_id="en-us", status=Trial.pending)
    trials = [done, failed, waiting]
    assert drawn(trials_table(trials, METRICS, 80)) == [
        "Nr  Prompt               Model         Status       TTFB  Total  Silence  Length",
        "────────────────────────────────────────────────────────────────────────────────",
        " 1  Hello, how can I h…  espeak:en-us  completed  3.2 ms  44 ms    12.3%  3.41 s",
        " 2  Bye.                 espeak:en-gb  failed          –      –        –       –",
        " 3  Bye.                 espeak:en-us  pending         –      –        –       –",
    ]
    assert audio_lines(trials) == [f"  1 {done.audio_url}", "  2 failed: timed out"]
