"""Renders an experiment as one HTML page with verdict, measurements and audio. It has no script and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from services.experiments.report.figures import chart, matrix
from services.shared.metrics import METRICS, Metric, Source
from services.shared.reporting.aligned_words import aligned_words
from services.shared.reporting.formats import has, measurement, model_name, percent
from services.shared.reporting.pages import page_template
from services.shared.reporting.verdict_text import difference, p_value, verdict_sentences, votes_summary

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp
    from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
    from voicearena.experiments.v1.results_pb2 import ModelRanking, Results

TEMPLATE = Path(__file__).with_name("report.html.j2")


def render_report(
    experiment: Experiment, results: Results, trials: Sequence[Trial], audio_urls: Mapping[str, str]
) -> str:
    """Returns the HTML of a completed experiment. `audio_urls` has the URL of a trial's audio by the trial's id."""
    template = page_template(TEMPLATE, percent=percent, p_value=p_value, moment=_moment, difference=difference)
    by_people = experiment.eval_mode == experiment.human
    headline, *sentences = verdict_sentences(results)
    in_rankings = [each for each in METRICS if each.summary and each.source is not Source.LISTENING]
    heard = sorted((each for each in METRICS if each.column and each.source is Source.LISTENING), key=_column)
    return template.render(
        experiment=experiment,
        results=results,
        headline=headline,
        sentences=sentences,
        votes=votes_summary(results) if results.HasField("votes") else "",
        by_people=by_people,
        chart=chart(results, by_people=by_people),
        names=[model_name(ranking.provider, ranking.voice_id) for ranking in results.rankings],
        matrix=matrix(results, by_people=by_people),
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
