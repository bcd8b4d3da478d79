"""The share card of a board."""

from datetime import UTC, datetime

import pytest
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard, LeaderboardRow

from services.elo.leaderboard.card import board_card
from services.shared.cards import drawing
from tests.unit.shared.cards.shown import dots, texts


def row(number: int, name: str = "", **changes: object) -> LeaderboardRow:
    values: dict[str, object] = {
        **{"model_id": f"mdl_{number}", "name": name or f"Voice {number}", "provider": "espeak"},
        **{"rank": number, "rank_worst": number, "rating": 1600 - 20 * number},
        **{"rating_low": 1590 - 20 * number, "rating_high": 1610 - 20 * number},
    }
    return LeaderboardRow(**{**values, **changes})  # type: ignore[arg-type]


def board(*rows: LeaderboardRow, **changes: object) -> Leaderboard:
    found = Leaderboard(rows=rows, votes=1234, battles=600, voters=12, **changes)  # type: ignore[arg-type]
    found.computed_at.FromDatetime(datetime(2026, 11, 27, 9, 5, tzinfo=UTC))
    return found


def test_a_card_has_the_models_with_ranks_ratings_and_intervals() -> None:
    svg = board_card(
        board(
            row(1),
            row(2, rank_worst=3),
            row(3, "Old", rank=2, provider="", rating_low=None, rating_high=None, provisional=True, withdrawn=True),
            board=Leaderboard.human,
            category="customer_service",
            language="de",
        ),
        private=False,
    )
    assert texts(svg) == [
        "Leaderboard by people",
        "customer service · de · 1,234 votes · 600 battles · 12 voters",
        *("Rank", "Model", "Rating", "95% interval"),
        *("1", "Voice 1", "espeak", "1580", "1570–1590"),
        *("2–3", "Voice 2", "espeak", "1560", "1550–1570"),
        *("2–3", "Old", "recorded, provisional, withdrawn", "1540", "no interval"),
        *("Computed 2026-11-27 09:05 UTC", ""),
    ]
    assert dots(svg) == [(812.8, 262.0), (737.1, 324.0), (661.4, 386.0)]


def test_a_stronger_line_is_above_each_group_of_ranks() -> None:
    svg = board_card(board(row(1), row(2, rank=1), row(3)), private=False)
    assert svg.count(f'stroke="{drawing.STRONG_LINE}"') == 2


@pytest.mark.parametrize(("models", "note"), [(5, ""), (6, "and 1 more model"), (1205, "and 1,200 more models")])
def test_a_card_has_five_models_and_counts_the_others(models: int, note: str) -> None:
    svg = board_card(board(*map(row, range(1, models + 1))), private=False)
    assert texts(svg)[-1] == note
    assert len(dots(svg)) == 5


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (Leaderboard.human, "Leaderboard by people"),
        (Leaderboard.metrics, "Leaderboard by metrics"),
        (Leaderboard.hybrid, "Leaderboard by people and metrics"),
        (Leaderboard.board_unspecified, "Leaderboard by people and metrics"),
    ],
)
def test_a_board_without_votes_says_so(kind: Leaderboard.Board.ValueType, title: str) -> None:
    svg = board_card(Leaderboard(board=kind), private=True)
    assert texts(svg) == [
        title,
        "private board",
        "No votes yet.",
        "The first votes give ranks within seconds.",
    ]


def test_the_cards_of_empty_boards_are_one_picture() -> None:
    assert len({board_card(Leaderboard(category=name), private=False) for name in ("", "medical", "hotel")}) == 1


def test_names_of_200_hard_characters_stay_in_their_column() -> None:
    hard = ("<script>alert(1)</script>\u202e שלום 🚀" + "W" * 200)[:200]
    svg = board_card(board(*(row(number, hard) for number in range(1, 6))), private=False)
    assert texts(svg)[7] == "<script>alert(1)</script> \ufffd WWWWWW…"
    assert len(svg) < 10_000


def test_a_name_that_cannot_be_drawn_is_replaced_by_the_id() -> None:
    assert texts(board_card(board(row(1, "日本語")), private=False))[7] == "mdl_1"
