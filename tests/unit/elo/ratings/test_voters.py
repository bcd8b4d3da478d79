"""The share of one voter, and voters who vote unlike the others."""

import numpy as np
import pytest
from numpy.typing import NDArray

from services.elo.ratings import Outcome, VoteKind, Votes, count_outcomes, publish, under_cap, voter_test
from services.elo.ratings.voter_cap import max_votes_per_voter
from tests.simulated_votes import Arena

A, B, TIE, BOTH_BAD = Outcome
MODELS = 12


def ids(count: int) -> list[str]:
    """Returns ids of votes."""
    return [f"vote_{number}" for number in range(count)]


def test_no_voter_has_more_than_10_percent_of_the_counted_votes() -> None:
    # One voter has 5,000 votes, one has 400, and 50 others have 20 each.
    voter = np.concatenate((np.zeros(5000, int), np.ones(400, int), np.repeat(np.arange(2, 52), 20)))
    counted = under_cap(voter, ids(len(voter)))
    kept = np.bincount(voter[counted])
    assert kept.max() <= 0.10 * kept.sum()
    # And no fewer than that: one more vote of each of the two would be too many.
    assert kept[0] == kept[1] == 125
    assert 0.10 * (kept.sum() + 2) < 126
    assert (kept[2:] == 20).all()


@pytest.mark.parametrize(("votes", "capped"), [(999, False), (1000, True)])
def test_from_1000_votes_on_the_share_is_limited(votes: int, capped: bool) -> None:
    # One voter has half of the votes, and 30 others have the rest.
    number = np.arange(votes)
    voter = np.where(number % 2 == 0, 0, 1 + number // 2 % 30)
    counted = under_cap(voter, ids(votes))
    kept = np.bincount(voter[counted])
    assert bool(kept[0] <= 0.10 * kept.sum()) is capped
    assert bool(counted.all()) is not capped
    assert counted[voter != 0].all()


def test_with_few_voters_the_share_is_twice_that_of_equal_activity() -> None:
    voter = np.repeat(np.arange(10), [5000, *[200] * 9])
    kept = np.bincount(voter[under_cap(voter, ids(len(voter)))])
    # 2/10 of all: 450 of 450 + 9 * 200.
    assert kept.tolist() == [450, *[200] * 9]


@pytest.mark.parametrize("voters", [1, 2])
def test_one_or_two_voters_keep_all_their_votes(voters: int) -> None:
    voter = np.arange(2000) % voters
    assert under_cap(voter, ids(2000)).all()


def test_which_votes_are_kept_depends_on_their_ids_only() -> None:
    voter = np.concatenate((np.zeros(1500, int), 1 + np.arange(600) % 60))
    names = np.array(ids(len(voter)))
    order = np.random.default_rng(1).permutation(len(voter))
    counted = set(names[under_cap(voter, names.tolist())])
    assert counted == set(names[order][under_cap(voter[order], names[order].tolist())])
    assert len(counted) < len(voter)


def test_the_limit_of_equally_active_voters_is_their_activity() -> None:
    assert max_votes_per_voter(np.full(20, 100)) == 100


def test_there_must_be_an_id_for_each_vote() -> None:
    with pytest.raises(ValueError, match="2 votes, 1 ids"):
        under_cap(np.array([0, 1]), ["vote_0"])


@pytest.fixture(scope="module")
def honest() -> Votes:
    """Votes of 200 people with tastes."""
    arena, random = Arena(models=MODELS, votes=6000), np.random.default_rng(0)
    return arena.vote(arena.strengths(random), random)


def own_votes(a: NDArray[np.int64], b: NDArray[np.int64], outcome: NDArray[np.int64]) -> Votes:
    """Returns the votes of voter 200."""
    return Votes.of(a, b, outcome, np.zeros(len(a), int), np.full(len(a), 200))


def random_pairs(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns models in slot A and in slot B."""
    random = np.random.default_rng(9)
    a = random.integers(0, MODELS, count)
    return a, (a + random.integers(1, MODELS, count)) % MODELS


def test_honest_voters_lose_under_1_percent_of_their_votes(honest: Votes) -> None:
    everyone, lost, unlike = count_outcomes(honest, MODELS), 0, 0
    for voter in range(200):
        own = honest.where(honest.voter == voter)
        if voter_test(own, everyone, MODELS).unlike_others:
            lost, unlike = lost + len(own), unlike + 1
    assert lost < 0.01 * len(honest)
    assert unlike <= 2


@pytest.mark.parametrize(("place", "votes"), [(0, 12), (MODELS // 2, 15), (MODELS - 1, 60)])
def test_a_voter_who_always_prefers_one_model_is_found_the_sooner_the_weaker_it_is(
    honest: Votes, place: int, votes: int
) -> None:
    model = int(np.argsort(publish({VoteKind.HUMAN: honest}, MODELS).elo)[place])
    rivals = (model + 1 + np.arange(60) % (MODELS - 1)) % MODELS
    in_slot_a = np.arange(60) % 2 == 0
    own = own_votes(np.where(in_slot_a, model, rivals), np.where(in_slot_a, rivals, model), np.where(in_slot_a, A, B))
    everyone = count_outcomes(honest, MODELS) + count_outcomes(own, MODELS)
    found = voter_test(own, everyone, MODELS)
    assert found.unlike_others_after is not None
    assert found.unlike_others_after <= votes
    assert found.favoured == model


@pytest.mark.parametrize("always", [A, B, TIE, BOTH_BAD])
def test_a_voter_who_always_answers_the_same_is_found_within_20_votes(honest: Votes, always: Outcome) -> None:
    a, b = random_pairs(20)
    own = own_votes(a, b, np.full(20, always))
    found = voter_test(own, count_outcomes(honest, MODELS) + count_outcomes(own, MODELS), MODELS)
    assert found.unlike_others
    assert found.favoured is None


def test_votes_on_pairs_that_few_others_heard_say_nothing() -> None:
    a, b = random_pairs(50)
    own = own_votes(a, b, np.full(50, A))
    found = voter_test(own, count_outcomes(own, MODELS), MODELS)
    assert (found.tested_votes, found.evidence, found.unlike_others) == (0, 1.0, False)


def test_the_table_of_everyone_must_include_the_voter(honest: Votes) -> None:
    a, b = random_pairs(5)
    with pytest.raises(ValueError, match="must include those of this voter"):
        voter_test(own_votes(a, b, np.full(5, BOTH_BAD)), count_outcomes(honest, MODELS), MODELS)
