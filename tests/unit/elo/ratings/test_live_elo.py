"""Live Elo: what each vote moves, and replaying votes."""

import random

import numpy as np
import pytest

from services.elo.ratings import LiveElo, LiveVote, Outcome, VoteKind, expected_score, publish
from tests.simulated_votes import Arena

A, B, TIE, BOTH_BAD = Outcome
HUMAN, METRICS = VoteKind


def test_a_human_vote_between_equal_models_moves_24_points_and_a_metric_vote_16() -> None:
    elo = LiveElo()
    assert elo.change(1500, 1500, A, HUMAN) == 24
    assert elo.change(1500, 1500, B, HUMAN) == -24
    assert elo.change(1500, 1500, A, METRICS) == 16
    assert elo.change(1500, 1500, TIE, HUMAN) == 0


def test_a_tie_moves_the_stronger_model_down() -> None:
    # Expected is 10/11, so a half is 0.409 less.
    assert LiveElo().change(1900, 1500, TIE, METRICS) == pytest.approx(32 * (0.5 - 10 / 11))


def test_both_bad_moves_nothing() -> None:
    assert LiveElo().change(1900, 1500, BOTH_BAD, HUMAN) == 0


def test_settings_change_what_a_vote_moves() -> None:
    elo = LiveElo(k_factor=10, vote_weights={HUMAN: 2.0, METRICS: 0.5})
    assert elo.change(1500, 1500, A, HUMAN) == 10
    assert elo.change(1500, 1500, A, METRICS) == 2.5


@pytest.mark.parametrize(("lead", "expected"), [(0, 0.5), (400, 10 / 11), (-400, 1 / 11), (1e9, 1.0), (-1e9, 0.0)])
def test_expected_scores(lead: float, expected: float) -> None:
    assert expected_score(1500 + lead, 1500) == pytest.approx(expected)


def test_replaying_begins_at_1500_and_keeps_the_sum() -> None:
    replay = LiveElo().replay([LiveVote("x", "y", A), LiveVote("y", "z", TIE, METRICS), LiveVote("z", "x", BOTH_BAD)])
    assert replay.ratings["x"] == 1524
    assert replay.changes[0] == 24
    assert replay.changes[1] == pytest.approx(32 * (0.5 - 1 / (1 + 10 ** (24 / 400))))
    assert replay.changes[2] == 0
    assert sum(replay.ratings.values()) == pytest.approx(4500)


def test_replaying_gives_every_rating_to_the_last_bit() -> None:
    drawn = random.Random(5)
    votes = [
        LiveVote(*drawn.sample("abcdef", 2), outcome=drawn.choice(list(Outcome)), kind=drawn.choice(list(VoteKind)))
        for _ in range(2000)
    ]
    elo, ratings = LiveElo(), dict.fromkeys("abcdef", 1500.0)
    for vote in votes:
        change = elo.change(ratings[vote.model_a], ratings[vote.model_b], vote.outcome, vote.kind)
        ratings[vote.model_a] += change
        ratings[vote.model_b] -= change
    assert elo.replay(votes).ratings == ratings


def test_a_model_that_meets_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="can't meet itself: x"):
        LiveElo().replay([LiveVote("x", "x", A)])


def test_live_and_published_ratings_have_the_same_order_and_different_spreads() -> None:
    arena = Arena(models=5, voters=2000, scenarios=400, votes=20_000, scenario_spread=0, voter_spread=0, slot_elo=0)
    generator = np.random.default_rng(2)
    votes = arena.vote(np.linspace(0.8, -0.8, 5), generator)
    published = publish({HUMAN: votes}, 5).elo
    # A small K, so that the last votes don't matter.
    rows = zip(votes.a.tolist(), votes.b.tolist(), votes.outcome.tolist(), strict=True)
    replay = LiveElo(k_factor=1).replay(LiveVote(str(a), str(b), Outcome(outcome)) for a, b, outcome in rows)
    live = np.array([replay.ratings[str(model)] for model in range(5)])
    assert np.argsort(live).tolist() == np.argsort(published).tolist()
    assert 0.6 < np.ptp(live) / np.ptp(published) < 0.8
