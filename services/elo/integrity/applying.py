"""Gives votes their new states, and lets the ratings and all counts follow, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle, BattleStatus
from services.elo.battles.views import BattleViews
from services.elo.integrity.store import IntegrityStore
from services.elo.tables import BATTLES_CHANGED
from services.elo.voting import tallies
from services.elo.voting.deciding import Deciding
from services.elo.voting.live_ratings import LiveRatings
from services.elo.voting.subject import OF_SIDES
from services.runtime.clock import now
from services.runtime.db import Database, notify
from services.shared.listening.domain import Listener
from services.shared.listening.judging import CastVote, ExclusionReason, Judgement
from services.shared.listening.pairing import count_votes
from services.shared.listening.store import ListeningStore
from services.shared.listening.vote_store import VoteStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Change:
    """A vote that gets another state."""

    listener: Listener
    vote: CastVote
    exclusion_reason: ExclusionReason | None
    """None if it counts from now on."""


class Applying:
    """Applies changes over one database. The ratings of a board are replayed once for all changes."""

    def __init__(
        self,
        database: Database,
        store: IntegrityStore,
        battles: BattleViews,
        listening: ListeningStore,
        votes: VoteStore,
        ratings: LiveRatings,
        deciding: Deciding,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._store = store
        self._battles = battles
        self._listening = listening
        self._votes = votes
        self._ratings = ratings
        self._deciding = deciding
        self._clock = clock

    async def apply(self, owner: str, changes: Sequence[Change]) -> None:
        """Applies changes of votes on one board, and in control battles, which have no ratings.

        A vote that was judged meanwhile is left as it is.

        The order of locks is that of a vote: battles, voters, ratings.
        """
        async with self._database.transaction() as connection:
            found = await self._store.held(connection, [change.vote.id for change in changes])
            battles = {}
            for battle_id in sorted({held.battle_id for held in found.values()}):
                battles[battle_id] = await self._battles.lock(connection, battle_id)
            for listener in sorted({change.listener for change in changes}, key=lambda each: each.id):
                await self._votes.lock_listener(connection, listener)
            await self._ratings.lock_board(connection, owner)
            held = await self._store.held(connection, found)
            judgements, flips = [], []
            for change in changes:
                vote, now_held = change.vote, held.get(change.vote.id)
                if now_held is not None and now_held.exclusion_reason is not vote.exclusion_reason:
                    continue
                judgements.append(Judgement(vote, change.exclusion_reason))
                if now_held is None:
                    continue
                counts = change.exclusion_reason is None
                if counts is not now_held.counted:
                    flips.append((vote, counts))
            await self._votes.judge(connection, judgements, self._clock())
            if not flips:
                return
            for counts in (True, False):
                await self._store.set_counted(
                    connection, [vote.id for vote, now_counts in flips if now_counts is counts], counted=counts
                )
            for vote, counts in flips:
                battle = battles[vote.test_id]
                assert battle is not None
                await tallies.count(connection, battle, OF_SIDES[vote.preferred], 1 if counts else -1)
            await self._ratings.replay(connection, owner)
            for battle in battles.values():
                if battle is not None:
                    await self._decide_if_complete(connection, battle)
                    await notify(connection, BATTLES_CHANGED, battle.id)
        excluded = sum(not counts for _, counts in flips)
        log.info("votes were judged again", board=owner, excluded=excluded, counted=len(flips) - excluded)

    async def _decide_if_complete(self, connection: AsyncConnection, battle: Battle) -> None:
        """Decides an open battle that has its votes now. A battle that is decided stays as it is."""
        test = await self._listening.test(connection, battle.id)
        if battle.status is not BattleStatus.OPEN or test is None:
            return
        received, needed = count_votes(await self._listening.pairs(connection, battle.id), test.votes_per_pair)
        if received >= needed and await self._listening.suspend(connection, battle.id):
            current = await self._battles.lock(connection, battle.id)
            assert current is not None
            await self._deciding.decide(connection, current)
