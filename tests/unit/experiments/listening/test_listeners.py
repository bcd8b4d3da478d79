"""What listeners do: join, hear a pair, vote."""

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
from services.shared.listening.domain import HELD_FOR, ListenerAnswer, ListenerProgress, Preference, Tally
from tests.fakes.memory_experiments_store import change
from tests.unit.experiments.listening.conftest import EXPERIMENT, NOON, Room

A, B = ListenerAnswer.A, ListenerAnswer.B


async def joined(room: Room, count: int = 1) -> tuple[str, list[str]]:
    """Makes a link; returns its token and those of its listeners."""
    token = await room.link()
    return token, [(await room.listeners.join(token)).token for _ in range(count)]


async def test_voting_opens_when_the_trials_have_ended(room: Room) -> None:
    await room.begin(models=3, prompts=2, votes_per_pair=4, listening_days=3, failed=((1, 0),))
    experiment = await room.experiment()
    assert experiment.status is ExperimentStatus.RUNNING
    assert experiment.listening_until == NOON + timedelta(days=3)
    # Three pairs of the first prompt and one of the second.
    assert (experiment.votes_received, experiment.votes_needed) == (0, 16)


async def test_an_experiment_without_a_pair_that_can_be_heard_has_its_verdict_at_once(room: Room) -> None:
    await room.begin(failed=((0, 1),))
    experiment = await room.experiment()
    assert (experiment.status, experiment.votes_needed) == (ExperimentStatus.COMPLETED, 0)
    assert experiment.listening_until is None


async def test_a_listener_hears_every_pair_once_and_is_done(room: Room) -> None:
    await room.begin(models=3, prompts=2, votes_per_pair=2)
    token, (listener,) = await joined(room)
    for given in range(6):
        seen = await room.listeners.next_pair(token, listener)
        assert seen.progress == ListenerProgress(votes_given=given, pairs_left=6 - given, open=True)
        assert seen.assignment is not None
        assert seen.text == f"Prompt {seen.assignment.key.text_index}."
        await room.answer(token, listener)
    done = await room.listeners.next_pair(token, listener)
    assert done.assignment is None
    assert done.progress == ListenerProgress(votes_given=6, pairs_left=0, open=True)
    assert len({(vote.prompt_index, vote.first, vote.second) for vote in await room.votes()}) == 6


async def test_the_pair_that_a_listener_is_at_stays_until_it_is_answered(room: Room) -> None:
    await room.begin(prompts=5)
    token, (listener,) = await joined(room)
    first = await room.listeners.next_pair(token, listener)
    room.wait(seconds=30)
    assert await room.listeners.next_pair(token, listener) == first
    room.wait(hours=1)
    again = (await room.listeners.next_pair(token, listener)).assignment
    assert again is not None
    assert again == dataclasses.replace(first.assignment, shown_at=again.shown_at)
    async with room.database.reading() as connection:
        held = await room.store.held(connection, EXPERIMENT, room.at - HELD_FOR)
    assert held == {again.key: 1}, "who asks again is at it again"


async def test_many_calls_of_one_listener_at_once_give_one_pair(room: Room) -> None:
    await room.begin(prompts=5)
    token, (listener,) = await joined(room)
    seen = await asyncio.gather(*(room.listeners.next_pair(token, listener) for _ in range(5)))
    assert len({each.assignment.id for each in seen if each.assignment}) == 1


async def test_listeners_who_come_together_are_spread_over_the_pairs(room: Room) -> None:
    await room.begin(prompts=4, votes_per_pair=3)
    token, listeners = await joined(room, 8)
    pairs = [(await room.listeners.next_pair(token, each)).assignment for each in listeners]
    keys = [pair.key for pair in pairs if pair]
    assert sorted(keys) == sorted([*set(keys)] * 2)
    assert len(set(keys)) == 4
    assert [pair.drawn_from for pair in pairs if pair] == [4, 3, 2, 1, 4, 3, 2, 1]


async def test_who_leaves_is_waited_for_ten_minutes_and_blocks_nobody(room: Room) -> None:
    await room.begin(prompts=2)
    token, (left, stays, comes) = await joined(room, 3)
    gone = (await room.listeners.next_pair(token, left)).assignment
    other = (await room.listeners.next_pair(token, stays)).assignment
    assert gone is not None
    assert other is not None
    assert other.key != gone.key
    await room.answer(token, stays)
    last = (await room.listeners.next_pair(token, comes)).assignment
    assert last is not None
    assert last.key == gone.key, "it lacks a vote still"


