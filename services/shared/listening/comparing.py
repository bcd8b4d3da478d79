"""The use cases of listeners: join a test, get a pair, vote.

Each of them locks the subject, so votes are counted one after another. The last vote that is needed ends the subject in
the same transaction, and no vote is accepted after it. Each vote is judged when it is cast (`judging`). The voter does
not see whether it counts.
"""

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Self

from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, Unauthenticated, WrongState
from services.runtime.statements import at_once
from services.shared.audio.rendering import clip_seconds
from services.shared.listening.clip_transfers import check_both_heard
from services.shared.listening.domain import (
    MAX_JOINED_FROM_ADDRESS,
    PENDING_ASSIGNMENT_DURATION,
    Assignment,
    Listener,
    ListenerAnswer,
    ListenerProgress,
    ListeningTest,
    Pair,
    PairKey,
)
from services.shared.listening.judging import CastVote
from services.shared.listening.pairing import DrawnPair, count_votes, draw, pairs_lacking_votes
from services.shared.listening.store import ListeningStore
from services.shared.listening.subject import Subject, VoteReply
from services.shared.listening.vote_judging import VoteJudging
from services.shared.listening.vote_store import VoteStore

SHOWN_UPDATE_INTERVAL = timedelta(minutes=1)
"""When a listener asks for the same pair again and again, `shown_at` is updated at most this often."""


@dataclass(frozen=True, slots=True)
class NextPair:
    """The pair that a listener hears next. `assignment` is None if there is none."""

    assignment: Assignment | None
    text: str
    progress: ListenerProgress


@dataclass(frozen=True, slots=True)
class Voted(Generic[VoteReply]):
    """A vote that was accepted."""

    progress: ListenerProgress
    reply: VoteReply | None
    """The reply of the subject. None if the same vote was accepted before."""
    assignment: Assignment
    """The pair that was judged, as it was given to the listener."""


@dataclass(frozen=True, slots=True)
class _ListenerState:
    """A listener, their test, and the pairs that they have been given."""

    listener: Listener
    test: ListeningTest | None
    """None if the test was never opened."""
    given: Sequence[Assignment]
    pairs: Sequence[Pair] = ()

    @property
    def current(self) -> Assignment | None:
        return next((each for each in self.given if each.answer is None), None)

    @property
    def candidates(self) -> list[Pair]:
        needed = self.test.votes_per_pair if self.test else 0
        return pairs_lacking_votes(self.pairs, {each.key for each in self.given}, needed)

    def with_answer(self, answered: Assignment, more: Mapping[PairKey, int]) -> Self:
        """Returns the state after an answer that counts. `more` has further changes of the pairs' numbers of votes."""
        given = [answered if each.id == answered.id else each for each in self.given]
        pairs = [
            dataclasses.replace(pair, votes=pair.votes + (pair.key == answered.key) + more.get(pair.key, 0))
            for pair in self.pairs
        ]
        return dataclasses.replace(self, given=given, pairs=pairs)

    def open(self, at: datetime) -> bool:
        return self.test is not None and self.test.open(at)

    def progress(self, at: datetime) -> ListenerProgress:
        left = len(self.candidates) + (self.current is not None)
        answered = sum(each.answer is not None for each in self.given)
        return ListenerProgress(answered, left if self.open(at) else 0, self.open(at))

    def next(self, assignment: Assignment | None, at: datetime) -> NextPair:
        text = next((pair.text for pair in self.pairs if assignment and pair.key == assignment.key), "")
        return NextPair(assignment, text, self.progress(at))


