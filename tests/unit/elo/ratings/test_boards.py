"""What a published board says about few votes, odd votes and models that never met."""

import numpy as np
import pytest

from services.elo.ratings import Method, Outcome, VoteKind, Votes, fragility, head_to_head, publish
from services.elo.ratings.davidson import NotConverged
from services.elo.ratings.ranks import holm, ranks
from services.elo.ratings.student_t import quantile, two_sided_p
from tests.simulated_votes import Arena
from tests.vectors.ratings import rating_case, votes_of

A, B, TIE, BOTH_BAD = Outcome


def simulated(seed: int = 1, **setting: int) -> tuple[Votes, int]:
    """Returns votes of a simulated arena and its number of models."""
    arena = Arena(**setting)
    random = np.random.default_rng(seed)
    return arena.vote(arena.strengths(random), random), arena.models


def test_a_model_without_votes_has_the_mean_rating_no_interval_and_any_rank() -> None:
    votes, models = simulated()
    board = publish({VoteKind.HUMAN: votes}, models + 1)
    assert board.elo[models] == pytest.approx(1500, abs=1e-6)
    assert np.isinf([board.se[models], board.half_width[models]]).all()
    assert board.provisional[models]
    assert (board.rank[models], board.rank_worst[models]) == (1, models + 1)
    assert not board.pairs.split[(board.pairs.second == models)].any()
    others = publish({VoteKind.HUMAN: votes}, models)
    assert board.rank[:models].tolist() == others.rank.tolist()


def test_ratings_of_few_voters_and_scenarios_are_provisional_whatever_their_width() -> None:
    alike = {"scenario_spread": 0, "voter_spread": 0, "activity_spread": 0}
    votes, models = simulated(models=4, scenarios=12, voters=12, votes=20_000, **alike)
    narrow = publish({VoteKind.HUMAN: votes}, models)
    votes, models = simulated(models=8, scenarios=200, voters=300, votes=300, activity_spread=0)
    wide = publish({VoteKind.HUMAN: votes}, models)
    assert narrow.half_width.max() < 15
    assert narrow.df.max() < 15
    assert narrow.provisional.all()
    assert wide.half_width.min() > 60
    assert wide.df.min() >= 15
    assert not wide.provisional.any()


@pytest.mark.parametrize("one", ["voter", "scenario"])
def test_one_voter_or_one_scenario_is_no_ground_for_an_interval(one: str) -> None:
    votes, models = simulated(votes=500)
    single = {"scenario": votes.scenario, "voter": votes.voter, one: np.zeros(500, dtype=int)}
    board = publish({VoteKind.HUMAN: Votes.of(votes.a, votes.b, votes.outcome, **single)}, models)
    assert np.isinf(board.half_width).all()
    assert board.provisional.all()
    assert not board.pairs.split.any()
    assert board.slot_effect is None


def test_a_board_without_votes_is_all_mean() -> None:
    none = Votes.of([], [], [], [], [])
    board = publish({VoteKind.HUMAN: none}, 3)
    assert board.elo.tolist() == [1500, 1500, 1500]
    assert np.isinf(board.half_width).all()
    assert board.rank.tolist() == [1, 1, 1]
    assert board.connectivity.components.tolist() == [-1, -1, -1]
    assert fragility(board) is None


def test_a_new_model_does_not_make_a_board_disconnected_or_fragile() -> None:
    # The first two have met, the last has no votes and the mean rating, which is higher than that of the second.
    votes = Votes.of([0] * 8, [1] * 8, [A] * 6 + [B] * 2, range(8), range(8))
    method = Method(slot_effect=False)
    board, alone = publish({VoteKind.HUMAN: votes}, 3, method), publish({VoteKind.HUMAN: votes}, 2, method)
    assert board.connectivity.components.tolist() == [0, 0, -1]
    assert board.connectivity.connected
    assert board.leader == 0
    found = fragility(board)
    assert found is not None
    assert found == fragility(alone)


def test_a_hybrid_board_of_one_kind_is_the_board_of_this_kind() -> None:
    votes, models = simulated(votes=500)
    none = Votes.of([], [], [], [])
    alone = publish({VoteKind.HUMAN: votes}, models)
    hybrid = publish({VoteKind.HUMAN: votes, VoteKind.METRICS: none}, models)
    assert hybrid.elo.tolist() == alone.elo.tolist()
    assert hybrid.half_width.tolist() == alone.half_width.tolist()