async def test_sides_are_swapped_at_random_and_undone_in_the_vote(room: Room) -> None:
    await room.begin(prompts=20)
    token, (listener,) = await joined(room)
    swapped = []
    for number in range(20):
        pair = await room.play(token, listener)
        swapped.append(pair.swapped)
        assert pair.audio_of(pair.clip_a) == (pair.second_audio if pair.swapped else pair.first_audio)
        answer = (A, B)[number % 2]
        await room.listeners.vote(token, listener, pair.id, answer)
        assert (await room.votes())[-1].answer is (
            Preference.SECOND if pair.swapped == (answer is A) else Preference.FIRST
        )
    assert set(swapped) == {True, False}


async def test_the_vote_that_completes_the_pairs_reaches_the_verdict(room: Room) -> None:
    await room.begin(prompts=2, votes_per_pair=2)
    token, (one, two) = await joined(room, 2)
    await room.answer(token, one, "tie")
    await room.answer(token, one, "both_bad")
    await room.answer(token, two, "tie")
    experiment = await room.experiment()
    assert (experiment.status, experiment.votes_received, experiment.votes_needed) == ("running", 3, 4)
    progress = await room.answer(token, two, "tie")
    assert progress == ListenerProgress(votes_given=2, pairs_left=0, open=False)
    experiment = await room.experiment()
    assert (experiment.status, experiment.votes_received) == ("completed", 4)
    assert [type(event) for event in room.database.published()] == [ExperimentCompleted]
    votes = await room.votes()
    assert votes[0] == Vote(votes[0].listener, votes[0].prompt_index, 0, 1, Preference.TIE)
    assert (await room.only_link()).tally == Tally(2, 4)


async def test_the_last_votes_at_once_reach_one_verdict(room: Room) -> None:
    await room.begin(votes_per_pair=3)
    token, listeners = await joined(room, 5)
    pairs = [await room.play(token, each) for each in listeners]
    calls = (room.listeners.vote(token, who, pair.id, A) for who, pair in zip(listeners, pairs, strict=True))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(outcome, ListenerProgress) for outcome in outcomes) == 3
    refusals = [str(outcome)[:30] for outcome in outcomes if isinstance(outcome, Exception)]
    assert refusals == ["This listening test has closed"] * 2
    assert [type(event) for event in room.database.published()] == [ExperimentCompleted]
    assert (len(await room.votes()), (await room.experiment()).votes_received) == (3, 3)


async def test_votes_beyond_what_a_pair_needs_count_in_the_verdict_and_not_towards_the_end(room: Room) -> None:
    await room.begin(prompts=2)
    token, listeners = await joined(room, 3)
    pairs = [await room.play(token, each) for each in listeners]
    assert pairs[0].key != pairs[1].key
    for listener, pair in zip(listeners, pairs, strict=True):
        if pair.key == pairs[2].key:
            await room.listeners.vote(token, listener, pair.id, A)
    experiment = await room.experiment()
    assert (experiment.status, experiment.votes_received, len(await room.votes())) == ("running", 1, 2)


async def test_the_same_answer_again_counts_once_even_after_the_end(room: Room) -> None:
    await room.begin()
    token, (listener,) = await joined(room)
    pair = await room.play(token, listener)
    for _ in range(3):
        progress = await room.listeners.vote(token, listener, pair.id, A)
        assert progress == ListenerProgress(votes_given=1, pairs_left=0, open=False)
    assert len(await room.votes()) == 1


async def test_another_answer_about_the_same_pair_is_refused(room: Room) -> None:
    await room.begin(prompts=2)
    token, (listener,) = await joined(room)
    pair = await room.play(token, listener)
    await room.listeners.vote(token, listener, pair.id, A)
    with pytest.raises(WrongState, match="already answered this pair with a") as refused:
        await room.listeners.vote(token, listener, pair.id, B)
    assert refused.value.metadata == {"status": "answered", "answer": "a"}
    assert len(await room.votes()) == 1


async def test_a_pair_of_somebody_else_is_not_found(room: Room) -> None:
    await room.begin(prompts=2, votes_per_pair=2)
    token, (one, two) = await joined(room, 2)
    pair = await room.play(token, one)
    for pair_id in (pair.id, new_id("pai")):
        with pytest.raises(NotFound):
            await room.listeners.vote(token, two, pair_id, A)
    with pytest.raises(InvalidInput):
        await room.listeners.vote(token, two, "trl_" + "0" * 32, A)


