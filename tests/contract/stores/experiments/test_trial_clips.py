"""Trials as clips: the counts of each step, retries, and how experiments share a provider.

`test_clips` has the suite for every user of clips.
"""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from services.experiments.domain import ExperimentStatus, Trial, TrialStatus
from services.experiments.running.lifecycle_store import LifecycleStore
from services.experiments.store import Store
from services.runtime.clock import now
from services.runtime.db import Database
from services.shared.clips.domain import Clip, Failure
from services.shared.clips.queue_store import Provider, QueueStore
from services.shared.clips.store import ClipStore, StepResult
from services.shared.metrics import Measurements
from tests.contract.stores.experiments.rows import (
    MINUTE,
    NOON,
    PENDING,
    RUNNING,
    SCORING,
    SYNTHESIZING,
    add,
    add_trials,
    end_trial,
    experiment,
    trial,
)
from tests.fakes.memory_database import MemoryDatabase

TIMEOUT = timedelta(seconds=20)
NOTHING = Measurements()
MEASURED = Measurements(duration_seconds=2.0, ttfb_ms=100.0)
FAILED = TrialStatus.FAILED
HOSTED = Provider(id="espeak", max_concurrency=3, local=False)


async def test_simultaneous_results_count_once_each_and_exactly_one_is_the_last(
    database: Database, store: Store, clips: ClipStore
) -> None:
    trials = [trial(f"trl_{number}", number, status=SCORING) for number in range(8)]
    await add(database, store, experiment("exp_a", status=RUNNING, total_trials=len(trials)))
    await add_trials(database, store, *trials)

    async def answer(one: Trial, event_id: str) -> StepResult | None:
        async with database.transaction() as connection:
            held, first_time = await clips.lock_run_for_event(
                connection, one.id, consumer="experiments", event_id=event_id
            )
            assert held is not None
            return await clips.evaluated(connection, one.id, 1, NOTHING, at=NOON) if first_time else None

    # Three results for each trial: the same event twice at the same time, and another event with the same fact.
    moved = await asyncio.gather(*(answer(one, f"{of}{one.id}") for one in trials for of in ("evt_", "evt_", "other_")))
    assert sorted(one.last for one in moved if one is not None) == [*[False] * 7, True]
    async with database.reading() as connection:
        after = await store.get(connection, "dev_a", "exp_a")
    assert after is not None
    assert after.completed_trials == len(trials)


async def test_only_completed_and_failed_trials_are_counted(database: Database, store: Store, clips: ClipStore) -> None:
    given = experiment("exp_a", status=RUNNING, total_trials=2)
    await add(database, store, given)
    first, second = trial("trl_a"), trial("trl_b", 1, provider="flite")
    await add_trials(database, store, first, second)
    async with database.transaction() as connection:
        await end_trial(connection, clips, first, MEASURED)
        moved = await clips.failed(connection, "trl_b", 1, Failure(SYNTHESIZING, "bad_audio", "no"), at=NOON)
    assert moved == StepResult("flite", True)
    async with database.reading() as connection:
        assert await store.get(connection, "dev_a", "exp_a") == dataclasses.replace(
            given, completed_trials=1, failed_trials=1
        )


async def test_no_trial_is_stale_while_its_experiment_moves(database: Database, store: Store, clips: ClipStore) -> None:
    await add(database, store, experiment("exp_a"))
    await add_trials(database, store, trial("trl_a"), trial("trl_b", 1))
    async with database.transaction() as connection:
        await store.start(connection, "exp_a", [], "", NOON)
        await end_trial(connection, clips, trial("trl_b"))
    moment = now()
    async with database.reading() as connection:
        assert await clips.stale(connection, moment + TIMEOUT / 2, TIMEOUT, 9) == []
        found = await clips.stale(connection, moment + 2 * TIMEOUT, TIMEOUT, 9)
    assert [one.id for one in found] == ["trl_a"]


