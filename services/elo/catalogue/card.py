"""Draws the share card of a voice model."""

from __future__ import annotations

from voicearena.elo.v1.elo_pb2 import VoiceModel, VoiceModelStats, private

from services.elo.rating_cards import MIN_AXIS_POINTS, interval_text, rank_range, rating_value
from services.shared.cards import drawing
from services.shared.cards.drawing import LEFT, RIGHT, Axis, Style

BOARDS = {"hybrid": "People and metrics", "human": "People", "metrics": "Metrics"}
"""The boards in the order of the card, with the names that it shows."""
_BoardRating = VoiceModelStats.BoardRating
_AXIS, _AXIS_END = 480, 760


def model_card(model: VoiceModel) -> str:
    """Returns the card of a voice model with its stats."""
    is_private = model.visibility == private
    about = [model.provider or "recorded", *([model.language] if model.language else [])]
    about += [f"version {model.version}"] if model.version else []
    about += ["private"] if is_private else []
    about += [] if model.active else ["withdrawn"]
    ratings = {rating.board: rating for rating in model.stats.boards}
    shown = [ratings[board] for board in BOARDS if board in ratings]
    first = shown[0] if shown else None
    body = [*_tiles(model, first), *(_boards(shown) if shown else _unrated())]
    note = "Ratings on the private board of its owner" if is_private else "Published ratings. 1500 is the average."
    return drawing.card(model.name, " · ".join(about), body, [note, "95% intervals"], name=model.id)


def _tiles(model: VoiceModel, rating: _BoardRating | None) -> list[str]:
    tiles = {
        "Rating": f"{rating.rating:.0f}" if rating else "–",
        "Rank": rank_range(rating.rank, rating.rank_worst) if rating else "–",
        "Battles": f"{model.total_battles:,}",
        "Won": f"{model.win_rate:.0%}" if model.HasField("win_rate") else "–",
    }
    wide = (RIGHT - LEFT) / len(tiles)
    found = [drawing.rule(206)]
    for at, (label, text) in enumerate(tiles.items()):
        x = LEFT + at * wide
        colour = drawing.ACCENT if label == "Rating" else drawing.TEXT
        found.append(drawing.words(x, 246, label, Style(drawing.SMALL, colour=drawing.MUTED), wide - 16))
        found.append(drawing.words(x, 314, text, Style(64, True, colour), wide - 16))
    return found


def _boards(ratings: list[_BoardRating]) -> list[str]:
    values = [rating_value(one) for one in ratings]
    axis = Axis.of(_AXIS, _AXIS_END, values, MIN_AXIS_POINTS)
    small = Style(drawing.SMALL, colour=drawing.MUTED)
    head = 374
    found = [
        drawing.words(LEFT, head, "Board", small, 300),
        drawing.words(900, head, "Rating", small, 100, anchor="end"),
        drawing.words(RIGHT, head, "95% interval", small, 200, anchor="end"),
        drawing.rule(head + 16, drawing.STRONG_LINE),
    ]
    for at, (rating, value) in enumerate(zip(ratings, values, strict=True)):
        y = head + 50 + at * 56
        colour = drawing.MUTED if rating.provisional else drawing.TEXT
        label = BOARDS[rating.board] + (", provisional" if rating.provisional else "")
        found += [
            drawing.words(LEFT, y + 8, label, Style(26, colour=colour), 400),
            *drawing.interval(axis, y, value, drawing.MUTED if rating.provisional else drawing.ACCENT),
            drawing.words(900, y + 8, f"{rating.rating:.0f}", Style(strong=True, colour=colour), 110, anchor="end"),
            drawing.words(RIGHT, y + 8, interval_text(value), small, 200, anchor="end"),
        ]
    return found


def _unrated() -> list[str]:
    text = "Not rated yet: no vote about it has counted on a board over all scenarios."
    return [drawing.words(LEFT, 440, text, Style(26, colour=drawing.MUTED), RIGHT - LEFT)]
