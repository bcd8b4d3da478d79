"""What the dispatcher's stores have in common."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest

from services.experiments.domain import TrialStatus
from services.experiments.running.dispatch_store import DispatchStore, Provider, Released, SqlDispatchStore, Unfinished
from services.experiments.store import SqlStore, Store
from services.experiments.tables import CHANGED
from services.runtime.db import Database
from tests.contract.stores.experiment_rows import (
    MINUTE,
    NOON,
    PENDING,
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
from tests.fakes.memory_dispatch_store import MemoryDispatchStore
from tests.fakes.memory_experiments_store import MemoryExperimentsStore

HOSTED = Provider(id="espeak", max_concurrency=3, local=False)


@pytest.fixture
def service() -> str:
    return "experiments"


@pytest.fixture
def store(database: Database) -> Store:
    return MemoryExperimentsStore() if isinstance(database, MemoryDatabase) else SqlStore()


@pytest.fixture
def dispatch(database: Database) -> DispatchStore:
    return MemoryDispatchStore() if isinstance(database, MemoryDatabase) else SqlDispatchStore()


async def run(
    database: Database, store: Store, name: str, trials: int, *, minutes: int = 0, provider: str = "espeak"
) -> None:
    """Begins an experiment of trials a0, a1 and so on, in this order."""
    started = NOON + minutes * MINUTE
    await add(
        database,
        store,
        experiment(f"exp_{name}", status=RUNNING, started_at=started, traceparent=f"trace {name}", owner=f"dev_{name}"),
    )
    # Their ids and prompts are in another order than their positions.
    await add_trials(
        database,
        store,
        *(
            trial(f"{name}{n}", trials - n, of=f"exp_{name}", position=n, status=PENDING, attempts=0, provider=provider)
            for n in reversed(range(trials))
        ),
        requested_at=started,
    )


async def learn(database: Database, dispatch: DispatchStore, provider: Provider, at: datetime = NOON) -> bool:
    async with database.transaction() as connection:
        return await dispatch.learn(connection, provider, at)


async def released(
    database: Database, dispatch: DispatchStore, provider: str = "espeak", at: datetime = NOON
) -> Sequence[Released]:
    async with database.transaction() as connection:
        return await dispatch.release(connection, provider, at, unknown_concurrency=1, local_lookahead=2)


async def ids(database: Database, dispatch: DispatchStore, provider: str = "espeak", at: datetime = NOON) -> list[str]:
    return [one.trial.id for one in await released(database, dispatch, provider, at)]


async def finish(database: Database, store: Store, trial_id: str) -> None:
    """Frees a trial's place at its provider."""
    async with database.transaction() as connection:
        await move_trial(connection, store, trial_id, SCORING)


async def test_what_is_told_of_a_provider_counts_unless_something_later_is_known(
    database: Database, dispatch: DispatchStore
) -> None:
    larger = Provider(id="espeak", max_concurrency=5, local=False)
    assert await learn(database, dispatch, HOSTED)
    assert not await learn(database, dispatch, HOSTED, NOON + MINUTE)
    assert not await learn(database, dispatch, larger, NOON)
    assert await learn(database, dispatch, larger, NOON + 2 * MINUTE)
    assert await learn(database, dispatch, Provider(id="espeak", max_concurrency=5, local=True), NOON + 3 * MINUTE)


