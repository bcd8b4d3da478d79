"""The use case of voting in a battle. The answer to a vote is the reveal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from services.elo.battles.domain import BattleStatus
from services.elo.battles.reading import BATTLE_PREFIX
from services.elo.battles.views import BattleView, BattleViews
from services.elo.battles.visibility import Viewer
from services.elo.catalogue.domain import VoiceModel
from services.elo.catalogue.standings import Standing
from services.elo.ratings import Outcome
from services.elo.tables import BATTLE_VOTES
from services.elo.voting.live_ratings import LiveRatings, RatingChange
from services.elo.voting.revealing import reveal_later
from services.elo.voting.subject import CountedVote
from services.elo.voting.voters import VoterStore, calling_voter
from services.runtime import ids
from services.runtime.db import Database
from services.runtime.errors import NotFound, Unauthenticated, WrongState
from services.shared.listening.comparing import Comparing
from services.shared.listening.domain import Assignment, ListenerAnswer
from services.shared.listening.store import ListeningStore

ASK_FOR_NEXT = "Ask for another battle with POST /api/v1/battles/next."
REFUSED: Mapping[BattleStatus, str] = {
    BattleStatus.PREPARING: f"This battle is still being prepared. {ASK_FOR_NEXT}",
    BattleStatus.DECIDED: f"This battle is decided and accepts no more votes. {ASK_FOR_NEXT}",
    BattleStatus.VOID: f"This battle is void: a side of it could not be made. {ASK_FOR_NEXT}",
}

_V = BATTLE_VOTES.c


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
        return self._reveal(voted.assignment, voted.reply or await self._counted(voted.assignment, viewer))

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

    def _reveal(self, assignment: Assignment, counted: CountedVote) -> Reveal:
        revealed = counted.revealing()
        view, standing = revealed.view, revealed.models
        models = view.battle.models[:: -1 if assignment.swapped else 1]
        clips = [
            RevealedModel(
                *standing[id_],
                # A vote in a control battle moves nothing.
                counted.changes[number] if counted.changes else RatingChange.none(standing[id_][1].elo_rating),
            )
            for number, (id_, _) in enumerate(models)
        ]
        return Reveal(view=view, clip_a=clips[0], clip_b=clips[1], votes_cast=counted.votes_cast)

    async def _counted(self, assignment: Assignment, viewer: Viewer) -> CountedVote:
        """Returns what an earlier vote changed."""
        async with self._database.reading() as connection:
            revealing = await reveal_later(self._battles, connection, assignment.test_id, viewer)
            votes_cast = await self._voters.votes_cast(connection, assignment.listener_id)
            query = sa.select(_V.rating_a, _V.rating_b, _V.outcome, _V.rated).where(_V.id == assignment.id)
            row = (await connection.execute(query)).one_or_none()
        changes = None
        if row is not None:
            a, b, outcome, rated = row
            changes = RatingChange.none(a), RatingChange.none(b)
            if rated:
                changes = self._ratings.would_change(a, b, Outcome(outcome))
        return CountedVote(changes, votes_cast, revealing)
