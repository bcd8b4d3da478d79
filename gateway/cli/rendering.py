"""Renders messages of the API as tables that rich prints. Text from the server is never read as markup."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from services.shared.reporting.formats import ABSENT, has, measurement, model_name

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp
    from rich.console import RenderableType
    from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
    from voicearena.scoring.v1.scoring_pb2 import Metric
    from voicearena.tts.v1.tts_pb2 import Provider, Voice

EIGHTHS = " ▏▎▍▌▋▊▉█"
# A terminal at least this wide gets long bars and all columns.
WIDE_COLUMNS = 100
# A narrow terminal gets this many columns of metrics.
NARROW_METRICS = 4
STATUS_STYLES = {"completed": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}


def plain(text: str) -> Text:
    """Returns a text with control characters replaced by spaces, because they could steer a terminal."""
    return Text("".join(character if character.isprintable() else " " for character in text))


def bar(share: float, width: int) -> str:
    """Returns a bar of `width` cells of which `share` is filled, to an eighth of a cell. `share` is cut to 0 to 1."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width)


def measured(message: Message, field: str, metric: Metric) -> str:
    """Returns the value of a metric in this field of a message, with its unit."""
    return measurement(message, field, metric.unit, is_count=_is_count(metric))


def _is_count(metric: Metric) -> bool:
    """Returns whether trials have a whole number of it."""
    from voicearena.experiments.v1.experiment_pb2 import Trial

    field = Trial.DESCRIPTOR.fields_by_name.get(metric.name)
    return field is not None and not metric.unit and field.type == field.TYPE_INT32


def table_metrics(metrics: Sequence[Metric], width: int) -> list[Metric]:
    """Returns the metrics that a table of this width shows, in the order of their columns.

    Those that models measure by listening have a table of their own.
    """
    shown = [metric for metric in _with_columns(metrics) if not is_heard(metric)]
    return shown if width >= WIDE_COLUMNS else shown[:NARROW_METRICS]


def heard_metrics(metrics: Sequence[Metric], messages: Sequence[Message], *, summaries: bool) -> list[Metric]:
    """Returns the metrics that models measure by listening and that any of the messages has, in the order of columns.

    The messages are trials, or rankings with `summaries`.
    """
    return [
        metric
        for metric in _with_columns(metrics)
        if is_heard(metric) and any(has(message, metric.summary if summaries else metric.name) for message in messages)
    ]


def _with_columns(metrics: Sequence[Metric]) -> list[Metric]:
    return sorted((metric for metric in metrics if metric.column), key=lambda metric: metric.column)


def is_heard(metric: Metric) -> bool:
    """Returns whether a step of an evaluation measures it. The signal is measured without one."""
    return metric.step not in ("", "signal")


def moment(timestamp: Timestamp) -> str:
    """Returns a time such as `2026-01-31 23:59` in the local time zone."""
    return timestamp.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def new_table(*columns: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    """Returns an empty table in the style of `arena`. The columns in `right` are aligned right, for numbers."""
    table = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), title=title, title_justify="left"
    )
    for column in columns:
        number = column in right
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=number)
    return table


def keep_ids(table: Table, ids: Sequence[str]) -> None:
    """Makes the first column as wide as its longest id, so that ids are whole and other text in it is folded."""
    table.columns[0].min_width = table.columns[0].max_width = max(map(len, ids))


def voices_table(voices: Sequence[Voice], providers: Sequence[Provider]) -> RenderableType:
    """Returns the voices, and below them the providers that are not available with the reason."""
    table = new_table("Voice", "Name", "Languages", "Rate", right=("Rate",))
    for voice in voices:
        table.add_row(
            plain(model_name(voice.provider, voice.voice_id)),
            plain(voice.display_name),
            plain(", ".join(voice.languages) or ABSENT),
            f"{voice.sample_rate_hz / 1000:g} kHz",
        )
    parts: list[RenderableType] = [table] if voices else [Text("No voices.")]
    missing = [provider for provider in providers if not provider.available]
    if missing:
        parts.append(Text("\nNot available:"))
        parts += [plain(f"  {provider.id}: {provider.unavailable_reason}") for provider in missing]
    return Group(*parts)


