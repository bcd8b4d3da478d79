"""A board of 500 models stays quick: it shows a part of the rows at a time."""

from __future__ import annotations

from datetime import UTC, datetime

from playwright.async_api import expect
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard, LeaderboardRow
from voicearena.elo.v1.leaderboard_service_pb2 import WatchLeaderboardResponse

from tests.browser.conftest import Open
from tests.browser.replies import reply

MODELS = 500
MAX_ROWS = 250
MAX_ELEMENTS = 8_000


def board(models: int) -> Leaderboard:
    """Returns a board of people with many models."""
    message = Leaderboard(board=Leaderboard.Board.Value("human"), votes=50 * models, voters=models)
    message.computed_at.FromDatetime(datetime.now(UTC))
    message.next_at.FromDatetime(datetime.now(UTC))
    message.rows.extend(
        LeaderboardRow(
            model_id=f"mdl_{number:032x}",
            name=f"Voice {number}",
            provider="northwind",
            rank=number // 3 + 1,
            rank_worst=number // 3 + 9,
            rating=1800 - number,
            rating_low=1770 - number,
            rating_high=1830 - number,
            elo_rating=1500,
            total_battles=100,
            wins=50,
            ties=20,
            losses=30,
            win_rate=0.6,
            avg_wer=0.05,
            median_ttfa_ms=240,
        )
        for number in range(models)
    )
    return message


async def test_a_board_of_500_models_has_a_bounded_number_of_rows(opened: Open) -> None:
    tab = await opened(viewport={"width": 1280, "height": 900})
    await reply(tab.page, "LeaderboardService/GetLeaderboard", [board(MODELS)])
    await reply(tab.page, "LeaderboardService/WatchLeaderboard", [WatchLeaderboardResponse(leaderboard=board(MODELS))])
    await tab.goto("/leaderboard")
    await expect(tab.page.get_by_text("Voice 0", exact=True).first).to_be_visible()
    rows, elements = await tab.page.evaluate(
        "[document.querySelectorAll('main tr').length, document.querySelectorAll('main *').length]"
    )
    assert 10 < rows <= MAX_ROWS
    assert elements <= MAX_ELEMENTS
