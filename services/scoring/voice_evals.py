"""The command `voice-evals`: evaluates a recording on this machine, without a mesh.

voice-evals call.wav --reference call.txt
voice-evals call.wav --reference call.txt --json
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.runtime.settings import load_settings
from services.scoring.backends.settings import ModelSettings
from services.scoring.domain import LISTED_METRICS
from services.scoring.evaluations import convert
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.pipeline.outcome_json import to_json
from services.scoring.pipeline.pipeline import VoiceEvaluationPipeline
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome, StepStatus
from services.scoring.step_metrics import STEP_METRICS

app = typer.Typer(add_completion=False)
MARKS = {StepStatus.completed: "✓", StepStatus.skipped: "–", StepStatus.failed: "✗", StepStatus.started: "…"}


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The recording.")],
    reference: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A text file with what should be spoken.")
    ] = None,
    language: Annotated[str, typer.Option(help="The language of the recording, such as en or de-AT.")] = "en",
    num_speakers: Annotated[int | None, typer.Option(min=1, max=20, help="How many people speak.")] = None,
    channels: Annotated[
        Literal["split", "mix"], typer.Option(help="split: each channel is one speaker. mix: all are in all channels.")
    ] = "split",
    as_json: Annotated[bool, typer.Option("--json", help="Print all results as JSON.")] = False,
) -> None:
    """Evaluates a recording and prints what a listener would notice. Exits with 1 if it cannot be decoded."""
    progress = Console(stderr=True)

    def show(outcome: StepOutcome) -> None:
        if outcome.status is not StepStatus.started:
            reason = f"  {outcome.reason}" if outcome.reason else ""
            progress.print(
                f"{MARKS[outcome.status]} {outcome.step:16}{outcome.seconds:6.1f} s{reason}", highlight=False
            )

    pipeline = VoiceEvaluationPipeline(
        file,
        reference,
        num_speakers=num_speakers,
        channels=channels,
        language=language,
        backend_settings=load_settings(ModelSettings).for_backends(),
    )
    found = pipeline.evaluate(None if as_json else show)
    if as_json:
        typer.echo(json.dumps(to_json(found), indent=2, ensure_ascii=False))
    elif found.duration_seconds is not None:
        Console().print(_table(found))
    raise typer.Exit(found.duration_seconds is None)


def _table(found: RecordingEvaluation) -> Table:
    """Returns what was heard, and each metric that was measured beside its good range."""
    table, listed = Table("Metric", "Value", "Good", "Step", "Backend", box=None), _listed()
    for name, outcome in found.outcomes.items():
        if outcome.result is None:
            continue
        if name == "transcription":
            table.add_row("Heard", Text(outcome.result.text), "", name, outcome.backend)
        message = convert.result(outcome)
        for metric in listed.get(name, ()):
            field = message.DESCRIPTOR.fields_by_name[metric.name]
            if not field.has_presence or message.HasField(metric.name):
                value = _shown(getattr(message, metric.name), metric.unit)
                table.add_row(metric.label, value, _range(metric.good), name, outcome.backend)
    return table


def _listed() -> Mapping[str, Sequence[_Listed]]:
    """Returns the metrics of each step. Those of the step `signal` are described with the metrics of trials."""
    found: dict[str, list[_Listed]] = {}
    measured = {field.name for field in fields(SignalMetrics)}
    for signal in LISTED_METRICS:
        if signal.name in measured:
            found.setdefault("signal", []).append(_Listed(signal.name, signal.label, signal.unit, None))
    for metric in STEP_METRICS:
        found.setdefault(metric.step, []).append(_Listed(metric.name, metric.label, metric.unit, metric.good))
    return found


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the table says about a metric."""

    name: str
    label: str
    unit: str
    good: tuple[float, float] | None


def _shown(value: float | bool | str, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    number = f"{value:.2f}" if isinstance(value, float) else str(value)
    return f"{number} {unit}".rstrip()


def _range(good: tuple[float, float] | None) -> str:
    if good is None:
        return ""
    low, high = good
    if math.isinf(high):
        return f"{low:g} or more"
    return f"{low:g} to {high:g}" if low < high else f"{low:g}"


if __name__ == "__main__":
    app()
