"""The suite for a battle as the subject of a listening test."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.elo.v1.events_pb2 import BattleDecided
from voicearena.events.v1.envelope_pb2 import Envelope

from services.elo.battles.domain import BattleStatus
from services.elo.voting.next_battle import PUBLIC_INVITATION
from services.elo.voting.subject import SIDES, BattleSubject
from services.runtime.db import Database
from services.shared.listening.domain import CandidateAudio, ListeningTest, Pair
from tests.contract.stores.elo.arena_world import ArenaWorld
from tests.contract.stores.subject_contract import Clock, SubjectCase, SubjectContract


class BattleCase:
    """Battles of two models on one scenario."""

    def __init__(self, world: ArenaWorld) -> None:
        self.world, self.database = world, world.database
        self.subject: BattleSubject = world.subject

    async def begin(self, votes_per_pair: int) -> str:
        if not self.world.models:
            await self.world.begin()
        closes_at = self.world.clock() + timedelta(days=7)
        battle = await self.world.bare_battle(closes_at=closes_at)
        sides = ([CandidateAudio(f"{side}.wav", 1.0)] for side in "ab")
        pair = Pair(key=SIDES, text=battle.text, first=next(sides), second=next(sides), target_lufs=-23.0)
        async with self.database.transaction() as connection:
            await self.world.listening.open(connection, ListeningTest(battle.id, votes_per_pair, closes_at), [pair])
        return battle.id

    async def invite(self, test_id: str) -> str:
        return PUBLIC_INVITATION

    async def received(self, connection: AsyncConnection, test_id: str) -> int:
        battle = await self.world.views.lock(connection, test_id)
        assert battle is not None
        return battle.votes_a + battle.votes_b + battle.votes_tie + battle.votes_both_bad

    async def ends(self, connection: AsyncConnection, test_id: str) -> int:
        battle = await self.world.views.lock(connection, test_id)
        assert battle is not None
        decided = BattleDecided()
        envelopes = (await connection.execute(sa.text("SELECT envelope FROM outbox"))).scalars()
        ends = sum(
            Envelope.FromString(each).event.Unpack(decided) and decided.battle_id == test_id for each in envelopes
        )
        assert (battle.status is BattleStatus.DECIDED) == bool(ends)
        return ends


class TestBattleSubject(SubjectContract):
    """The suite over battles."""

    @pytest.fixture
    def service(self) -> str:
        return "elo"

    @pytest.fixture
    def case(self, emptied_schema: Database, clock: Clock) -> SubjectCase:
        return BattleCase(ArenaWorld(emptied_schema, clock))
