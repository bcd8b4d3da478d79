"""How facts about the listening panel limit a verdict."""

import pytest

from services.experiments.verdict import Judges, Level, Panel, Verdict, decide
from tests.unit.experiments.verdict_trials import A, B, by_silence, votes

UNANIMOUS = votes(0, 1, *["a"] * 8)


def judged(panel: Panel, judges: Judges = Judges.LISTENERS) -> Verdict:
    return decide([A, B], 8, by_silence([0.0] * 8, [0.8] * 8), votes=UNANIMOUS, panel=panel, judges=judges)


@pytest.mark.parametrize(("from_one", "level"), [(0, "high"), (1, "high"), (4, "high"), (5, "low"), (8, "low")])
@pytest.mark.parametrize("judges", [Judges.LISTENERS, Judges.BOTH])
def test_more_than_half_of_the_votes_from_one_address_limit_confidence_to_low(
    judges: Judges, from_one: int, level: str
) -> None:
    verdict = judged(Panel(from_one_address=from_one), judges)
    assert (verdict.confidence, verdict.winner) == (Level[level], A)
    assert verdict.votes is not None
    assert verdict.votes.p_winner == 2 / 2**8
    assert verdict.votes.evidence_level is Level[level]
    assert verdict.votes.largest_address_share == (from_one / 8 or None)
    assert any("at one address" in reason for reason in verdict.reasons) == (level == "low")


def test_a_supervised_panel_is_shown_and_limited_in_the_same_way() -> None:
    verdict = judged(Panel(supervised=8, from_one_address=8))
    assert verdict.confidence is Level.low
    assert verdict.votes is not None
    assert verdict.votes.supervised == 8


def test_excluded_votes_are_a_reason_only_if_confidence_is_not_high() -> None:
    excluded = {"one_side": 10, "address_limit": 3}
    high, low = judged(Panel(excluded)), judged(Panel(excluded, from_one_address=8))
    assert high.reasons == ()
    assert high.votes is not None
    assert high.votes.excluded == excluded
    assert low.reasons[-1] == (
        "13 more votes were left out as doubtful: 3 from an address with more listeners than the link allows, "
        "10 from listeners who chose the same side every time."
    )


def test_if_no_vote_counts_the_reasons_say_why() -> None:
    trials = by_silence([0.0] * 8, [0.8] * 8)
    verdict = decide([A, B], 8, trials, panel=Panel({"too_fast": 20}), judges=Judges.LISTENERS)
    assert verdict.reasons == (
        "No vote counts, so there is no evidence of what listeners prefer.",
        "20 votes were left out as doubtful: 20 from listeners who answered faster than people can react.",
    )


def test_the_panel_changes_the_digest_only_if_something_is_known_of_it() -> None:
    plain = decide([A, B], 8, by_silence([0.0] * 8, [0.8] * 8), votes=UNANIMOUS, judges=Judges.LISTENERS).inputs_digest
    assert judged(Panel()).inputs_digest == plain
    others = [Panel({"one_side": 1}), Panel(supervised=1), Panel(unknown=1), Panel(from_one_address=1)]
    assert len({plain, *(judged(panel).inputs_digest for panel in others)}) == 5
