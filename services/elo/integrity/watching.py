"""Watches how many votes are excluded, and whether the side on which a clip is heard decides. Alarms are logged.

Excluded votes are told to nobody who casts them, so a rule that excludes too many of them would stay unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.elo.v1.leaderboard_pb2 import SlotEffect

from services.elo.overall_boards import public_slot_effect
from services.elo.ratings import VoteKind
from services.elo.tables import BATTLE_VOTES
from services.runtime.clock import now
from services.runtime.db import Database

log = structlog.get_logger()

HOUR = timedelta(hours=1)
MEAN_OVER = timedelta(days=7)
MAX_TIMES_MEAN = 3.0
MIN_MEAN_SHARE = 0.01
"""The mean that is assumed at least. Honest voters lose less than this share of their votes."""
MIN_EXCLUDED_VOTES = 10
"""With fewer excluded votes in an hour, chance can be the reason."""
MAX_SLOT_POINTS = 3.0
CHECK_INTERVAL_SECONDS = 60.0

EXCLUDED_SHARE = Gauge(
    "voicearena_votes_excluded_share", "Share of the votes of people in the last hour that are excluded"
)
EXCLUDED_MEAN = Gauge(
    "voicearena_votes_excluded_mean_share", "Share of the votes of people in the seven days before it that are excluded"
)
EXCLUSION_ALARM = Gauge(
    "voicearena_votes_exclusion_alarm", "Whether far more votes are excluded in the last hour than before, 0 or 1"
)
SLOT_POINTS = Gauge("voicearena_slot_effect_points", "Percentage points by which side A wins more often than side B")
SLOT_ALARM = Gauge("voicearena_slot_effect_alarm", "Whether the effect of the side is surely over 3 points, 0 or 1")


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Votes of people within some time."""

    votes: int
    excluded: int

    @property
    def share(self) -> float:
        """The share that is excluded, 0 without votes."""
        return self.excluded / self.votes if self.votes else 0.0


def too_many_excluded(hour: Exclusions, before: Exclusions) -> bool:
    """Returns whether more than three times as many votes were excluded in the last hour as are on average."""
    if hour.excluded < MIN_EXCLUDED_VOTES:
        return False
    return hour.share > MAX_TIMES_MEAN * max(before.share, MIN_MEAN_SHARE)


def surely_one_sided(effect: SlotEffect) -> bool:
    """Returns whether the whole interval of the slot effect is over 3 points, for either side."""
    return effect.points_low > MAX_SLOT_POINTS or effect.points_high < -MAX_SLOT_POINTS


class IntegrityWatch:
    """Sets the operational metrics, and logs when an alarm begins and ends."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._clock = clock
        self._alarms: dict[str, bool] = {}

    async def check(self) -> None:
        """Checks both alarms."""
        moment = self._clock()
        async with self._database.reading() as connection:
            hour = await _exclusions(connection, moment - HOUR, moment)
            before = await _exclusions(connection, moment - MEAN_OVER - HOUR, moment - HOUR)
            effect = await public_slot_effect(connection)
        EXCLUDED_SHARE.set(hour.share)
        EXCLUDED_MEAN.set(before.share)
        alarming = too_many_excluded(hour, before)
        EXCLUSION_ALARM.set(alarming)
        self._report("many votes are excluded", alarming, share=round(hour.share, 3), mean=round(before.share, 3))
        if effect is not None:
            SLOT_POINTS.set(effect.points)
        one_sided = effect is not None and surely_one_sided(effect)
        SLOT_ALARM.set(one_sided)
        self._report("one side wins more often", one_sided, points=round(effect.points, 1) if effect else 0.0)

    def _report(self, alarm: str, raised: bool, **values: float) -> None:
        if raised is self._alarms.get(alarm, False):
            return
        self._alarms[alarm] = raised
        if raised:
            log.warning(alarm, **values)
        else:
            log.info(f"{alarm}: no longer", **values)


async def _exclusions(connection: AsyncConnection, since: datetime, until: datetime) -> Exclusions:
    votes = BATTLE_VOTES.c
    query = sa.select(sa.func.count(), sa.func.count().filter(~votes.counted)).where(
        votes.kind == sa.literal_column(f"'{VoteKind.HUMAN}'"), votes.cast_at > since, votes.cast_at <= until
    )
    return Exclusions(*(await connection.execute(query)).one())
