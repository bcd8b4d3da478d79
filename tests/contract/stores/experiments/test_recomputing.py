"""A verdict that is recomputed from the stored data equals the first verdict."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from services.experiments.domain import EvalMode, Experiment, ExperimentStatus, ModelSpec
from services.experiments.results import convert as results_convert
from services.experiments.results.usecases import Reading, Recomputing
from services.experiments.running.finishing import Finishing
from services.experiments.store import Store
from services.experiments.verdict import LATENCY, QUALITY, CompositeProfile, custom_profile
from services.experiments.webhooks.publisher import WebhookPublisher
from services.runtime.db import Database
from services.runtime.errors import NotFound, WrongState
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.pages import Pages
from services.shared.listening.domain import (
    Assignment,
    CandidateAudio,
    Listener,
    ListenerAnswer,
    ListeningTest,
    Pair,
    PairKey,
)
from services.shared.listening.judging import ExclusionReason, Judgement
from services.shared.listening.store import ListeningStore
from services.shared.listening.vote_store import VoteStore
from services.shared.metrics import Measurements
from tests.contract.stores.experiments.rows import (
    MINUTE,
    NOON,
    add,
    add_trials,
    end_trial,
    experiment,
    trial,
)
from tests.contract.stores.experiments.stores import ExperimentStores

ID = f"exp_{'a' * 32}"
MODELS = [ModelSpec("espeak", "en"), ModelSpec("espeak", "de", "large"), ModelSpec("flite", "slt")]
PROMPTS, REPEATS, LISTENERS = 7, 2, 9


@pytest.fixture(autouse=True)
def developer() -> Iterator[None]:
    set_caller(Caller(Identity("dev_a", frozenset()), "a token"))
    yield
    set_caller(None)


def recomputing(database: Database, store: Store, votes: VoteStore) -> tuple[Reading, Recomputing]:
    reading = Reading(database, store, Pages("a secret"))
    return reading, Recomputing(database, store, votes, reading)


def finishing(database: Database, store: Store, listening: ListeningStore, votes: VoteStore) -> Finishing:
    stores = ExperimentStores(database)
    return Finishing(store, stores.clips, listening, votes, WebhookPublisher(database, stores.webhooks, ""))


async def measure(database: Database, store: Store, given: Experiment, random: np.random.Generator) -> None:
    """Adds trials with measurements of all seventeen digits, some failed and some without naturalness."""
    trials = [
        trial(f"trl_{prompt}_{model}_{repeat}", prompt, model, of=ID, repeat_index=repeat)
        for prompt in range(PROMPTS)
        for model in range(len(given.models))
        for repeat in range(REPEATS)
    ]
    random.shuffle(trials)
    await add_trials(database, store, *trials)
    async with database.transaction() as connection:
        for each in trials:
            speed = 1 + each.model_index
            measured = Measurements(
                duration_seconds=random.uniform(1, 5),
                ttfb_ms=random.uniform(0.1, 0.7) * 300 * speed,
                generation_time_ms=random.uniform(1e-3, 0.1) * 3000 * speed,
                ttfa_ms=random.uniform(100, 900) / 3,
                silence_ratio=random.random() / 3,
                naturalness_mos=random.uniform(1, 5) if random.random() < 0.9 else None,
                word_error_rate=random.random() ** 9,
                prosody_score=random.random(),
                signal_quality_mos=random.uniform(1, 5),
                hard_word_accuracy=random.random() if random.random() < 0.5 else None,
                speech_failures=int(random.integers(0, 3)),
                semascore=random.random(),
            )
            failed = random.random() < 0.1
            await end_trial(connection, ExperimentStores(database).clips, each, None if failed else measured)


async def vote(database: Database, listening: ListeningStore, votes: VoteStore, random: np.random.Generator) -> None:
    keys = [PairKey(prompt, first, second) for prompt in range(PROMPTS) for first, second in ((0, 1), (0, 2), (1, 2))]
    one, other = CandidateAudio("a.wav", 1.0), CandidateAudio("b.wav", 1.0)
    pairs = [Pair(key=key, text="Hello.", first=[one], second=[other], target_lufs=-23.0) for key in keys]
    async with database.transaction() as connection:
        await listening.open(connection, ListeningTest(ID, 3, NOON + MINUTE), pairs)
        for number in range(LISTENERS):
            listener = Listener(
                id=f"lsn_{number}",
                test_id=ID,
                invitation_id="lnk_a",
                max_listeners_per_address=3,
                created_at=NOON,
            )
            assert await listening.add_listener(connection, listener, LISTENERS, LISTENERS)
            for key in keys:
                id_ = f"pai_{number}_{key.text_index}_{key.first}_{key.second}"
                assignment = Assignment(
                    id=id_,
                    test_id=ID,
                    listener_id=listener.id,
                    key=key,
                    first_audio="a.wav",
                    second_audio="b.wav",
                    swapped=bool(random.random() < 0.5),
                    drawn_from=len(keys),
                    target_lufs=-23.0,
                    clip_a=f"clp_{id_}_a.wav",
                    clip_b=f"clp_{id_}_b.wav",
                    a_seconds=1.0,
                    b_seconds=1.0,
                    shown_at=NOON,
                )
                await listening.add_assignment(connection, assignment)
                await votes.add(connection, assignment, random.choice(list(ListenerAnswer)), NOON)


@pytest.mark.parametrize("mode", EvalMode)
@pytest.mark.parametrize(
    ("composite", "primary_metric"),
    [
        (LATENCY, "composite_per_prompt"),
        (QUALITY, "composite_per_prompt"),
        (custom_profile({"prosody": 1 / 3, "ttfa": 1 / 3, "duration_accuracy": 1 / 3}), "ttfa_ms"),
    ],
    ids=["latency", "quality", "own weights"],
)
async def test_a_recomputed_verdict_is_the_same(
    database: Database,
    store: Store,
    listening: ListeningStore,
    votes: VoteStore,
    mode: EvalMode,
    composite: CompositeProfile,
    primary_metric: str,
) -> None:
    random = np.random.default_rng(11)
    given = experiment(
        ID,
        status=ExperimentStatus.RUNNING,
        eval_mode=mode,
        models=MODELS,
        prompts=[f"Prompt {number}." for number in range(PROMPTS)],
        repeats=REPEATS,
        composite=composite,
        primary_metric=primary_metric,
    )
    await add(database, store, given)
    await measure(database, store, given, random)
    if mode.asks_listeners:
        await vote(database, listening, votes, random)
    async with database.transaction() as connection:
        await finishing(database, store, listening, votes).conclude(connection, given)

    reading, recomputer = recomputing(database, store, votes)
    stored = await reading.results(ID)
    recomputed = await recomputer.results(ID)

    first, second = dict(stored), dict(recomputed)
    assert first.pop("computed_at") < second.pop("computed_at")
    assert first == second
    assert len(first["rankings"]) == 3
    assert ("votes" in first) == mode.asks_listeners
    # The messages are equal too, bit for bit.
    messages = [results_convert.results(each) for each in (first, second)]
    assert messages[0].SerializeToString(deterministic=True) == messages[1].SerializeToString(deterministic=True)


async def test_a_later_judgement_changes_only_the_recomputed_verdict(
    database: Database, store: Store, listening: ListeningStore, votes: VoteStore
) -> None:
    random = np.random.default_rng(12)
    given = experiment(
        ID,
        status=ExperimentStatus.RUNNING,
        eval_mode=EvalMode.HUMAN,
        models=MODELS,
        prompts=[f"Prompt {number}." for number in range(PROMPTS)],
        repeats=REPEATS,
        primary_metric="composite_per_prompt",
    )
    await add(database, store, given)
    await measure(database, store, given, random)
    await vote(database, listening, votes, random)
    async with database.transaction() as connection:
        await finishing(database, store, listening, votes).conclude(connection, given)
    reading, recomputer = recomputing(database, store, votes)
    before = await reading.results(ID)
    cast = LISTENERS * PROMPTS * 3
    # None of them was judged yet, so all count.
    assert (before["votes"]["votes"], before["votes"]["unknown"], before["votes"].get("excluded")) == (
        cast,
        cast,
        None,
    )

    async with database.transaction() as connection:
        of_one = [each for each in await votes.of_test(connection, ID) if each.listener_id == "lsn_0"]
        await votes.judge(connection, [Judgement(each, ExclusionReason.ONE_SIDE) for each in of_one], NOON)
    assert await reading.results(ID) == before
    after = await recomputer.results(ID)
    assert (after["votes"]["votes"], after["votes"]["listeners"]) == (cast - len(of_one), LISTENERS - 1)
    ((exclusion),) = after["votes"]["exclusions"]
    assert (exclusion["reason"], exclusion["votes"]) == ("one_side", len(of_one))
    assert after["inputs_digest"] != before["inputs_digest"]
    assert f"{len(of_one)} {exclusion['description']}." in after["reasons"][-1]


async def test_a_recomputed_verdict_is_not_stored(database: Database, store: Store, votes: VoteStore) -> None:
    given = experiment(ID, status=ExperimentStatus.COMPLETED, models=MODELS, primary_metric="ttfb_ms")
    await add(database, store, given)
    async with database.transaction() as connection:
        await store.complete(connection, ID, {"method_version": "verdict/1"}, NOON)
    reading, recomputer = recomputing(database, store, votes)
    assert (await recomputer.results(ID))["method_version"] == "verdict/4"
    assert await reading.results(ID) == {"method_version": "verdict/1"}


async def test_nothing_is_recomputed_before_the_end(database: Database, store: Store, votes: VoteStore) -> None:
    await add(database, store, dataclasses.replace(experiment(ID), status=ExperimentStatus.RUNNING))
    _, recomputer = recomputing(database, store, votes)
    with pytest.raises(WrongState, match="The experiment is running"):
        await recomputer.results(ID)


async def test_the_experiment_of_another_developer_is_not_recomputed(
    database: Database, store: Store, votes: VoteStore
) -> None:
    await add(database, store, experiment(ID, owner="dev_b", status=ExperimentStatus.COMPLETED))
    _, recomputer = recomputing(database, store, votes)
    with pytest.raises(NotFound):
        await recomputer.results(ID)
