"""Renders an experiment as one HTML file with verdict, measurements and audio. It has no script and loads nothing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.cli.intervals import Axis, axis_of, better_model, interval_of
from gateway.cli.pages import page_environment
from gateway.cli.rendering import heard_metrics, is_heard, measured, model_name, percent
from gateway.cli.verdict import difference, p_value, verdict_sentences, votes_summary
from gateway.cli.words import aligned_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.timestamp_pb2 import Timestamp
    from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
    from voicearena.experiments.v1.results_pb2 import HeadToHead, ModelRanking, Results
    from voicearena.scoring.v1.scoring_pb2 import Metric

TEMPLATE = "report.html.j2"
CHART_WIDTH, ROW_HEIGHT = 640, 34
TICKS = 5


@dataclass(frozen=True)
class ReportTrial:
    """A trial and its audio as a whole WAV, None without audio."""

    trial: Trial
    wav: bytes | None


@dataclass(frozen=True)
class ChartRow:
    """The line of one model in the chart, in pixels."""

    name: str
    y: int
    low: float
    score: float
    high: float
    label: str
    wins: bool


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix."""

    text: str
    """The prompts that the line's model won, lost and tied."""
    kind: str
    """The CSS class: self, open (no significant difference), better or worse."""


def render_report(
    experiment: Experiment, results: Results, trials: list[ReportTrial], metrics: Sequence[Metric]
) -> str:
    """Returns the HTML of a completed experiment."""
    environment = page_environment(percent=percent, p_value=p_value, moment=_moment, difference=difference)
    headline, *sentences = verdict_sentences(results)
    by_column = sorted((each for each in metrics if each.summary), key=lambda each: each.column or len(metrics))
    return environment.get_template(TEMPLATE).render(
        experiment=experiment,
        results=results,
        headline=headline,
        sentences=sentences,
        votes=votes_summary(results) if results.HasField("votes") else "",
        chart=chart_rows(results),
        ticks=_ticks(results),
        chart_width=CHART_WIDTH,
        chart_height=len(results.rankings) * ROW_HEIGHT + 30,
        names=[_name(ranking) for ranking in results.rankings],
        matrix=matrix(results),
        prompts=_by_prompt(experiment, trials),
        columns=[model_name(model.provider, model.voice_id) for model in experiment.models],
        optional=_optional,
        metrics=[each for each in by_column if not is_heard(each)],
        heard=heard_metrics(metrics, results.rankings, summaries=True),
        heard_of_trials=heard_metrics(metrics, [each.trial for each in trials], summaries=False),
        aligned_words=aligned_words,
        measured=measured,
    )


def audio_name(trial: Trial) -> str:
    """Returns the name of a trial's audio in the store, taken from its link."""
    return PurePosixPath(urlsplit(trial.audio_url).path).name


def chart_rows(results: Results) -> list[ChartRow]:
    """Returns the chart's lines for the models that have a score, best first."""
    rankings = [ranking for ranking in results.rankings if ranking.trials_completed]
    if not rankings:
        return []
    axis = axis_of(rankings)
    rows = []
    for place, ranking in enumerate(rankings):
        low, score, high = interval_of(ranking)
        name = _name(ranking)
        known = f" ({low:.3f} to {high:.3f})" if ranking.HasField("score_low") else ""
        rows.append(
            ChartRow(
                name=name,
                y=place * ROW_HEIGHT + ROW_HEIGHT // 2,
                low=_pixel(axis, low),
                score=_pixel(axis, score),
                high=_pixel(axis, high),
                label=f"{score:.3f}{known}",
                wins=results.HasField("winner") and results.winner == name,
            )
        )
    return rows


def matrix(results: Results) -> list[list[Cell]]:
    """Returns a line for each model, best first, with a cell for each model in the same order."""
    names = [_name(ranking) for ranking in results.rankings]
    pairs = {frozenset((pair.model_a, pair.model_b)): pair for pair in results.head_to_head}
    return [[_cell(pairs.get(frozenset((name, other))), name, other) for other in names] for name in names]


def _cell(pair: HeadToHead | None, name: str, other: str) -> Cell:
    if pair is None or name == other:
        return Cell("", "self")
    won, lost = (pair.a_wins, pair.b_wins) if pair.model_a == name else (pair.b_wins, pair.a_wins)
    better = better_model(pair)
    kind = "open" if better is None else "better" if better == name else "worse"
    return Cell(f"{won}–{lost}–{pair.ties}", kind)


def _ticks(results: Results) -> list[tuple[float, str]]:
    rankings = [ranking for ranking in results.rankings if ranking.trials_completed]
    if not rankings:
        return []
    axis = axis_of(rankings)
    values = [axis.low + (axis.high - axis.low) * step / (TICKS - 1) for step in range(TICKS)]
    return [(_pixel(axis, value), f"{value:.2f}") for value in values]


def _pixel(axis: Axis, value: float) -> float:
    return round(axis.share(value) * CHART_WIDTH, 1)


def _name(ranking: ModelRanking) -> str:
    return model_name(ranking.provider, ranking.voice_id)


def _by_prompt(experiment: Experiment, trials: list[ReportTrial]) -> list[tuple[str, list[list[tuple[Trial, str]]]]]:
    """Returns each prompt with its text and, for each model, its trials with their audio as data URLs."""
    prompts = []
    for index, text in enumerate(experiment.prompts):
        by_model: list[list[tuple[Trial, str]]] = [[] for _ in experiment.models]
        for each in trials:
            if each.trial.prompt_index == index and each.trial.model_index < len(by_model):
                by_model[each.trial.model_index].append((each.trial, _data_url(each.wav)))
        prompts.append((text, by_model))
    return prompts


def _data_url(wav: bytes | None) -> str:
    return f"data:audio/wav;base64,{base64.b64encode(wav).decode()}" if wav else ""


def _optional(message: ModelRanking | Trial, field: str) -> float | None:
    """Returns a measurement, None if it is absent."""
    return getattr(message, field) if message.HasField(field) else None  # type: ignore[arg-type]


def _moment(timestamp: Timestamp) -> str:
    return timestamp.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%d %H:%M UTC")
