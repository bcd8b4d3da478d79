"""Trials as clips in memory."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment, ExperimentStatus, Trial
from services.experiments.tables import CHANGED
from services.runtime import inbox
from services.runtime.clock import now
from services.shared.clips.domain import Clip, ClipStatus, Failure, HeardSpeech, SpokenText
from services.shared.clips.store import LockedRun, StepResult
from services.shared.metrics import Measurements
from tests.fakes.memory_database import MemoryConnection, table

SYNTHESIZING, SCORING = ClipStatus.SYNTHESIZING, ClipStatus.SCORING


class MemoryClipStore:
    """Implements `services.shared.clips.store.ClipStore` over the tables of MemoryExperimentsStore."""

    async def lock_run(self, connection: AsyncConnection, clip_id: str) -> LockedRun | None:
        trial = table(connection, "trials").get(clip_id)
        if trial is None:
            return None
        experiment = table(connection, "experiments")[trial.experiment_id]
        running = experiment.status is ExperimentStatus.RUNNING
        of_run = (experiment.developer_id, running, experiment.traceparent, experiment.listens)
        return LockedRun(experiment.id, *of_run)

    async def lock_run_for_event(
        self, connection: AsyncConnection, clip_id: str, *, consumer: str, event_id: str
    ) -> tuple[LockedRun | None, bool]:
        first_time = await inbox.first_time(connection, consumer, event_id)
        return await self.lock_run(connection, clip_id), first_time

    async def synthesized(
        self,
        connection: AsyncConnection,
        clip_id: str,
        attempt: int,
        measured: Measurements,
        *,
        audio_name: str,
        provider_requests: int,
        at: datetime,
    ) -> StepResult | None:
        values = {"audio_name": audio_name, "provider_requests": provider_requests, "attempts": 1, "attempts_before": 0}
        moved = _move(connection, clip_id, SYNTHESIZING, attempt, measured, status=SCORING, **values)
        if moved is not None:
            table(connection, "requested_at")[clip_id] = at
        return moved

    async def spoken_text(self, connection: AsyncConnection, clip_id: str) -> SpokenText:
        trial = table(connection, "trials")[clip_id]
        return SpokenText(trial.prompt_text, trial.language or trial.spoken_language)

    async def delayed(
        self, connection: AsyncConnection, clip_id: str, attempt: int, until: datetime
    ) -> StepResult | None:
        moved = _move(connection, clip_id, SYNTHESIZING, attempt)
        if moved is not None:
            table(connection, "requested_at")[clip_id] = until
        return moved

    async def evaluated(
        self,
        connection: AsyncConnection,
        clip_id: str,
        attempt: int,
        measured: Measurements,
        heard: HeardSpeech | None = None,
        *,
        at: datetime,
    ) -> StepResult | None:
        values = {"status": ClipStatus.COMPLETED, "ended_at": at, **({} if heard is None else {"heard_speech": heard})}
        return _move(connection, clip_id, SCORING, attempt, measured, **values)

    async def failed(
        self, connection: AsyncConnection, clip_id: str, attempt: int | None, failure: Failure, *, at: datetime
    ) -> StepResult | None:
        values: dict[str, Any] = {"error_kind": failure.kind, "error_message": failure.message, "ended_at": at}
        if failure.provider_requests is not None:
            values["provider_requests"] = failure.provider_requests
        return _move(connection, clip_id, failure.during, attempt, status=ClipStatus.FAILED, **values)

    async def requested_again(self, connection: AsyncConnection, clip: Clip, at: datetime) -> StepResult | None:
        moved = _move(connection, clip.id, clip.status, clip.attempts, attempts=clip.attempts + 1)
        if moved is not None:
            table(connection, "requested_at")[clip.id] = at
        return moved

    async def stale(self, connection: AsyncConnection, now: datetime, timeout: timedelta, limit: int) -> Sequence[Clip]:
        experiments, requested_at = table(connection, "experiments"), table(connection, "requested_at")
        progressed_at = table(connection, "progressed_at")
        stale = [
            trial
            for trial in table(connection, "trials").values()
            if trial.status in (SYNTHESIZING, SCORING)
            and requested_at[trial.id] < now - timeout * 2 ** (trial.attempts - trial.attempts_before - 1)
            and experiments[trial.experiment_id].status is ExperimentStatus.RUNNING
            and trial.experiment_id in progressed_at
            and progressed_at[trial.experiment_id] < now - timeout
        ]
        first = sorted(stale, key=lambda trial: requested_at[trial.id])[:limit]
        return [clip_of(trial, experiments[trial.experiment_id]) for trial in first]

    async def cancel(self, connection: AsyncConnection, run_id: str, at: datetime) -> Sequence[Clip]:
        trials = table(connection, "trials")
        evaluated = []
        for trial in list(trials.values()):
            if trial.experiment_id == run_id and trial.ended_at is None:
                trials[trial.id] = dataclasses.replace(trial, status=ClipStatus.CANCELLED, ended_at=at)
                if trial.status is SCORING:
                    evaluated.append(clip_of(trials[trial.id], table(connection, "experiments")[run_id]))
        return evaluated

    async def retry(self, connection: AsyncConnection, run_id: str, at: datetime) -> Sequence[Clip]:
        trials = table(connection, "trials")
        retried: list[Trial] = []
        for trial in list(trials.values()):
            if trial.experiment_id != run_id or trial.status is not ClipStatus.FAILED:
                continue
            anew = dataclasses.replace(
                trial, attempts_before=trial.attempts, error_kind="", error_message="", ended_at=None
            )
            if trial.audio_name is not None:
                anew = dataclasses.replace(anew, status=SCORING, attempts=trial.attempts + 1)
            else:
                anew = dataclasses.replace(
                    anew,
                    status=ClipStatus.PENDING,
                    audio_deleted_at=None,
                    measurements=Measurements(),
                    heard_speech=None,
                )
            trials[trial.id] = anew
            table(connection, "requested_at")[trial.id] = at
            retried.append(anew)
        experiment = table(connection, "experiments")[run_id]
        return [clip_of(trial, experiment) for trial in sorted(retried, key=lambda trial: trial.position)]


def clip_of(trial: Trial, experiment: Experiment) -> Clip:
    """Returns the clip of a trial."""
    same = {name: getattr(trial, name) for name in Clip.__dataclass_fields__ if hasattr(trial, name)}
    of_run = {"run_id": experiment.id, "developer_id": experiment.developer_id, "traceparent": experiment.traceparent}
    return Clip(**same, **of_run, text=trial.prompt_text, listen=experiment.listens)


def _move(
    connection: AsyncConnection,
    clip_id: str,
    during: ClipStatus,
    attempt: int | None,
    measured: Measurements | None = None,
    **values: Any,
) -> StepResult | None:
    trials, experiments = table(connection, "trials"), table(connection, "experiments")
    trial = trials.get(clip_id)
    if trial is None or trial.status is not during or attempt not in (None, trial.attempts):
        return None
    known = dataclasses.asdict(measured or Measurements())
    new = {name: value for name, value in known.items() if value is not None}
    measurements = dataclasses.replace(trial.measurements, **new)
    moved = trials[clip_id] = dataclasses.replace(trial, measurements=measurements, **values)
    before = experiments[trial.experiment_id]
    after = experiments[before.id] = dataclasses.replace(
        before,
        completed_trials=before.completed_trials + (moved.status is ClipStatus.COMPLETED),
        failed_trials=before.failed_trials + (moved.status is ClipStatus.FAILED),
    )
    table(connection, "progressed_at")[before.id] = now()
    cast(MemoryConnection, connection).notifications.append((CHANGED, before.id))
    return StepResult(trial.provider, after.completed_trials + after.failed_trials == after.total_trials)
