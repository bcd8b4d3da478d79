"""Shows the progress of an experiment: counts per model, as live bars on a terminal and as plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from gateway.cli.errors import CliError, ExitCode
from gateway.cli.rendering import plain
from gateway.cli.watching import follow
from services.shared.reporting.formats import model_name

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID
    from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial

    from gateway.cli.client import ArenaClient

# A plain line is printed each time another tenth of all trials has ended.
PLAIN_STEPS = 10


@dataclass(frozen=True)
class ModelProgress:
    """How many of a model's trials have ended, and how many of those failed."""

    model: str
    ended: int
    failed: int
    total: int


class TrialCounts:
    """The latest known state of each trial of an experiment."""

    def __init__(self, experiment: Experiment, trials: Sequence[Trial]) -> None:
        self._experiment = experiment
        self._trials = {trial.id: trial for trial in trials}

    def update(self, trial: Trial) -> None:
        """Takes a new state of a trial. Ignores it if the trial has ended, because states can arrive late."""
        known = self._trials.get(trial.id)
        if known is None or not has_ended(known):
            self._trials[trial.id] = trial

    def models(self) -> list[ModelProgress]:
        """Returns the progress of each model, in the experiment's order."""
        rows = []
        for model in self._experiment.models:
            ended = [
                trial
                for trial in self._trials.values()
                if (trial.provider, trial.voice_id) == (model.provider, model.voice_id) and has_ended(trial)
            ]
            failed = sum(trial.status == trial.failed for trial in ended)
            name = model_name(model.provider, model.voice_id)
            # An older mesh does not send `repeats`.
            total = len(self._experiment.prompts) * (self._experiment.repeats or 1)
            rows.append(ModelProgress(name, len(ended), failed, total))
        return rows


def has_ended(trial: Trial) -> bool:
    """Returns whether the trial is in a final state."""
    return trial.status in (trial.completed, trial.failed, trial.cancelled)


class ProgressView(Protocol):
    """A context manager that shows progress while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, models: Sequence[ModelProgress]) -> None:
        """Shows the counts."""


class LiveBars:
    """One bar per model, redrawn in place."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]}", style="red", markup=False),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, models: Sequence[ModelProgress]) -> None:
        """Draws a bar for each model."""
        for model in models:
            if model.model not in self._tasks:
                self._tasks[model.model] = self._progress.add_task(
                    plain(model.model).plain, total=model.total, failed=""
                )
            failed = f"{model.failed} failed" if model.failed else ""
            self._progress.update(self._tasks[model.model], completed=model.ended, failed=failed)


class PlainLines:
    """A line for each tenth of the trials, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, models: Sequence[ModelProgress]) -> None:
        """Prints a line if another tenth of the trials has ended since the last line."""
        total = sum(model.total for model in models)
        ended = sum(model.ended for model in models)
        step = ended * PLAIN_STEPS // max(total, 1)
        if step != self._shown:
            self._shown = step
            self._console.print(progress_line(models), markup=False, highlight=False, soft_wrap=True)


def progress_line(models: Sequence[ModelProgress]) -> str:
    """Returns a line such as `12 of 24 trials ended (1 failed): espeak:en-us 4/8, ...`."""
    failed = sum(model.failed for model in models)
    counts = ", ".join(f"{plain(model.model)} {model.ended}/{model.total}" for model in models)
    suffix = f" ({failed} failed)" if failed else ""
    ended, total = sum(model.ended for model in models), sum(model.total for model in models)
    return f"{ended} of {total} trials ended{suffix}: {counts}"


def listening_line(experiment: Experiment) -> str:
    """Returns `Listeners: 3 of 12 votes`, or an empty text if people can't vote now."""
    listening = experiment.listening
    if not listening.open:
        return ""
    return f"Listeners: {listening.votes_received} of {listening.votes_needed} votes"


def watch_to_end(client: ArenaClient, experiment_id: str, timeout_seconds: float, console: Console) -> Experiment:
    """Shows the progress of an experiment on `console` until it ends, and returns the ended experiment.

    Raises CliError if the experiment was not started.
    """

    def dropped(delay: float) -> None:
        console.print(f"The connection dropped; trying again in {delay:g} s.", markup=False, highlight=False)

    view: ProgressView = LiveBars(console) if console.is_terminal else PlainLines(console)
    counts: TrialCounts | None = None
    last_listening = ""
    with view:
        for message in follow(client, experiment_id, timeout_seconds, on_drop=dropped):
            if message.kind == message.heartbeat:
                continue
            experiment = message.experiment
            if experiment.status == experiment.created:
                raise CliError(
                    "The experiment was not started.",
                    ExitCode.CONFLICT,
                    hint=f"Start it with `arena experiment run {experiment_id} --watch`.",
                )
            if counts is None or message.kind != message.progress:
                # The list has what happened before this stream was opened, or while it was interrupted.
                counts = TrialCounts(experiment, client.trials(experiment_id))
            if message.kind == message.progress:
                counts.update(message.trial)
            view.show(counts.models())
            if listening := listening_line(experiment):
                # Printed once for each number of votes. All trials have ended by then.
                if listening != last_listening:
                    console.print(listening, markup=False, highlight=False, soft_wrap=True)
                last_listening = listening
            if message.kind == message.end:
                return experiment
    raise CliError("The experiment's stream ended early.", ExitCode.UNAVAILABLE)
