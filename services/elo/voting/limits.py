"""How many battles a voter gets in a short time."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.clock import now
from services.runtime.errors import RateLimited
from services.shared.listening.tables import LISTENERS

MINUTE = timedelta(minutes=1)


class VoterLimits:
    """Limits the new battles of each voter, and so their votes."""

    def __init__(self, max_battles_per_minute: int, clock: Callable[[], datetime] = now) -> None:
        self._max_battles = max_battles_per_minute
        self._clock = clock

    async def check_new_battle(self, connection: AsyncConnection, voter_id: str) -> None:
        """Raises RateLimited if the voter has got all battles that they may get within a minute."""
        moment = self._clock()
        given = LISTENERS.c.created_at
        query = sa.select(given).where(LISTENERS.c.id == voter_id, given > moment - MINUTE)
        times = (await connection.execute(query.order_by(given.desc()).limit(self._max_battles))).scalars().all()
        if len(times) < self._max_battles:
            return
        wait = math.ceil((times[-1] + MINUTE - moment).total_seconds())
        raise RateLimited(
            f"A voter gets at most {self._max_battles} new battles a minute. Try again in {wait} s.",
            retry_after_seconds=str(wait),
        )
