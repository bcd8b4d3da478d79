"""Queries about votes that are judged again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Control
from services.elo.integrity.agreement import BoardVote, Outcomes
from services.elo.integrity.controls import ControlAnswer
from services.elo.ratings import VoteKind
from services.elo.tables import BATTLE_VOTES, BATTLES, VOTERS
from services.shared.listening.domain import ListenerAnswer, Preference, preference
from services.shared.listening.judging import ExclusionReason
from services.shared.listening.tables import LAST_STATE, LISTENERS, VOTES

_B, _L, _M, _P, _V = BATTLES.c, LISTENERS.c, BATTLE_VOTES.c, VOTERS.c, VOTES.c
MAX_BOARD_VOTES = 1000
"""The last votes of an address, or of a voter, that are tested together."""


@dataclass(frozen=True, slots=True)
class JudgedVoter:
    """A voter whose votes are due to be judged."""

    seq: int
    id: str
    votes_cast: int


@dataclass(frozen=True, slots=True)
class HeldVote:
    """A vote of a board as it is in both tables: its state, and whether it counts in the ratings."""

    id: str
    battle_id: str
    counted: bool
    exclusion_reason: ExclusionReason | None


class IntegrityStore:
    """The queries over PostgreSQL. Each method runs in the transaction of `connection`, if it has one."""

    async def due(
        self, connection: AsyncConnection, judged_before: datetime, active_since: datetime, limit: int
    ) -> Sequence[JudgedVoter]:
        """Returns voters to judge: those with new votes, then those who voted since, but were judged long ago."""
        columns = (_P.seq, _P.id, _P.votes_cast)
        new = sa.select(*columns).where(_P.judged_votes != _P.votes_cast).order_by(_P.last_vote_at).limit(limit)
        found = [JudgedVoter(*row) for row in await connection.execute(new)]
        if len(found) < limit:
            old = sa.select(*columns).where(_P.judged_at < judged_before, _P.last_vote_at > active_since)
            old = old.where(_P.judged_votes == _P.votes_cast).order_by(_P.judged_at).limit(limit - len(found))
            found += [JudgedVoter(*row) for row in await connection.execute(old)]
        return found

    async def make_due(self, connection: AsyncConnection, voters: Collection[int]) -> None:
        """Makes voters due, because something was found about their votes."""
        await connection.execute(sa.update(VOTERS).where(_P.seq.in_(voters)).values(judged_votes=-1))

    async def judged(self, connection: AsyncConnection, voters: Collection[JudgedVoter], at: datetime) -> None:
        """Records that all votes of these voters have been judged, except those that were cast meanwhile."""
        for voter in sorted(voters, key=lambda each: each.seq):
            done = sa.update(VOTERS).where(_P.seq == voter.seq)
            await connection.execute(done.values(judged_votes=voter.votes_cast, judged_at=at))

    async def owners(self, connection: AsyncConnection, voters: Collection[int], since: datetime) -> Sequence[str]:
        """Returns the boards on which these voters have voted since, by their owners."""
        query = sa.select(_M.owner).where(_M.voter_seq.in_(voters), _M.cast_at > since).distinct()
        return list((await connection.execute(query.order_by(_M.owner))).scalars())

    async def addresses(
        self, connection: AsyncConnection, voter_ids: Collection[str], since: datetime
    ) -> Sequence[bytes]:
        """Returns the addresses from which these voters have voted since."""
        query = sa.select(_V.address).where(_V.listener_id.in_(voter_ids), _V.cast_at > since)
        return list((await connection.execute(query.where(_V.address.is_not(None)).distinct())).scalars())

    async def counted(self, connection: AsyncConnection, owner: str) -> Outcomes:
        """Returns how often each outcome of each pair was counted on a board, in votes of people."""
        key = (_M.model_a_seq, _M.model_b_seq, _M.outcome)
        query = sa.select(*key, sa.func.count()).where(
            _M.owner == owner, _M.kind == VoteKind.HUMAN, _M.rated, _M.counted
        )
        return {(a, b, outcome): count for a, b, outcome, count in await connection.execute(query.group_by(*key))}

    async def at_address(
        self, connection: AsyncConnection, owner: str, address: bytes, since: datetime
    ) -> Sequence[BoardVote]:
        """Returns the last MAX_BOARD_VOTES votes of a board that were cast from an address, in their order."""
        return await self._board_votes(connection, _M.owner == owner, _V.address == address, _V.cast_at > since)

    async def of_voter(
        self, connection: AsyncConnection, owner: str, voter_seq: int, since: datetime
    ) -> Sequence[BoardVote]:
        """Returns the last MAX_BOARD_VOTES votes of a voter on a board, in their order."""
        return await self._board_votes(connection, _M.owner == owner, _M.voter_seq == voter_seq, _M.cast_at > since)

    async def _board_votes(self, connection: AsyncConnection, *which: sa.ColumnElement[bool]) -> Sequence[BoardVote]:
        columns = (_M.id, _M.voter_seq, _M.model_a_seq, _M.model_b_seq, _M.outcome, _M.counted, _V.address)
        votes = BATTLE_VOTES.join(VOTES, _V.assignment_id == _M.id)
        query = sa.select(*columns).select_from(votes).where(_M.rated, *which)
        rows = await connection.execute(query.order_by(_M.seq.desc()).limit(MAX_BOARD_VOTES))
        return [
            BoardVote(
                id=id_,
                voter_seq=voter,
                model_a_seq=a,
                model_b_seq=b,
                outcome=outcome,
                counted=counted,
                address=address,
            )
            for id_, voter, a, b, outcome, counted, address in rows
        ][::-1]

    async def control_answers(
        self, connection: AsyncConnection, voter_id: str, since: datetime
    ) -> Sequence[ControlAnswer]:
        """Returns the answers of a voter in control battles."""
        query = (
            sa.select(_B.control, _B.expected, _V.answer, _V.swapped)
            .select_from(VOTES.join(BATTLES, _B.id == _V.test_id))
            .where(_V.listener_id == voter_id, _V.cast_at > since, _B.control != Control.NONE)
        )
        return [
            ControlAnswer(Control(control), _SIDES.get(expected), preference(ListenerAnswer(answer), swapped=swapped))
            for control, expected, answer, swapped in await connection.execute(query)
        ]

    async def held(self, connection: AsyncConnection, vote_ids: Collection[str]) -> Mapping[str, HeldVote]:
        """Returns votes of boards by id, with their last states."""
        votes = BATTLE_VOTES.join(VOTES, _V.assignment_id == _M.id).outerjoin(LAST_STATE, sa.true())
        query = sa.select(_M.id, _M.battle_id, _M.counted, LAST_STATE.c.reason).select_from(votes)
        rows = await connection.execute(query.where(_M.id.in_(vote_ids)))
        return {
            id_: HeldVote(id_, battle_id, counted, ExclusionReason(reason) if reason else None)
            for id_, battle_id, counted, reason in rows
        }

    async def set_counted(self, connection: AsyncConnection, vote_ids: Collection[str], *, counted: bool) -> None:
        """Changes whether votes count in the ratings."""
        await connection.execute(sa.update(BATTLE_VOTES).where(_M.id.in_(vote_ids)).values(counted=counted))


_SIDES: Mapping[str, Preference] = {"a": Preference.FIRST, "b": Preference.SECOND}
