"""The rows of a board in each of its orders."""

import pytest
from voicearena.elo.v1.leaderboard_pb2 import LeaderboardRow

from services.elo.leaderboard.boards import Sort, ordered

ROWS = [
    LeaderboardRow(name="first", elo_rating=1500, total_battles=3, win_rate=0.5, avg_wer=0.2),
    LeaderboardRow(name="second", elo_rating=1510, total_battles=9, win_rate=0.7, avg_wer=0.1, avg_quality=0.9),
    LeaderboardRow(name="third", elo_rating=1490, total_battles=9, avg_quality=0.8, median_ttfa_ms=10),
    LeaderboardRow(name="fourth", elo_rating=1480, total_battles=1, median_ttfa_ms=5, cost_per_1000_characters=0.0),
]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        (Sort.RANK, "first second third fourth"),
        (Sort.ELO, "second first third fourth"),
        (Sort.BATTLES, "second third first fourth"),
        (Sort.WIN_RATE, "second first third fourth"),
        (Sort.WORD_ERRORS, "second first third fourth"),
        (Sort.QUALITY, "second third first fourth"),
        (Sort.LATENCY, "fourth third first second"),
        (Sort.PRICE, "fourth first second third"),
    ],
)
def test_rows_without_a_value_come_last_and_equal_ones_stay_by_rank(sort: Sort, names: str) -> None:
    assert [row.name for row in ordered(ROWS, sort)] == names.split()
