"""The use case that gives a voter the next battle."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle
from services.elo.domain import INSTALLATION, LANGUAGE, LANGUAGE_RULE
from services.elo.scenarios.domain import CATEGORY, CATEGORY_RULE
from services.elo.scenarios.kinds import ScenarioKinds
from services.elo.voting.limits import VoterLimits
from services.elo.voting.pool import PoolStore, Wish
from services.elo.voting.subject import CountedVote
from services.elo.voting.voters import VoterStore, calling_voter
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import FieldViolation, InvalidInput, NotReady, PermissionDenied
from services.runtime.identity import Voter
from services.runtime.statements import at_once
from services.shared.listening.comparing import Comparing
from services.shared.listening.domain import NO_ADDRESS_LIMIT, Assignment, Listener

PUBLIC_INVITATION = "arena"
"""The invitation of everybody who listens to battles of the public board. On another board it is its developer."""
MAX_VOTERS = 10_000
"""Voters of one battle. It stops programs that ask in a loop."""
MAX_DRAWS = 3
"""How often a battle is drawn for one call. A drawn battle can end before it is given."""
NOT_READY_SECONDS = 5
"""When a voter should ask again while no battle is ready. A battle takes about this long to be made."""

MakeBattle = Callable[[Wish], Awaitable[None]]
"""Has a battle made that matches a wish, within the budget of the day. It can be open at once, or later."""


@dataclass(frozen=True, slots=True)
class GivenBattle:
    """A battle as one voter hears it."""

    battle: Battle
    assignment: Assignment
    votes_cast: int


class NextBattle:
    """Gives a voter the battle that they have not answered yet, else another open one."""

    def __init__(
        self,
        database: Database,
        pool: PoolStore,
        voters: VoterStore,
        comparing: Comparing[CountedVote],
        make_battle: MakeBattle | None,
        kinds: ScenarioKinds,
        *,
        address_of: Callable[[], bytes | None],
        max_voters_per_address: int,
        votes_needed: int,
        limits: VoterLimits,
        control_share: float,
        clock: Callable[[], datetime] = now,
        rng: random.Random | None = None,
    ) -> None:
        self._database = database
        self._pool = pool
        self._voters = voters
        self._comparing = comparing
        self._make_battle = make_battle
        self._kinds = kinds
        self._address_of = address_of
        self._max_voters_per_address = max_voters_per_address
        self._votes_needed = votes_needed
        self._limits = limits
        self._control_share = control_share
        self._clock = clock
        self._rng = rng or random.SystemRandom()

    async def next(self, category: str, language: str, *, own_board: bool) -> GivenBattle:
        """Returns the next battle of the calling voter.

        Raises Unauthenticated without a voter's session, PermissionDenied for the own board of nobody, RateLimited for
        too many battles in a minute, InvalidInput if no scenario has the category or the language, and NotReady if no
        battle is open that the voter has not heard.
        """
        voter = calling_voter()
        wish = _wish(voter, category, language, own_board=own_board)
        async with self._database.reading() as connection:
            votes_cast, battle, refusal, drawn = await at_once(
                connection,
                self._voters.votes_cast(connection, voter.id),
                self._pool.unanswered(connection, voter.id, wish),
                self._limits.new_battle_refusal(connection, voter.id),
                self._draw(connection, voter, wish, free=True),
            )
        if battle is not None and (assignment := await self._given(battle, voter)) is not None:
            return GivenBattle(battle, assignment, votes_cast)
        if refusal is not None:
            raise refusal
        if self._rng.random() < self._control_share:
            async with self._database.reading() as connection:
                control = await self._pool.draw_control(
                    connection, voter.id, wish, self._rng.random(), self._votes_needed, self._clock()
                )
            if control is not None and (assignment := await self._give(control, voter, wish)) is not None:
                return GivenBattle(control, assignment, votes_cast)
        if (given := await self._first_given(drawn, voter, wish, votes_cast, free=True)) is not None:
            return given
        for free in (True, False):
            if free and self._make_battle is not None:
                await self._make_battle(wish)
            async with self._database.reading() as connection:
                drawn = await self._draw(connection, voter, wish, free=free)
            if (given := await self._first_given(drawn, voter, wish, votes_cast, free=free)) is not None:
                return given
        async with self._database.reading() as connection:
            await self._kinds.check(connection, wish.owner, category, language)
        raise NotReady(
            f"No battle is ready that you have not heard. Ask again in {NOT_READY_SECONDS} s.",
            retry_after_seconds=str(NOT_READY_SECONDS),
        )

    async def _draw(self, connection: AsyncConnection, voter: Voter, wish: Wish, *, free: bool) -> Battle | None:
        return await self._pool.draw(
            connection, voter.id, wish, self._rng.random(), self._votes_needed, self._clock(), free=free
        )

    async def _first_given(
        self, drawn: Battle | None, voter: Voter, wish: Wish, votes_cast: int, *, free: bool
    ) -> GivenBattle | None:
        """Gives the voter the battle that was drawn, else another one that is drawn. None without one."""
        for _ in range(MAX_DRAWS):
            if drawn is None:
                return None
            if (assignment := await self._give(drawn, voter, wish)) is not None:
                return GivenBattle(drawn, assignment, votes_cast)
            async with self._database.reading() as connection:
                drawn = await self._draw(connection, voter, wish, free=free)
        return None

    async def _give(self, battle: Battle, voter: Voter, wish: Wish) -> Assignment | None:
        """Returns the clips of a voter in a new battle. None if it has ended meanwhile."""
        pair = await self._comparing.give(self._listener(battle, voter, wish), MAX_VOTERS)
        return pair.assignment if pair is not None else None

    async def _given(self, battle: Battle, voter: Voter) -> Assignment | None:
        return (await self._comparing.next_pair(battle.id, voter.id)).assignment

    def _listener(self, battle: Battle, voter: Voter, wish: Wish) -> Listener:
        return Listener(
            id=voter.id,
            test_id=battle.id,
            invitation_id=wish.owner or PUBLIC_INVITATION,
            # A developer knows who votes on their board, such as the people of an office.
            max_listeners_per_address=NO_ADDRESS_LIMIT if wish.owner else self._max_voters_per_address,
            created_at=self._clock(),
            voter_id=voter.id,
            address=self._address_of(),
        )


def _wish(voter: Voter, category: str, language: str, *, own_board: bool) -> Wish:
    violations = []
    if category and not CATEGORY.fullmatch(category):
        violations.append(FieldViolation("category", CATEGORY_RULE))
    if language and not LANGUAGE.fullmatch(language):
        violations.append(FieldViolation("language", LANGUAGE_RULE))
    if violations:
        raise InvalidInput.of(*violations)
    if own_board and not voter.invited_by:
        raise PermissionDenied(
            "This voter's session was created without an API key, so no board of a developer is its own. Create a "
            "session with POST /api/v1/voters and the key of the developer."
        )
    return Wish(owner=voter.invited_by if own_board else INSTALLATION, category=category, language=language)
