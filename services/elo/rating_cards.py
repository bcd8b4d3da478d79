"""What share cards of boards and of models have in common."""

from __future__ import annotations

from voicearena.elo.v1.elo_pb2 import VoiceModelStats
from voicearena.elo.v1.leaderboard_pb2 import LeaderboardRow

from services.shared.cards.drawing import Value

MIN_AXIS_POINTS = 40.0
"""The shortest axis of ratings."""


def rank_range(best: int, worst: int) -> str:
    """Returns the ranks that a model can have, such as `2–5`."""
    return str(best) if best == worst else f"{best}–{worst}"


def rating_value(rated: LeaderboardRow | VoiceModelStats.BoardRating) -> Value:
    """Returns a rating with its interval."""
    known = rated.HasField("rating_low") and rated.HasField("rating_high")
    return Value(rated.rating, rated.rating_low, rated.rating_high) if known else Value(rated.rating)


def interval_text(rating: Value) -> str:
    """Returns an interval such as `1480–1530`."""
    return "no interval" if rating.low is None or rating.high is None else f"{rating.low:.0f}–{rating.high:.0f}"
