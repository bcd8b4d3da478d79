"""A battle as the subject of a listening test with one pair: side A and side B."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo import facts
from services.elo.battles.domain import Battle, Control
from services.elo.battles.views import BattleViews
from services.elo.ratings import Outcome, VoteKind
from services.elo.tables import BATTLES_CHANGED
from services.elo.voting import tallies
from services.elo.voting.deciding import Deciding
from services.elo.voting.live_ratings import LiveRatings, NewVote
from services.elo.voting.voters import VoterStore
from services.runtime import outbox
from services.runtime.db import notify
from services.shared.listening.domain import Listener, ListenerAnswer, PairKey, Preference
from services.shared.listening.judging import CastVote

SIDES = PairKey(0, 0, 1)
"""The only pair of a battle: its first candidate is side A, its second is side B."""
HEARD: Mapping[ListenerAnswer, Outcome] = {
    ListenerAnswer.A: Outcome.A,
    ListenerAnswer.B: Outcome.B,
    ListenerAnswer.TIE: Outcome.TIE,
    ListenerAnswer.BOTH_BAD: Outcome.BOTH_BAD,
}
OF_SIDES: Mapping[Preference, Outcome] = {
    Preference.FIRST: Outcome.A,
    Preference.SECOND: Outcome.B,
    Preference.TIE: Outcome.TIE,
    Preference.BOTH_BAD: Outcome.BOTH_BAD,
}


class BattleSubject:
    """Implements `services.shared.listening.subject.Subject`. The listener of a battle has the voter's id."""

    def __init__(self, battles: BattleViews, voters: VoterStore, ratings: LiveRatings, deciding: Deciding) -> None:
        self._battles = battles
        self._voters = voters
        self._ratings = ratings
        self._deciding = deciding

    async def lock(self, connection: AsyncConnection, test_id: str) -> bool:
        return await self._battles.lock_row(connection, test_id)

    async def counted(self, connection: AsyncConnection, vote: CastVote, received: int, needed: int) -> None:
        battle = await self._locked(connection, vote.test_id)
        voter_seq = await self._voters.count_vote(connection, vote.listener_id, vote.cast_at)
        if battle.control is Control.NONE:
            battle = await self._cast(connection, battle, vote, voter_seq)
        if received >= needed:
            await self._deciding.decide(connection, battle)
        else:
            await notify(connection, BATTLES_CHANGED, battle.id)

    async def _cast(self, connection: AsyncConnection, battle: Battle, vote: CastVote, voter_seq: int) -> Battle:
        """Moves the ratings and the counts, and returns the battle as it is then."""
        new = NewVote(
            id=vote.id,
            kind=VoteKind.HUMAN,
            outcome=HEARD[vote.answer],
            swapped=vote.swapped,
            voter_seq=voter_seq,
            counted=vote.counts,
            at=vote.cast_at,
        )
        side_a, _ = await self._ratings.cast(connection, battle, new)
        outcome = OF_SIDES[vote.preferred]
        gained = side_a.after - side_a.before
        await outbox.add(connection, facts.vote_cast(battle.id, vote.id, VoteKind.HUMAN, outcome, vote.cast_at))
        return await tallies.count_vote(connection, battle, outcome, 1 if vote.counts else 0, gained)

    async def ended(self, connection: AsyncConnection, test_id: str) -> None:
        await self._deciding.decide(connection, await self._locked(connection, test_id))

    async def may_hear(self, connection: AsyncConnection, listener: Listener) -> bool:
        # Nothing revokes a voter's session. A battle that has ended accepts no votes, but its clips can still be heard.
        return True

    async def _locked(self, connection: AsyncConnection, battle_id: str) -> Battle:
        battle = await self._battles.lock(connection, battle_id)
        assert battle is not None
        return battle
