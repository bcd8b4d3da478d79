"""Shortcuts to build and add experiments and trials, for tests of stores."""

import dataclasses
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import EvalMode, Experiment, ExperimentStatus, ModelSpec, Trial, TrialStatus
from services.experiments.store import Store
from services.runtime.db import Database
from services.shared.clips.domain import Failure
from services.shared.clips.store import ClipStore
from services.shared.metrics import Measurements

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RUNNING, COMPLETED = ExperimentStatus.RUNNING, ExperimentStatus.COMPLETED
PENDING, SYNTHESIZING, SCORING = TrialStatus.PENDING, TrialStatus.SYNTHESIZING, TrialStatus.SCORING


def experiment(id_: str, *, owner: str = "dev_a", minutes: int = 0, **values: object) -> Experiment:
    plain = Experiment(
        id=id_,
        developer_id=owner,
        name="a comparison",
        scenario="general",
        eval_mode=EvalMode.AUTOMATED,
        status=ExperimentStatus.CREATED,
        models=[ModelSpec("espeak", "en"), ModelSpec("espeak", "de", "large", 1.25)],
        prompts=["Hello.", "Grüße, 你好."],
        webhook_url="https://example.org/done",
        primary_metric="composite",
        total_trials=4,
        audio_retention_days=30,
        created_at=NOON + minutes * MINUTE,
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


def trial(id_: str, prompt: int = 0, model: int = 0, *, of: str = "exp_a", **values: object) -> Trial:
    plain = Trial(
        id=id_,
        experiment_id=of,
        prompt_index=prompt,
        model_index=model,
        prompt_text="Hello.",
        provider="espeak",
        voice_id="en",
        model_id="",
        speed=None,
        status=SYNTHESIZING,
        attempts=1,
        created_at=NOON,
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


async def add(database: Database, store: Store, *experiments: Experiment) -> None:
    async with database.transaction() as connection:
        for one in experiments:
            assert await store.add(connection, one, "")


async def add_trials(database: Database, store: Store, *trials: Trial, requested_at: datetime = NOON) -> None:
    async with database.transaction() as connection:
        await store.add_trials(connection, trials, requested_at)


async def end_trial(
    connection: AsyncConnection, clips: ClipStore, one: Trial, measured: Measurements | None = None
) -> None:
    """Completes a synthesizing trial with measurements, or fails it without."""
    if measured is None:
        failure = Failure(SYNTHESIZING, "bad_audio", "no audio")
        assert await clips.failed(connection, one.id, one.attempts, failure, at=NOON)
        return
    audio = {"audio_name": f"{one.id}.wav", "provider_requests": 1}
    assert await clips.synthesized(connection, one.id, one.attempts, measured, **audio, at=NOON)  # type: ignore[arg-type]
    assert await clips.evaluated(connection, one.id, 1, Measurements(), at=NOON)
