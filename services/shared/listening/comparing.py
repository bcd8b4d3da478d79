"""What listeners do: join, hear a pair, vote.

Joining, giving out a pair and voting hold the lock of the subject, so votes are counted one after another, the one that
completes them ends the subject in its own transaction, and none comes after it. Whether a vote counts is judged with it
(`judging`), and the voter is not told.
"""

import dataclasses
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic

from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, Unauthenticated, WrongState
from services.shared.audio.rendering import clip_seconds
from services.shared.listening.domain import (
    HELD_FOR,
    MAX_JOINED_FROM_ADDRESS,
    Assignment,
    Listener,
    ListenerAnswer,
    ListenerProgress,
    ListeningTest,
    Pair,
)
from services.shared.listening.hearing import check_heard
from services.shared.listening.judging import CastVote, judge, unclaimed
from services.shared.listening.pairing import Drawn, count, draw, short_of_votes
from services.shared.listening.store import ListeningStore
from services.shared.listening.subject import Answered, Subject
from services.shared.listening.vote_store import VoteStore

NOTE_SHOWN_EVERY = timedelta(minutes=1)
"""A pair that is asked for again and again is noted as shown this often at most."""


@dataclass(frozen=True, slots=True)
class Next:
    """What a listener hears next, None if there is nothing."""

    assignment: Assignment | None
    text: str
    progress: ListenerProgress


@dataclass(frozen=True, slots=True)
class Voted(Generic[Answered]):
    """A vote that was taken."""

    progress: ListenerProgress
    answered: Answered | None
    """What the subject answers; None if the same vote was taken before."""


@dataclass(frozen=True, slots=True)
class _Seat:
    """What is known of a listener and their test."""

    listener: Listener
    test: ListeningTest | None
    """None before it was opened for the first time."""
    pairs: Sequence[Pair]
    given: Sequence[Assignment]

    @property
    def current(self) -> Assignment | None:
        return next((each for each in self.given if each.answer is None), None)

    @property
    def candidates(self) -> list[Pair]:
        needed = self.test.votes_per_pair if self.test else 0
        return short_of_votes(self.pairs, {each.key for each in self.given}, needed)

    def open(self, at: datetime) -> bool:
        return self.test is not None and self.test.open(at)

    def progress(self, at: datetime) -> ListenerProgress:
        left = len(self.candidates) + (self.current is not None)
        answered = sum(each.answer is not None for each in self.given)
        return ListenerProgress(answered, left if self.open(at) else 0, self.open(at))

    def next(self, assignment: Assignment | None, at: datetime) -> Next:
        text = next((pair.text for pair in self.pairs if assignment and pair.key == assignment.key), "")
        return Next(assignment, text, self.progress(at))


