"""Verdicts by listeners, and by listeners and measurements together, compared with cases worked by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.experiments.verdict import Judges, Level, Model, TrialOutcome, Verdict, Vote, custom_profile, decide
from services.experiments.verdict.evidence import clustered_sign_p
from services.shared.listening.domain import Preference
from tests.unit.experiments.verdict_trials import A, B, C, by_silence, failed, trial, votes

SAME = [0.3] * 8
NETS = st.lists(st.integers(-20, 20), max_size=10)


def human(votes: list[Vote], models: int = 2) -> Verdict:
    """Returns the verdict of listeners over models with equal measurements."""
    return decide([A, B, C][:models], 8, by_silence(*[SAME] * models), votes=votes, judges=Judges.LISTENERS)


def hybrid(trials: list[TrialOutcome], votes: list[Vote]) -> Verdict:
    return decide([A, B], 8, trials, votes=votes, judges=Judges.BOTH)


def test_six_listeners_who_agree_have_a_p_value_of_one_in_thirty_two() -> None:
    assert clustered_sign_p([1, 1, 1, 1, 1, 1]) == 0.03125


def test_a_listener_counts_once_however_often_they_vote() -> None:
    # Twenty votes of one listener: both signs give the same distance from zero.
    assert clustered_sign_p([20]) == 1.0
    # 5 + 1 - 1 = 5. Of the eight sums of +-5 +-1 +-1 all but +-3 reach 5: 6 of 8.
    assert clustered_sign_p([5, 1, -1]) == 6 / 8


def test_listeners_without_a_preference_change_nothing() -> None:
    assert clustered_sign_p([0, 2, 0, 1, 1]) == clustered_sign_p([2, 1, 1]) == 0.25
    assert clustered_sign_p([]) == clustered_sign_p([0, 0]) == clustered_sign_p([3, -3]) == 1.0


@given(NETS)
def test_the_p_value_agrees_with_counting_every_sign_pattern(nets: list[int]) -> None:
    sums = [abs(sum(sign * net for sign, net in zip(signs, nets, strict=True))) for signs in _signs(len(nets))]
    assert clustered_sign_p(nets) == sum(each >= abs(sum(nets)) for each in sums) / len(sums)


def _signs(count: int) -> list[tuple[int, ...]]:
    return list(product((-1, 1), repeat=count))


@pytest.mark.parametrize("seed", range(4))
def test_the_p_value_agrees_with_scipy(seed: int) -> None:
    nets = np.random.default_rng(seed).integers(-6, 12, 11)
    theirs = stats.permutation_test((nets,), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    assert clustered_sign_p(nets.tolist()) == pytest.approx(theirs.pvalue, abs=1e-12)


@pytest.mark.parametrize(("wins", "listeners"), [(60, 100), (1010, 2000), (40, 41)])
def test_with_one_vote_per_listener_it_is_the_plain_sign_test(wins: int, listeners: int) -> None:
    nets = [1] * wins + [-1] * (listeners - wins)
    assert clustered_sign_p(nets) == pytest.approx(stats.binomtest(wins, listeners).pvalue, rel=1e-9)


def test_eight_listeners_who_agree_give_high_confidence() -> None:
    verdict = human(votes(0, 1, *["aab"] * 8))
    assert (verdict.gap_level, verdict.evidence_level, verdict.confidence) == (Level.high,) * 3
    assert (verdict.leader, verdict.winner, verdict.reasons) == (A, A, ())
    assert verdict.p_winner == 2 / 2**8
    # Two of three votes each.
    assert [one.preference_share for one in verdict.rankings] == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert [one.rank for one in verdict.rankings] == [1, 2]
    assert verdict.minimum_detectable_effect is None
    assert verdict.votes is not None
    assert (verdict.votes.listeners, verdict.votes.votes, verdict.votes.both_bad) == (8, 24, 0)
    assert (verdict.votes.leader, verdict.votes.p_winner, verdict.votes.evidence_level) == (A, 2 / 2**8, Level.high)
    (pair,) = verdict.head_to_head
    assert pair.votes is not None
    assert (pair.votes.a, pair.votes.b, pair.votes.ties, pair.votes.both_bad, pair.votes.listeners) == (16, 8, 0, 0, 8)
    assert pair.votes.p_value == pair.votes.p_holm == 2 / 2**8


@pytest.mark.parametrize(
    ("listeners", "level"), [(3, "inconclusive"), (4, "low"), (5, "low"), (6, "medium"), (7, "medium"), (8, "high")]
)
def test_listeners_who_all_agree_reach_the_level_of_their_number(listeners: int, level: str) -> None:
    assert human(votes(0, 1, *["a"] * listeners)).evidence_level is Level[level]


def test_many_votes_from_three_listeners_are_three_opinions() -> None:
    verdict = human(votes(0, 1, *["aaaaaaaa"] * 3))
    assert (verdict.gap_level, verdict.confidence, verdict.winner) == (Level.high, Level.inconclusive, None)
    assert verdict.reasons == (
        "The votes of 3 listeners favour either espeak:a or espeak:b; low confidence needs at least 4.",
        "If listeners liked espeak:a and espeak:b equally, votes this one-sided would occur by chance 25% of the time "
        "(p = 0.25); low confidence needs p <= 0.20.",
    )


def test_ties_and_both_bad_count_half_in_the_share_and_are_not_evidence() -> None:
    verdict = human(votes(0, 1, "aaa=", "x", "=x"))
    # 3.5 of 4, half, half.
    assert verdict.rankings[0].preference_share == pytest.approx((0.875 + 0.5 + 0.5) / 3)
    assert verdict.rankings[1].preference_share == pytest.approx((0.125 + 0.5 + 0.5) / 3)
    (pair,) = verdict.head_to_head
    assert pair.votes is not None
    assert (pair.votes.ties, pair.votes.both_bad, pair.votes.listeners, pair.votes.p_value) == (2, 2, 3, 1.0)
    assert verdict.votes is not None
    assert verdict.votes.both_bad == 2


def test_each_listener_counts_once_in_the_preference_share() -> None:
    # One listener with eight votes for B, two with one for A.
    verdict = human(votes(0, 1, "bbbbbbbb", "a", "a"))
    assert verdict.leader == A
    assert verdict.rankings[0].preference_share == pytest.approx(2 / 3)
    assert verdict.reasons == ("Not enough evidence: espeak:a did not get more votes than espeak:b.",)


def test_a_small_gap_between_shares_limits_the_confidence_of_strong_evidence() -> None:
    # Six listeners have one vote for A and seven ties: 4.5 of 8, 0.5625.
    verdict = human(votes(0, 1, *["a======="] * 6, *["========"] * 12))
    # The mean of 6 x 0.5625 and 12 x 0.5 is 0.5208: a gap of 0.0417.
    assert (verdict.gap_level, verdict.evidence_level, verdict.confidence) == (Level.low, Level.medium, Level.low)
    assert verdict.reasons[0] == (
        "The preference share of espeak:a is 0.042 higher than that of espeak:b; medium confidence needs more than "
        "0.05."
    )


def test_without_votes_there_is_no_leader() -> None:
    verdict = human([])
    assert (verdict.leader, verdict.winner, verdict.confidence) == (None, None, Level.inconclusive)
    assert verdict.reasons == ("No listener has voted, so there is no evidence of what listeners prefer.",)
    assert [(one.rank, one.preference_share) for one in verdict.rankings] == [(1, None), (1, None)]
    assert verdict.votes is not None
    assert (verdict.votes.listeners, verdict.votes.votes, verdict.votes.leader, verdict.votes.p_winner) == (
        0,
        0,
        None,
        None,
    )
    assert verdict.head_to_head[0].votes is not None
    assert verdict.head_to_head[0].votes.p_value is None


def test_votes_test_the_leader_against_its_hardest_opponent() -> None:
    cast = votes(0, 1, *["a"] * 8) + votes(0, 2, *["a"] * 6, "b", "b") + votes(1, 2, *["b"] * 8)
    verdict = human(cast, models=3)
    by_pair = {(pair.model_a, pair.model_b): pair.votes for pair in verdict.head_to_head}
    # Against C six of eight: 2 * (1 + 8 + 28) / 256.
    assert verdict.p_winner == 74 / 256
    assert verdict.evidence_level is Level.inconclusive
    # Holm over 2/256, 74/256, 2/256.
    assert [pair and pair.p_holm for pair in by_pair.values()] == [6 / 256, 74 / 256, 6 / 256]
    # The votes do not separate A and C. B is behind both.
    assert [(one.model, one.rank) for one in verdict.rankings] == [(A, 1), (C, 1), (B, 3)]


def test_no_winner_is_named_if_listeners_never_compared_the_leader_with_an_opponent() -> None:
    verdict = human(votes(0, 1, *["a"] * 8) + votes(1, 2, *["b"] * 8), models=3)
    assert (verdict.leader, verdict.winner) == (A, None)
    assert "No listener has compared espeak:a with espeak:c." in verdict.reasons


def test_a_model_that_never_spoke_is_not_an_opponent_and_limits_confidence_to_low() -> None:
    trials = [*by_silence(SAME, SAME), *(failed(2, prompt) for prompt in range(8))]
    verdict = decide([A, B, C], 8, trials, votes=votes(0, 1, *["a"] * 8), judges=Judges.LISTENERS)
    assert [(one.model, one.rank) for one in verdict.rankings] == [(A, 1), (B, 2), (C, 3)]
    assert (verdict.confidence, verdict.winner, verdict.p_winner) == (Level.low, A, 2 / 2**8)


def test_listeners_judge_models_without_the_needed_measurements() -> None:
    verdict = decide(
        [A, B],
        8,
        by_silence(SAME, SAME),
        composite=custom_profile({"naturalness": 1.0}),
        votes=votes(0, 1, *["b"] * 8),
        judges=Judges.LISTENERS,
    )
    assert (verdict.winner, verdict.confidence, verdict.reasons) == (B, Level.high, ())
    assert [(one.composite_score, dict(one.components)) for one in verdict.rankings] == [(0.0, {}), (0.0, {})]


def test_if_both_judges_agree_the_lower_level_counts() -> None:
    clear = by_silence([0.0] * 8, [0.8] * 8)
    verdict = hybrid(clear, votes(0, 1, *["a"] * 6))
    assert (verdict.evidence_level, verdict.confidence, verdict.winner) == (Level.medium, Level.medium, A)
    assert verdict.votes is not None
    assert verdict.votes.evidence_level is Level.medium
    # These two come from the measurements.
    assert (verdict.p_winner, verdict.gap_level) == (2 / 2**8, Level.high)
    assert verdict.reasons == (
        "The votes of 6 listeners favour either espeak:a or espeak:b; high confidence needs at least 8.",
        "If listeners liked espeak:a and espeak:b equally, votes this one-sided would occur by chance 3.1% of the time "
        "(p = 0.031); high confidence needs p <= 0.01.",
    )
    assert hybrid(clear, votes(0, 1, *["a"] * 8)).reasons == ()


def test_if_the_judges_disagree_no_winner_is_named() -> None:
    verdict = hybrid(by_silence([0.0] * 8, [0.8] * 8), votes(0, 1, *["b"] * 8))
    assert (verdict.leader, verdict.winner, verdict.confidence) == (A, None, Level.inconclusive)
    assert verdict.votes is not None
    assert (verdict.votes.leader, verdict.votes.evidence_level) == (B, Level.high)
    assert [one.model for one in verdict.rankings] == [A, B]
    assert verdict.reasons == (
        "The measurements rank espeak:a first, but listeners prefer espeak:b. A winner is named only if measurements "
        "and listeners agree.",
    )


def test_if_both_judge_but_nobody_voted_no_winner_is_named() -> None:
    verdict = hybrid(by_silence([0.0] * 8, [0.8] * 8), [])
    assert (verdict.leader, verdict.winner, verdict.confidence) == (A, None, Level.inconclusive)
    assert verdict.reasons == ("No listener has voted, so there is no evidence of what listeners prefer.",)


@pytest.mark.parametrize(
    ("models", "cast", "judges", "message"),
    [
        ([A, B], votes(0, 1, "a"), Judges.MEASUREMENTS, "listeners don't judge this experiment"),
        (
            [A, B],
            votes(0, 2, "a"),
            Judges.LISTENERS,
            r"vote \('listener 0', 0, 0, 2\) does not belong to this experiment",
        ),
        (
            [A, B],
            votes(1, 0, "a"),
            Judges.LISTENERS,
            r"vote \('listener 0', 0, 1, 0\) does not belong to this experiment",
        ),
        (
            [A, B],
            [Vote("l", 1, 0, 1, Preference.TIE)],
            Judges.BOTH,
            r"vote \('l', 1, 0, 1\) does not belong to this experiment",
        ),
        ([A, B], votes(0, 1, "a") * 2, Judges.LISTENERS, "occurs twice"),
    ],
)
def test_wrongly_recorded_votes_are_refused(
    models: list[Model], cast: list[Vote], judges: Judges, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        decide(models, 1, [trial(0, 0), trial(1, 0)], votes=cast, judges=judges)
