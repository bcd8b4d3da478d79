"""Converts computed boards to the messages that are stored and served."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from voicearena.elo.v1.leaderboard_pb2 import (
    Fragility,
    Leaderboard,
    LeaderboardRow,
    SlotEffect,
)
from voicearena.elo.v1.leaderboard_service_pb2 import Component, GetHeadToHeadResponse

from services.elo.domain import FIRST_RATING, win_rate
from services.elo.leaderboard.computing import ComputedBoard, Scope
from services.elo.ratings import METHOD_VERSION
from services.elo.ratings import SlotEffect as Effect
from services.elo.ratings.published_board import BoardKind
from services.elo.ratings.votes import Floats
from services.runtime.clock import timestamp

Cell = GetHeadToHeadResponse.Cell

NOT_CONNECTED = (
    "The votes connect the models in {parts} separate parts (components). "
    "Differences between models of different parts are assumptions, because no votes compare them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardModel:
    """What a board shows of a model beside its votes."""

    id: str
    name: str
    provider: str
    active: bool
    cost_per_1000_characters: float | None
    reliability: float | None
    """The share of its requests for speech that succeeded. None before the first, and for recorded models."""


@dataclass(frozen=True, slots=True)
class Times:
    """When a board was computed, and when it is computed next."""

    computed_at: datetime
    next_at: datetime


def leaderboard(
    scope: Scope,
    kind: BoardKind,
    board: ComputedBoard,
    models: Mapping[int, BoardModel],
    live: Mapping[int, float],
    times: Times,
) -> Leaderboard:
    """Returns a board as a message, its rows best first. `models` and `live` (live Elo) are by number of the model."""
    numbers = board.published.board
    message = Leaderboard(
        board=Leaderboard.Board.Value(kind),
        category=scope.category,
        language=scope.language,
        rows=[_row(board, at, models, live) for at in _best_first(board)],
        computed_at=timestamp(times.computed_at),
        next_at=timestamp(times.next_at),
        votes=board.votes,
        battles=board.averages.count,
        voters=board.voters,
        method_version=METHOD_VERSION,
        connected=numbers.connectivity.connected,
        slot_effect=_slot_effect(numbers.slot_effect),
        exclusion_rate=board.exclusion_rate,
    )
    if board.fragility is not None:
        rival = models[int(board.models[board.fragility.rival])]
        message.fragility.CopyFrom(Fragility(votes=board.fragility.votes, rival_id=rival.id))
    return message


def _best_first(board: ComputedBoard) -> list[int]:
    numbers = board.published.board
    order: list[int] = np.lexsort((board.models, -numbers.elo, numbers.rank)).tolist()
    return order


def _row(board: ComputedBoard, at: int, models: Mapping[int, BoardModel], live: Mapping[int, float]) -> LeaderboardRow:
    numbers, seq = board.published.board, int(board.models[at])
    model = models[seq]
    wins, losses = int(board.matrix.wins[at].sum()), int(board.matrix.wins[:, at].sum())
    ties, both_bad = int(board.matrix.ties[at].sum()), int(board.matrix.both_bad[at].sum())
    rating, half_width = float(numbers.elo[at]), float(numbers.half_width[at])
    row = LeaderboardRow(
        model_id=model.id,
        name=model.name,
        provider=model.provider,
        rank=int(numbers.rank[at]),
        rank_worst=int(numbers.rank_worst[at]),
        rating=rating,
        provisional=bool(numbers.provisional[at]),
        elo_rating=live.get(seq, FIRST_RATING),
        total_battles=int(board.averages.battles[at]),
        wins=wins,
        ties=ties,
        both_bad=both_bad,
        losses=losses,
        win_rate=win_rate(wins, losses, ties),
        median_ttfa_ms=_known(board.averages.median_ttfa_ms, at),
        reliability=model.reliability,
        cost_per_1000_characters=model.cost_per_1000_characters,
        withdrawn=not model.active,
        **{name: _known(values, at) for name, values in board.averages.means.items()},
    )
    if math.isfinite(half_width):
        row.rating_low, row.rating_high = rating - half_width, rating + half_width
    if board.delivery is not None and board.delivered[at]:
        row.delivery_controlled_rating = float(board.delivery.elo[at])
    return row


def _known(values: Floats, at: int) -> float | None:
    return None if math.isnan(values[at]) else float(values[at])


def _slot_effect(effect: Effect | None) -> SlotEffect | None:
    if effect is None:
        return None
    return SlotEffect(points=effect.points, points_low=effect.low_points, points_high=effect.high_points)


def head_to_head(
    board: ComputedBoard, models: Mapping[int, BoardModel], computed_at: datetime
) -> GetHeadToHeadResponse:
    """Returns the result of each pair that has votes, in both directions and in the order of the board."""
    numbers, matrix = board.published.board, board.matrix
    names = [models[int(seq)].id for seq in board.models]
    count = len(names)
    better = np.zeros((count, count), dtype=np.bool_)
    split, ahead = numbers.pairs.split, numbers.pairs.difference > 0
    better[numbers.pairs.first[split & ahead], numbers.pairs.second[split & ahead]] = True
    better[numbers.pairs.second[split & ~ahead], numbers.pairs.first[split & ~ahead]] = True
    order = _best_first(board)
    votes = matrix.votes
    cells = [
        Cell(
            model_id=names[i],
            opponent_id=names[j],
            wins=int(matrix.wins[i, j]),
            losses=int(matrix.wins[j, i]),
            ties=int(matrix.ties[i, j]),
            both_bad=int(matrix.both_bad[i, j]),
            surely_better=bool(better[i, j]),
            votes=int(votes[i, j]),
        )
        for i in order
        for j in order
        if votes[i, j]
    ]
    parts: dict[int, list[str]] = {}
    for at in order:
        # A model whose votes all say that both were bad is connected to none.
        part = int(numbers.connectivity.components[at])
        parts.setdefault(part if part >= 0 else -1 - at, []).append(names[at])
    return GetHeadToHeadResponse(
        cells=cells,
        components=[Component(model_ids=part) for part in parts.values()],
        computed_at=timestamp(computed_at),
        warning=NOT_CONNECTED.format(parts=len(parts)) if len(parts) > 1 else "",
    )
