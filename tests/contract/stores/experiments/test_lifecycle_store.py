"""The suite for the lifecycle stores of experiments."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Trial, TrialStatus
from services.experiments.running.lifecycle_store import LifecycleStore, SqlLifecycleStore
from services.experiments.store import SqlStore, Store
from services.runtime.db import Database
from services.shared.metrics import Measurements
from tests.contract.stores.experiments.rows import (
    COMPLETED,
    NOON,
    SCORING,
    add,
    add_trials,
    experiment,
    trial,
)
from tests.contract.stores.experiments.stores import ExperimentStores

DAY = timedelta(days=1)
MEASURED = Measurements(duration_seconds=2.0, ttfb_ms=100.0)
FAILED = TrialStatus.FAILED


async def moved(database: Database, lifecycle: LifecycleStore, mark: int = 0) -> tuple[Sequence[Trial], int]:
    async with database.reading() as connection:
        return await lifecycle.moved_trials(connection, "exp_a", mark)


async def to_scoring(database: Database, connection: AsyncConnection, trial_id: str) -> None:
    audio = {"audio_name": f"{trial_id}.wav", "provider_requests": 1, "at": NOON}
    assert await ExperimentStores(database).clips.synthesized(connection, trial_id, 1, Measurements(), **audio)  # type: ignore[arg-type]


async def all_trials(database: Database, store: Store, experiment_id: str = "exp_a") -> Sequence[Trial]:
    async with database.reading() as connection:
        return await store.trials(connection, experiment_id)


async def test_at_first_all_trials_have_changed(database: Database, store: Store, lifecycle: LifecycleStore) -> None:
    await add(database, store, experiment("exp_a"), experiment("exp_b"))
    first, second = trial("trl_b", 0), trial("trl_a", 1)
    await add_trials(database, store, second, first, trial("trl_c", of="exp_b"))
    assert (await moved(database, lifecycle))[0] == [first, second]


async def test_only_later_changes_of_trials_are_read(
    database: Database, store: Store, lifecycle: LifecycleStore
) -> None:
    await add(database, store, experiment("exp_a"))
    _, mark = await moved(database, lifecycle)
    await add_trials(database, store, trial("trl_a", 0), trial("trl_b", 1))
    found, mark = await moved(database, lifecycle, mark)
    assert [one.id for one in found] == ["trl_a", "trl_b"]
    async with database.transaction() as connection:
        await to_scoring(database, connection, "trl_b")
    found, mark = await moved(database, lifecycle, mark)
    assert found == [trial("trl_b", 1, status=SCORING, audio_name="trl_b.wav", provider_requests=1)]
    assert (await moved(database, lifecycle, mark))[0] == []


async def test_a_change_that_commits_after_a_later_one_is_not_missed(emptied_schema: Database) -> None:
    database, store, lifecycle = emptied_schema, SqlStore(), SqlLifecycleStore()
    await add(database, store, experiment("exp_a"))
    await add_trials(database, store, trial("trl_a", 0), trial("trl_b", 1))
    _, mark = await moved(database, lifecycle)
    # Releasing trials does not lock their experiment.
    release = sa.text("UPDATE trials SET status = 'scoring' WHERE id = :id")
    async with database.transaction() as older:
        await older.execute(release, {"id": "trl_a"})
        async with database.transaction() as younger:
            await younger.execute(release, {"id": "trl_b"})
        found, mark = await moved(database, lifecycle, mark)
        assert [one.id for one in found] == ["trl_b"]
    found, _ = await moved(database, lifecycle, mark)
    assert trial("trl_a", 0, status=SCORING) in found


async def test_deleting_an_experiment_deletes_its_trials_and_request(
    database: Database, store: Store, lifecycle: LifecycleStore
) -> None:
    async with database.transaction() as connection:
        assert await store.add(connection, experiment("exp_a"), "request 1")
    await add(database, store, experiment("exp_b"))
    kept = trial("trl_c", of="exp_b")
    await add_trials(database, store, trial("trl_b"), trial("trl_a", 1), kept)
    async with database.transaction() as connection:
        assert await lifecycle.trial_ids(connection, ["exp_a"]) == ["trl_a", "trl_b"]
        assert await lifecycle.trial_ids(connection, ["exp_b", "exp_a"]) == ["trl_a", "trl_b", "trl_c"]
        await lifecycle.delete(connection, "exp_a")
    async with database.reading() as connection:
        assert await store.get(connection, "dev_a", "exp_a") is None
        assert await store.find_request(connection, "dev_a", "request 1") is None
        assert await store.trials(connection, "exp_a") == []
        assert await lifecycle.trial_ids(connection, ["exp_a"]) == []
        assert await store.trials(connection, "exp_b") == [kept]


async def test_every_table_about_experiments_deletes_with_them(emptied_schema: Database) -> None:
    query = """
        SELECT tables.relname, EXISTS (
            SELECT FROM pg_constraint WHERE conrelid = tables.oid AND confrelid = 'experiments'::regclass
            AND contype = 'f' AND confdeltype = 'c'
        )
        FROM pg_class AS tables JOIN pg_attribute AS columns ON columns.attrelid = tables.oid
        WHERE tables.relnamespace = 'experiments'::regnamespace AND tables.relkind = 'r'
        AND columns.attname = 'experiment_id'
    """
    async with emptied_schema.reading() as connection:
        found: dict[str, bool] = dict(tuple(row) for row in await connection.execute(sa.text(query)))
    assert "trials" in found
    assert {name for name, goes in found.items() if not goes} == set()


async def test_audio_is_due_for_deletion_once_after_its_retention(
    database: Database, store: Store, lifecycle: LifecycleStore
) -> None:
    def ended(id_: str, days: int, kept: int) -> object:
        return experiment(id_, status=COMPLETED, ended_at=NOON - days * DAY, audio_retention_days=kept)

    await add(
        database,
        store,
        *(ended("exp_a", 3, 2), ended("exp_b", 9, 8), ended("exp_c", 9, 9), ended("exp_d", 5, 1)),  # type: ignore[arg-type]
        experiment("exp_e", audio_retention_days=1),
    )
    heard, silent = trial("trl_a", 0, audio_name="trl_a.wav"), trial("trl_b", 1, status=FAILED)
    kept = trial("trl_c", of="exp_c", audio_name="trl_c.wav")
    await add_trials(database, store, heard, silent, kept)
    async with database.transaction() as connection:
        assert await lifecycle.audio_due(connection, NOON, 2) == ["exp_b", "exp_d"]
        assert await lifecycle.audio_due(connection, NOON, 9) == ["exp_b", "exp_d", "exp_a"]
        await lifecycle.forget_audio(connection, ["exp_a", "exp_b"], NOON)
        assert await lifecycle.audio_due(connection, NOON, 9) == ["exp_d"]
    gone = dataclasses.replace(heard, audio_name=None, audio_deleted_at=NOON)
    assert await all_trials(database, store) == [gone, silent]
    assert await all_trials(database, store, "exp_c") == [kept]


async def test_simultaneous_sweeps_skip_locked_experiments(emptied_schema: Database) -> None:
    database, store, lifecycle = emptied_schema, SqlStore(), SqlLifecycleStore()
    await add(database, store, *(experiment(f"exp_{n}", ended_at=NOON, audio_retention_days=1) for n in "ab"))
    async with database.transaction() as one, database.transaction() as other:
        assert await lifecycle.audio_due(one, NOON + 2 * DAY, 1) == ["exp_a"]
        assert await lifecycle.audio_due(other, NOON + 2 * DAY, 9) == ["exp_b"]
