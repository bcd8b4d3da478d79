"""What a step of an evaluation is, and how a graph of steps runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import structlog

from services.scoring.backends.backend import BackendMissing
from services.scoring.domain import AudioUnreadable

log = structlog.get_logger()


class StepStatus(Enum):
    """How far a step is. The names are those of the wire."""

    pending = "pending"
    started = "started"
    completed = "completed"
    skipped = "skipped"
    failed = "failed"


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How a step stands or ended."""

    step: str
    status: StepStatus
    seconds: float = 0.0
    """How long it took."""
    reason: str = ""
    """Why it was skipped or failed, in a sentence. Empty otherwise."""
    backend: str = ""
    """The code and its version that computed the result. Empty unless completed."""
    result: Any = None
    """A value of the step's own class, None unless completed."""
    condition: str = ""
    """The version of the recording that it is about, such as `telephone`. Empty for the recording itself."""


@dataclass(frozen=True, slots=True)
class RecordingEvaluation:
    """All that the steps found out about a recording."""

    duration_seconds: float | None
    """None if the recording could not be decoded."""
    outcomes: dict[str, StepOutcome]
    """By the name of the step, in the order of reports."""
    conditions: dict[str, RecordingEvaluation] = field(default_factory=dict)
    """The same of further versions of the recording, by condition, such as `telephone`."""

    def result(self, step: str) -> Any:
        """Returns the result of a step, None if it did not complete."""
        return self.outcomes[step].result


class Skipped(Exception):
    """A step cannot run on this recording. The message says why, in a sentence."""


class StepFailed(Exception):
    """A step failed for a known reason. The message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Computed:
    """What a step returns."""

    result: Any
    backend: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the table in `steps`."""

    name: str
    run: Callable[[Any], Computed]
    """Takes the work: the recording, its options, the backends and the results so far."""
    gives: type
    """The class of its result, a dataclass."""
    needs: tuple[str, ...] = ()
    """Steps whose results it uses. It is skipped if one of them has none."""
    uses: tuple[str, ...] = ()
    """Steps whose results it uses if there are any. It waits for them."""


Progress = Callable[[StepOutcome], None]


@dataclass(slots=True)
class _Running:
    step: Step
    began: float
    future: Future[Computed] = field(repr=False)


def run_steps(
    steps: Sequence[Step],
    work: Any,
    results: dict[str, Any],
    executor: Executor,
    progress: Progress,
    before: Mapping[str, StepOutcome] | None = None,
) -> dict[str, StepOutcome]:
    """Runs the steps, each as soon as the steps before it have ended, and returns how each ended, in their order.

    The results of completed steps are put into `results`. A step that fails does not stop the others. `progress` is
    called in the thread of the caller. Steps that ended `before` are not repeated.
    """
    outcomes = dict(before or {})
    results.update({name: one.result for name, one in outcomes.items() if one.status is StepStatus.completed})
    running: list[_Running] = []
    waiting = [step for step in steps if step.name not in outcomes]
    known = {step.name for step in steps}

    def end(outcome: StepOutcome) -> None:
        outcomes[outcome.step] = outcome
        if outcome.status is StepStatus.completed:
            results[outcome.step] = outcome.result
        progress(outcome)

    while waiting or running:
        for step in [one for one in waiting if known & {*one.needs, *one.uses} <= outcomes.keys()]:
            waiting.remove(step)
            if reason := _missing_need(step, outcomes):
                end(StepOutcome(step.name, StepStatus.skipped, reason=reason))
                continue
            progress(StepOutcome(step.name, StepStatus.started))
            running.append(_Running(step, time.monotonic(), executor.submit(step.run, work)))
        if not running:
            continue
        wait([one.future for one in running], return_when=FIRST_COMPLETED)
        for one in [one for one in running if one.future.done()]:
            running.remove(one)
            end(_outcome(one))
    return {step.name: outcomes[step.name] for step in steps}


def _missing_need(step: Step, outcomes: Mapping[str, StepOutcome]) -> str:
    for name in step.needs:
        outcome = outcomes.get(name)
        if outcome is None:
            return f"It needs {name}, which was not requested."
        if outcome.status is not StepStatus.completed:
            return f"It needs {name}, which was {outcome.status.value}: {outcome.reason}"
    return ""


def _outcome(one: _Running) -> StepOutcome:
    name, seconds = one.step.name, time.monotonic() - one.began
    try:
        computed = one.future.result()
    except (Skipped, BackendMissing) as reason:
        return StepOutcome(name, StepStatus.skipped, seconds, str(reason))
    except (AudioUnreadable, StepFailed) as reason:
        return StepOutcome(name, StepStatus.failed, seconds, str(reason))
    except Exception as error:
        log.exception("a step failed", step=name)
        return StepOutcome(
            name, StepStatus.failed, seconds, f"It ended with an error of its own ({type(error).__name__})."
        )
    return StepOutcome(name, StepStatus.completed, seconds, backend=computed.backend, result=computed.result)
