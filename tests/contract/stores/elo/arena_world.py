"""Voters and open battles over PostgreSQL, with the use cases of voting as the service wires them."""

import dataclasses
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle
from services.elo.battles.reading import ReadBattles
from services.elo.battles.views import BattleViews
from services.elo.integrity.settings import IntegritySettings
from services.elo.ratings import LiveElo
from services.elo.scenarios.kinds import ScenarioKinds
from services.elo.tables import LIVE_RATINGS
from services.elo.visibility import Approval
from services.elo.voting.casting import Reveal, VoteInBattle
from services.elo.voting.deciding import Deciding
from services.elo.voting.limits import VoterLimits
from services.elo.voting.live_ratings import LiveRatings
from services.elo.voting.next_battle import GivenBattle, NextBattle
from services.elo.voting.pool import PoolStore, Wish
from services.elo.voting.subject import SIDES, BattleSubject
from services.elo.voting.voters import ReadVoter, VoterStore
from services.runtime.db import Database
from services.runtime.identity import Caller, Identity, Voter, set_caller
from services.runtime.ids import new_id
from services.runtime.pages import Pages
from services.shared.audio.wav import write_wav
from services.shared.listening.clip_transfers import ClipTransfers, SentRange
from services.shared.listening.clips import Clips
from services.shared.listening.closing import Closing
from services.shared.listening.comparing import Comparing
from services.shared.listening.domain import CandidateAudio, ListenerAnswer, ListeningTest, Pair
from services.shared.listening.store import SqlListeningStore
from services.shared.listening.vote_judging import VoteJudging
from services.shared.listening.vote_store import SqlVoteStore, VoteStore
from tests.contract.stores.elo.rows import NOON, add_battles, add_models, add_scenario, battle
from tests.contract.stores.subject_contract import Clock
from tests.fakes.recordings import tone

SECRET = "a secret of sixteen"
DAYS = 7


def model_id(number: int) -> str:
    return f"mdl_{number:032x}"


