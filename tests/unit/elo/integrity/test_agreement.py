"""Which votes are excluded when the votes of a board are examined."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from services.elo.integrity.agreement import BoardVote, Findings, Outcomes, examine
from services.elo.ratings import Votes
from tests.simulated_votes import Arena

MODELS, VOTERS = 12, 200
FIRST_MODEL = 1000
"""Numbers of models in the database are sparse."""


@pytest.fixture(scope="module")
def honest() -> list[BoardVote]:
    """Votes of 200 people with tastes, each at an address of their own."""
    arena, random = Arena(models=MODELS, voters=VOTERS, votes=6000), np.random.default_rng(21)
    return board_votes(arena.vote(arena.strengths(random), random))


def board_votes(votes: Votes) -> list[BoardVote]:
    return [
        BoardVote(
            id=f"pai_{number}",
            voter_seq=int(votes.voter[number]),
            model_a_seq=FIRST_MODEL + 3 * int(votes.a[number]),
            model_b_seq=FIRST_MODEL + 3 * int(votes.b[number]),
            outcome=int(votes.outcome[number]),
            counted=True,
            address=b"address of %d" % votes.voter[number],
        )
        for number in range(len(votes))
    ]


def lifting(
    model: int,
    sessions: int,
    each: int,
    *,
    first_voter: int = VOTERS,
    address: bytes | None = b"one",
    counted: bool = True,
) -> list[BoardVote]:
    """Returns votes that always prefer one model (its place in the arena)."""
    random, votes = np.random.default_rng(22), []
    for number in range(sessions * each):
        rival = int((model + random.integers(1, MODELS)) % MODELS)
        in_slot_a = bool(random.random() < 0.5)
        a, b = (model, rival) if in_slot_a else (rival, model)
        votes.append(
            BoardVote(
                id=f"rig_{number}",
                voter_seq=first_voter + number % sessions,
                model_a_seq=FIRST_MODEL + 3 * a,
                model_b_seq=FIRST_MODEL + 3 * b,
                outcome=0 if in_slot_a else 1,
                counted=counted,
                address=address,
            )
        )
    return votes


def outcomes(votes: Sequence[BoardVote]) -> Outcomes:
    return Counter((vote.model_a_seq, vote.model_b_seq, vote.outcome) for vote in votes if vote.counted)


def examined(votes: Sequence[BoardVote]) -> Findings:
    addresses: dict[bytes, list[BoardVote]] = {}
    voters: dict[int, list[BoardVote]] = {}
    for vote in votes:
        voters.setdefault(vote.voter_seq, []).append(vote)
        if vote.address is not None:
            addresses.setdefault(vote.address, []).append(vote)
    return examine(outcomes(votes), addresses, voters)


def test_honest_voters_lose_under_1_percent_of_their_votes(honest: list[BoardVote]) -> None:
    found = examined(honest)
    assert not found.addresses
    assert sum(found.excludes(vote) for vote in honest) < 0.01 * len(honest)


@pytest.mark.parametrize("counted", [True, False])
def test_sessions_at_one_address_that_lift_a_model_are_found_together(honest: list[BoardVote], counted: bool) -> None:
    rigged = lifting(5, sessions=20, each=15, counted=counted)
    found = examined([*honest, *rigged])
    assert found.addresses == {b"one"}
    assert all(found.excludes(vote) for vote in rigged)
    assert sum(found.excludes(vote) for vote in honest) < 0.01 * len(honest)


def test_votes_that_are_excluded_already_are_found_again(honest: list[BoardVote]) -> None:
    """Otherwise an excluded voter would count again with the next round."""
    alone = lifting(5, sessions=1, each=30, counted=False)
    assert examined([*honest, *alone]).voters >= {VOTERS}


def test_a_regular_at_an_address_with_rigged_votes_keeps_theirs(honest: list[BoardVote]) -> None:
    busiest = Counter(vote.voter_seq for vote in honest).most_common(1)[0][0]
    shared = [
        BoardVote(**{**{name: getattr(vote, name) for name in vote.__slots__}, "address": b"one"})
        if vote.voter_seq == busiest
        else vote
        for vote in honest
    ]
    found = examined([*shared, *lifting(5, sessions=20, each=15)])
    assert found.addresses == {b"one"}
    assert found.cleared == {busiest}
    assert not any(found.excludes(vote) for vote in shared if vote.voter_seq == busiest)


def test_a_voter_with_few_votes_at_such_an_address_is_not_cleared(honest: list[BoardVote]) -> None:
    few = [vote for vote in honest if vote.voter_seq == 0][:3]
    at_address = [
        BoardVote(**{**{name: getattr(vote, name) for name in vote.__slots__}, "address": b"one"}) for vote in few
    ]
    found = examined([*honest, *at_address, *lifting(5, sessions=20, each=15)])
    assert all(found.excludes(vote) for vote in at_address)


def test_an_address_of_one_voter_is_tested_as_that_voter_only(honest: list[BoardVote]) -> None:
    found = examined([*honest, *lifting(5, sessions=1, each=40)])
    assert found.addresses == frozenset()
    assert VOTERS in found.voters


def test_on_a_new_board_nobody_can_be_told_apart() -> None:
    assert examined(lifting(5, sessions=2, each=10)) == Findings(frozenset(), frozenset(), frozenset())
    assert examined([]) == Findings(frozenset(), frozenset(), frozenset())
