"""How many battles a voter gets in a short time."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.clock import now
from services.runtime.errors import RateLimited
from services.runtime.statements import Statement
from services.shared.listening.tables import LISTENERS

MINUTE = timedelta(minutes=1)
_GIVEN_AT = LISTENERS.c.created_at
# The oldest of the last battles that are as many as the limit.
_LAST = Statement(
    sa.select(_GIVEN_AT)
    .where(
        LISTENERS.c.id == sa.bindparam("voter", type_=sa.Text),
        sa.bindparam("since", type_=sa.DateTime(timezone=True)) < _GIVEN_AT,
    )
    .order_by(_GIVEN_AT.desc())
    .offset(sa.bindparam("earlier", type_=sa.Integer))
    .limit(1)
)


class VoterLimits:
    """Limits the new battles of each voter, and so their votes."""

    def __init__(self, max_battles_per_minute: int, clock: Callable[[], datetime] = now) -> None:
        self._max_battles = max_battles_per_minute
        self._clock = clock

    async def new_battle_refusal(self, connection: AsyncConnection, voter_id: str) -> RateLimited | None:
        """Returns the error of a voter who has got all battles that they may get within a minute. None if more may."""
        moment = self._clock()
        found = await _LAST.execute(connection, voter=voter_id, since=moment - MINUTE, earlier=self._max_battles - 1)
        last = found.one_or_none()
        if last is None:
            return None
        wait = math.ceil((last.created_at + MINUTE - moment).total_seconds())
        return RateLimited(
            f"A voter gets at most {self._max_battles} new battles a minute. Try again in {wait} s.",
            retry_after_seconds=str(wait),
        )
