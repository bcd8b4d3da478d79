"""What listeners do: join, hear a pair, vote.

A listener is somebody with an anonymous session; the same session is the same listener of a link, whoever joins again.
Whether a vote counts is judged with it (`judging`), and not said to who casts it.

Who gives out a pair or takes a vote holds the experiment's row lock, so that votes are counted one after another, the
one that completes them reaches the verdict in its own transaction, and none comes after it.
"""

import dataclasses
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment
from services.experiments.listening.domain import (
    HELD_FOR,
    MAX_JOINED_FROM_ADDRESS,
    MOST_LISTENERS,
    Assignment,
    Link,
    Listener,
    ListenerAnswer,
    ListenerProgress,
    Pair,
    is_open,
)
from services.experiments.listening.hearing import check_heard
from services.experiments.listening.judging import Judgement, judge, unclaimed
from services.experiments.listening.pairing import Drawn, count, draw, short_of_votes
from services.experiments.listening.sessions import Session, Sessions
from services.experiments.listening.store import ListeningStore
from services.experiments.listening.tokens import LISTENER_PREFIX, ListeningTokens
from services.experiments.running.changes import announce
from services.experiments.running.finishing import Finishing
from services.experiments.store import Store
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, QuotaExceeded, Unauthenticated, WrongState
from services.runtime.identity import current_voter
from services.shared.audio.rendering import clip_seconds

# A pair that is asked for again and again is noted as shown this often at most.
NOTE_SHOWN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Joined:
    """A listener."""

    token: str
    expires_at: datetime
    progress: ListenerProgress
    session: Session | None = None
    """The session that was made for them, None if they came with one."""


@dataclass(frozen=True, slots=True)
class Next:
    """What a listener hears next, None if there is nothing."""

    assignment: Assignment | None
    prompt_text: str
    progress: ListenerProgress


@dataclass(frozen=True, slots=True)
class _Sight:
    """What is known when a listener comes."""

    link: Link
    experiment: Experiment
    pairs: Sequence[Pair]
    given: Sequence[Assignment]

    @property
    def current(self) -> Assignment | None:
        return next((each for each in self.given if each.answer is None), None)

    @property
    def candidates(self) -> list[Pair]:
        return short_of_votes(self.pairs, {each.key for each in self.given}, self.experiment.votes_per_pair)

    def progress(self, at: datetime) -> ListenerProgress:
        opened = is_open(self.experiment, at)
        left = len(self.candidates) + (self.current is not None)
        answered = sum(each.answer is not None for each in self.given)
        return ListenerProgress(votes_given=answered, pairs_left=left if opened else 0, open=opened)


