"""What the stores of trials' steps have in common."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from services.experiments.domain import ExperimentStatus, Trial, TrialStatus
from services.experiments.running.step_store import Held, Moved, SqlStepStore, StepStore
from services.experiments.store import SqlStore, Store
from services.experiments.tables import CHANGED
from services.runtime.clock import now
from services.runtime.db import Database
from services.shared.metrics import Measurements
from tests.contract.stores.experiment_rows import (
    MINUTE,
    NOON,
    RUNNING,
    SCORING,
    SYNTHESIZING,
    add,
    add_trials,
    experiment,
    move_trial,
    trial,
)
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_experiments_store import MemoryExperimentsStore
from tests.fakes.memory_step_store import MemoryStepStore

PATIENCE = timedelta(seconds=20)
NOTHING = Measurements()
DONE, FAILED = TrialStatus.COMPLETED, TrialStatus.FAILED


@pytest.fixture
def service() -> str:
    return "experiments"


@pytest.fixture
def store(database: Database) -> Store:
    return MemoryExperimentsStore() if isinstance(database, MemoryDatabase) else SqlStore()


@pytest.fixture
def steps(database: Database) -> StepStore:
    return MemoryStepStore() if isinstance(database, MemoryDatabase) else SqlStepStore()


async def test_a_trial_leads_to_its_experiment(database: Database, store: Store, steps: StepStore) -> None:
    await add(database, store, experiment("exp_a", status=RUNNING))
    await add_trials(database, store, trial("trl_a"))
    async with database.transaction() as connection:
        assert await steps.hold(connection, "trl_a") == Held("exp_a", "dev_a", RUNNING)
        assert await steps.hold(connection, "trl_x") is None


async def test_an_event_is_recorded_with_the_first_hold_for_it(
    database: Database, store: Store, steps: StepStore
) -> None:
    await add(database, store, experiment("exp_a", status=RUNNING))
    await add_trials(database, store, trial("trl_a"))
    held = Held("exp_a", "dev_a", RUNNING)
    for trial_id, found in (("trl_a", held), ("trl_x", None)):
        for first_time in (True, False):
            async with database.transaction() as connection:
                event = {"consumer": "experiments", "event_id": f"evt_{trial_id}"}
                assert await steps.hold_for(connection, trial_id, **event) == (found, first_time)


async def test_an_event_is_not_recorded_if_what_follows_breaks(
    database: Database, store: Store, steps: StepStore
) -> None:
    await add(database, store, experiment("exp_a", status=RUNNING))
    await add_trials(database, store, trial("trl_a"))
    event = {"consumer": "experiments", "event_id": "evt_a"}

    async def break_off() -> None:
        async with database.transaction() as connection:
            await steps.hold_for(connection, "trl_a", **event)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    async with database.transaction() as connection:
        assert (await steps.hold_for(connection, "trl_a", **event))[1]


async def test_of_answers_that_come_at_once_each_counts_once_and_one_is_the_last(
    database: Database, store: Store, steps: StepStore
) -> None:
    trials = [trial(f"trl_{number}", number) for number in range(8)]
    await add(database, store, experiment("exp_a", status=RUNNING, total_trials=len(trials)))
    await add_trials(database, store, *trials)

    async def answer(one: Trial, event_id: str) -> Moved | None:
        async with database.transaction() as connection:
            held, first_time = await steps.hold_for(connection, one.id, consumer="experiments", event_id=event_id)
            assert held == Held("exp_a", "dev_a", RUNNING)
            if not first_time:
                return None
            return await steps.move(connection, one.id, SYNTHESIZING, 1, DONE, NOTHING, ended_at=NOON)

    # Each three times: the same event again while the first is dealt with, and the same told by another event.
    moved = await asyncio.gather(*(answer(one, f"{of}{one.id}") for one in trials for of in ("evt_", "evt_", "other_")))
    assert sorted(one.last for one in moved if one is not None) == [*[False] * 7, True]
    async with database.reading() as connection:
        after = await store.get(connection, "dev_a", "exp_a")
    assert after is not None
    assert after.completed_trials == len(trials)


async def test_only_ends_of_trials_are_counted(database: Database, store: Store, steps: StepStore) -> None:
    given = experiment("exp_a", status=RUNNING, total_trials=3)
    await add(database, store, given)
    await add_trials(database, store, trial("trl_a"), trial("trl_b", 1, provider="flite"), trial("trl_c", 2))
    async with database.transaction() as connection:
        moved = [
            await steps.move(connection, "trl_a", SYNTHESIZING, 1, SCORING, NOTHING),
            await steps.move(connection, "trl_a", SCORING, 1, DONE, NOTHING),
            await steps.move(connection, "trl_b", SYNTHESIZING, 1, FAILED, NOTHING),
            await steps.move(connection, "trl_c", SYNTHESIZING, 1, DONE, NOTHING),
        ]
    assert moved == [Moved("espeak", False), Moved("espeak", False), Moved("flite", False), Moved("espeak", True)]
    async with database.reading() as connection:
        assert await store.get(connection, "dev_a", "exp_a") == dataclasses.replace(
            given, completed_trials=2, failed_trials=1
        )


async def test_a_trial_that_is_not_at_the_step_or_waits_for_another_request_is_not_moved(
    database: Database, store: Store, steps: StepStore
) -> None:
    given = experiment("exp_a", status=RUNNING)
    await add(database, store, given)
    await add_trials(database, store, trial("trl_a", attempts=2))
    async with database.transaction() as connection:
        assert await steps.move(connection, "trl_a", SCORING, 2, DONE, NOTHING) is None
        assert await steps.move(connection, "trl_a", SYNTHESIZING, 1, DONE, NOTHING) is None
        assert await steps.move(connection, "trl_a", SYNTHESIZING, 3, DONE, NOTHING) is None
        assert await steps.move(connection, "trl_x", SYNTHESIZING, 1, DONE, NOTHING) is None
        assert await store.trial(connection, "trl_a") == trial("trl_a", attempts=2)
        assert await store.lock(connection, "exp_a") == given
        assert await steps.move(connection, "trl_a", SYNTHESIZING, None, DONE, NOTHING) is not None


async def test_who_watches_is_woken_by_a_step(database: Database, store: Store, steps: StepStore) -> None:
    await add(database, store, experiment("exp_a", status=RUNNING))
    await add_trials(database, store, trial("trl_a"))
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(database.listen(CHANGED.partition("_")[2], heard.put))
    try:
        assert await heard.get() == ""
        async with database.transaction() as connection:
            await steps.move(connection, "trl_a", SYNTHESIZING, 1, SCORING, NOTHING)
        assert await heard.get() == "exp_a"
    finally:
        listening.cancel()


async def test_measurements_add_up_and_none_erases_an_earlier_one(
    database: Database, store: Store, steps: StepStore
) -> None:
    await add(database, store, experiment("exp_a"))
    await add_trials(database, store, trial("trl_a"), trial("trl_b", 1))
    synthesis = Measurements(
        duration_seconds=1.5,
        ttfb_ms=90.0,
        generation_time_ms=400.0,
        ttfa_ms=120.0,
        leading_silence_ms=30.0,
        real_time_factor=0.25,
        connect_ms=None,
        connection_reused=False,
        transport="process",
        sample_rate_hz=22050,
        region="local",
    )
    signal = Measurements(
        silence_ratio=0.0,
        trailing_silence_ms=5.0,
        peak=0.5,
        clipping_ratio=0.0,
        loudness_lufs=-23.5,
        dc_offset=-0.001,
        naturalness_mos=4.5,
        word_error_rate=0.0,
        prosody_score=0.5,
    )
    async with database.transaction() as connection:
        await steps.move(
            connection,
            "trl_a",
            SYNTHESIZING,
            1,
            SCORING,
            synthesis,
            audio_name="trl_a.wav",
            attempts=2,
            requested_at=NOON,
            provider_requests=3,
        )
        await steps.move(connection, "trl_a", SCORING, 2, DONE, signal, ended_at=NOON + MINUTE)
        await steps.move(
            connection, "trl_b", SYNTHESIZING, 1, FAILED, NOTHING, error_kind="bad_audio", error_message="no audio"
        )
    added = {name: value for name, value in dataclasses.asdict(signal).items() if value is not None}
    async with database.reading() as connection:
        assert await store.trial(connection, "trl_a") == trial(
            "trl_a",
            status=DONE,
            attempts=2,
            provider_requests=3,
            audio_name="trl_a.wav",
            ended_at=NOON + MINUTE,
            measurements=dataclasses.replace(synthesis, **added),
        )
        assert await store.trial(connection, "trl_b") == trial(
            "trl_b", 1, status=FAILED, error_kind="bad_audio", error_message="no audio"
        )


async def stale(database: Database, store: Store, seconds: float, limit: int = 9) -> list[str]:
    """Returns the ids of the trials that are stale so long after noon."""
    async with database.reading() as connection:
        found = await store.stale_trials(connection, NOON + timedelta(seconds=seconds), PATIENCE, limit)
    return [one.id for one in found]


async def run(database: Database, store: Store, *trials: Trial, status: ExperimentStatus = RUNNING) -> None:
    """Adds an experiment with these trials, all asked for at noon, when it last moved."""
    await add(database, store, experiment("exp_a"))
    await add_trials(database, store, *trials)
    async with database.transaction() as connection:
        await store.start(connection, "exp_a", [], "", NOON)
        if status is not RUNNING:
            await store.cancel(connection, "exp_a", NOON)


async def test_a_trial_in_flight_is_stale_once_patience_has_run_out(database: Database, store: Store) -> None:
    await run(
        database,
        store,
        trial("trl_a"),
        trial("trl_b", 1, status=SCORING),
        trial("trl_c", 2, status=TrialStatus.COMPLETED, ended_at=NOON),
        trial("trl_d", 3, status=TrialStatus.PENDING),
    )
    assert await stale(database, store, 20) == []
    assert sorted(await stale(database, store, 20.001)) == ["trl_a", "trl_b"]
    assert len(await stale(database, store, 20.001, limit=1)) == 1


async def test_patience_doubles_with_each_attempt(database: Database, store: Store) -> None:
    await run(database, store, trial("trl_a", attempts=3))
    assert await stale(database, store, 80) == []
    assert await stale(database, store, 80.001) == ["trl_a"]


async def test_what_was_asked_for_first_is_stale_first(database: Database, store: Store) -> None:
    await run(database, store, trial("trl_b", 1))
    await add_trials(database, store, trial("trl_a"), requested_at=NOON - MINUTE)
    assert await stale(database, store, 30) == ["trl_a", "trl_b"]


async def test_nothing_is_stale_while_its_experiment_moves(database: Database, store: Store) -> None:
    await run(database, store, trial("trl_a"), trial("trl_b", 1))
    async with database.transaction() as connection:
        await move_trial(connection, store, "trl_b", DONE)
    moment = now()
    async with database.reading() as connection:
        assert await store.stale_trials(connection, moment + PATIENCE / 2, PATIENCE, 9) == []
        found = await store.stale_trials(connection, moment + 2 * PATIENCE, PATIENCE, 9)
    assert [one.id for one in found] == ["trl_a"]


@pytest.mark.parametrize("status", [s for s in ExperimentStatus if s is not RUNNING])
async def test_nothing_is_stale_in_an_experiment_that_does_not_run(
    database: Database, store: Store, status: ExperimentStatus
) -> None:
    await run(database, store, trial("trl_a"), status=status)
    assert await stale(database, store, 3600) == []