class Comparing(Generic[VoteReply]):
    """The use cases over one database. A test has the id of its subject."""

    def __init__(
        self,
        database: Database,
        store: ListeningStore,
        votes: VoteStore,
        subject: Subject[VoteReply],
        clock: Callable[[], datetime] = now,
        rng: random.Random | None = None,
        judging: VoteJudging | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._votes = votes
        self._subject = subject
        self._clock = clock
        self._judging = judging or VoteJudging(votes)
        # Sides must be unpredictable.
        self._rng = rng or random.SystemRandom()

    async def join(self, listener: Listener, max_listeners: int) -> tuple[Listener, ListenerProgress] | None:
        """Adds a listener to a test. Returns the listener and their progress.

        A session that has already joined by the same invitation gets its existing listener. Returns None if
        `max_listeners` have joined by this invitation, or MAX_JOINED_FROM_ADDRESS of them from the same address.
        """
        async with self._database.transaction() as connection:
            joined = await self._joined(connection, listener, max_listeners)
            if joined is None:
                return None
            return joined, (await self._state(connection, joined.test_id, joined.id)).progress(self._clock())

    async def give(self, listener: Listener, max_listeners: int) -> NextPair | None:
        """Adds a listener to a test as `join` does, and returns a pair as `next_pair` does."""
        async with self._database.transaction() as connection:
            joined = await self._joined(connection, listener, max_listeners)
            if joined is None:
                return None
            await check_may_hear(connection, self._subject, joined)
            return await self._next(connection, await self._state(connection, joined.test_id, joined.id))

    async def _joined(self, connection: AsyncConnection, listener: Listener, max_listeners: int) -> Listener | None:
        """Locks the subject and adds a listener. None if too many have joined."""
        _, joined = await at_once(
            connection,
            self._lock(connection, listener.test_id),
            self._store.add_listener(connection, listener, max_listeners, MAX_JOINED_FROM_ADDRESS),
        )
        return joined

    async def next_pair(self, test_id: str, listener_id: str) -> NextPair:
        """Returns the pair that a listener has not answered yet, else a new pair, else none."""
        async with self._database.reading() as connection:
            state = await self._state(connection, test_id, listener_id)
        moment = self._clock()
        if not state.open(moment) or (state.current is None and not state.candidates):
            return state.next(None, moment)
        if state.current is not None and moment - state.current.shown_at < SHOWN_UPDATE_INTERVAL:
            return state.next(state.current, moment)
        async with self._database.transaction() as connection:
            await self._lock(connection, test_id)
            # Another request of the same listener may have come first.
            state = await self._state(connection, test_id, listener_id)
            await check_may_hear(connection, self._subject, state.listener)
            return await self._next(connection, state)

    async def _next(self, connection: AsyncConnection, state: _ListenerState) -> NextPair:
        """Gives a listener their pair again, else another one. The caller has locked the subject."""
        moment = self._clock()
        if not state.open(moment):
            return state.next(None, moment)
        if state.current is not None:
            await self._store.show_again(connection, state.current.id, moment)
            return state.next(state.current, moment)
        since = moment - PENDING_ASSIGNMENT_DURATION
        candidates = state.candidates
        # One candidate needs no choice.
        several = len(candidates) > 1
        pending = await self._store.pending_assignments(connection, state.listener.test_id, since) if several else {}
        drawn = draw(candidates, pending, self._rng)
        if drawn is None:
            return state.next(None, moment)
        assignment = _assignment(state.listener, drawn, moment)
        await self._store.add_assignment(connection, assignment)
        return dataclasses.replace(state, given=[*state.given, assignment]).next(assignment, moment)

    async def vote(
        self, test_id: str, listener_id: str, pair_id: str | None, answer: ListenerAnswer, address: bytes | None
    ) -> Voted[VoteReply]:
        """Accepts an answer about a pair.

        `pair_id` is the id of the assignment. In a test with one pair it can be None. `address` is the keyed hash of
        the address from which the vote comes. Repeating an answer succeeds and changes nothing, even after the test has
        closed, because the first response may have been lost.

        Raises NotFound if the pair was not given to this listener, and WrongState if it has another answer already, if
        it can't have been heard yet, or if the test has closed.
        """
        if pair_id is not None:
            ids.check_id(pair_id, "pai", "pair_id")
        async with self._database.transaction() as connection:
            _, state, pairs = await at_once(
                connection,
                self._lock(connection, test_id),
                self._given(connection, test_id, listener_id),
                self._store.pairs(connection, test_id),
            )
            state = dataclasses.replace(state, pairs=pairs)
            await check_may_hear(connection, self._subject, state.listener)
            assignment = next((each for each in state.given if pair_id in (None, each.id)), None)
            if assignment is None:
                raise NotFound.of("pair", pair_id or "")
            moment = self._clock()
            if assignment.answer is answer:
                return Voted(state.progress(moment), None, assignment)
            if assignment.answer is not None:
                raise WrongState(
                    f"You have already answered with {assignment.answer}, and an answer can't be changed. "
                    "Ask for the next one.",
                    status="answered",
                    answer=assignment.answer,
                )
            if state.test is None or not state.test.open(moment):
                raise WrongState("This listening test has closed and accepts no more votes", status="closed")
            check_both_heard(assignment, moment)
            await self._votes.lock_listener(connection, state.listener)
            await self._votes.add(connection, assignment, answer, moment, address)
            answered = dataclasses.replace(assignment, answer=answer)
            return await self._judging.judge_last(
                connection,
                state.listener,
                moment,
                lambda vote, more: self._count(connection, state.with_answer(answered, more), answered, vote, moment),
            )

    async def _count(
        self, connection: AsyncConnection, state: _ListenerState, answered: Assignment, vote: CastVote, at: datetime
    ) -> Voted[VoteReply]:
        """Tells the subject of a vote, and closes its test if no more votes are needed. `state` includes the vote."""
        test = state.test
        assert test is not None
        received, needed = count_votes(state.pairs, test.votes_per_pair)
        if received >= needed:
            await self._store.close(connection, test.id)
            state = dataclasses.replace(state, test=dataclasses.replace(test, closes_at=None))
        reply = await self._subject.counted(connection, vote, received, needed)
        return Voted(state.progress(at), reply, answered)

    async def _lock(self, connection: AsyncConnection, test_id: str) -> None:
        if not await self._subject.lock(connection, test_id):
            raise Unauthenticated("This listening test has been deleted")

    async def _state(self, connection: AsyncConnection, test_id: str, listener_id: str) -> _ListenerState:
        state, pairs = await at_once(
            connection, self._given(connection, test_id, listener_id), self._store.pairs(connection, test_id)
        )
        return dataclasses.replace(state, pairs=pairs)

    async def _given(self, connection: AsyncConnection, test_id: str, listener_id: str) -> _ListenerState:
        """Returns the state of a listener without the pairs of the test."""
        found = await self._store.given(connection, test_id, listener_id)
        if found is None:
            raise Unauthenticated("This listener is unknown. Join again.")
        return _ListenerState(*found)


async def check_may_hear(connection: AsyncConnection, subject: Subject[VoteReply], listener: Listener) -> None:
    """Raises Unauthenticated unless a listener may still hear clips and vote."""
    if not await subject.may_hear(connection, listener):
        raise Unauthenticated("Your invitation to listen has ended. Ask the person who sent it for a new one.")


def _assignment(listener: Listener, drawn: DrawnPair, at: datetime) -> Assignment:
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
