"""The background jobs of integrity over the world of voters and battles."""

import random
from datetime import timedelta

import sqlalchemy as sa

from services.elo.integrity.applying import Applying
from services.elo.integrity.control_battles import ControlBattles
from services.elo.integrity.rejudging import BATCH, Rejudging
from services.elo.integrity.store import IntegrityStore
from services.elo.tables import BATTLE_VOTES
from services.elo.voting.next_battle import GivenBattle
from services.runtime.db import Database
from services.runtime.errors import NotFound
from services.shared.listening.domain import ListenerAnswer
from services.shared.listening.tables import LAST_STATE, VOTES
from services.shared.listening.vote_store import VoteStore
from tests.contract.stores.elo.arena_world import DAYS, ArenaWorld
from tests.contract.stores.subject_contract import Clock


class IntegrityWorld(ArenaWorld):
    """Voters, battles, and the jobs that judge votes again."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        max_voters_per_address: int = 10,
        max_battles_per_minute: int = 1000,
        control_share: float = 0.0,
        votes: VoteStore | None = None,
    ) -> None:
        super().__init__(
            database,
            clock,
            max_voters_per_address=max_voters_per_address,
            max_battles_per_minute=max_battles_per_minute,
            control_share=control_share,
            votes=votes,
        )
        self.store = IntegrityStore()
        self.applying = Applying(
            database, self.store, self.views, self.listening, self.votes, self.ratings, self.deciding, clock
        )
        self.rejudging = Rejudging(database, self.store, self.listening, self.votes, self.judging, self.applying, clock)
        self.audio: dict[str, bytes] = {}
        self.controls = ControlBattles(
            database, self.listening, self, votes=self.votes_needed, days=DAYS, clock=clock, rng=random.Random(3)
        )

    async def get(self, name: str) -> bytes:
        """Returns stored audio. Raises NotFound if there is none."""
        if name not in self.audio:
            raise NotFound.of("audio", name)
        return self.audio[name]

    async def put(self, name: str, data: bytes) -> None:
        self.audio[name] = data

    async def delete(self, name: str) -> None:
        self.audio.pop(name, None)

    async def judge(self) -> None:
        """Judges until no voter is due."""
        while await self.rejudging.judge_due() == BATCH:
            pass

    async def cast(self, answer: ListenerAnswer = ListenerAnswer.A) -> GivenBattle:
        """The calling voter gets a battle, hears it and votes."""
        given = await self.heard()
        await self.vote(given, answer)
        return given

    async def cast_for(self, model: int) -> GivenBattle:
        """The calling voter gets a battle, hears it and prefers one model, if it speaks."""
        given = await self.heard()
        seq = self.models[model][1]
        first = given.battle.model_a_seq == seq
        await self.vote(given, ListenerAnswer.A if first != given.assignment.swapped else ListenerAnswer.B)
        return given

    async def states(self, voter_id: str) -> list[tuple[str, str]]:
        """Returns the last state and reason of each vote of a voter, in their order. Votes without state are judged
        later."""
        query = (
            sa.select(LAST_STATE.c.state, LAST_STATE.c.reason)
            .select_from(VOTES.outerjoin(LAST_STATE, sa.true()))
            .where(VOTES.c.listener_id == voter_id)
            .order_by(VOTES.c.seq)
        )
        async with self.database.reading() as connection:
            return [(state or "", reason or "") for state, reason in await connection.execute(query)]

    async def counted(self) -> list[bool]:
        """Returns whether each vote of people counts in the ratings, in their order."""
        query = sa.select(BATTLE_VOTES.c.counted).where(BATTLE_VOTES.c.kind == "human").order_by(BATTLE_VOTES.c.seq)
        async with self.database.reading() as connection:
            return list((await connection.execute(query)).scalars())

    def later(self, **duration: float) -> None:
        self.clock.at += timedelta(**duration)
