"""Votes that are meant to lift one model: 300 from 20 sessions at one address, among 6,000 honest ones."""

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from services.elo.ratings import Board, Outcome, VoteKind, Votes, count_outcomes, publish, voter_test
from tests.simulated_votes import Arena

MODELS = 12
HONEST_VOTERS = 200
SESSIONS, VOTES_PER_SESSION = 20, 15


@pytest.fixture(scope="module")
def honest() -> Votes:
    """Votes of people with tastes."""
    arena, random = Arena(models=MODELS, voters=HONEST_VOTERS, votes=6000), np.random.default_rng(21)
    return arena.vote(arena.strengths(random), random)


def rigged(model: int) -> Votes:
    """Returns votes that always prefer one model, in whichever slot it is. Sessions follow the honest voters."""
    count = SESSIONS * VOTES_PER_SESSION
    random = np.random.default_rng(22)
    rivals = (model + random.integers(1, MODELS, count)) % MODELS
    in_slot_a = random.random(count) < 0.5
    return Votes.of(
        np.where(in_slot_a, model, rivals),
        np.where(in_slot_a, rivals, model),
        np.where(in_slot_a, Outcome.A, Outcome.B),
        random.integers(0, 48, count),
        HONEST_VOTERS + np.arange(count) % SESSIONS,
    )


def together(first: Votes, second: Votes) -> Votes:
    """Returns the votes of both."""
    columns = ("a", "b", "outcome", "scenario", "voter")
    return Votes.of(*(np.append(getattr(first, name), getattr(second, name)) for name in columns))


def unlike_others(votes: Votes, groups: NDArray[np.int64], tested: Iterable[int]) -> list[int]:
    """Returns which of the tested groups of votes are unlike those of the others. Each vote is in one group."""
    everyone = count_outcomes(votes, MODELS)
    return [group for group in tested if voter_test(votes.where(groups == group), everyone, MODELS).unlike_others]


def rank_groups(board: Board) -> list[tuple[int, int]]:
    """Returns the range of ranks of each model."""
    return list(zip(board.rank.tolist(), board.rank_worst.tolist(), strict=True))


@pytest.mark.parametrize("place", [0, MODELS // 2, MODELS - 1])
def test_300_rigged_votes_move_no_rank_group_and_honest_votes_are_kept(honest: Votes, place: int) -> None:
    clean = publish({VoteKind.HUMAN: honest}, MODELS)
    votes = together(honest, rigged(int(np.argsort(clean.elo)[place])))
    # Each honest voter has an address of their own, and all sessions have the next one.
    address = np.minimum(votes.voter, HONEST_VOTERS)
    assert HONEST_VOTERS in unlike_others(votes, address, [HONEST_VOTERS])
    left = votes.where(address != HONEST_VOTERS)
    counted = left.where(~np.isin(left.voter, unlike_others(left, left.voter, range(HONEST_VOTERS))))
    assert len(counted) > 0.99 * len(honest)
    assert rank_groups(publish({VoteKind.HUMAN: counted}, MODELS)) == rank_groups(clean)


def test_sessions_that_lift_one_model_hide_each_other_so_addresses_are_tested_first(honest: Votes) -> None:
    clean = publish({VoteKind.HUMAN: honest}, MODELS)
    votes = together(honest, rigged(int(np.argsort(clean.elo)[MODELS // 2])))
    sessions = range(HONEST_VOTERS, HONEST_VOTERS + SESSIONS)
    assert len(unlike_others(votes, votes.voter, sessions)) < SESSIONS / 2
    alone = votes.where(votes.voter <= HONEST_VOTERS)
    assert unlike_others(alone, alone.voter, [HONEST_VOTERS]) == [HONEST_VOTERS]


def test_without_exclusion_they_would_move_the_model(honest: Votes) -> None:
    before = publish({VoteKind.HUMAN: honest}, MODELS)
    model = int(np.argsort(before.elo)[MODELS // 2])
    after = publish({VoteKind.HUMAN: together(honest, rigged(model))}, MODELS)
    assert after.elo[model] > before.elo[model] + 50
