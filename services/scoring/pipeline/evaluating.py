"""Evaluates one file: decodes it, runs the steps over it, and over further versions of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from services.scoring.backends.choice import Backends
from services.scoring.domain import AudioUnreadable
from services.scoring.pipeline.decoding import DecodedAudio, decoded
from services.scoring.pipeline.mono_copy import write_mono_copy
from services.scoring.pipeline.step import (
    Progress,
    RecordingEvaluation,
    Step,
    StepOutcome,
    StepStatus,
    run_steps,
)
from services.scoring.pipeline.steps import STEPS
from services.scoring.pipeline.steps.sound import DECODER
from services.scoring.pipeline.telephone import over_telephone
from services.scoring.pipeline.work import Options, Work

THREADS = 4
"""The number of steps of one recording that run at the same time."""
DECODE = "decode"
VERSIONS: Mapping[str, Callable[[DecodedAudio], AbstractContextManager[DecodedAudio]]] = {"telephone": over_telephone}
"""What makes a further version of a recording, by condition."""

Ended = Mapping[tuple[str, str], StepOutcome]
"""Outcomes of steps that have ended before, by condition and step."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate."""

    audio_path: Path
    options: Options
    steps: tuple[Step, ...] = STEPS
    conditions: tuple[str, ...] = ()
    copy_path: Path | None = None
    """Where to write the recording as a WAV of 16-bit mono PCM. None for nowhere."""


def chosen_steps(names: Collection[str]) -> tuple[Step, ...]:
    """Returns the steps with these names and all that they build on, in the order of reports. All if there are no
    names."""
    if not names:
        return STEPS
    wanted = {DECODE, *names}
    for step in reversed(STEPS):
        if step.name in wanted:
            wanted.update(step.needs, step.uses)
    return tuple(step for step in STEPS if step.name in wanted)


def evaluate(request: Request, backends: Backends, report: Progress, ended: Ended | None = None) -> RecordingEvaluation:
    """Runs every step that can run and returns all results. Steps that have `ended` before are not repeated.

    If the recording cannot be decoded, the first step fails and the others are skipped. `report` is called in the
    thread of the caller.
    """
    with ExitStack() as files, ThreadPoolExecutor(THREADS) as executor:
        versions = _Versions(request, backends, executor, files, report, ended or {})
        return versions.evaluate()


@dataclass(frozen=True, slots=True)
class _Versions:
    """Evaluates the versions of a recording, one after the other."""

    request: Request
    backends: Backends
    executor: Executor
    files: ExitStack
    """Keeps the decoded files open."""
    report: Progress
    ended: Ended

    def evaluate(self) -> RecordingEvaluation:
        audio, outcomes = self._version("", decoded(self.request.audio_path))
        if audio is None:
            return RecordingEvaluation(None, outcomes)
        if self.request.copy_path is not None:
            write_mono_copy(audio, self.request.copy_path)
        conditions = {}
        for condition in self.request.conditions:
            _, of_condition = self._version(condition, VERSIONS[condition](audio))
            conditions[condition] = RecordingEvaluation(audio.duration_seconds, of_condition)
        return RecordingEvaluation(audio.duration_seconds, outcomes, conditions)

    def _version(
        self, condition: str, opening: AbstractContextManager[DecodedAudio]
    ) -> tuple[DecodedAudio | None, dict[str, StepOutcome]]:
        before = {step: outcome for (of, step), outcome in self.ended.items() if of == condition}

        def report(outcome: StepOutcome) -> None:
            self.report(replace(outcome, condition=condition))

        backend = f"voicearena-{condition}/1" if condition else DECODER
        audio = self._decode(opening, backend, before, report)
        if audio is None:
            outcomes = self._without_audio(before, report)
        else:
            work = Work(audio, self.request.options, self.backends)
            outcomes = run_steps(self.request.steps, work, work.results, self.executor, report, before)
        return audio, {step: replace(outcome, condition=condition) for step, outcome in outcomes.items()}

    def _decode(
        self,
        opening: AbstractContextManager[DecodedAudio],
        backend: str,
        before: dict[str, StepOutcome],
        report: Progress,
    ) -> DecodedAudio | None:
        """Opens the version. Adds the outcome of the step `decode` to `before` unless it is there."""
        known = before.get(DECODE)
        if known and known.status is StepStatus.failed:
            return None
        began = time.monotonic()
        if known is None:
            report(StepOutcome(DECODE, StepStatus.started))
        audio: DecodedAudio | None = None
        try:
            audio = self.files.enter_context(opening)
            outcome = StepOutcome(
                DECODE, StepStatus.completed, time.monotonic() - began, backend=backend, result=audio.format
            )
        except AudioUnreadable as error:
            outcome = StepOutcome(DECODE, StepStatus.failed, time.monotonic() - began, str(error))
        if known is None:
            before[DECODE] = outcome
            report(outcome)
        return audio

    def _without_audio(self, before: dict[str, StepOutcome], report: Progress) -> dict[str, StepOutcome]:
        outcomes = {}
        for step in self.request.steps:
            if step.name not in before:
                before[step.name] = StepOutcome(step.name, StepStatus.skipped, reason=before[DECODE].reason)
                report(before[step.name])
            outcomes[step.name] = before[step.name]
        return outcomes