class Comparing(Generic[Answered]):
    """The use cases over one database. A test is named by the id of its subject."""

    def __init__(
        self,
        database: Database,
        store: ListeningStore,
        votes: VoteStore,
        subject: Subject[Answered],
        clock: Callable[[], datetime] = now,
        chance: random.Random | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._votes = votes
        self._subject = subject
        self._clock = clock
        # Nobody can foresee the sides.
        self._chance = chance or random.SystemRandom()

    async def join(self, listener: Listener, max_listeners: int) -> tuple[Listener, ListenerProgress] | None:
        """Adds a listener to a test and returns it, or the one that the same session already is; and how far it is.

        None if `max_listeners` have joined by the same invitation, or MAX_JOINED_FROM_ADDRESS from the same address.
        """
        async with self._database.transaction() as connection:
            await self._lock(connection, listener.test_id)
            joined = await self._store.add_listener(connection, listener, max_listeners, MAX_JOINED_FROM_ADDRESS)
            if joined is None:
                return None
            return joined, (await self._seated(connection, joined)).progress(self._clock())

    async def next_pair(self, test_id: str, listener_id: str) -> Next:
        """Returns the pair that a listener is at, else a new one, else none."""
        async with self._database.reading() as connection:
            seat = await self._seat(connection, test_id, listener_id)
        moment = self._clock()
        if not seat.open(moment) or (seat.current is None and not seat.candidates):
            return seat.next(None, moment)
        if seat.current is not None and moment - seat.current.shown_at < NOTE_SHOWN_EVERY:
            return seat.next(seat.current, moment)
        async with self._database.transaction() as connection:
            # Looked at again under the lock.
            seat = await self._locked_seat(connection, test_id, listener_id)
            if not seat.open(moment):
                return seat.next(None, moment)
            if seat.current is not None:
                await self._store.show_again(connection, seat.current.id, moment)
                return seat.next(seat.current, moment)
            held = await self._store.held(connection, test_id, moment - HELD_FOR)
            drawn = draw(seat.candidates, held, self._chance)
            if drawn is None:
                return seat.next(None, moment)
            assignment = _assignment(seat.listener, drawn, moment)
            await self._store.add_assignment(connection, assignment)
            return dataclasses.replace(seat, given=[*seat.given, assignment]).next(assignment, moment)

    async def vote(
        self, test_id: str, listener_id: str, pair_id: str, answer: ListenerAnswer, address: bytes | None
    ) -> Voted[Answered]:
        """Takes an answer. WrongState if there is another one already, the pair was not heard, or the test has closed.

        `pair_id` is the id of the assignment, `address` the keyed hash of the address from which the vote comes.
        The same answer again changes nothing, whatever has happened since: its first confirmation may have been lost.
        """
        ids.check_id(pair_id, "pai", "pair_id")
        async with self._database.transaction() as connection:
            seat = await self._locked_seat(connection, test_id, listener_id)
            assignment = next((each for each in seat.given if each.id == pair_id), None)
            if assignment is None:
                raise NotFound.of("pair", pair_id)
            moment = self._clock()
            if assignment.answer is answer:
                return Voted(seat.progress(moment), None)
            if assignment.answer is not None:
                raise WrongState(
                    f"this pair was answered with {assignment.answer}, and answers don't change: ask for the next pair",
                    status="answered",
                    answer=assignment.answer,
                )
            if seat.test is None or not seat.test.open(moment):
                raise WrongState("listening has closed: no votes are taken any more", status="closed")
            check_heard(assignment, moment)
            await self._votes.add(connection, assignment, answer, moment, address)
            vote = await self._judged(connection, seat.listener, moment)
            received, needed = count(await self._store.pairs(connection, test_id), seat.test.votes_per_pair)
            if received >= needed:
                await self._store.suspend(connection, test_id)
            answered = await self._subject.counted(connection, vote, received, needed)
            seat = await self._seated(connection, seat.listener)
            return Voted(seat.progress(moment), answered)

    async def _judged(self, connection: AsyncConnection, listener: Listener, at: datetime) -> CastVote:
        """Judges the votes of a listener, of which the last was added just now, and returns that."""
        votes = await self._votes.of_listener(connection, listener)
        supervised = votes[-1].supervised
        places = [
            await self._votes.places(connection, listener, address)
            for address in ([] if supervised else unclaimed(votes))
        ]
        others = await self._votes.same_session(connection, listener)
        judgements = judge(votes, listener.max_listeners_per_address, places=places, same_session=others)
        await self._votes.judge(connection, judgements, at)
        last = judgements[0]
        return dataclasses.replace(last.vote, state=last.state, doubt=last.doubt, judged_at=at)

    async def _lock(self, connection: AsyncConnection, test_id: str) -> None:
        if not await self._subject.lock(connection, test_id):
            raise Unauthenticated("what there was to hear has been deleted: there is nothing to hear any more")

    async def _locked_seat(self, connection: AsyncConnection, test_id: str, listener_id: str) -> _Seat:
        await self._lock(connection, test_id)
        seat = await self._seat(connection, test_id, listener_id)
        await check_may_hear(connection, self._subject, seat.listener)
        return seat

    async def _seat(self, connection: AsyncConnection, test_id: str, listener_id: str) -> _Seat:
        listener = await self._store.listener(connection, test_id, listener_id)
        if listener is None:
            raise Unauthenticated("this listener is not known: join again")
        return await self._seated(connection, listener)

    async def _seated(self, connection: AsyncConnection, listener: Listener) -> _Seat:
        return _Seat(
            listener,
            await self._store.test(connection, listener.test_id),
            await self._store.pairs(connection, listener.test_id),
            await self._store.assignments(connection, listener.test_id, listener.id),
        )


async def check_may_hear(connection: AsyncConnection, subject: Subject[Answered], listener: Listener) -> None:
    """Raises Unauthenticated unless a listener may still hear clips and vote."""
    if not await subject.may_hear(connection, listener):
        raise Unauthenticated("the invitation to listen has ended: ask whoever sent it for a new one")


def _assignment(listener: Listener, drawn: Drawn, at: datetime) -> Assignment:
    a, b = (drawn.second, drawn.first) if drawn.swapped else (drawn.first, drawn.second)
    return Assignment(
        id=ids.new_id("pai"),
        test_id=listener.test_id,
        listener_id=listener.id,
        key=drawn.pair.key,
        first_audio=drawn.first.audio_name,
        second_audio=drawn.second.audio_name,
        swapped=drawn.swapped,
        drawn_from=drawn.drawn_from,
        target_lufs=drawn.pair.target_lufs,
        clip_a=f"{ids.new_id('clp')}.wav",
        clip_b=f"{ids.new_id('clp')}.wav",
        a_seconds=clip_seconds(a.seconds),
        b_seconds=clip_seconds(b.seconds),
        shown_at=at,
    )
