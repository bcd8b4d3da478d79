"""The suite for the stores of experiments and trials."""

import asyncio
import dataclasses
from collections.abc import Sequence

from services.experiments.domain import Experiment, ExperimentStatus, ModelSpec
from services.experiments.store import Store
from services.runtime.db import Database
from services.runtime.request_ids import EarlierRequest
from tests.contract.stores.experiments.rows import (
    COMPLETED,
    MINUTE,
    NOON,
    RUNNING,
    add,
    add_trials,
    experiment,
    trial,
)


async def test_an_experiment_is_found_by_its_developer_only(database: Database, store: Store) -> None:
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


async def test_a_request_id_creates_one_experiment_per_developer(database: Database, store: Store) -> None:
    first = experiment("exp_a")
    async with database.transaction() as connection:
        assert await store.add(connection, first, "request 1", b"fingerprint")
        assert not await store.add(connection, experiment("exp_b"), "request 1")
        assert await store.add(connection, experiment("exp_c", owner="dev_b"), "request 1")
        assert await store.find_request(connection, "dev_a", "request 1") == EarlierRequest(
            first, b"fingerprint", first.created_at
        )
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


async def test_an_experiment_starts_asks_listeners_and_completes(database: Database, store: Store) -> None:
    given = experiment("exp_a")
    await add(database, store, given, experiment("exp_b"))
    started = dataclasses.replace(
        given, status=RUNNING, models=[ModelSpec("flite", "slt")], traceparent="00-trace", started_at=NOON
    )
    async with database.transaction() as connection:
        assert await store.start(connection, "exp_a", started.models, "00-trace", NOON) == started
    until = NOON + 9 * MINUTE
    listening = dataclasses.replace(started, votes_received=1, votes_needed=6, listening_until=until)
    async with database.transaction() as connection:
        opened = await store.open_listening(connection, "exp_a", received=1, needed=6, until=until)
        assert opened == listening
        counted = dataclasses.replace(listening, votes_received=2)
        assert await store.count_votes(connection, "exp_a", 2) == counted
    completed = dataclasses.replace(counted, status=COMPLETED, ended_at=NOON + MINUTE)
    async with database.transaction() as connection:
        assert await store.complete(connection, "exp_a", {"winner": "flite:slt"}, NOON + MINUTE) == completed
    async with database.reading() as connection:
        assert await store.get(connection, "dev_a", "exp_a") == completed
        assert await store.results(connection, "exp_a") == {"winner": "flite:slt"}
        assert await store.get(connection, "dev_a", "exp_b") == experiment("exp_b")


async def test_an_experiment_ends_without_results(database: Database, store: Store) -> None:
    await add(database, store, experiment("exp_a", status=RUNNING), experiment("exp_b", status=RUNNING))
    async with database.transaction() as connection:
        failed = await store.fail(connection, "exp_a", "no verdict", NOON)
        cancelled = await store.cancel(connection, "exp_b", NOON)
    assert failed == experiment("exp_a", status=ExperimentStatus.FAILED, error_message="no verdict", ended_at=NOON)
    assert cancelled == experiment("exp_b", status=ExperimentStatus.CANCELLED, ended_at=NOON)
    async with database.reading() as connection:
        assert await store.get(connection, "dev_a", "exp_a") == failed
        assert await store.get(connection, "dev_a", "exp_b") == cancelled
        assert await store.results(connection, "exp_a") is None


async def test_a_reopened_experiment_has_no_results(database: Database, store: Store) -> None:
    before = experiment("exp_a", status=RUNNING, completed_trials=3, failed_trials=1, started_at=NOON)
    await add(database, store, before)
    async with database.transaction() as connection:
        await store.open_listening(connection, "exp_a", received=9, needed=9, until=NOON + MINUTE)
        await store.complete(connection, "exp_a", {"winner": "espeak:en"}, NOON + MINUTE)
        reopened = await store.reopen(connection, "exp_a", "00-trace", NOON + 2 * MINUTE)
    assert reopened == dataclasses.replace(before, failed_trials=0, traceparent="00-trace", votes_received=9)
    async with database.reading() as connection:
        assert await store.get(connection, "dev_a", "exp_a") == reopened
        assert await store.results(connection, "exp_a") is None


async def test_trials_are_listed_by_prompt_model_and_repeat(database: Database, store: Store) -> None:
    await add(database, store, experiment("exp_a"), experiment("exp_b"))
    a, b, c = trial("trl_c", 0, 0), trial("trl_a", 0, 1, speed=1.25, language="de", seed=7), trial("trl_b", 1, 0)
    again = trial("trl_0", 0, 1, repeat_index=1)
    await add_trials(database, store, c, again, a, b, trial("trl_d", of="exp_b"))
    async with database.reading() as connection:
        assert await store.trials(connection, "exp_a") == [a, b, again, c]
        assert await store.trials(connection, "exp_a", limit=2) == [a, b]
        assert await store.trials(connection, "exp_a", after=(0, 0, 0)) == [b, again, c]
        assert await store.trials(connection, "exp_a", after=(0, 1, 0), limit=1) == [again]
        assert await store.trials(connection, "exp_x") == []


async def test_running_experiments_are_counted_except_those_waiting_for_listeners(
    database: Database, store: Store
) -> None:
    await add(
        database,
        store,
        experiment("exp_a", status=RUNNING),
        experiment("exp_b", status=RUNNING),
        experiment("exp_c", status=RUNNING, listening_until=NOON),
        experiment("exp_d"),
        experiment("exp_e", status=COMPLETED),
        experiment("exp_f", owner="dev_b", status=RUNNING),
    )
    async with database.transaction() as connection:
        assert await store.count_running(connection, "dev_a") == 2
        assert await store.count_running(connection, "dev_b") == 1
        assert await store.count_running(connection, "dev_c") == 0


async def test_counting_running_experiments_waits_for_another_count(database: Database, store: Store) -> None:
    given = experiment("exp_a")
    await add(database, store, given)
    counted = asyncio.Event()

    async def count() -> int:
        async with database.transaction() as connection:
            counted.set()
            return await store.count_running(connection, "dev_a")

    async with database.transaction() as connection:
        assert await store.count_running(connection, "dev_a") == 0
        waiting = asyncio.create_task(count())
        await store.start(connection, "exp_a", [], "", NOON)
    assert await waiting == 1


async def test_experiments_that_have_not_ended_are_unfinished(database: Database, store: Store) -> None:
    await add(
        database,
        store,
        experiment("exp_a"),
        experiment("exp_b", status=RUNNING),
        experiment("exp_c", status=RUNNING, listening_until=NOON),
        experiment("exp_d", status=COMPLETED),
        experiment("exp_e", owner="dev_b"),
    )
    async with database.transaction() as connection:
        assert await store.count_unfinished(connection, "dev_a") == 3
        assert await store.count_unfinished(connection, "dev_b") == 1
        assert await store.count_unfinished(connection, "dev_c") == 0


async def test_counting_unfinished_experiments_waits_for_another_count(database: Database, store: Store) -> None:
    counted = asyncio.Event()

    async def count() -> int:
        async with database.transaction() as connection:
            counted.set()
            return await store.count_unfinished(connection, "dev_a")

    async with database.transaction() as connection:
        assert await store.count_unfinished(connection, "dev_a") == 0
        waiting = asyncio.create_task(count())
        await store.add(connection, experiment("exp_a"), "")
    assert await waiting == 1
    assert counted.is_set()
