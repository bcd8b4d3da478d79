"""Draws the share card of a board."""

from __future__ import annotations

from datetime import UTC

from voicearena.elo.v1.leaderboard_pb2 import Leaderboard, LeaderboardRow

from services.elo.rating_cards import MIN_AXIS_POINTS, interval_text, rank_range, rating_value
from services.elo.ratings.published_board import BoardKind
from services.shared.cards import drawing
from services.shared.cards.drawing import LEFT, RIGHT, Axis, Style

MAX_ROWS = 5
"""The models that have room on a card."""
TITLES = {
    BoardKind.HUMAN: "Leaderboard by people",
    BoardKind.METRICS: "Leaderboard by metrics",
    BoardKind.HYBRID: "Leaderboard by people and metrics",
}
_TOP, _STEP = 262, 62
_NAME, _AXIS, _AXIS_END, _RATING = 148, 650, 862, 962


def board_card(board: Leaderboard, *, private: bool) -> str:
    """Returns the card of a board whose rows are in the order of their ranks."""
    kind = BoardKind(Leaderboard.Board.Name(board.board)) if board.board else BoardKind.HYBRID
    about = ["private board"] if private else []
    if not board.rows:
        # Anybody can ask for any category. Without its name, the cards of all empty boards are one picture.
        body = [drawing.words(LEFT, 320, "No votes yet.", Style(drawing.HEADING), RIGHT - LEFT)]
        return drawing.card(TITLES[kind], " · ".join(about), body, ["The first votes give ranks within seconds."])
    about += [part.replace("_", " ") for part in (board.category, board.language) if part] or ["all scenarios"]
    counts = {"votes": board.votes, "battles": board.battles, "voters": board.voters}
    about += [f"{count:,} {name}" for name, count in counts.items() if count]
    computed = f"{board.computed_at.ToDatetime(UTC):%Y-%m-%d %H:%M} UTC"
    left = len(board.rows) - MAX_ROWS
    notes = [
        f"Computed {computed}",
        f"and {left:,} more models" if left > 1 else "and 1 more model" if left > 0 else "",
    ]
    return drawing.card(TITLES[kind], " · ".join(about), _rows(board.rows[:MAX_ROWS]), notes)


def _rows(rows: list[LeaderboardRow]) -> list[str]:
    axis = Axis.of(_AXIS, _AXIS_END, [rating_value(row) for row in rows], MIN_AXIS_POINTS)
    head = Style(drawing.SMALL, colour=drawing.MUTED)
    found = [
        drawing.words(LEFT, 218, "Rank", head, 80),
        drawing.words(_NAME, 218, "Model", head, 300),
        drawing.words(_RATING, 218, "Rating", head, 120, anchor="end"),
        drawing.words(RIGHT, 218, "95% interval", head, 170, anchor="end"),
    ]
    for at, row in enumerate(rows):
        y = _TOP + at * _STEP
        # A stronger line separates the groups of models that are surely better from those below.
        found.append(
            drawing.rule(y - 32, drawing.STRONG_LINE if at == 0 or row.rank != rows[at - 1].rank else drawing.LINE)
        )
        found += _row(row, y, axis)
    return found


def _row(row: LeaderboardRow, y: float, axis: Axis) -> list[str]:
    colour = drawing.MUTED if row.provisional else drawing.TEXT
    rating = rating_value(row)
    small = Style(drawing.SMALL, colour=drawing.MUTED)
    label = ", ".join(
        [
            row.provider or "recorded",
            *(["provisional"] if row.provisional else []),
            *(["withdrawn"] if row.withdrawn else []),
        ]
    )
    return [
        drawing.words(LEFT, y + 8, rank_range(row.rank, row.rank_worst), Style(strong=True, colour=colour), 80),
        drawing.words(_NAME, y - 2, row.name, Style(26, True, colour), 480, name=row.model_id),
        drawing.words(_NAME, y + 23, label, Style(20, colour=drawing.MUTED), 480),
        *drawing.interval(axis, y, rating, drawing.MUTED if row.provisional else drawing.ACCENT),
        drawing.words(_RATING, y + 8, f"{row.rating:.0f}", Style(strong=True, colour=colour), 100, anchor="end"),
        drawing.words(RIGHT, y + 8, interval_text(rating), small, 170, anchor="end"),
    ]
