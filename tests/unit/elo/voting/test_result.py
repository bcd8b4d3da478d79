"""The winner of a battle, and who decided it."""

from typing import Any

import pytest

from services.elo.battles.domain import VoteSource
from services.elo.voting.deciding import result_of
from tests.contract.stores.elo.rows import battle

HUMAN, METRICS, HYBRID = VoteSource.HUMAN, VoteSource.METRICS, VoteSource.HYBRID


@pytest.mark.parametrize(
    ("values", "result"),
    [
        ({"votes_a": 2, "votes_b": 1}, ("a", HUMAN)),
        ({"votes_a": 1, "votes_b": 2, "metric_vote": {"answer": "a"}}, ("b", HYBRID)),
        ({"votes_both_bad": 1}, ("both_bad", HUMAN)),
        ({"votes_tie": 3, "votes_a": 2}, ("tie", HUMAN)),
        ({"votes_a": 2, "votes_b": 2, "votes_tie": 1}, ("tie", HUMAN)),
        ({"votes_a": 1, "votes_both_bad": 1, "metric_vote": {"answer": "a"}}, ("tie", HYBRID)),
        ({"metric_vote": {"answer": "b"}}, ("b", METRICS)),
        ({"metric_vote": {"answer": "tie"}}, ("tie", METRICS)),
        ({}, ("tie", METRICS)),
    ],
)
def test_the_majority_of_people_wins_else_the_metrics(values: dict[str, Any], result: tuple[str, VoteSource]) -> None:
    assert result_of(battle("bat_a", ("mdl_a", 1), ("mdl_b", 2), 1, **values)) == result
