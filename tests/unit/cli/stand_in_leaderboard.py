"""The part of the stand-in mesh for leaderboards."""

# ruff: noqa: N802 - RPCs are named by the protos.
from __future__ import annotations

from typing import Any

from google.api.httpbody_pb2 import HttpBody
from voicearena.elo.v1 import leaderboard_pb2, leaderboard_service_pb2, leaderboard_service_pb2_grpc

MODEL_IDS = tuple(f"mdl_{number:032x}" for number in range(5))
_NAMES = ("Cartesia Sonic", "English (America), deep", "slt", "Multilingual Expressive Narration", "Old voice")
_RATINGS = ((1650.4, 30), (1540, 40), (1520, 35), (1490, 36), (1300, None))
_RANKS = ((1, 1), (2, 4), (2, 4), (2, 5), (4, 5))
Cell = leaderboard_service_pb2.GetHeadToHeadResponse.Cell


def board() -> leaderboard_pb2.Leaderboard:
    """Returns a board with all that is shown of one."""
    found = leaderboard_pb2.Leaderboard(
        board=leaderboard_pb2.Leaderboard.hybrid,
        votes=3120,
        battles=2890,
        voters=210,
        connected=True,
        exclusion_rate=0.0123,
        slot_effect=leaderboard_pb2.SlotEffect(points=1.23, points_low=-0.4, points_high=2.8),
        fragility=leaderboard_pb2.Fragility(votes=12, rival_id=MODEL_IDS[1]),
    )
    found.computed_at.FromJsonString("2026-11-26T12:00:00Z")
    found.next_at.FromJsonString("2026-11-26T12:05:00Z")
    for at, (id_, name) in enumerate(zip(MODEL_IDS, _NAMES, strict=True)):
        rating, half_width = _RATINGS[at]
        row = found.rows.add(
            model_id=id_,
            name=name,
            rank=_RANKS[at][0],
            rank_worst=_RANKS[at][1],
            rating=rating,
            elo_rating=1540 - 20 * at,
            total_battles=1000 - 90 * at,
            win_rate=0.6 - 0.1 * at,
            avg_wer=0.05,
            median_ttfa_ms=123,
            provisional=half_width is None,
            withdrawn=at == 3,
        )
        if half_width is not None:
            row.rating_low, row.rating_high = rating - half_width, rating + half_width
    return found


class LeaderboardStandIn(leaderboard_service_pb2_grpc.LeaderboardServiceServicer):
    """One board. `requests` is what was sent. The category `empty` has no votes."""

    requests: list[Any]
    export: tuple[bytes, ...] = ()

    async def GetLeaderboard(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return board() if request.category != "empty" else leaderboard_pb2.Leaderboard(board=request.board)

    async def ListSnapshots(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        one = leaderboard_pb2.Snapshot(
            snapshot_date="2026-11-25",
            model_id=MODEL_IDS[2],
            rank=2,
            rank_worst=4,
            rating=1511,
            elo_rating=1493,
            total_battles=800,
            win_rate=0.4,
            provisional=True,
        )
        found = [one] if request.category != "empty" else []
        return leaderboard_service_pb2.ListSnapshotsResponse(snapshots=found)

    async def GetHeadToHead(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        first, second = MODEL_IDS[:2]
        parts = [leaderboard_service_pb2.Component(model_ids=part) for part in (MODEL_IDS[:2], MODEL_IDS[2:])]
        better = {"wins": 9, "losses": 3, "ties": 2, "both_bad": 1, "votes": 15}
        cells = [
            Cell(model_id=first, opponent_id=second, **better, surely_better=True),
            Cell(model_id=second, opponent_id=first, **{**better, "wins": 3, "losses": 9}),
        ]
        return leaderboard_service_pb2.GetHeadToHeadResponse(
            cells=cells, components=parts, warning="No votes compare the parts."
        )

    async def ExportVotes(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        for piece in self.export:
            yield HttpBody(data=piece)
