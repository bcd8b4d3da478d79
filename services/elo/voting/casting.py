"""The use case of voting in a battle. The answer to a vote is the reveal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import BattleStatus
from services.elo.battles.reading import BATTLE_PREFIX
from services.elo.battles.views import BattleView, BattleViews
from services.elo.battles.visibility import Viewer
from services.elo.catalogue.domain import VoiceModel
from services.elo.catalogue.rows import SELECT_MODELS, model_from
from services.elo.catalogue.standings import NEW, Standing
from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.ratings import Outcome
from services.elo.tables import BATTLE_VOTES, BATTLES, LIVE_RATINGS
from services.elo.voting.live_ratings import LiveRatings, RatingChange
from services.elo.voting.subject import CountedVote
from services.elo.voting.voters import VoterStore, calling_voter
from services.runtime import ids
from services.runtime.db import Database
from services.runtime.errors import NotFound, Unauthenticated, WrongState
from services.runtime.statements import Statement, at_once
from services.shared.listening.comparing import Comparing, Voted
from services.shared.listening.domain import Assignment, ListenerAnswer
from services.shared.listening.store import ListeningStore

ASK_FOR_NEXT = "Ask for another battle with POST /api/v1/battles/next."
REFUSED: Mapping[BattleStatus, str] = {
    BattleStatus.PREPARING: f"This battle is still being prepared. {ASK_FOR_NEXT}",
    BattleStatus.DECIDED: f"This battle is decided and accepts no more votes. {ASK_FOR_NEXT}",
    BattleStatus.VOID: f"This battle is void: a side of it could not be made. {ASK_FOR_NEXT}",
}

_B, _M, _V, _R = BATTLES.c, VOICE_MODELS.c, BATTLE_VOTES.c, LIVE_RATINGS.c
_MODELS = Statement(
    SELECT_MODELS.add_columns(_R.rating.label("live_rating"), _R.battles, _R.wins, _R.losses, _R.ties, _R.both_bad)
    .join(BATTLES, sa.or_(_M.id == _B.model_a_id, _M.id == _B.model_b_id))
    .outerjoin(LIVE_RATINGS, sa.and_(_R.model_seq == _M.seq, _R.owner == _B.owner))
    .where(_B.id == sa.bindparam("of_battle", type_=sa.Text))
)
"""The models of a battle, each with its live rating on the battle's board."""


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
        voters: VoterStore,
        listening: ListeningStore,
        comparing: Comparing[CountedVote],
        ratings: LiveRatings,
        *,
        address_of: Callable[[], bytes | None],
    ) -> None:
        self._database = database
        self._battles = battles
        self._voters = voters
        self._listening = listening
        self._comparing = comparing
        self._ratings = ratings
        self._address_of = address_of

    async def vote(self, battle_id: str, answer: ListenerAnswer) -> Reveal:
        """Records the answer of the calling voter, and returns what it revealed and changed.

        Repeating an answer returns the first result again. Raises NotFound if the battle was not given to the voter,
        and WrongState if it can't be accepted now.
        """
        voter = calling_voter()
        ids.check_id(battle_id, BATTLE_PREFIX)
        viewer = Viewer.of_call()
        try:
            voted = await self._comparing.vote(battle_id, voter.id, None, answer, self._address_of())
        except (NotFound, Unauthenticated, WrongState) as error:
            if isinstance(error, WrongState) and error.metadata.get("status") != "closed":
                raise
            raise await self._refusal(battle_id, viewer) from None
        async with self._database.reading() as connection:
            return await self._reveal(connection, voted, viewer)

    async def _refusal(self, battle_id: str, viewer: Viewer) -> NotFound | WrongState:
        """Returns why a battle takes no vote of the viewer, who was not given it, or whose vote came too late."""
        async with self._database.reading() as connection:
            view = await self._battles.get(connection, battle_id, viewer)
            given = await self._listening.assignments(connection, battle_id, viewer.voter_id)
        if view is None:
            return NotFound.of("battle", battle_id)
        status = view.battle.status
        if status is BattleStatus.OPEN and not given:
            return NotFound(f"Battle {battle_id!r} was not given to this voter. {ASK_FOR_NEXT}", resource="battle")
        # An open battle whose time is over is decided within seconds.
        status = BattleStatus.DECIDED if status is BattleStatus.OPEN else status
        return WrongState(REFUSED[status], status=status)

    async def _reveal(self, connection: AsyncConnection, voted: Voted[CountedVote], viewer: Viewer) -> Reveal:
        assignment = voted.assignment
        view, found = await at_once(
            connection,
            self._battles.get(connection, assignment.test_id, viewer),
            _MODELS.execute(connection, of_battle=assignment.test_id),
        )
        assert view is not None
        counted = voted.reply or await self._counted(connection, assignment)
        models = view.battle.models[:: -1 if assignment.swapped else 1]
        standing = {row.id: (model_from(row), _standing(row)) for row in found}
        clips = [
            RevealedModel(
                *standing[id_],
                # A vote in a control battle moves nothing.
                counted.changes[number] if counted.changes else RatingChange.none(standing[id_][1].elo_rating),
            )
            for number, (id_, _) in enumerate(models)
        ]
        return Reveal(view=view, clip_a=clips[0], clip_b=clips[1], votes_cast=counted.votes_cast)

    async def _counted(self, connection: AsyncConnection, assignment: Assignment) -> CountedVote:
        """Returns what an earlier vote changed."""
        votes_cast = await self._voters.votes_cast(connection, assignment.listener_id)
        query = sa.select(_V.rating_a, _V.rating_b, _V.outcome, _V.rated).where(_V.id == assignment.id)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            return CountedVote(None, votes_cast)
        a, b, outcome, rated = row
        if not rated:
            return CountedVote((RatingChange.none(a), RatingChange.none(b)), votes_cast)
        return CountedVote(self._ratings.would_change(a, b, Outcome(outcome)), votes_cast)


def _standing(row: Any) -> Standing:
    if row.live_rating is None:
        return NEW
    return Standing(row.live_rating, row.battles, row.wins, row.losses, row.ties, row.both_bad)
