"""What the experiments service's stores have in common."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.experiments.domain import (
    EvalMode,
    Experiment,
    ExperimentStatus,
    Measurements,
    ModelSpec,
    Trial,
    TrialStatus,
)
from services.experiments.store import SqlStore, Store
from services.runtime.clock import now
from services.runtime.db import Database
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_experiments_store import MemoryExperimentsStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PATIENCE = timedelta(seconds=20)
RUNNING, COMPLETED = ExperimentStatus.RUNNING, ExperimentStatus.COMPLETED
SYNTHESIZING, SCORING = TrialStatus.SYNTHESIZING, TrialStatus.SCORING


@pytest.fixture
def service() -> str:
    return "experiments"


@pytest.fixture
def store(database: Database) -> Store:
    return MemoryExperimentsStore() if isinstance(database, MemoryDatabase) else SqlStore()


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


async def test_an_experiment_is_found_again_by_its_developer(database: Database, store: Store) -> None:
    given = experiment("exp_a")
    await add(database, store, given)
    async with database.reading() as connection:
        assert await store.get(connection, "dev_a", "exp_a") == given
        assert await store.get(connection, "dev_b", "exp_a") is None
        assert await store.get(connection, "dev_a", "exp_b") is None
        assert await store.results(connection, "exp_a") is None
    async with database.transaction() as connection:
        assert await store.lock(connection, "exp_a") == given
        assert await store.lock(connection, "exp_b") is None


async def test_experiments_of_many_developers_are_read_together(database: Database, store: Store) -> None:
    a, b = experiment("exp_a"), experiment("exp_b", owner="dev_b")
    await add(database, store, a, b, experiment("exp_c"))
    asked = [("dev_a", "exp_a"), ("dev_a", "exp_b"), ("dev_b", "exp_b"), ("dev_a", "exp_x")]
    assert await store.get_many(database.hot, asked) == {("dev_a", "exp_a"): a, ("dev_b", "exp_b"): b}
    assert await store.get_many(database.hot, []) == {}


async def test_a_request_makes_one_experiment_per_developer(database: Database, store: Store) -> None:
    first = experiment("exp_a")
    async with database.transaction() as connection:
        assert await store.add(connection, first, "request 1")
        assert not await store.add(connection, experiment("exp_b"), "request 1")
        assert await store.add(connection, experiment("exp_c", owner="dev_b"), "request 1")
        assert await store.find_request(connection, "dev_a", "request 1") == first
        assert await store.find_request(connection, "dev_a", "request 2") is None
        assert await store.get(connection, "dev_a", "exp_b") is None


async def test_pages_are_newest_first_and_filtered(database: Database, store: Store) -> None:
    old = experiment("exp_z", scenario="medical")
    first, second = experiment("exp_a", minutes=1), experiment("exp_b", minutes=1)
    await add(database, store, first, old, second, experiment("exp_c", owner="dev_b", minutes=2))

    async def page(
        *, status: str = "", scenario: str = "", after: Experiment | None = None, limit: int = 9
    ) -> Sequence[Experiment]:
        cursor = (after.created_at, after.id) if after else None
        async with database.reading() as connection:
            return await store.page(connection, "dev_a", status=status, scenario=scenario, after=cursor, limit=limit)

    assert await page() == [second, first, old]
    assert await page(limit=2) == [second, first]
    assert await page(after=second) == [first, old]
    assert await page(after=old) == []
    assert await page(scenario="medical") == [old]
    assert await page(status="created") == [second, first, old]
    assert await page(status="running") == []


async def test_a_status_is_written_with_what_belongs_to_it(database: Database, store: Store) -> None:
    given = experiment("exp_a")
    await add(database, store, given, experiment("exp_b"))
    async with database.transaction() as connection:
        models = [{"provider": "flite", "voice_id": "slt", "model_id": "", "speed": None}]
        await store.set_status(connection, "exp_a", RUNNING, models=models, started_at=NOON, progressed_at=NOON)
    async with database.transaction() as connection:
        await store.set_status(connection, "exp_a", COMPLETED, results={"winner": "flite:slt"}, ended_at=NOON + MINUTE)
    async with database.reading() as connection:
        assert await store.get(connection, "dev_a", "exp_a") == dataclasses.replace(
            given,
            status=COMPLETED,
            models=[ModelSpec("flite", "slt")],
            started_at=NOON,
            ended_at=NOON + MINUTE,
        )
        assert await store.results(connection, "exp_a") == {"winner": "flite:slt"}
        assert await store.get(connection, "dev_a", "exp_b") == experiment("exp_b")


async def test_only_ends_of_trials_are_counted(database: Database, store: Store) -> None:
    given = experiment("exp_a", status=RUNNING)
    await add(database, store, given)
    async with database.transaction() as connection:
        counted = [
            await store.count_progress(connection, "exp_a", status)
            for status in (SCORING, TrialStatus.COMPLETED, TrialStatus.FAILED, TrialStatus.COMPLETED)
        ]
    assert [(e.completed_trials, e.failed_trials) for e in counted] == [(0, 0), (1, 0), (1, 1), (2, 1)]
    assert counted[-1] == dataclasses.replace(given, completed_trials=2, failed_trials=1)


async def test_trials_are_listed_by_prompt_and_model(database: Database, store: Store) -> None:
    await add(database, store, experiment("exp_a"), experiment("exp_b"))
    a, b, c = trial("trl_c", 0, 0), trial("trl_a", 0, 1, speed=1.25), trial("trl_b", 1, 0)
    await add_trials(database, store, c, a, b, trial("trl_d", of="exp_b"))
    async with database.reading() as connection:
        assert await store.trials(connection, "exp_a") == [a, b, c]
        assert await store.trials(connection, "exp_a", limit=2) == [a, b]
        assert await store.trials(connection, "exp_a", after=(0, 0)) == [b, c]
        assert await store.trials(connection, "exp_a", after=(0, 1), limit=1) == [c]
        assert await store.trial(connection, "trl_a") == b
        assert await store.trial(connection, "trl_x") is None


async def test_a_trial_leads_to_its_experiment(database: Database, store: Store) -> None:
    await add(database, store, experiment("exp_a"))
    await add_trials(database, store, trial("trl_a"))
    async with database.transaction() as connection:
        assert await store.lock_of_trial(connection, "trl_a") == experiment("exp_a")
        assert await store.lock_of_trial(connection, "trl_x") is None


async def test_measurements_add_up_and_none_erases_an_earlier_one(database: Database, store: Store) -> None:
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
        silence_ratio=0.0, trailing_silence_ms=5.0, peak=0.5, clipping_ratio=0.0, loudness_lufs=-23.5, dc_offset=-0.001
    )
    async with database.transaction() as connection:
        await store.move_trial(
            connection, "trl_a", SCORING, synthesis, audio_name="trl_a.wav", attempts=2, requested_at=NOON
        )
        await store.move_trial(connection, "trl_a", TrialStatus.COMPLETED, signal, ended_at=NOON + MINUTE)
        await store.move_trial(connection, "trl_b", TrialStatus.FAILED, Measurements(), error_message="no audio")
    added = {name: value for name, value in dataclasses.asdict(signal).items() if value is not None}
    async with database.reading() as connection:
        assert await store.trial(connection, "trl_a") == trial(
            "trl_a",
            status=TrialStatus.COMPLETED,
            attempts=2,
            audio_name="trl_a.wav",
            ended_at=NOON + MINUTE,
            measurements=dataclasses.replace(synthesis, **added),
        )
        assert await store.trial(connection, "trl_b") == trial(
            "trl_b", 1, status=TrialStatus.FAILED, error_message="no audio"
        )


async def test_cancelling_spares_trials_that_have_ended(database: Database, store: Store) -> None:
    await add(database, store, experiment("exp_a"), experiment("exp_b"))
    done = trial("trl_c", 1, status=TrialStatus.COMPLETED, ended_at=NOON)
    await add_trials(database, store, trial("trl_a"), trial("trl_b", 0, 1, status=SCORING), done)
    await add_trials(database, store, trial("trl_d", of="exp_b"))
    async with database.transaction() as connection:
        await store.cancel_trials(connection, "exp_a", NOON + MINUTE)
    async with database.reading() as connection:
        assert await store.trials(connection, "exp_a") == [
            trial("trl_a", status=TrialStatus.CANCELLED, ended_at=NOON + MINUTE),
            trial("trl_b", 0, 1, status=TrialStatus.CANCELLED, ended_at=NOON + MINUTE),
            done,
        ]
        assert await store.trial(connection, "trl_d") == trial("trl_d", of="exp_b")


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
        await store.set_status(connection, "exp_a", status, started_at=NOON, progressed_at=NOON)


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
    await run(database, store, trial("trl_a"))
    async with database.transaction() as connection:
        await store.count_progress(connection, "exp_a", TrialStatus.COMPLETED)
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
