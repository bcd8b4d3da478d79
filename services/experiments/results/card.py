"""Draws the share card of an experiment's verdict."""

from __future__ import annotations

from datetime import UTC

from voicearena.experiments.v1.experiment_pb2 import Experiment
from voicearena.experiments.v1.results_pb2 import ModelRanking, Results

from services.shared.cards import drawing
from services.shared.cards.drawing import LEFT, RIGHT, Axis, Style, Value

NO_WINNER = "No winner"
MIN_AXIS_SCORE = 0.1
_TOP, _STEP = 408, 46
_NAME, _AXIS, _AXIS_END = 132, 640, 920


def verdict_card(experiment: Experiment, results: Results) -> str:
    """Returns the card of the verdict of a completed experiment."""
    won = results.HasField("winner")
    level = Results.Level.Name(results.confidence)
    headline = f"Winner: {results.winner}" if won else NO_WINNER
    wanted = "name a winner" if results.HasField("leader") else "rank these models"
    confidence = f"{level.capitalize()} confidence" if won else f"There is not enough evidence to {wanted}"
    reasons = " ".join(results.reasons)
    judges = {Experiment.human: "people", Experiment.hybrid: "measurements and people"}
    about = [f"{len(experiment.models)} models", f"{len(experiment.prompts)} prompts"]
    about += [f"{experiment.completed_trials:,} trials"]
    about += [f"{results.votes.votes:,} votes"] if results.HasField("votes") else []
    about += ["judged by " + judges.get(experiment.eval_mode, "measurements")]
    body = [
        drawing.rule(200),
        drawing.words(LEFT, 256, headline, Style(44, True, drawing.ACCENT if won else drawing.TEXT), RIGHT - LEFT),
        drawing.words(LEFT, 296, confidence, Style(), RIGHT - LEFT),
        *drawing.paragraph(LEFT, 328, reasons, Style(20, colour=drawing.MUTED), RIGHT - LEFT, 1),
        *_ranking(experiment, results),
    ]
    computed = f"Computed {results.computed_at.ToDatetime(UTC):%Y-%m-%d %H:%M} UTC"
    return drawing.card(
        experiment.name, " · ".join(about), body, [computed, f"method {results.method_version}"], name=experiment.id
    )


def _ranking(experiment: Experiment, results: Results) -> list[str]:
    small = Style(drawing.SMALL, colour=drawing.MUTED)
    if not results.rankings:
        names = [f"{model.provider}:{model.voice_id}" for model in experiment.models]
        return [
            drawing.words(LEFT, _TOP - 30 + at * _STEP, name, Style(), RIGHT - LEFT) for at, name in enumerate(names)
        ]
    by_people = experiment.eval_mode == Experiment.human
    values = [_value(row, by_people=by_people) for row in results.rankings]
    axis = Axis.of(_AXIS, _AXIS_END, values, MIN_AXIS_SCORE)
    found = [
        drawing.words(LEFT, _TOP - 38, "Rank", small, 80),
        drawing.words(_NAME, _TOP - 38, "Model", small, 300),
        drawing.words(RIGHT, _TOP - 38, "Votes won" if by_people else "Score, 95% interval", small, 260, anchor="end"),
        drawing.rule(_TOP - 26, drawing.STRONG_LINE),
    ]
    for at, (row, value) in enumerate(zip(results.rankings, values, strict=True)):
        y = _TOP + at * _STEP
        out = row.HasField("ruled_out")
        colour = drawing.MUTED if out else drawing.TEXT
        label = f"{row.provider}:{row.voice_id}" + (", can't win" if out else "")
        found += [
            drawing.words(LEFT, y + 8, str(row.rank), Style(26, True, colour), 60),
            drawing.words(_NAME, y + 8, label, Style(26, True, colour), 480),
            *drawing.interval(axis, y, value, drawing.MUTED if out else drawing.ACCENT),
            drawing.words(
                RIGHT, y + 8, _score(value, by_people=by_people), Style(24, colour=colour), 200, anchor="end"
            ),
        ]
    return found


def _value(row: ModelRanking, *, by_people: bool) -> Value:
    if by_people:
        return Value(row.preference_share)
    known = row.HasField("score_low") and row.HasField("score_high")
    return Value(row.composite_score, row.score_low, row.score_high) if known else Value(row.composite_score)


def _score(value: Value, *, by_people: bool) -> str:
    if by_people:
        return f"{value.at:.0%}"
    if value.low is None or value.high is None:
        return f"{value.at:.2f}"
    return f"{value.at:.2f}, {value.low:.2f}–{value.high:.2f}"
