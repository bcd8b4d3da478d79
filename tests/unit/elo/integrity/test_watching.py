"""When an alarm is raised."""

import pytest
from voicearena.elo.v1.leaderboard_pb2 import SlotEffect

from services.elo.integrity.watching import Exclusions, surely_one_sided, too_many_excluded


@pytest.mark.parametrize(
    ("hour", "before", "alarms"),
    [
        (Exclusions(100, 31), Exclusions(1000, 100), True),
        (Exclusions(100, 30), Exclusions(1000, 100), False),
        # Nothing was excluded before: 1% is assumed.
        (Exclusions(300, 10), Exclusions(1000, 0), True),
        (Exclusions(400, 10), Exclusions(1000, 0), False),
        (Exclusions(20, 10), Exclusions(0, 0), True),
        # A few excluded votes can be chance.
        (Exclusions(9, 9), Exclusions(1000, 0), False),
        (Exclusions(0, 0), Exclusions(0, 0), False),
    ],
)
def test_an_hour_with_more_than_three_times_the_usual_exclusions_alarms(
    hour: Exclusions, before: Exclusions, alarms: bool
) -> None:
    assert too_many_excluded(hour, before) is alarms


@pytest.mark.parametrize(
    ("low", "high", "alarms"), [(3.1, 9.0, True), (2.9, 9.0, False), (-9.0, -3.1, True), (-9.0, -2.9, False)]
)
def test_only_a_sure_effect_of_the_side_over_three_points_alarms(low: float, high: float, alarms: bool) -> None:
    effect = SlotEffect(points=(low + high) / 2, points_low=low, points_high=high)
    assert surely_one_sided(effect) is alarms
