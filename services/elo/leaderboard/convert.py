"""Converts requests for boards."""

from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
from voicearena.elo.v1.leaderboard_service_pb2 import (
    ExportVotesRequest,
    GetHeadToHeadRequest,
    GetLeaderboardCardRequest,
    GetLeaderboardRequest,
    ListSnapshotsRequest,
    WatchLeaderboardRequest,
)

from services.elo.domain import INSTALLATION, LANGUAGE, LANGUAGE_RULE
from services.elo.enums import enum_of
from services.elo.leaderboard.boards import Sort
from services.elo.leaderboard.history import HistoryFilter
from services.elo.leaderboard.store import BoardKey
from services.elo.ratings.published_board import BoardKind
from services.elo.scenarios.domain import CATEGORY, CATEGORY_RULE
from services.runtime.identity import current_identity
from services.runtime.ids import check_id
from services.runtime.validation import Validation

BoardRequest = (
    GetLeaderboardRequest
    | WatchLeaderboardRequest
    | GetHeadToHeadRequest
    | ExportVotesRequest
    | GetLeaderboardCardRequest
)


def board_key(request: BoardRequest) -> BoardKey:
    """Returns the key of the requested board.

    Raises InvalidInput if a value is malformed, and Unauthenticated if the board is private and the call has no API
    key.
    """
    kind = _board_kind(request.board)
    valid = Validation()
    check_category(request.category, valid)
    language = request.language
    valid.require(not language or LANGUAGE.fullmatch(language) is not None, "language", LANGUAGE_RULE)
    valid.finish()
    return BoardKey(owner(request.private), kind, request.category, language)


def history_filter(request: ListSnapshotsRequest) -> HistoryFilter:
    """Returns which snapshots are requested. Raises as `board_key` does."""
    kind = _board_kind(request.board)
    valid = Validation()
    check_category(request.category, valid)
    valid.finish()
    model_id = check_id(request.model_id, "mdl", "model_id") if request.model_id else ""
    return HistoryFilter(owner(request.private), kind, request.category, model_id)


def check_category(value: str, valid: Validation) -> None:
    """Adds a violation if this can't be the name of a category."""
    valid.require(not value or bool(CATEGORY.fullmatch(value)), "category", CATEGORY_RULE)


def owner(private: bool) -> str:
    """Returns the owner of the requested boards. Raises Unauthenticated without an API key if that is the caller."""
    return current_identity().developer_id if private else INSTALLATION


def sort_order(value: int) -> Sort:
    """Returns the order of the rows. Raises InvalidInput if it is none."""
    return enum_of(Sort, GetLeaderboardRequest.Sort, value, "sort") or Sort.RANK


def _board_kind(value: int) -> BoardKind:
    return enum_of(BoardKind, Leaderboard.Board, value, "board") or BoardKind.HYBRID
