"""The progress of an experiment, per model."""

from __future__ import annotations

import io

from rich.console import Console
from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial

from gateway.cli.progress import LiveBars, ModelProgress, PlainLines, TrialCounts, listening_line


def experiment() -> Experiment:
    experiment = Experiment(prompts=["a", "b"])
    experiment.models.add(provider="espeak", voice_id="en-us")
    experiment.models.add(provider="espeak", voice_id="en-gb")
    return experiment


def trial(number: int, voice: str, status: Trial.Status.ValueType) -> Trial:
    return Trial(id=f"trl_{number}", provider="espeak", voice_id=voice, status=status)


def test_trials_are_counted_by_model() -> None:
    counts = TrialCounts(experiment(), [trial(1, "en-us", Trial.completed), trial(2, "en-us", Trial.scoring)])
    counts.update(trial(2, "en-us", Trial.failed))
    counts.update(trial(3, "en-gb", Trial.synthesizing))
    assert counts.models() == [
        ModelProgress("espeak:en-us", ended=2, failed=1, total=2),
        ModelProgress("espeak:en-gb", ended=0, failed=0, total=2),
    ]


def test_repeats_count_as_trials() -> None:
    repeated = experiment()
    repeated.repeats = 3
    assert [model.total for model in TrialCounts(repeated, []).models()] == [6, 6]


def test_votes_are_shown_while_people_can_vote() -> None:
    voting = experiment()
    assert listening_line(voting) == ""
    voting.listening.votes_received, voting.listening.votes_needed, voting.listening.open = 3, 12, True
    assert listening_line(voting) == "Listeners: 3 of 12 votes"


def test_an_ended_trial_stays_ended() -> None:
    counts = TrialCounts(experiment(), [trial(1, "en-us", Trial.completed)])
    counts.update(trial(1, "en-us", Trial.scoring))
    assert counts.models()[0].ended == 1


def test_without_a_terminal_a_line_is_printed_each_tenth() -> None:
    console = Console(file=io.StringIO(), width=80)
    with PlainLines(console) as view:
        for ended in (0, 1, 2, 2, 3, 20):
            view.show([ModelProgress("espeak:en-us", ended, 1 if ended > 2 else 0, 20)])
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "0 of 20 trials ended: espeak:en-us 0/20",
        "2 of 20 trials ended: espeak:en-us 2/20",
        "20 of 20 trials ended (1 failed): espeak:en-us 20/20",
    ]


def test_on_a_terminal_each_model_has_a_bar() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    with LiveBars(console) as view:
        view.show([ModelProgress("espeak:en-us", 1, 1, 2), ModelProgress("espeak:en-gb", 2, 0, 2)])
    assert isinstance(console.file, io.StringIO)
    drawing = console.file.getvalue()
    assert "espeak:en-us" in drawing
    assert "1/2 1 failed" in drawing
    assert "2/2" in drawing
