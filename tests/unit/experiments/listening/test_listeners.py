"""The use cases of listeners: join, hear a pair, vote."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest
from voicearena.experiments.v1.events_pb2 import ExperimentCompleted

from services.experiments.domain import EvalMode, ExperimentStatus
from services.experiments.listening import listeners as use_cases
from services.experiments.verdict import Vote
from services.runtime.errors import InvalidInput, NotFound, QuotaExceeded, Unauthenticated, WrongState
from services.runtime.ids import new_id
from services.shared.listening.domain import (
    PENDING_ASSIGNMENT_DURATION,
    InvitationTally,
    ListenerAnswer,
    ListenerProgress,
    Preference,
)
from tests.fakes.memory_experiments_store import change
from tests.unit.experiments.listening.conftest import EXPERIMENT, NOON, ListeningWorld

A, B = ListenerAnswer.A, ListenerAnswer.B


async def joined(world: ListeningWorld, count: int = 1) -> tuple[str, list[str]]:
    """Makes a link with listeners. Returns the tokens of the link and of the listeners."""
    token = await world.link()
    return token, [(await world.listeners.join(token)).token for _ in range(count)]


async def test_listening_opens_when_all_trials_have_ended(world: ListeningWorld) -> None:
    await world.begin(models=3, prompts=2, votes_per_pair=4, listening_days=3, failed=((1, 0),))
    experiment = await world.experiment()
    assert experiment.status is ExperimentStatus.RUNNING
    assert experiment.listening_until == NOON + timedelta(days=3)
    # Three pairs for the first prompt and one for the second.
    assert (experiment.votes_received, experiment.votes_needed) == (0, 16)


async def test_an_experiment_without_a_playable_pair_gets_its_verdict_at_once(world: ListeningWorld) -> None:
    await world.begin(failed=((0, 1),))
    experiment = await world.experiment()
    assert (experiment.status, experiment.votes_needed) == (ExperimentStatus.COMPLETED, 0)
    assert experiment.listening_until is None


async def test_a_listener_hears_every_pair_once(world: ListeningWorld) -> None:
    await world.begin(models=3, prompts=2, votes_per_pair=2)
    token, (listener,) = await joined(world)
    for given in range(6):
        seen = await world.listeners.next_pair(token, listener)
        assert seen.progress == ListenerProgress(votes_given=given, pairs_left=6 - given, open=True)
        assert seen.assignment is not None
        assert seen.text == f"Prompt {seen.assignment.key.text_index}."
        await world.answer(token, listener)
    done = await world.listeners.next_pair(token, listener)
    assert done.assignment is None
    assert done.progress == ListenerProgress(votes_given=6, pairs_left=0, open=True)
    assert len({(vote.prompt_index, vote.first, vote.second) for vote in await world.votes()}) == 6


async def test_a_listener_keeps_the_same_pair_until_it_is_answered(world: ListeningWorld) -> None:
    await world.begin(prompts=5)
    token, (listener,) = await joined(world)
    first = await world.listeners.next_pair(token, listener)
    world.wait(seconds=30)
    assert await world.listeners.next_pair(token, listener) == first
    world.wait(hours=1)
    again = (await world.listeners.next_pair(token, listener)).assignment
    assert again is not None
    assert again == dataclasses.replace(first.assignment, shown_at=again.shown_at)
    async with world.database.reading() as connection:
        pending_assignments = await world.store.pending_assignments(
            connection, EXPERIMENT, world.at - PENDING_ASSIGNMENT_DURATION
        )
    assert pending_assignments == {again.key: 1}, "asking again renews the hold on the pair"


async def test_parallel_calls_of_one_listener_return_one_pair(world: ListeningWorld) -> None:
    await world.begin(prompts=5)
    token, (listener,) = await joined(world)
    seen = await asyncio.gather(*(world.listeners.next_pair(token, listener) for _ in range(5)))
    assert len({each.assignment.id for each in seen if each.assignment}) == 1


async def test_simultaneous_listeners_are_spread_over_the_pairs(world: ListeningWorld) -> None:
    await world.begin(prompts=4, votes_per_pair=3)
    token, listeners = await joined(world, 8)
    pairs = [(await world.listeners.next_pair(token, each)).assignment for each in listeners]
    keys = [pair.key for pair in pairs if pair]
    assert sorted(keys) == sorted([*set(keys)] * 2)
    assert len(set(keys)) == 4
    assert [pair.drawn_from for pair in pairs if pair] == [4, 3, 2, 1, 4, 3, 2, 1]


async def test_a_listener_who_leaves_does_not_block_the_pair_for_others(world: ListeningWorld) -> None:
    await world.begin(prompts=2)
    token, (left, stays, comes) = await joined(world, 3)
    gone = (await world.listeners.next_pair(token, left)).assignment
    other = (await world.listeners.next_pair(token, stays)).assignment
    assert gone is not None
    assert other is not None
    assert other.key != gone.key
    await world.answer(token, stays)
    last = (await world.listeners.next_pair(token, comes)).assignment
    assert last is not None
    assert last.key == gone.key, "this pair still needs a vote"


async def test_sides_are_swapped_at_random_and_the_vote_names_the_right_model(world: ListeningWorld) -> None:
    await world.begin(prompts=20)
    token, (listener,) = await joined(world)
    swapped = []
    for number in range(20):
        pair = await world.play(token, listener)
        swapped.append(pair.swapped)
        assert pair.audio_of(pair.clip_a) == (pair.second_audio if pair.swapped else pair.first_audio)
        answer = (A, B)[number % 2]
        await world.listeners.vote(token, listener, pair.id, answer)
        assert (await world.votes())[-1].answer is (
            Preference.SECOND if pair.swapped == (answer is A) else Preference.FIRST
        )
    assert set(swapped) == {True, False}


async def test_the_vote_that_completes_the_last_pair_triggers_the_verdict(world: ListeningWorld) -> None:
    await world.begin(prompts=2, votes_per_pair=2)
    token, (one, two) = await joined(world, 2)
    await world.answer(token, one, "tie")
    await world.answer(token, one, "both_bad")
    await world.answer(token, two, "tie")
    experiment = await world.experiment()
    assert (experiment.status, experiment.votes_received, experiment.votes_needed) == ("running", 3, 4)
    progress = await world.answer(token, two, "tie")
    assert progress == ListenerProgress(votes_given=2, pairs_left=0, open=False)
    experiment = await world.experiment()
    assert (experiment.status, experiment.votes_received) == ("completed", 4)
    assert [type(event) for event in world.database.published()] == [ExperimentCompleted]
    votes = await world.votes()
    assert votes[0] == Vote(votes[0].listener, votes[0].prompt_index, 0, 1, Preference.TIE)
    assert (await world.only_link()).tally == InvitationTally(2, 4)


async def test_simultaneous_last_votes_trigger_one_verdict(world: ListeningWorld) -> None:
    await world.begin(votes_per_pair=3)
    token, listeners = await joined(world, 5)
    pairs = [await world.play(token, each) for each in listeners]
    calls = (world.listeners.vote(token, who, pair.id, A) for who, pair in zip(listeners, pairs, strict=True))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(outcome, ListenerProgress) for outcome in outcomes) == 3
    refusals = [str(outcome)[:30] for outcome in outcomes if isinstance(outcome, Exception)]
    assert refusals == ["This listening test has closed"] * 2
    assert [type(event) for event in world.database.published()] == [ExperimentCompleted]
    assert (len(await world.votes()), (await world.experiment()).votes_received) == (3, 3)


async def test_votes_beyond_those_needed_count_in_the_verdict_but_not_towards_the_end(world: ListeningWorld) -> None:
    await world.begin(prompts=2)
    token, listeners = await joined(world, 3)
    pairs = [await world.play(token, each) for each in listeners]
    assert pairs[0].key != pairs[1].key
    for listener, pair in zip(listeners, pairs, strict=True):
        if pair.key == pairs[2].key:
            await world.listeners.vote(token, listener, pair.id, A)
    experiment = await world.experiment()
    assert (experiment.status, experiment.votes_received, len(await world.votes())) == ("running", 1, 2)


async def test_the_same_answer_counts_once_even_after_listening_closed(world: ListeningWorld) -> None:
    await world.begin()
    token, (listener,) = await joined(world)
    pair = await world.play(token, listener)
    for _ in range(3):
        progress = await world.listeners.vote(token, listener, pair.id, A)
        assert progress == ListenerProgress(votes_given=1, pairs_left=0, open=False)
    assert len(await world.votes()) == 1


async def test_a_different_answer_about_an_answered_pair_is_refused(world: ListeningWorld) -> None:
    await world.begin(prompts=2)
    token, (listener,) = await joined(world)
    pair = await world.play(token, listener)
    await world.listeners.vote(token, listener, pair.id, A)
    with pytest.raises(WrongState, match="already answered with a") as refused:
        await world.listeners.vote(token, listener, pair.id, B)
    assert refused.value.metadata == {"status": "answered", "answer": "a"}
    assert len(await world.votes()) == 1


async def test_a_pair_of_another_listener_is_not_found(world: ListeningWorld) -> None:
    await world.begin(prompts=2, votes_per_pair=2)
    token, (one, two) = await joined(world, 2)
    pair = await world.play(token, one)
    for pair_id in (pair.id, new_id("pai")):
        with pytest.raises(NotFound):
            await world.listeners.vote(token, two, pair_id, A)
    with pytest.raises(InvalidInput):
        await world.listeners.vote(token, two, "trl_" + "0" * 32, A)


async def test_a_listener_can_not_use_another_link(world: ListeningWorld) -> None:
    await world.begin()
    token, (listener,) = await joined(world)
    pair = await world.play(token, listener)
    other = await world.link()
    for call in (world.listeners.next_pair(other, listener), world.listeners.vote(other, listener, pair.id, A)):
        with pytest.raises(Unauthenticated, match="did not join through this link"):
            await call


async def test_a_vote_after_cancelling_is_refused(world: ListeningWorld) -> None:
    await world.begin()
    token, (listener,) = await joined(world)
    pair = await world.play(token, listener)
    async with world.database.transaction() as connection:
        experiment = await world.experiments.lock(connection, EXPERIMENT)
        assert experiment is not None
        await world.finishing.cancel(connection, experiment)
    with pytest.raises(WrongState, match="listening test has closed") as refused:
        await world.listeners.vote(token, listener, pair.id, A)
    assert refused.value.metadata == {"status": "closed"}
    assert (await world.listeners.next_pair(token, listener)).progress.open is False
    assert await world.votes() == []


async def test_the_number_of_listeners_of_a_link_is_limited(
    world: ListeningWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_cases, "MAX_LISTENERS", 2)
    await world.plan()
    token, _ = await joined(world, 2)
    with pytest.raises(QuotaExceeded, match="already has 2 listeners"):
        await world.listeners.join(token)


async def test_listening_can_be_closed_by_hand_once(world: ListeningWorld) -> None:
    await world.begin(prompts=2)
    token, (listener,) = await joined(world)
    await world.answer(token, listener)
    closed = await world.by_hand.close(EXPERIMENT)
    assert (closed.status, closed.votes_received, closed.votes_needed) == ("completed", 1, 2)
    with pytest.raises(WrongState, match="This experiment is completed"):
        await world.by_hand.close(EXPERIMENT)
    assert [type(event) for event in world.database.published()] == [ExperimentCompleted]


async def test_listening_can_not_be_closed_before_it_opens(world: ListeningWorld) -> None:
    await world.plan(eval_mode=EvalMode.HYBRID)
    with pytest.raises(WrongState, match="Listening is not open"):
        await world.by_hand.close(EXPERIMENT)


async def test_listening_closes_at_its_deadline(world: ListeningWorld) -> None:
    await world.begin(prompts=2, listening_days=1)
    token, (listener,) = await joined(world)
    await world.answer(token, listener)
    pair = await world.play(token, listener)
    world.at = NOON + timedelta(days=1) - timedelta(seconds=1)
    assert await world.closing.overdue() == 0
    world.at = NOON + timedelta(days=1)
    # The vote is late, although listening has not been closed yet.
    with pytest.raises(WrongState, match="listening test has closed"):
        await world.listeners.vote(token, listener, pair.id, A)
    assert await asyncio.gather(world.closing.overdue(), world.closing.overdue()) in ([1, 0], [0, 1])
    experiment = await world.experiment()
    assert (experiment.status, len(await world.votes())) == ("completed", 1)
    assert [type(event) for event in world.database.published()] == [ExperimentCompleted]


async def test_a_retry_reopens_listening_for_the_pairs_that_need_votes(world: ListeningWorld) -> None:
    await world.begin(prompts=2, failed=((1, 1),))
    token, (listener,) = await joined(world)
    await world.answer(token, listener)
    assert (await world.experiment()).status is ExperimentStatus.COMPLETED

    async with world.database.transaction() as connection:
        change(connection, EXPERIMENT, status=ExperimentStatus.RUNNING, failed_trials=0)
    assert (await world.listeners.next_pair(token, listener)).progress.open is False
    assert await world.closing.overdue() == 0

    async with world.database.transaction() as connection:
        again = world._trial(await world.experiment(), 1, 1, 0, True)
        await world.experiments.add_trials(connection, [again], NOON)
        change(connection, EXPERIMENT, completed_trials=4)
        experiment = await world.experiments.lock(connection, EXPERIMENT)
        assert experiment is not None
        await world.finishing.trials_ended(connection, experiment)
    experiment = await world.experiment()
    assert (experiment.status, experiment.votes_received, experiment.votes_needed) == ("running", 1, 2)
    await world.answer(token, listener)
    assert (await world.experiment()).status is ExperimentStatus.COMPLETED
    assert [vote.prompt_index for vote in await world.votes()] == [0, 1]