async def test_a_listener_belongs_to_one_link(room: Room) -> None:
    await room.begin()
    token, (listener,) = await joined(room)
    pair = await room.play(token, listener)
    other = await room.link()
    for call in (room.listeners.next_pair(other, listener), room.listeners.vote(other, listener, pair.id, A)):
        with pytest.raises(Unauthenticated, match="has not joined by this link"):
            await call


async def test_no_vote_comes_after_cancelling(room: Room) -> None:
    await room.begin()
    token, (listener,) = await joined(room)
    pair = await room.play(token, listener)
    async with room.database.transaction() as connection:
        experiment = await room.experiments.lock(connection, EXPERIMENT)
        assert experiment is not None
        await room.finishing.cancel(connection, experiment)
    with pytest.raises(WrongState, match="listening test has closed") as refused:
        await room.listeners.vote(token, listener, pair.id, A)
    assert refused.value.metadata == {"status": "closed"}
    assert (await room.listeners.next_pair(token, listener)).progress.open is False
    assert await room.votes() == []


async def test_a_link_has_room_for_so_many_listeners(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "MAX_LISTENERS", 2)
    await room.plan()
    token, _ = await joined(room, 2)
    with pytest.raises(QuotaExceeded, match="2 listeners have joined"):
        await room.listeners.join(token)


async def test_listening_is_closed_by_hand_once(room: Room) -> None:
    await room.begin(prompts=2)
    token, (listener,) = await joined(room)
    await room.answer(token, listener)
    closed = await room.by_hand.close(EXPERIMENT)
    assert (closed.status, closed.votes_received, closed.votes_needed) == ("completed", 1, 2)
    with pytest.raises(WrongState, match="this experiment is completed"):
        await room.by_hand.close(EXPERIMENT)
    assert [type(event) for event in room.database.published()] == [ExperimentCompleted]


async def test_listening_is_not_closed_before_it_is_open(room: Room) -> None:
    await room.plan(eval_mode=EvalMode.HYBRID)
    with pytest.raises(WrongState, match="listening is not open"):
        await room.by_hand.close(EXPERIMENT)


async def test_listening_closes_when_its_time_is_over(room: Room) -> None:
    await room.begin(prompts=2, listening_days=1)
    token, (listener,) = await joined(room)
    await room.answer(token, listener)
    pair = await room.play(token, listener)
    room.at = NOON + timedelta(days=1) - timedelta(seconds=1)
    assert await room.closing.overdue() == 0
    room.at = NOON + timedelta(days=1)
    # Late, though nobody has looked yet.
    with pytest.raises(WrongState, match="listening test has closed"):
        await room.listeners.vote(token, listener, pair.id, A)
    assert await asyncio.gather(room.closing.overdue(), room.closing.overdue()) in ([1, 0], [0, 1])
    experiment = await room.experiment()
    assert (experiment.status, len(await room.votes())) == ("completed", 1)
    assert [type(event) for event in room.database.published()] == [ExperimentCompleted]


async def test_a_retry_closes_the_vote_and_opens_it_again_for_what_lacks_votes(room: Room) -> None:
    await room.begin(prompts=2, failed=((1, 1),))
    token, (listener,) = await joined(room)
    await room.answer(token, listener)
    assert (await room.experiment()).status is ExperimentStatus.COMPLETED

    async with room.database.transaction() as connection:
        change(connection, EXPERIMENT, status=ExperimentStatus.RUNNING, failed_trials=0)
    assert (await room.listeners.next_pair(token, listener)).progress.open is False
    assert await room.closing.overdue() == 0

    async with room.database.transaction() as connection:
        again = room._trial(await room.experiment(), 1, 1, 0, True)
        await room.experiments.add_trials(connection, [again], NOON)
        change(connection, EXPERIMENT, completed_trials=4)
        experiment = await room.experiments.lock(connection, EXPERIMENT)
        assert experiment is not None
        await room.finishing.trials_ended(connection, experiment)
    experiment = await room.experiment()
    assert (experiment.status, experiment.votes_received, experiment.votes_needed) == ("running", 1, 2)
    await room.answer(token, listener)
    assert (await room.experiment()).status is ExperimentStatus.COMPLETED
    assert [vote.prompt_index for vote in await room.votes()] == [0, 1]
