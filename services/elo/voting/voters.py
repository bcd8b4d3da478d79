"""Voters: how many votes they have cast, and their own ranking."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.ratings import Outcome
from services.elo.tables import BATTLE_VOTES, VOTERS
from services.runtime.db import Database
from services.runtime.errors import Unauthenticated
from services.runtime.identity import Voter, current_caller, current_voter, no_identity
from services.runtime.statements import Statement

MIN_RANKED_VOTES = 30
"""The number of votes from which on a voter has a ranking of their own. With fewer, it would be chance."""

_M, _V, _VOTER = VOICE_MODELS.c, BATTLE_VOTES.c, VOTERS.c
_COUNT_VOTE = Statement(
    sa.text(
        "INSERT INTO voters (id, votes_cast, first_vote_at, last_vote_at) VALUES (:id, 1, :at, :at)"
        " ON CONFLICT (id) DO UPDATE SET votes_cast = voters.votes_cast + 1,"
        " first_vote_at = coalesce(voters.first_vote_at, :at), last_vote_at = :at RETURNING seq, votes_cast"
    )
)
_GET = Statement(
    sa.select(_VOTER.seq, _VOTER.votes_cast, _VOTER.first_vote_at).where(
        _VOTER.id == sa.bindparam("voter", type_=sa.Text)
    )
)
SESSION_NEEDED = "A voter's session is needed. Create one with POST /api/v1/voters and send its token as Bearer."


def calling_voter() -> Voter:
    """Returns the voter who is calling. Raises Unauthenticated if a developer calls, or nobody known."""
    voter = current_voter()
    if voter is not None:
        return voter
    if current_caller() is not None:
        raise Unauthenticated(f"An API key can't vote. {SESSION_NEEDED}")
    raise no_identity(SESSION_NEEDED)


@dataclass(frozen=True, slots=True)
class OwnRank:
    """The place of a model in a voter's own ranking."""

    model_id: str
    name: str
    votes: int
    won_share: float
    """The share of the votes that it won. Ties and "both bad" count half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoterRecord:
    """What a voter has done."""

    id: str
    seq: int = 0
    votes_cast: int = 0
    first_vote_at: datetime | None = None
    ranking: Sequence[OwnRank] = ()
    """The best model first. Empty under MIN_RANKED_VOTES votes."""

    @property
    def votes_until_ranking(self) -> int:
        """How many votes are missing for the ranking."""
        return max(0, MIN_RANKED_VOTES - self.votes_cast)


class VoterStore:
    """The voters over PostgreSQL. Each method runs in the transaction of `connection`, if it has one."""

    async def count_vote(self, connection: AsyncConnection, voter_id: str, at: datetime) -> tuple[int, int]:
        """Adds a vote to a voter, who is added with their first. Returns the voter's number and their votes."""
        row = (await _COUNT_VOTE.execute(connection, id=voter_id, at=at)).one()
        return row.seq, row.votes_cast

    async def votes_cast(self, connection: AsyncConnection, voter_id: str) -> int:
        """Returns how many votes a voter has cast."""
        return (await self.get(connection, voter_id)).votes_cast

    async def get(self, connection: AsyncConnection, voter_id: str) -> VoterRecord:
        """Returns a voter without their ranking. Somebody who has not voted is a voter without votes."""
        row = (await _GET.execute(connection, voter=voter_id)).one_or_none()
        return VoterRecord(id=voter_id, **row._asdict()) if row else VoterRecord(id=voter_id)

    async def ranking(self, connection: AsyncConnection, voter_seq: int) -> Sequence[OwnRank]:
        """Returns the models by the share of votes that this voter gave them, whether these votes count or not."""
        sides = [
            sa.select(
                seq.label("seq"), sa.case((_V.outcome == won, 1.0), (_V.outcome == lost, 0.0), else_=0.5).label("won")
            ).where(_V.voter_seq == voter_seq)
            for seq, won, lost in (
                (_V.model_a_seq, Outcome.A, Outcome.B),
                (_V.model_b_seq, Outcome.B, Outcome.A),
            )
        ]
        side = sa.union_all(*sides).subquery()
        share = sa.func.avg(side.c.won)
        query = (
            sa.select(_M.id, _M.name, sa.func.count(), share)
            .select_from(side.join(VOICE_MODELS, _M.seq == side.c.seq))
            .group_by(_M.id, _M.name)
            .order_by(share.desc(), sa.func.count().desc(), _M.name)
        )
        return [OwnRank(*row) for row in await connection.execute(query)]


class ReadVoter:
    """The use case of reading the calling voter."""

    def __init__(self, database: Database, store: VoterStore) -> None:
        self._database = database
        self._store = store

    async def get(self) -> VoterRecord:
        """Returns the calling voter, with their ranking from MIN_RANKED_VOTES votes on."""
        voter = calling_voter()
        async with self._database.reading() as connection:
            found = await self._store.get(connection, voter.id)
            if found.votes_until_ranking:
                return found
            return dataclasses.replace(found, ranking=await self._store.ranking(connection, found.seq))