@pytest.mark.parametrize("status", [s for s in ExperimentStatus if s is not RUNNING])
async def test_no_trial_is_stale_in_an_experiment_that_is_not_running(
    database: Database, store: Store, clips: ClipStore, status: ExperimentStatus
) -> None:
    await add(database, store, experiment("exp_a", status=status))
    await add_trials(database, store, trial("trl_a"))
    async with database.transaction() as connection:
        held = await clips.lock_run(connection, "trl_a")
        assert held is not None
        assert not held.running
        assert await clips.stale(connection, now() + 60 * MINUTE, TIMEOUT, 9) == []


async def test_failed_trials_are_retried_in_order(
    database: Database, store: Store, clips: ClipStore, lifecycle: LifecycleStore
) -> None:
    spoken, silent = trial("trl_a", 0, position=3), trial("trl_b", 1, position=1, attempts=2, attempts_before=1)
    without_audio = trial("trl_c", 2, position=2)
    completed = trial("trl_d", 3, status=TrialStatus.COMPLETED, ended_at=NOON)
    elsewhere = trial("trl_e", of="exp_b", status=FAILED)
    await add(database, store, experiment("exp_a", status=RUNNING), experiment("exp_b"))
    await add_trials(database, store, spoken, silent, without_audio, completed, elsewhere)
    audio = {"provider_requests": 1, "at": NOON}
    async with database.transaction() as connection:
        for one in (without_audio, spoken):
            await clips.synthesized(connection, one.id, 1, MEASURED, audio_name=one.id, **audio)  # type: ignore[arg-type]
            if one is without_audio:
                await lifecycle.forget_audio(connection, ["exp_a"], NOON)
            await clips.failed(connection, one.id, 1, Failure(SCORING, "timed_out", "no"), at=NOON)
        await clips.failed(connection, silent.id, 2, Failure(SYNTHESIZING, "timed_out", "no"), at=NOON)
        retried = await clips.retry(connection, "exp_a", NOON + MINUTE)
    assert [(one.id, one.status, one.attempts, one.attempts_before) for one in retried] == [
        ("trl_b", PENDING, 2, 2),
        ("trl_c", PENDING, 1, 1),
        ("trl_a", SCORING, 2, 1),
    ]
    async with database.reading() as connection:
        with_audio = dataclasses.replace(spoken, audio_name="trl_a", provider_requests=1, measurements=MEASURED)
        assert await store.trials(connection, "exp_a") == [
            dataclasses.replace(with_audio, status=SCORING, attempts=2, attempts_before=1),
            dataclasses.replace(silent, status=PENDING, attempts_before=2),
            dataclasses.replace(without_audio, status=PENDING, attempts_before=1, provider_requests=1),
            completed,
        ]
        assert await store.trials(connection, "exp_b") == [elsewhere]


async def test_cancelling_leaves_ended_trials_unchanged(database: Database, store: Store, clips: ClipStore) -> None:
    await add(database, store, experiment("exp_a"), experiment("exp_b"))
    done = trial("trl_c", 1, status=TrialStatus.COMPLETED, ended_at=NOON)
    await add_trials(database, store, trial("trl_a"), trial("trl_b", 0, 1, status=SCORING), done)
    await add_trials(database, store, trial("trl_d", of="exp_b"))
    async with database.transaction() as connection:
        await clips.cancel(connection, "exp_a", NOON + MINUTE)
    async with database.reading() as connection:
        assert await store.trials(connection, "exp_a") == [
            trial("trl_a", status=TrialStatus.CANCELLED, ended_at=NOON + MINUTE),
            trial("trl_b", 0, 1, status=TrialStatus.CANCELLED, ended_at=NOON + MINUTE),
            done,
        ]
        assert await store.trials(connection, "exp_b") == [trial("trl_d", of="exp_b")]


async def run(
    database: Database, store: Store, name: str, trials: int, *, minutes: int = 0, provider: str = "espeak"
) -> None:
    """Starts an experiment with the pending trials a0, a1 and so on, in this order."""
    started = NOON + minutes * MINUTE
    await add(
        database,
        store,
        experiment(f"exp_{name}", status=RUNNING, started_at=started, traceparent=f"trace {name}", owner=f"dev_{name}"),
    )
    # The order of ids and prompts differs from that of positions.
    await add_trials(
        database,
        store,
        *(
            trial(f"{name}{n}", trials - n, of=f"exp_{name}", position=n, status=PENDING, attempts=0, provider=provider)
            for n in reversed(range(trials))
        ),
        requested_at=started,
    )


