"""The use case of voting in a battle. The answer to a vote is the reveal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle, BattleStatus
from services.elo.battles.reading import BATTLE_PREFIX
from services.elo.battles.views import BattleView, BattleViews
from services.elo.battles.visibility import Viewer
from services.elo.catalogue.domain import VoiceModel
from services.elo.catalogue.standings import NEW, Standing
from services.elo.catalogue.store import Store as ModelStore
from services.elo.tables import BATTLE_VOTES, LIVE_RATINGS
from services.elo.voting.live_ratings import RatingChange
from services.elo.voting.voters import VoterStore, calling_voter
from services.runtime import ids
from services.runtime.db import Database
from services.runtime.errors import NotFound, WrongState
from services.shared.listening.comparing import Comparing
from services.shared.listening.domain import Assignment, ListenerAnswer
from services.shared.listening.store import ListeningStore

ASK_FOR_NEXT = "Ask for another battle with POST /api/v1/battles/next."
REFUSED: Mapping[BattleStatus, str] = {
    BattleStatus.PREPARING: f"This battle is still being prepared. {ASK_FOR_NEXT}",
    BattleStatus.DECIDED: f"This battle is decided and accepts no more votes. {ASK_FOR_NEXT}",
    BattleStatus.VOID: f"This battle is void: a side of it could not be made. {ASK_FOR_NEXT}",
}

_V, _R = BATTLE_VOTES.c, LIVE_RATINGS.c


@dataclass(frozen=True, slots=True)
class RevealedModel:
    """The model of a clip, how it stands on the board of the battle, and its live rating before and after the vote."""

    model: VoiceModel
    standing: Standing
    rating: RatingChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """What a voter learns by voting. Clip A is what they heard as clip A."""

    view: BattleView
    clip_a: RevealedModel
    clip_b: RevealedModel
    votes_cast: int


class VoteInBattle:
    """Accepts votes and reveals the models."""

    def __init__(
        self,
        database: Database,
        battles: BattleViews,
        models: ModelStore,
        voters: VoterStore,
        listening: ListeningStore,
        comparing: Comparing[None],
        *,
        address_of: Callable[[], bytes | None],
    ) -> None:
        self._database = database
        self._battles = battles
        self._models = models
        self._voters = voters
        self._listening = listening
        self._comparing = comparing
        self._address_of = address_of

    async def vote(self, battle_id: str, answer: ListenerAnswer) -> Reveal:
        """Records the answer of the calling voter, and returns what it revealed and changed.

        Repeating an answer returns the first result again. Raises NotFound if the battle was not given to the voter,
        and WrongState if it can't be accepted now.
        """
        voter = calling_voter()
        ids.check_id(battle_id, BATTLE_PREFIX)
        viewer = Viewer.of_call()
        async with self._database.reading() as connection:
            view = await self._battles.get(connection, battle_id, viewer)
            given = await self._listening.assignments(connection, battle_id, voter.id) if view else ()
        if view is None:
            raise NotFound.of("battle", battle_id)
        if not given:
            if view.battle.status is BattleStatus.OPEN:
                raise NotFound(f"Battle {battle_id!r} was not given to this voter. {ASK_FOR_NEXT}", resource="battle")
            raise _refused(view.battle.status)
        assignment = given[0]
        try:
            await self._comparing.vote(battle_id, voter.id, assignment.id, answer, self._address_of())
        except WrongState as error:
            if error.metadata.get("status") != "closed":
                raise
            async with self._database.reading() as connection:
                view = await self._battles.get(connection, battle_id, viewer)
            assert view is not None
            # An open battle whose time is over is decided within seconds.
            open_ = view.battle.status is BattleStatus.OPEN
            raise _refused(BattleStatus.DECIDED if open_ else view.battle.status) from None
        async with self._database.reading() as connection:
            return await self._reveal(connection, assignment, viewer)

    async def _reveal(self, connection: AsyncConnection, assignment: Assignment, viewer: Viewer) -> Reveal:
        view = await self._battles.get(connection, assignment.test_id, viewer)
        assert view is not None
        heard_first, heard_second = view.battle.models[:: -1 if assignment.swapped else 1]
        standings = await self._standings(connection, view.battle)
        changes = await self._changes(connection, assignment)
        clips = []
        for number, (id_, seq) in enumerate((heard_first, heard_second)):
            model = await self._models.get(connection, id_)
            assert model is not None
            standing = standings.get(seq, NEW)
            # A vote in a control battle moves nothing.
            change = changes[number] if changes else RatingChange(standing.elo_rating, standing.elo_rating)
            clips.append(RevealedModel(model, standing, change))
        votes_cast = await self._voters.votes_cast(connection, assignment.listener_id)
        return Reveal(view=view, clip_a=clips[0], clip_b=clips[1], votes_cast=votes_cast)

    async def _changes(
        self, connection: AsyncConnection, assignment: Assignment
    ) -> tuple[RatingChange, RatingChange] | None:
        """Returns the ratings of clip A's and clip B's model before and after a vote. None if it is in no board."""
        query = sa.select(_V.rating_a, _V.rating_b, _V.change_a).where(_V.id == assignment.id)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        a, b, change = row
        return RatingChange(a, a + change), RatingChange(b, b - change)

    async def _standings(self, connection: AsyncConnection, battle: Battle) -> Mapping[int, Standing]:
        """Returns how the models of a battle stand on its board, by the number of the model."""
        which = _R.model_seq.in_([seq for _, seq in battle.models])
        columns = (_R.rating, _R.battles, _R.wins, _R.losses, _R.ties, _R.both_bad)
        query = sa.select(_R.model_seq, *columns).where(_R.owner == battle.owner, which)
        return {seq: Standing(*standing) for seq, *standing in await connection.execute(query)}


def _refused(status: BattleStatus) -> WrongState:
    return WrongState(REFUSED[status], status=status)
