"""A battle as the subject of a listening test with one pair: side A and side B."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo import facts
from services.elo.battles.domain import Control
from services.elo.battles.views import BattleViews
from services.elo.battles.visibility import Viewer
from services.elo.ratings import Outcome, VoteKind
from services.elo.voting import tallies
from services.elo.voting.deciding import Deciding
from services.elo.voting.live_ratings import LiveRatings, NewVote, RatingChange
from services.elo.voting.revealing import Revealing, reveal_later
from services.elo.voting.voters import VoterStore
from services.runtime import outbox
from services.runtime.statements import at_once
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


@dataclass(frozen=True, slots=True)
class CountedVote:
    """What a vote changed."""

    changes: tuple[RatingChange, RatingChange] | None
    """The ratings of clip A's and clip B's model before and after the vote, as if it counts.

    None in a control battle.
    """
    votes_cast: int
    """How many votes the voter has cast."""
    revealing: Revealing = field(compare=False)
    """What the vote reveals, as soon as its transaction is committed."""


class BattleSubject:
    """Implements `services.shared.listening.subject.Subject`. The listener of a battle has the voter's id."""

    def __init__(self, battles: BattleViews, voters: VoterStore, ratings: LiveRatings, deciding: Deciding) -> None:
        self._battles = battles
        self._voters = voters
        self._ratings = ratings
        self._deciding = deciding

    async def lock(self, connection: AsyncConnection, test_id: str) -> bool:
        return await self._battles.lock_row(connection, test_id)

    async def counted(self, connection: AsyncConnection, vote: CastVote, received: int, needed: int) -> CountedVote:
        outcome, decides = OF_SIDES[vote.preferred], received >= needed
        battle, (voter_seq, votes_cast), ratings = await at_once(
            connection,
            tallies.with_vote(connection, vote.test_id, outcome, int(vote.counts)),
            self._voters.count_vote(connection, vote.listener_id, vote.cast_at),
            self._ratings.lock(connection, vote.test_id),
        )
        settled = self._deciding.decided(battle) if decides else battle
        changes = None
        if battle.control is Control.NONE:
            new = NewVote(
                id=vote.id,
                kind=VoteKind.HUMAN,
                outcome=HEARD[vote.answer],
                swapped=vote.swapped,
                voter_seq=voter_seq,
                counted=vote.counts,
                at=vote.cast_at,
            )
            changes = await self._ratings.cast(connection, battle, new, ratings, decides=decides)
            delta = (battle.elo_delta or 0.0) + changes[0].after - changes[0].before
            settled = dataclasses.replace(settled, elo_delta=delta)
            cast = facts.vote_cast(battle.id, vote.id, VoteKind.HUMAN, outcome, vote.cast_at)
            await outbox.add(connection, cast, *([facts.battle_decided(settled)] if decides else []))
            if vote.swapped:
                changes = changes[::-1]
            if battle.rated and not vote.counts:
                changes = self._ratings.would_change(changes[0].before, changes[1].before, HEARD[vote.answer])
        await tallies.settle(connection, settled, vote=outcome if vote.counts else None, decides=decides)
        revealing = await reveal_later(self._battles, connection, vote.test_id, Viewer.of_call())
        return CountedVote(changes, votes_cast, revealing)

    async def ended(self, connection: AsyncConnection, test_id: str) -> None:
        battle = await self._battles.lock(connection, test_id)
        assert battle is not None
        await self._deciding.decide(connection, battle)

    async def may_hear(self, connection: AsyncConnection, listener: Listener) -> bool:
        # Nothing revokes a voter's session. A battle that has ended accepts no votes, but its clips can still be heard.
        return True
