"""The command `voice-evals`: evaluates a recording on this machine, without a mesh.

voice-evals call.wav --reference call.txt
voice-evals call.wav --reference call.txt --json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.runtime.settings import load_settings
from services.scoring.backends.settings import ModelSettings
from services.scoring.pipeline.outcome_json import to_json
from services.scoring.pipeline.pipeline import VoiceEvaluationPipeline
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome, StepStatus

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
    table = Table("Step", "Metric", "Value", "Backend", box=None)
    for name, outcome in found.outcomes.items():
        if outcome.result is None or name in ("decode", "alignment"):
            continue
        for metric, value in to_json(outcome.result).items():
            if isinstance(value, bool | int | float | str):
                shown = f"{value:.3f}" if isinstance(value, float) else str(value)
                table.add_row(name, metric, shown, outcome.backend)
    return table


if __name__ == "__main__":
    app()
