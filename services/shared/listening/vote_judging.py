"""Judges a vote when it is cast. See `judging` for the rules."""

import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.statements import savepoint
from services.shared.listening.domain import NO_ADDRESS_LIMIT, Listener, PairKey
from services.shared.listening.judging import (
    DECIDED_ONCE,
    CastVote,
    ExclusionReason,
    Judgement,
    JudgingRules,
    addresses_without_place,
    judge,
)
from services.shared.listening.vote_store import VoteStore

log = structlog.get_logger()

_Result = TypeVar("_Result")


class VoteJudging:
    """Judges the votes of a listener with one set of rules."""

    def __init__(self, votes: VoteStore, rules: JudgingRules | None = None) -> None:
        self._votes = votes
        self._rules = rules or JudgingRules()

    async def judge_last(
        self,
        connection: AsyncConnection,
        listener: Listener,
        at: datetime,
        then: Callable[[CastVote, Mapping[PairKey, int]], Awaitable[_Result]],
    ) -> _Result:
        """Judges the vote that a listener has just cast, and ends the transaction. Returns what `then` returns.

        `then` does the rest of the transaction. It gets the vote with its state, and by how much judging changes the
        number of votes of pairs in the test. The states are sent together with its first statement. If judging fails,
        `then` gets the vote without a state, for the second time if the database refuses the states.

        The caller must have locked the listener before it added the vote, so that it is the last.

        The earlier votes in the same test are judged again. Those in other tests are not, because the subjects of other
        tests are not locked: a service whose listeners hear several tests judges them again later.
        """
        votes = await self._votes.of_listener(connection, listener)
        if not self._rules.judged_again:
            return await then(*await self._judge(connection, listener, votes, at))
        try:
            async with savepoint(connection, last=True):
                return await then(*await self._judge(connection, listener, votes, at))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with judging, the vote is accepted
            log.warning("a vote can't be judged now, and is judged later", vote=votes[-1].id, error=str(error))
            return await then(votes[-1], {})

    async def _judge(
        self, connection: AsyncConnection, listener: Listener, votes: Sequence[CastVote], at: datetime
    ) -> tuple[CastVote, Mapping[PairKey, int]]:
        last, *earlier = await self._judgements(connection, listener, votes)
        judged = [last, *(each for each in earlier if each.vote.test_id == listener.test_id)]
        await self._votes.judge(connection, judged, at)
        more: Counter[PairKey] = Counter()
        for each in judged:
            more[each.vote.key] += each.more
        vote = dataclasses.replace(last.vote, state=last.state, exclusion_reason=last.exclusion_reason, judged_at=at)
        return vote, more

    async def reason_at_cast(
        self, connection: AsyncConnection, listener: Listener, votes: Sequence[CastVote]
    ) -> ExclusionReason | None:
        """Returns why the last of a listener's votes was to be excluded for good when it was cast. None if it counts.

        For votes that could not be judged then. `listener` is the one who cast the last vote.
        """
        last, *_ = await self._judgements(connection, listener, votes, before=votes[-1].cast_at)
        return last.exclusion_reason if last.exclusion_reason in DECIDED_ONCE else None

    async def _judgements(
        self,
        connection: AsyncConnection,
        listener: Listener,
        votes: Sequence[CastVote],
        before: datetime | None = None,
    ) -> list[Judgement]:
        since = self._rules.places_since(votes[-1].cast_at)
        limited = listener.max_listeners_per_address != NO_ADDRESS_LIMIT
        addresses = sorted(addresses_without_place(votes, since)) if limited else []
        # Two listeners must not take the last place of an address at the same time.
        await self._votes.lock_addresses(connection, listener, addresses)
        places = [await self._votes.places(connection, listener, address, since, before) for address in addresses]
        return judge(
            votes,
            listener.max_listeners_per_address,
            places=places,
            same_session=await self._votes.same_session(connection, listener),
            max_votes_per_day=self._rules.max_votes_per_day,
        )
