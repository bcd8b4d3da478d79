"""Renders an experiment as one HTML page with verdict, measurements and audio. It has no script and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from services.shared.metrics import METRICS, Metric, Source
from services.shared.reporting.aligned_words import aligned_words
from services.shared.reporting.formats import has, measurement, model_name, percent
from services.shared.reporting.pages import page_template
from services.shared.reporting.score_axis import Axis, axis_of, better_model, interval_of
from services.shared.reporting.verdict_text import difference, p_value, verdict_sentences, votes_summary

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp
    from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
    from voicearena.experiments.v1.results_pb2 import HeadToHead, ModelRanking, Results

TEMPLATE = Path(__file__).with_name("report.html.j2")
CHART_WIDTH, ROW_HEIGHT, LABEL_HEIGHT = 640, 48, 30
TICKS = 5


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
    experiment: Experiment, results: Results, trials: Sequence[Trial], audio_urls: Mapping[str, str]
) -> str:
    """Returns the HTML of a completed experiment. `audio_urls` has the URL of a trial's audio by the trial's id."""
    template = page_template(TEMPLATE, percent=percent, p_value=p_value, moment=_moment, difference=difference)
    headline, *sentences = verdict_sentences(results)
    in_rankings = [each for each in METRICS if each.summary and each.source is not Source.LISTENING]
    heard = sorted((each for each in METRICS if each.column and each.source is Source.LISTENING), key=_column)
    return template.render(
        experiment=experiment,
        results=results,
        headline=headline,
        sentences=sentences,
        votes=votes_summary(results) if results.HasField("votes") else "",
        chart=chart_rows(results),
        intervals=any(ranking.HasField("score_low") for ranking in results.rankings),
        ticks=_ticks(results),
        chart_width=CHART_WIDTH,
        chart_height=len(results.rankings) * ROW_HEIGHT + 30,
        names=[_name(ranking) for ranking in results.rankings],
        matrix=matrix(results),
        prompts=_by_prompt(experiment, trials),
        audio_urls=audio_urls,
        columns=[model_name(model.provider, model.voice_id) for model in experiment.models],
        optional=_optional,
        metrics=sorted(in_rankings, key=_column),
        heard=[each for each in heard if any(has(one, each.summary_field) for one in results.rankings)],
        heard_of_trials=[each for each in heard if any(has(one, each.name) for one in trials)],
        aligned_words=aligned_words,
        measured=_measured,
    )


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
                y=place * ROW_HEIGHT + LABEL_HEIGHT,
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
    step = (axis.high - axis.low) / (TICKS - 1)
    # Neighbours differ in their last digit at least.
    digits = 2 if step >= 0.01 else 3
    values = [axis.low + step * place for place in range(TICKS)]
    return [(_pixel(axis, value), f"{value:.{digits}f}") for value in values]


def _pixel(axis: Axis, value: float) -> float:
    return round(axis.share(value) * CHART_WIDTH, 1)


def _name(ranking: ModelRanking) -> str:
    return model_name(ranking.provider, ranking.voice_id)


def _by_prompt(experiment: Experiment, trials: Sequence[Trial]) -> list[tuple[str, list[list[Trial]]]]:
    """Returns each prompt with its text and, for each model, its trials."""
    prompts = []
    for index, text in enumerate(experiment.prompts):
        by_model: list[list[Trial]] = [[] for _ in experiment.models]
        for trial in trials:
            if trial.prompt_index == index and trial.model_index < len(by_model):
                by_model[trial.model_index].append(trial)
        prompts.append((text, by_model))
    return prompts


def _column(metric: Metric) -> int:
    """Returns the position of a metric in tables. Those without one come last."""
    return metric.column or len(METRICS)


def _measured(message: Message, field: str, metric: Metric) -> str:
    return measurement(message, field, metric.unit, is_count=metric.kind is int and not metric.unit)


def _optional(message: ModelRanking | Trial, field: str) -> float | None:
    """Returns a measurement, None if it is absent."""
    return getattr(message, field) if message.HasField(field) else None  # type: ignore[arg-type]


def _moment(timestamp: Timestamp) -> str:
    return timestamp.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%d %H:%M UTC")