class Listeners:
    """The use cases over one database."""

    def __init__(
        self,
        database: Database,
        experiments: Store,
        store: ListeningStore,
        finishing: Finishing,
        tokens: ListeningTokens,
        sessions: Sessions,
        *,
        address_of: Callable[[str], bytes | None],
        clock: Callable[[], datetime] = now,
        chance: random.Random | None = None,
    ) -> None:
        """`address_of` takes an experiment's id to the keyed hash of the address from which this call comes."""
        self._database = database
        self._experiments = experiments
        self._store = store
        self._finishing = finishing
        self._tokens = tokens
        self._sessions = sessions
        self._address_of = address_of
        self._clock = clock
        # Nobody can foresee the sides.
        self._chance = chance or random.SystemRandom()

    async def join(self, token: str) -> Joined:
        """Returns the listener that the caller's session is, made if it is none yet.

        Unauthenticated if the link is not good, QuotaExceeded if it has all the listeners it may have.
        """
        async with self._database.reading() as connection:
            # First, so that a link that is no good costs no session.
            link = await self._link(connection, token)
        voter = current_voter()
        session = None if voter else await self._sessions.new()
        async with self._database.transaction() as connection:
            listener = Listener(
                id=ids.new_id(LISTENER_PREFIX),
                link_id=link.id,
                experiment_id=link.experiment_id,
                created_at=self._clock(),
                voter_id=voter.id if voter else session.voter_id if session else None,
                address=self._address_of(link.experiment_id),
            )
            joined = await self._store.add_listener(connection, listener, MOST_LISTENERS, MAX_JOINED_FROM_ADDRESS)
            if joined is None:
                raise QuotaExceeded(
                    f"{MOST_LISTENERS} listeners have joined by this link, or {MAX_JOINED_FROM_ADDRESS} from your "
                    "address, and no more may: ask for another link",
                    limit=str(MOST_LISTENERS),
                )
            listener_token = self._tokens.of_listener(joined.id, link.id)
            sight = await self._sight(connection, token, listener_token)
        return Joined(listener_token, sight.link.expires_at, sight.progress(self._clock()), session)

    async def next_pair(self, token: str, listener: str) -> Next:
        """Returns the pair that a listener is at, else a new one, else none."""
        async with self._database.reading() as connection:
            sight = await self._sight(connection, token, listener)
        moment = self._clock()
        if not is_open(sight.experiment, moment) or (sight.current is None and not sight.candidates):
            return Next(None, "", sight.progress(moment))
        if sight.current is not None and moment - sight.current.shown_at < NOTE_SHOWN_EVERY:
            return self._next(sight, sight.current)
        async with self._database.transaction() as connection:
            await self._experiments.lock(connection, sight.experiment.id)
            # Looked at again under the lock.
            sight = await self._sight(connection, token, listener)
            if not is_open(sight.experiment, moment):
                return self._next(sight, None)
            if sight.current is not None:
                await self._store.show_again(connection, sight.current.id, moment)
                return self._next(sight, sight.current)
            held = await self._store.held(connection, sight.experiment.id, moment - HELD_FOR)
            drawn = draw(sight.candidates, held, self._chance)
            if drawn is None:
                return self._next(sight, None)
            listener_id = self._tokens.listener(listener, sight.link.id)
            assignment = await self._assigned(connection, sight.link, listener_id, drawn, moment)
            await self._store.add_assignment(connection, assignment)
            return self._next(dataclasses.replace(sight, given=[*sight.given, assignment]), assignment)

    def _next(self, sight: _Sight, assignment: Assignment | None) -> Next:
        prompt = sight.experiment.prompts[assignment.key.prompt_index] if assignment else ""
        return Next(assignment, prompt, sight.progress(self._clock()))

    async def _assigned(
        self, connection: AsyncConnection, link: Link, listener_id: str, drawn: Drawn, at: datetime
    ) -> Assignment:
        seconds = []
        for trial_id in (drawn.first_trial, drawn.second_trial):
            trial = await self._experiments.trial(connection, trial_id)
            seconds.append(clip_seconds((trial.measurements.duration_seconds if trial else None) or 0.0))
        a_seconds, b_seconds = reversed(seconds) if drawn.swapped else seconds
        return Assignment(
            id=ids.new_id("pai"),
            experiment_id=link.experiment_id,
            listener_id=listener_id,
            link_id=link.id,
            key=drawn.pair.key,
            first_trial=drawn.first_trial,
            second_trial=drawn.second_trial,
            swapped=drawn.swapped,
            drawn_from=drawn.drawn_from,
            target_lufs=drawn.pair.target_lufs,
            clip_a=f"{ids.new_id('clp')}.wav",
            clip_b=f"{ids.new_id('clp')}.wav",
            a_seconds=a_seconds,
            b_seconds=b_seconds,
            shown_at=at,
        )

    async def vote(self, token: str, listener: str, pair_id: str, answer: ListenerAnswer) -> ListenerProgress:
        """Takes an answer. WrongState if there is another one already, the pair was not heard, or listening has closed.

        The same answer again changes nothing, whatever has happened since: its first confirmation may have been lost.
        """
        ids.check_id(pair_id, "pai", "pair_id")
        async with self._database.reading() as connection:
            experiment_id = (await self._link(connection, token)).experiment_id
        async with self._database.transaction() as connection:
            await self._experiments.lock(connection, experiment_id)
            sight = await self._sight(connection, token, listener)
            assignment = next((each for each in sight.given if each.id == pair_id), None)
            if assignment is None:
                raise NotFound("pair", pair_id)
            moment = self._clock()
            if assignment.answer is None:
                if not is_open(sight.experiment, moment):
                    raise WrongState("listening has closed: no votes are taken any more", status="closed")
                check_heard(assignment, moment)
                address = self._address_of(experiment_id)
                await self._store.add_vote(connection, assignment, answer, moment, address)
                await self._store.judge(connection, await self._judged(connection, sight.link, assignment), moment)
                await self._count(connection, sight.experiment)
            elif assignment.answer is not answer:
                raise WrongState(
                    f"this pair was answered with {assignment.answer}, and answers don't change: ask for the next pair",
                    status="answered",
                    answer=assignment.answer,
                )
            return (await self._sight(connection, token, listener)).progress(moment)

    async def _judged(self, connection: AsyncConnection, link: Link, last: Assignment) -> list[Judgement]:
        """Judges the votes of a listener, of which the one about `last` was added just now."""
        votes = await self._store.cast(connection, link.experiment_id, last.listener_id)
        places = [
            await self._store.places(connection, link.id, address, besides=last.listener_id)
            for address in ([] if link.supervised else unclaimed(votes))
        ]
        others = await self._store.same_session(connection, last.listener_id)
        return judge(votes, link, places=places, same_session=others)

    async def _count(self, connection: AsyncConnection, experiment: Experiment) -> None:
        """Counts the votes of an experiment, and reaches the verdict if that are all."""
        pairs = await self._store.pairs(connection, experiment.id)
        received, needed = count(pairs, experiment.votes_per_pair)
        counted = await self._experiments.count_votes(connection, experiment.id, received)
        if received >= needed:
            await self._finishing.conclude(connection, counted)
        await announce(connection, experiment.id)

    async def _link(self, connection: AsyncConnection, token: str) -> Link:
        link = await self._store.link(connection, self._tokens.link(token, self._clock()))
        if link is None:
            raise Unauthenticated(
                "the experiment of this listening link was deleted: there is nothing to hear any more"
            )
        if link.revoked_at is not None:
            raise Unauthenticated("this listening link was revoked: ask whoever sent it for a new one")
        return link

    async def _sight(self, connection: AsyncConnection, token: str, listener: str | None = None) -> _Sight:
        """Looks at what a link is of, and at one of its listeners; Unauthenticated if one of them is not good."""
        link = await self._link(connection, token)
        given: Sequence[Assignment] = ()
        if listener is not None:
            listener_id = self._tokens.listener(listener, link.id)
            if await self._store.listener(connection, listener_id) is None:
                raise Unauthenticated("this listener is not known: join by the link again")
            given = await self._store.assignments(connection, listener_id)
        experiment = await self._experiments.get(connection, link.developer_id, link.experiment_id)
        if experiment is None:
            raise Unauthenticated(
                "the experiment of this listening link was deleted: there is nothing to hear any more"
            )
        return _Sight(link, experiment, await self._store.pairs(connection, experiment.id), given)