class ArenaWorld:
    """Two or more models, one scenario, and voters who call the use cases."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        votes_needed: int = 1,
        *,
        max_voters_per_address: int = 3,
        max_battles_per_minute: int = 1000,
        control_share: float = 0.0,
        votes: VoteStore | None = None,
    ) -> None:
        self.database, self.clock, self.votes_needed = database, clock, votes_needed
        self.listening, self.views, self.voters = SqlListeningStore(), BattleViews(), VoterStore()
        self.votes = votes or SqlVoteStore()
        self.ratings = LiveRatings(LiveElo())
        self.deciding = Deciding(self.ratings, clock)
        self.subject = BattleSubject(self.views, self.voters, self.ratings, self.deciding)
        self.judging = VoteJudging(self.votes, IntegritySettings().judging_rules)
        self.comparing = Comparing(database, self.listening, self.votes, self.subject, clock, judging=self.judging)
        self.closing = Closing(database, self.listening, self.subject, clock)
        self.transfers = ClipTransfers(database, self.listening, clock)
        self.clips = Clips(database, self.listening, self.subject, self, SECRET)
        self.reading = ReadBattles(database, self.views, Pages(SECRET))
        self.address: bytes | None = None
        self.made_on_demand = 0
        """How many more battles are made when a voter finds none."""
        self.next_battle = NextBattle(
            database,
            PoolStore(),
            self.voters,
            self.comparing,
            self._make_battle,
            ScenarioKinds(Approval(needed=False)),
            address_of=lambda: self.address,
            max_voters_per_address=max_voters_per_address,
            votes_needed=votes_needed,
            limits=VoterLimits(max_battles_per_minute, clock),
            control_share=control_share,
            clock=clock,
            rng=random.Random(7),
        )
        self.voting = VoteInBattle(
            database,
            self.views,
            self.voters,
            self.listening,
            self.comparing,
            self.ratings,
            address_of=lambda: self.address,
        )
        self.read_voter = ReadVoter(database, self.voters)
        self.models: list[tuple[str, int]] = []
        self.scenario_seq = 0

    async def _make_battle(self, wish: Wish) -> None:
        if self.made_on_demand:
            self.made_on_demand -= 1
            await self.open_battle()

    async def get(self, name: str) -> bytes:
        """Returns the audio of every side. It makes this object an audio store."""
        return write_wav(tone(1.0).tobytes(), 24_000)

    async def begin(self, models: int = 2) -> None:
        """Adds the models and the scenario."""
        ids = [model_id(number) for number in range(models)]
        self.models = list(zip(ids, await add_models(self.database, *ids), strict=True))
        self.scenario_seq = await add_scenario(self.database, "scn_" + "a" * 32)

    async def bare_battle(self, a: int = 0, b: int = 1, **values: object) -> Battle:
        """Adds a battle that nobody can hear."""
        fields = {"scenario_id": "scn_" + "a" * 32, "drawn": random.random(), **values}
        new = battle(new_id("bat"), self.models[a], self.models[b], self.scenario_seq, **fields)
        await add_battles(self.database, new)
        return new

    async def open_battle(self, a: int = 0, b: int = 1, **values: object) -> Battle:
        """Adds an open battle, as when both of its sides are ready."""
        new = await self.bare_battle(a, b, **{"closes_at": NOON + timedelta(days=DAYS), **values})
        pair = Pair(
            key=SIDES,
            text=new.text,
            first=[CandidateAudio("a.wav", 1.0)],
            second=[CandidateAudio("b.wav", 1.0)],
            target_lufs=-23.0,
        )
        async with self.database.transaction() as connection:
            test = ListeningTest(new.id, self.votes_needed, NOON + timedelta(days=DAYS))
            await self.listening.open(connection, test, [pair])
        return new

    @contextmanager
    def voter(self, id_: str = "", invited_by: str = "") -> Iterator[str]:
        """Makes a voter the caller within the block. Yields their id."""
        voter = Voter(id_ or new_id("usr"), invited_by)
        set_caller(Caller(None, "", voter))
        try:
            yield voter.id
        finally:
            set_caller(None)

    @contextmanager
    def developer(self, id_: str) -> Iterator[None]:
        """Makes a developer the caller within the block."""
        set_caller(Caller(Identity(id_, frozenset()), ""))
        try:
            yield
        finally:
            set_caller(None)

    async def next(self, category: str = "", language: str = "", *, own_board: bool = False) -> GivenBattle:
        return await self.next_battle.next(category, language, own_board=own_board)

    async def hear(self, given: GivenBattle) -> None:
        """Sends both clips, and lets enough time pass to hear them."""
        for clip in (given.assignment.clip_a, given.assignment.clip_b):
            await self.transfers.record(SentRange(clip, 0, 100, 100), self.clock())
        self.clock.at += timedelta(seconds=given.assignment.seconds + 1)

    async def heard(self) -> GivenBattle:
        """Gets the next battle of the calling voter, who hears both clips."""
        given = await self.next()
        await self.hear(given)
        return given

    async def vote(self, given: GivenBattle, answer: ListenerAnswer = ListenerAnswer.A) -> Reveal:
        return await self.voting.vote(given.battle.id, answer)

    async def stored(self, battle_id: str) -> Battle:
        """Returns a battle as it is stored."""
        async with self.database.transaction() as connection:
            found = await self.views.lock(connection, battle_id)
        assert found is not None
        return dataclasses.replace(found, seq=0)

    async def ratings_of(self, connection: AsyncConnection, owner: str) -> dict[int, float]:
        """Returns the live ratings of a board by the number of the model."""
        query = sa.select(LIVE_RATINGS.c.model_seq, LIVE_RATINGS.c.rating).where(LIVE_RATINGS.c.owner == owner)
        return {row.model_seq: row.rating for row in await connection.execute(query)}