def test_many_metric_votes_do_not_drown_people() -> None:
    # People prefer model 0 in 3 of 4 votes, metrics prefer model 1 in 3 of 4.
    people = Votes.of([0] * 40, [1] * 40, [A, A, A, B] * 10, range(40), range(40))
    gaps = []
    for times in (1, 1000):
        size = 40 * times
        metrics = Votes.of([0] * size, [1] * size, [B, B, B, A] * 10 * times, np.arange(size) % 40)
        method = Method(ridge=0.0, slot_effect=False)
        board = publish({VoteKind.HUMAN: people, VoteKind.METRICS: metrics}, 2, method)
        gaps.append(board.elo[0] - board.elo[1])
    assert gaps[0] == pytest.approx(gaps[1], abs=1e-6)
    # 60% of the mass prefers 3 to 1 and 40% prefers 1 to 3: odds of 0.55 to 0.45.
    assert gaps[0] == pytest.approx(400 * np.log10(0.55 / 0.45), abs=1e-6)


def test_both_bad_changes_nothing_but_the_head_to_head_matrix() -> None:
    votes, models = simulated(votes=500)
    more = Votes.of(
        np.append(votes.a, [0, 1]),
        np.append(votes.b, [1, 0]),
        np.append(votes.outcome, [BOTH_BAD, BOTH_BAD]),
        np.append(votes.scenario, [0, 0]),
        np.append(votes.voter, [0, 0]),
    )
    with_bad, without = publish({VoteKind.HUMAN: more}, models), publish({VoteKind.HUMAN: votes}, models)
    assert with_bad.elo.tolist() == without.elo.tolist()
    assert with_bad.half_width.tolist() == without.half_width.tolist()
    assert head_to_head(more, models).both_bad[0, 1] == head_to_head(more, models).both_bad[1, 0] == 2


def test_the_order_of_votes_does_not_matter() -> None:
    votes, models = simulated(votes=500)
    shuffled = votes.where(np.random.default_rng(1).permutation(500))
    board, other = publish({VoteKind.HUMAN: votes}, models), publish({VoteKind.HUMAN: shuffled}, models)
    assert other.elo == pytest.approx(board.elo, abs=1e-9)
    assert other.half_width == pytest.approx(board.half_width, rel=1e-9)


def test_swapping_slots_reverses_the_slot_effect_and_nothing_else() -> None:
    votes, models = simulated(votes=2000)
    outcome = np.array([B, A, TIE])[votes.outcome]
    swapped = Votes.of(votes.b, votes.a, outcome, votes.scenario, votes.voter)
    board, other = publish({VoteKind.HUMAN: votes}, models), publish({VoteKind.HUMAN: swapped}, models)
    assert other.elo == pytest.approx(board.elo, abs=1e-6)
    assert other.half_width == pytest.approx(board.half_width, rel=1e-6)
    assert board.slot_effect is not None
    assert other.slot_effect is not None
    assert other.slot_effect.points == pytest.approx(-board.slot_effect.points, abs=1e-6)


def test_small_clusters_need_no_exact_jackknife() -> None:
    votes, models = simulated(models=6, scenarios=300, voters=2000, votes=20_000)
    fast = publish({VoteKind.HUMAN: votes}, models)
    exact = publish({VoteKind.HUMAN: votes}, models, Method(exact_cluster_share=0.0))
    assert fast.half_width == pytest.approx(exact.half_width, rel=0.02)