def experiments_table(experiments: Sequence[Experiment], width: int) -> RenderableType:
    """Returns the experiments in the given order, with two lines each on a narrow terminal."""
    if not experiments:
        return Text("No experiments.")
    wide = width >= WIDE_COLUMNS
    table = new_table("Id", "Name", "Status", "Trials", *(("Scenario", "Created") if wide else ()), right=("Trials",))
    table.columns[0].no_wrap = table.columns[2].no_wrap = True
    for experiment in experiments:
        about = [plain(experiment.scenario), Text(moment(experiment.created_at))]
        name = plain(experiment.id)
        table.add_row(
            name if wide else name.append(f"\n{about[0]}, {about[1]}", style="dim"),
            plain(experiment.name),
            status_text(experiment.Status.Name(experiment.status)),
            f"{experiment.completed_trials}/{experiment.total_trials}",
            *(about if wide else ()),
        )
    return table


def experiment_card(experiment: Experiment) -> RenderableType:
    """Returns a few lines about one experiment."""
    status = experiment.Status.Name(experiment.status)
    models = ", ".join(model_name(model.provider, model.voice_id) for model in experiment.models)
    times = f", each spoken {experiment.repeats} times" if experiment.repeats > 1 else ""
    lines = [
        Text.assemble(plain(experiment.name), "  ", status_text(status)),
        plain(f"  id        {experiment.id}"),
        plain(f"  scenario  {experiment.scenario}"),
        plain(f"  models    {models}"),
        plain(f"  prompts   {len(experiment.prompts)}{times}"),
        plain(
            f"  trials    {experiment.completed_trials} of {experiment.total_trials} completed, "
            f"{experiment.failed_trials} failed"
        ),
    ]
    if experiment.HasField("listening"):
        listening = experiment.listening
        state = "open" if listening.open else "not open"
        votes = (
            f"{listening.votes_received} of {listening.votes_needed} votes" if listening.votes_needed else "no votes"
        )
        lines.append(plain(f"  listening {votes}, {state}"))
    if experiment.webhook_url:
        lines.append(plain(f"  webhook   {experiment.webhook_url}"))
    if experiment.error_message:
        lines.append(plain(f"  error     {experiment.error_message}"))
    return Group(*lines)


def trials_table(trials: Sequence[Trial], metrics: Sequence[Metric], width: int) -> RenderableType:
    """Returns the trials with their main measurements. `audio_lines` has the links to their audio."""
    if not trials:
        return Text("No trials.")
    shown = table_metrics(metrics, width)
    labels = [metric.label for metric in shown]
    table = new_table("Nr", "Prompt", "Model", "Status", *labels, right=("Nr", *labels))
    prompt = table.columns[1]
    prompt.overflow, prompt.no_wrap, prompt.ratio, prompt.min_width = "ellipsis", True, 1, 8
    table.expand = True
    for number, trial in enumerate(trials, 1):
        table.add_row(
            str(number),
            plain(trial.prompt_text),
            plain(model_name(trial.provider, trial.voice_id)),
            status_text(trial.Status.Name(trial.status)),
            *(measured(trial, metric.name, metric) for metric in shown),
        )
    return table


def audio_lines(trials: Sequence[Trial]) -> list[str]:
    """Returns a line for each trial of `trials_table`, by its number: the link to its audio, or why it failed."""
    lines = []
    for number, trial in enumerate(trials, 1):
        if trial.HasField("audio_url"):
            lines.append(f"{number:>3} {plain(trial.audio_url)}")
        elif trial.error_message:
            lines.append(f"{number:>3} failed: {plain(trial.error_message)}")
    return lines


def heard_table(trials: Sequence[Trial], metrics: Sequence[Metric]) -> Table | None:
    """Returns what models measured by listening to the trials, None if they listened to none."""
    shown = heard_metrics(metrics, trials, summaries=False)
    labels = [metric.label for metric in shown]
    table = new_table("Nr", "Model", *labels, right=("Nr", *labels))
    for number, trial in enumerate(trials, 1):
        if any(has(trial, metric.name) for metric in shown):
            name = plain(model_name(trial.provider, trial.voice_id))
            table.add_row(str(number), name, *(measured(trial, metric.name, metric) for metric in shown))
    return table if shown else None


def status_text(status: str) -> Text:
    """Returns a status in its colour."""
    return Text(status, style=STATUS_STYLES.get(status, ""))