async def test_as_many_are_released_as_the_provider_has_room_for_in_the_order_of_their_positions(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    await run(database, store, "a", 5)
    await learn(database, dispatch, HOSTED)
    first = await released(database, dispatch)
    assert [one.trial.id for one in first] == ["a0", "a1", "a2"]
    assert {(one.developer_id, one.traceparent) for one in first} == {("dev_a", "trace a")}
    async with database.reading() as connection:
        assert [await store.trial(connection, one.trial.id) for one in first] == [one.trial for one in first]
        waiting = await store.trial(connection, "a3")
    assert {(one.trial.status, one.trial.attempts) for one in first} == {(SYNTHESIZING, 1)}
    assert waiting is not None
    assert waiting.status is PENDING
    assert await ids(database, dispatch) == []
    await finish(database, store, "a1")
    assert await ids(database, dispatch) == ["a3"]


async def test_a_local_provider_is_given_a_few_more(database: Database, store: Store, dispatch: DispatchStore) -> None:
    await run(database, store, "a", 9)
    await learn(database, dispatch, Provider(id="espeak", max_concurrency=3, local=True))
    assert len(await ids(database, dispatch)) == 5
    assert await ids(database, dispatch) == []


async def test_an_unknown_provider_is_given_little(database: Database, store: Store, dispatch: DispatchStore) -> None:
    await run(database, store, "a", 9)
    assert await ids(database, dispatch) == ["a0"]
    assert await ids(database, dispatch) == []


async def test_a_provider_that_takes_less_than_before_gets_nothing_until_it_has_room(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    await run(database, store, "a", 9)
    await learn(database, dispatch, HOSTED)
    assert await ids(database, dispatch) == ["a0", "a1", "a2"]
    await learn(database, dispatch, Provider(id="espeak", max_concurrency=1, local=False), NOON + MINUTE)
    for done in ("a0", "a1"):
        await finish(database, store, done)
        assert await ids(database, dispatch) == []
    await finish(database, store, "a2")
    assert await ids(database, dispatch) == ["a3"]


async def test_providers_have_room_each_for_themselves(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    await run(database, store, "a", 2, provider="flite")
    await run(database, store, "b", 2)
    assert await ids(database, dispatch, "flite") == ["a0"]
    assert await ids(database, dispatch) == ["b0"]
    assert await ids(database, dispatch, "nobody") == []


async def test_experiments_share_a_provider_alike(database: Database, store: Store, dispatch: DispatchStore) -> None:
    await run(database, store, "a", 8)
    await learn(database, dispatch, Provider(id="espeak", max_concurrency=4, local=False))
    assert await ids(database, dispatch) == ["a0", "a1", "a2", "a3"]
    await run(database, store, "b", 8, minutes=1)
    for done, next_one in (("a0", "b0"), ("a1", "b1")):
        await finish(database, store, done)
        assert await ids(database, dispatch, at=NOON + MINUTE) == [next_one]
    # Each has two now. What an experiment finishes is its own to give again.
    await finish(database, store, "b0")
    assert await ids(database, dispatch, at=NOON + 2 * MINUTE) == ["b2"]
    await finish(database, store, "a2")
    assert await ids(database, dispatch, at=NOON + 2 * MINUTE) == ["a4"]


async def test_experiments_that_begin_together_share_from_the_beginning(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    for name in "abc":
        await run(database, store, name, 5)
    await learn(database, dispatch, Provider(id="espeak", max_concurrency=6, local=False))
    assert sorted(await ids(database, dispatch)) == ["a0", "a1", "b0", "b1", "c0", "c1"]


async def test_where_there_is_one_place_experiments_take_turns(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    for minutes, name in enumerate("abc"):
        await run(database, store, name, 3, minutes=minutes)
    order = []
    for turn in range(9):
        (one,) = await ids(database, dispatch, at=NOON + turn * MINUTE)
        order.append(one)
        await finish(database, store, one)
    assert order == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


async def test_releases_at_the_same_moment_give_a_place_away_once(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    await run(database, store, "a", 20)
    await learn(database, dispatch, HOSTED)
    all_at_once = await asyncio.gather(*(ids(database, dispatch) for _ in range(6)))
    assert sorted(one for some in all_at_once for one in some) == ["a0", "a1", "a2"]


async def test_what_is_cancelled_or_not_running_is_not_released(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    await learn(database, dispatch, HOSTED)
    await run(database, store, "a", 2)
    await run(database, store, "b", 1)
    await add(database, store, experiment("exp_c"))
    await add_trials(database, store, trial("c0", of="exp_c", status=PENDING))
    async with database.transaction() as connection:
        await store.cancel_trials(connection, "exp_a", NOON)
    assert await ids(database, dispatch) == ["b0"]


async def test_trials_that_are_being_cancelled_are_passed_over_without_waiting(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    if isinstance(database, MemoryDatabase):
        pytest.skip("its transactions follow one another")
    await learn(database, dispatch, HOSTED)
    await run(database, store, "a", 2)
    await run(database, store, "b", 2)
    async with database.transaction() as connection, asyncio.timeout(5):
        await store.lock(connection, "exp_a")
        await store.cancel_trials(connection, "exp_a", NOON)
        assert await ids(database, dispatch) == ["b0"]
    assert await ids(database, dispatch) == ["b1"]


async def test_a_trial_that_was_asked_for_before_is_asked_for_with_the_next_attempt(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    await add(database, store, experiment("exp_a", status=RUNNING))
    await add_trials(database, store, trial("again", status=PENDING, attempts=2, attempts_before=2))
    (one,) = await released(database, dispatch)
    assert (one.trial.attempts, one.trial.attempts_before) == (3, 2)


async def test_who_watches_is_woken_once_for_each_experiment(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    await learn(database, dispatch, HOSTED)
    await run(database, store, "a", 2)
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(database.listen(CHANGED.partition("_")[2], heard.put))
    try:
        assert await heard.get() == ""
        await released(database, dispatch)
        assert await heard.get() == "exp_a"
    finally:
        listening.cancel()


async def test_queues_and_work_in_flight_are_told_by_provider(
    database: Database, store: Store, dispatch: DispatchStore
) -> None:
    await run(database, store, "a", 3)
    await run(database, store, "b", 2, minutes=1, provider="flite")
    assert sorted(await dispatch.waited_for(database.hot, ["espeak", "flite", "nobody"])) == ["espeak", "flite"]
    assert not await dispatch.waited_for(database.hot, [])
    (one,) = await ids(database, dispatch, at=NOON + 5 * MINUTE)
    await finish(database, store, one)
    await released(database, dispatch, at=NOON + 6 * MINUTE)
    async with database.transaction() as connection:
        await move_trial(connection, store, "b0", TrialStatus.CANCELLED)
        await move_trial(connection, store, "b1", TrialStatus.COMPLETED)
    async with database.reading() as connection:
        found = sorted(await dispatch.unfinished(connection), key=lambda some: some.status)
    assert found == [
        Unfinished("espeak", PENDING, 1, NOON),
        Unfinished("espeak", SCORING, 1, NOON + 5 * MINUTE),
        Unfinished("espeak", SYNTHESIZING, 1, NOON + 6 * MINUTE),
    ]
    assert list(await dispatch.waited_for(database.hot, ["espeak", "flite"])) == ["espeak"]
