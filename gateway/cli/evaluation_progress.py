"""Shows the steps of an evaluation while they run: a live list on a terminal, and a line for each elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, Self

from rich.table import Table
from rich.text import Text

from gateway.cli.errors import CliError, ExitCode
from gateway.cli.rendering import plain
from gateway.cli.watching import follow_evaluation

if TYPE_CHECKING:
    from rich.console import Console
    from voicearena.scoring.v1.evaluation_metrics_pb2 import StepState
    from voicearena.scoring.v1.scoring_pb2 import Evaluation

    from gateway.cli.client import ArenaClient

MARKS = {
    "pending": ("·", "dim"),
    "started": ("…", "cyan"),
    "completed": ("✓", "green"),
    "skipped": ("–", "yellow"),
    "failed": ("✗", "red"),
}
ENDED = ("completed", "skipped", "failed")


class StepView(Protocol):
    """A context manager that shows steps while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, steps: Sequence[StepState]) -> None:
        """Shows all steps as they stand."""


class LiveSteps:
    """All steps, redrawn in place."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._live = Live(console=console, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, steps: Sequence[StepState]) -> None:
        """Draws a line for each step."""
        table = Table.grid(padding=(0, 1))
        for step in steps:
            table.add_row(step_line(step))
        self._live.update(table)


class PlainSteps:
    """A line for each step that has ended, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, steps: Sequence[StepState]) -> None:
        """Prints the steps that have ended since the last time."""
        for step in steps:
            if status_of(step) in ENDED and _key(step) not in self._shown:
                self._shown.add(_key(step))
                self._console.print(step_line(step), soft_wrap=True)


def step_line(step: StepState) -> Text:
    """Returns a line such as `✓ transcription      3.2 s`, with the reason if the step was skipped or failed."""
    mark, style = MARKS.get(status_of(step), ("?", "dim"))
    name = f"{step.name} ({step.condition})" if step.condition else step.name
    took = f"{step.seconds:6.1f} s" if step.HasField("seconds") else " " * 8
    return Text.assemble((mark, style), " ", plain(f"{name:28}"), took, "  ", plain(step.reason))


def status_of(step: StepState) -> str:
    """Returns the name of a step's status."""
    return step.Status.Name(step.status)


def watch_evaluation_to_end(
    client: ArenaClient, evaluation_id: str, timeout_seconds: float, console: Console
) -> Evaluation:
    """Shows the steps of an evaluation on `console` until it ends, and returns the ended evaluation."""

    def dropped(delay: float) -> None:
        console.print(f"The connection dropped; trying again in {delay:g} s.", markup=False, highlight=False)

    view: StepView = LiveSteps(console) if console.is_terminal else PlainSteps(console)
    steps: dict[tuple[str, str], StepState] = {}
    with view:
        for message in follow_evaluation(client, evaluation_id, timeout_seconds, on_drop=dropped):
            if message.kind == message.progress:
                steps[_key(message.step)] = message.step
            elif message.kind in (message.state, message.end):
                steps = {_key(step): step for step in message.evaluation.steps}
            view.show(list(steps.values()))
            if message.kind == message.end:
                return message.evaluation
    raise CliError("The evaluation's stream ended early.", ExitCode.UNAVAILABLE)


def _key(step: StepState) -> tuple[str, str]:
    return step.condition, step.name
