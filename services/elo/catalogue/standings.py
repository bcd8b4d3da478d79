"""How voice models stand: their live ratings, and averages over what they have spoken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from voicearena.elo.v1.leaderboard_pb2 import LeaderboardRow

from services.elo.catalogue.domain import VoiceModel
from services.elo.domain import FIRST_RATING, INSTALLATION, ModelKind, Visibility, win_rate
from services.elo.overall_boards import overall_boards
from services.elo.ratings import BoardKind
from services.elo.reliability import RELIABILITY
from services.elo.tables import LIVE_RATINGS, RENDERS, SCENARIOS
from services.runtime.db import Database
from services.shared.clips.domain import ClipStatus

_L, _R = LIVE_RATINGS.c, RENDERS.c


@dataclass(frozen=True, slots=True)
class Standing:
    """The live rating of a model on its board, and its counted votes of people and of the metrics."""

    elo_rating: float = FIRST_RATING
    battles: int = 0
    wins: int = 0
    losses: int = 0
    ties: int = 0
    both_bad: int = 0

    @property
    def win_rate(self) -> float | None:
        """The share of votes that it won; see `win_rate`."""
        return win_rate(self.wins, self.losses, self.ties)


NEW = Standing()
"""The standing of a model without votes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Averages:
    """What was measured when a model spoke. A metric without a measurement is None."""

    avg_wer: float | None = None
    avg_semascore: float | None = None
    avg_prosody: float | None = None
    avg_quality: float | None = None
    """Of (MOS - 1) / 4, where the MOS of one clip is the mean of naturalness and signal quality."""
    median_ttfa_ms: float | None = None
    reliability: float | None = None
    """The share of requests for speech that succeeded."""


@dataclass(frozen=True, slots=True)
class Stats:
    """The published ratings and the averages of a model."""

    boards: Mapping[str, LeaderboardRow]
    """Its row on each board over all categories and languages that has one."""
    averages: Averages


def board_owner(model: VoiceModel) -> str:
    """Returns the owner of the boards on which a model stands."""
    return INSTALLATION if model.visibility is Visibility.PUBLIC else model.developer_id


class Standings:
    """Reads how models stand. A private model stands on the boards of its owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, models: Sequence[VoiceModel]) -> Mapping[str, Standing]:
        """Returns the standing of each of these models by id."""
        keys = [(board_owner(model), model.seq) for model in models]
        query = sa.select(LIVE_RATINGS).where(sa.tuple_(_L.owner, _L.model_seq).in_(keys))
        async with self._database.reading() as connection:
            rows = await connection.execute(query) if keys else ()
            found = {
                row.model_id: Standing(row.rating, row.battles, row.wins, row.losses, row.ties, row.both_bad)
                for row in rows
            }
        return {model.id: found.get(model.id, NEW) for model in models}

    async def stats(self, model: VoiceModel) -> Stats:
        """Returns the published ratings and the averages of a model."""
        async with self._database.reading() as connection:
            boards = await overall_boards(connection, board_owner(model), *BoardKind)
            averages = (await connection.execute(_averages(model))).one()
        rows = {kind: row for kind, board in boards.items() for row in board.rows if row.model_id == model.id}
        return Stats(rows, Averages(**averages._mapping))


def _averages(model: VoiceModel) -> "sa.Select[tuple[float | None, ...]]":
    """Returns the query of a model's averages. Private scenarios say nothing in public."""
    mos = sa.func.coalesce((_R.naturalness_mos + _R.signal_quality_mos) / 2, _R.naturalness_mos, _R.signal_quality_mos)
    ended = _R.status.in_([ClipStatus.COMPLETED, ClipStatus.FAILED])
    query = sa.select(
        sa.func.avg(_R.word_error_rate).label("avg_wer"),
        sa.func.avg(_R.semascore).label("avg_semascore"),
        sa.func.avg(_R.prosody_score).label("avg_prosody"),
        ((sa.func.avg(mos) - 1) / 4).label("avg_quality"),
        sa.func.percentile_cont(0.5).within_group(_R.ttfa_ms).label("median_ttfa_ms"),
        # A recorded model is not asked for speech.
        sa.case((sa.literal(model.kind is ModelKind.TTS), RELIABILITY)).label("reliability"),
    ).select_from(RENDERS.join(SCENARIOS, SCENARIOS.c.id == _R.scenario_id))
    query = query.where(_R.voice_model_id == model.id, ended)
    if model.visibility is Visibility.PUBLIC:
        query = query.where(SCENARIOS.c.visibility == Visibility.PUBLIC)
    return query
