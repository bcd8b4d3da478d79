"""Renders an evaluation for a terminal: words with their errors, speakers, and numbers beside their good range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from gateway.cli.evaluation_progress import status_of
from gateway.cli.rendering import new_table, plain, status_text
from gateway.cli.words import alignment_view, notable_view
from services.shared.reporting.formats import ABSENT, percent, seconds

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from rich.console import RenderableType
    from voicearena.scoring.v1.evaluation_metrics_pb2 import Diarization, EvaluationMetrics
    from voicearena.scoring.v1.scoring_pb2 import Evaluation, Metric

LANE = "█"
MIN_LANE_COLUMNS = 20


@dataclass(frozen=True)
class Figure:
    """A metric with its value in the recording and in its further versions."""

    step: str
    label: str
    unit: str
    value: float | None
    conditions: tuple[float | None, ...]
    good_minimum: float | None
    good_maximum: float | None
    kind: str
    """share, truth, count or number."""
    backend: str

    def is_good(self, value: float | None) -> bool | None:
        """Returns whether a value is in the good range, None if there is no value or no range."""
        if value is None or (self.good_minimum is None and self.good_maximum is None):
            return None
        low = self.good_minimum is None or value >= self.good_minimum
        return low and (self.good_maximum is None or value <= self.good_maximum)

    def shown(self, value: float | None) -> str:
        """Returns a value with its unit."""
        if value is None:
            return ABSENT
        if self.kind == "truth":
            return "yes" if value else "no"
        if self.kind == "share":
            return percent(value)
        text = f"{value:.0f}" if self.kind == "count" or abs(value) >= 1000 else f"{value:.2f}"
        return f"{text} {self.unit}".strip()

    @property
    def range(self) -> str:
        """The good range, such as `25.00 dB or more`. Empty if there is none."""
        low, high = self.good_minimum, self.good_maximum
        if low is not None and high is not None:
            return self.shown(low) if low == high else f"{self.shown(low)} to {self.shown(high)}"
        if low is not None:
            return f"{self.shown(low)} or more"
        return f"{self.shown(high)} or less" if high is not None else ""


def figures(evaluation: Evaluation, metrics: Sequence[Metric]) -> list[Figure]:
    """Returns the metrics that were measured, in the order of the steps."""
    order = {step.name: place for place, step in enumerate(evaluation.steps)}
    found = []
    for metric in sorted((each for each in metrics if each.step), key=lambda each: order.get(each.step, len(order))):
        message = _step_message(evaluation.metrics, evaluation, metric.step)
        value = _value(message, metric.name)
        conditions = tuple(
            _value(_version_message(evaluation, name, metric.step), metric.name) for name in condition_names(evaluation)
        )
        if value is None and not any(each is not None for each in conditions):
            continue
        found.append(
            Figure(
                step=metric.step,
                label=metric.label,
                unit=metric.unit,
                value=value,
                conditions=conditions,
                good_minimum=metric.good_minimum if metric.HasField("good_minimum") else None,
                good_maximum=metric.good_maximum if metric.HasField("good_maximum") else None,
                kind=_kind(message, metric),
                backend=getattr(message, "backend", ""),
            )
        )
    return found


def missing_steps(evaluation: Evaluation) -> dict[str, list[str]]:
    """Returns the steps that did not complete, by the reason. The reason of the whole evaluation is left out."""
    found: dict[str, list[str]] = {}
    for step in evaluation.steps:
        if status_of(step) in ("skipped", "failed") and not step.condition and step.reason != evaluation.error_message:
            found.setdefault(step.reason, []).append(step.name)
    return found


def condition_names(evaluation: Evaluation) -> list[str]:
    """Returns the further versions of the recording that were evaluated."""
    return sorted(evaluation.condition_metrics)


def result_view(evaluation: Evaluation, metrics: Sequence[Metric], name: str, width: int) -> RenderableType:
    """Returns the whole result. `width` is that of the terminal."""
    parts: list[RenderableType] = [_headline(evaluation, name)]
    measured = evaluation.metrics
    if measured.HasField("word_errors"):
        parts += [Text(), *alignment_view(measured.word_errors, width), *notable_view(measured.word_errors)]
    elif measured.HasField("transcription"):
        parts += [Text("\nTranscript", style="bold"), plain(measured.transcription.text or "(no words)")]
    if evaluation.HasField("diarization") and evaluation.diarization.turns:
        parts += [Text(), *lanes_view(evaluation.diarization, _duration(evaluation), width)]
    if shown := figures(evaluation, metrics):
        parts += [Text(), _figures_table(shown, condition_names(evaluation))]
    if missing := missing_steps(evaluation):
        parts.append(Text("\nNot measured", style="bold"))
        parts += [plain(f"  {', '.join(names)}: {reason}") for reason, names in missing.items()]
    return Group(*parts)


def lanes_view(diarization: Diarization, duration_seconds: float, width: int) -> list[RenderableType]:
    """Returns a lane for each speaker with the time at which they speak, and how they take turns."""
    speakers = sorted({turn.speaker for turn in diarization.turns})
    name_columns = max(len(plain(speaker).plain) for speaker in speakers)
    columns = max(width - name_columns - 12, MIN_LANE_COLUMNS)
    lines: list[RenderableType] = [Text(f"Speakers: {diarization.num_speakers}", style="bold")]
    for number, speaker in enumerate(speakers):
        lane = [" "] * columns
        for turn in diarization.turns:
            if turn.speaker == speaker:
                first, last = (
                    min(int(at / max(duration_seconds, 1e-9) * columns), columns - 1)
                    for at in (turn.start_seconds, turn.end_seconds)
                )
                lane[first : last + 1] = LANE * (last + 1 - first)
        style = ("cyan", "green", "magenta", "yellow", "blue")[number % 5]
        share = percent(diarization.talk_shares.get(speaker))
        padded = plain(speaker)
        padded.pad_right(name_columns - padded.cell_len)
        lines.append(Text.assemble("  ", padded, " ", ("".join(lane), style), f" {share:>6}"))
    ends = f"{duration_seconds:.1f} s"
    lines.append(Text(f"  {'':{name_columns}} 0{ends:>{columns - 1}}", style="dim"))
    if diarization.interruptions:
        lines.append(Text(f"  {len(diarization.interruptions)} interruptions"))
    return lines


def _headline(evaluation: Evaluation, name: str) -> Text:
    status = evaluation.Status.Name(evaluation.status)
    length = f"  {seconds(evaluation.duration_seconds)}" if evaluation.HasField("duration_seconds") else ""
    return Text.assemble(plain(name), "  ", status_text(status), length, "  ", (evaluation.id, "dim"))


def _figures_table(shown: Sequence[Figure], conditions: Sequence[str]) -> RenderableType:
    titles = [name.capitalize() for name in conditions]
    table = new_table("Step", "Metric", "Value", *titles, "Good", right=("Value", *titles))
    step = ""
    for figure in shown:
        values = [
            Text(figure.shown(value), style={True: "green", False: "red", None: ""}[figure.is_good(value)])
            for value in (figure.value, *figure.conditions)
        ]
        for value in values:
            if value.style == "red":
                value.append(" !")
        table.add_row(plain("" if figure.step == step else figure.step), plain(figure.label), *values, figure.range)
        step = figure.step
    return table


def _duration(evaluation: Evaluation) -> float:
    latest = max((turn.end_seconds for turn in evaluation.diarization.turns), default=0.0)
    return max(evaluation.duration_seconds, latest)


def _step_message(metrics: EvaluationMetrics, evaluation: Evaluation | None, step: str) -> Message | None:
    """Returns the message of a step, None if it is absent."""
    if step == "diarization":
        return evaluation.diarization if evaluation is not None and evaluation.HasField("diarization") else None
    fields = metrics.DESCRIPTOR.fields_by_name
    return getattr(metrics, step) if step in fields and metrics.HasField(step) else None  # type: ignore[arg-type]


def _version_message(evaluation: Evaluation, condition: str, step: str) -> Message | None:
    """Returns the message of a step of a further version of the recording, None if it is absent."""
    if step == "diarization":
        return evaluation.condition_diarization.get(condition, None)
    return _step_message(evaluation.condition_metrics[condition], None, step)


def _value(message: Message | None, name: str) -> float | None:
    """Returns a number, None if it is absent or no number."""
    field = _fields(message).get(name)
    if message is None or field is None or field.is_repeated or field.message_type or field.type == field.TYPE_STRING:
        return None
    return float(getattr(message, name)) if not field.has_presence or message.HasField(name) else None


def _kind(message: Message | None, metric: Metric) -> str:
    field = _fields(message).get(metric.name)
    if field is not None and field.type == field.TYPE_BOOL:
        return "truth"
    if field is not None and field.type == field.TYPE_INT32:
        return "count"
    return "number" if metric.unit or (metric.minimum, metric.maximum) == (-1, 1) else "share"


def _fields(message: Message | None) -> Mapping[str, Any]:
    return message.DESCRIPTOR.fields_by_name if message is not None else {}