async def record_provider(database: Database, queue: QueueStore, provider: Provider, at: datetime = NOON) -> bool:
    async with database.transaction() as connection:
        return await queue.record_provider(connection, provider, at)


async def released(
    database: Database, queue: QueueStore, provider: str = "espeak", at: datetime = NOON
) -> Sequence[Clip]:
    async with database.transaction() as connection:
        return await queue.release(connection, provider, at, unknown_concurrency=1, local_lookahead=2)


async def ids(database: Database, queue: QueueStore, provider: str = "espeak", at: datetime = NOON) -> list[str]:
    return [one.id for one in await released(database, queue, provider, at)]


async def finish(database: Database, clips: ClipStore, trial_id: str) -> None:
    """Frees the slot of a trial at its provider."""
    async with database.transaction() as connection:
        audio = {"audio_name": "a.wav", "provider_requests": 1, "at": NOON}
        assert await clips.synthesized(connection, trial_id, 1, NOTHING, **audio)  # type: ignore[arg-type]


async def test_experiments_share_a_provider_equally(
    database: Database, store: Store, clips: ClipStore, queue: QueueStore
) -> None:
    await run(database, store, "a", 8)
    await record_provider(database, queue, Provider(id="espeak", max_concurrency=4, local=False))
    assert await ids(database, queue) == ["a0", "a1", "a2", "a3"]
    await run(database, store, "b", 8, minutes=1)
    for done, next_one in (("a0", "b0"), ("a1", "b1")):
        await finish(database, clips, done)
        assert await ids(database, queue, at=NOON + MINUTE) == [next_one]
    # Each has two now. The slot of a finished trial goes to the same experiment.
    await finish(database, clips, "b0")
    assert await ids(database, queue, at=NOON + 2 * MINUTE) == ["b2"]
    await finish(database, clips, "a2")
    assert await ids(database, queue, at=NOON + 2 * MINUTE) == ["a4"]


async def test_experiments_that_start_together_share_from_the_start(
    database: Database, store: Store, clips: ClipStore, queue: QueueStore
) -> None:
    for name in "abc":
        await run(database, store, name, 5)
    await record_provider(database, queue, Provider(id="espeak", max_concurrency=6, local=False))
    assert sorted(await ids(database, queue)) == ["a0", "a1", "b0", "b1", "c0", "c1"]


async def test_experiments_take_turns_at_a_provider_with_one_slot(
    database: Database, store: Store, clips: ClipStore, queue: QueueStore
) -> None:
    for minutes, name in enumerate("abc"):
        await run(database, store, name, 3, minutes=minutes)
    order = []
    for turn in range(9):
        (one,) = await ids(database, queue, at=NOON + turn * MINUTE)
        order.append(one)
        await finish(database, clips, one)
    assert order == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


async def test_trials_of_cancelled_or_not_running_experiments_are_not_released(
    database: Database, store: Store, clips: ClipStore, queue: QueueStore
) -> None:
    await record_provider(database, queue, HOSTED)
    await run(database, store, "a", 2)
    await run(database, store, "b", 1)
    await add(database, store, experiment("exp_c"))
    await add_trials(database, store, trial("c0", of="exp_c", status=PENDING))
    async with database.transaction() as connection:
        await clips.cancel(connection, "exp_a", NOON)
    assert await ids(database, queue) == ["b0"]


async def test_trials_that_are_being_cancelled_are_skipped_without_waiting(
    database: Database, store: Store, clips: ClipStore, queue: QueueStore
) -> None:
    if isinstance(database, MemoryDatabase):
        pytest.skip("transactions in memory run one after another")
    await record_provider(database, queue, HOSTED)
    await run(database, store, "a", 2)
    await run(database, store, "b", 2)
    async with database.transaction() as connection, asyncio.timeout(5):
        await store.lock(connection, "exp_a")
        await clips.cancel(connection, "exp_a", NOON)
        assert await ids(database, queue) == ["b0"]
    assert await ids(database, queue) == ["b1"]