def test_models_in_separate_parts_are_never_split() -> None:
    # 0 always beats 1, and 2 always beats 3, with hardly any noise.
    count = 400
    a = np.tile([0, 2], count // 2)
    votes = Votes.of(a, a + 1, np.where(np.arange(count) % 10 == 0, B, A), np.arange(count) % 37, np.arange(count) % 41)
    board = publish({VoteKind.HUMAN: votes}, 4, Method(slot_effect=False))
    split = {(int(i), int(j)) for i, j in zip(board.pairs.first, board.pairs.second, strict=True)} - {
        (int(i), int(j))
        for i, j, sure in zip(board.pairs.first, board.pairs.second, board.pairs.split, strict=True)
        if not sure
    }
    assert split == {(0, 1), (2, 3)}
    assert not board.connectivity.connected
    assert board.connectivity.components.tolist() == [0, 0, 1, 1]
    assert fragility(board) is None
    assert publish(votes_of(rating_case("small")), 3).connectivity.connected


def test_without_a_ridge_a_model_that_always_won_has_no_rating() -> None:
    votes = Votes.of([0] * 20, [1] * 20, [A] * 20, range(20), range(20))
    with pytest.raises(NotConverged):
        publish({VoteKind.HUMAN: votes}, 2, Method(ridge=0.0))
    assert publish({VoteKind.HUMAN: votes}, 2, Method(slot_effect=False)).elo[0] > 1600


def test_without_a_ridge_separate_parts_have_no_ratings() -> None:
    votes = Votes.of([0, 0, 2, 2], [1, 1, 3, 3], [A, B, A, B], range(4), range(4))
    with pytest.raises(NotConverged):
        publish({VoteKind.HUMAN: votes}, 4, Method(ridge=0.0, slot_effect=False))


def test_votes_must_name_existing_models() -> None:
    with pytest.raises(ValueError, match="must be below 2"):
        publish({VoteKind.HUMAN: Votes.of([0], [2], [A], [0], [0])}, 2)
    with pytest.raises(ValueError, match="at least one table"):
        publish({}, 2)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0], [0], [A], [0], [0]), "must differ"),
        (([0], [1], [4], [0], [0]), "outcome must be 0"),
        (([0], [-1], [A], [0], [0]), "b must not be negative"),
        (([0, 1], [1], [A], [0], [0]), "b must have 2 entries"),
        (([0], [1], [A], [0], []), "voter must have 1 entries"),
        (([0.5], [1], [A], [0], [0]), "a must have whole numbers"),
    ],
)
def test_malformed_votes_are_refused(columns: tuple[list[int], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Votes.of(*columns)


def test_holm_stops_at_the_first_p_value_that_is_too_large() -> None:
    # 0.01 <= 0.05/4 and 0.016 <= 0.05/3 pass. 0.03 > 0.05/2 stops, so 0.04 <= 0.05/1 does not pass.
    assert holm(np.array([0.04, 0.01, 0.03, 0.016])).tolist() == [False, True, False, True]
    assert holm(np.array([])).tolist() == []


def test_ranks_count_those_that_are_surely_better_and_surely_worse() -> None:
    # 0 is surely better than 2 and 3, and 1 than 3.
    best, worst = ranks(4, better=np.array([0, 0, 1]), worse=np.array([2, 3, 3]))
    assert best.tolist() == [1, 1, 2, 3]
    assert worst.tolist() == [2, 3, 4, 4]


def test_the_head_to_head_matrix_counts_both_slots() -> None:
    votes = Votes.of([0, 1, 1, 0, 0], [1, 0, 0, 1, 2], [A, A, B, TIE, A], range(5), range(5))
    matrix = head_to_head(votes, 3)
    assert (matrix.wins[0, 1], matrix.wins[1, 0], matrix.ties[0, 1], matrix.ties[1, 0]) == (2, 1, 1, 1)
    assert matrix.votes[0, 1] == matrix.votes[1, 0] == 4
    assert matrix.win_rate[0, 1] == 0.5
    assert matrix.win_rate[2, 0] == 0
    assert np.isnan(matrix.win_rate[1, 2])


def test_the_interval_of_the_slot_effect_contains_it() -> None:
    votes, models = simulated(votes=5000)
    effect = publish({VoteKind.HUMAN: votes}, models).slot_effect
    assert effect is not None
    assert effect.low_points < effect.points < effect.high_points
    # 20 Elo between equal models with the simulated share of ties.
    assert effect.low_points < 4 < effect.high_points


@pytest.mark.parametrize(("t", "df"), [(float("nan"), 3), (1, 0.5)])
def test_student_t_refuses_what_has_no_answer(t: float, df: float) -> None:
    with pytest.raises(ValueError, match="at least 1 degree"):
        two_sided_p(t, df)
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(3, two_sided=1.0)


def test_fragility_is_the_smallest_number_on_a_board_small_enough_to_try_all() -> None:
    # 0 has 5 wins and 1 has 3. Without 2 of them it is a draw, and the leader stays.
    votes = Votes.of([0] * 8, [1] * 8, [A] * 5 + [B] * 3, range(8), range(8))
    board = publish({VoteKind.HUMAN: votes}, 2, Method(slot_effect=False))
    found = fragility(board)
    assert found is not None
    assert (found.votes, found.rival) == (3, 1)
