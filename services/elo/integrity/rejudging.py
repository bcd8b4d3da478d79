"""Judges votes again: with what their voter did later, and with how others voted on the same pairs.

A vote is judged when it is cast, by the rules of listening tests (`services.shared.listening.judging`). What takes more
than the voter's own votes is found here, in the background: voters who fail control battles, voters and addresses that
vote unlike the others, and votes that could not be judged when they were cast. Each round judges the voters with new
votes, and from time to time everybody who has voted lately, because others have voted meanwhile.

A vote whose state changes gets a further state. In the same transaction the ratings and all counts of votes follow.
What a battle and its voter were told stays as it was.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.domain import INSTALLATION
from services.elo.integrity.agreement import BoardVote, Findings, examine
from services.elo.integrity.applying import Applying, Change
from services.elo.integrity.controls import failed
from services.elo.integrity.store import IntegrityStore, JudgedVoter
from services.elo.voting.next_battle import PUBLIC_INVITATION
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.disconnections import is_disconnected
from services.shared.listening.domain import NO_ADDRESS_LIMIT, Listener
from services.shared.listening.judging import (
    DECIDED_ONCE,
    CastVote,
    ExclusionReason,
    VoteState,
    behaviour_reason,
)
from services.shared.listening.store import ListeningStore
from services.shared.listening.vote_judging import VoteJudging
from services.shared.listening.vote_store import VoteStore

log = structlog.get_logger()

BATCH = 200
"""Voters in one round."""
CHANGES_AT_ONCE = 300
"""Votes that are changed in one transaction. The votes of the board wait for it."""
VOTER_WINDOW = timedelta(days=30)
"""Older votes keep their states. Nobody is judged by them for ever."""
ADDRESS_WINDOW = timedelta(days=7)
"""An address gets other people, so it is judged by fewer days than a voter."""
JUDGED_AGAIN_AFTER = timedelta(hours=6)
"""How long after it was judged a voter without new votes is judged again, because others have voted meanwhile."""


@dataclass(frozen=True, slots=True)
class _Examined:
    """What is known about the voters of one round on one board."""

    findings: Findings
    addresses: frozenset[bytes]
    """The addresses that were tested."""
    of_voters: Mapping[int, Sequence[BoardVote]]
    also_concerned: frozenset[int]
    """Other voters, with counted votes that the findings exclude."""


class Rejudging:
    """The background job over one database."""

    def __init__(
        self,
        database: Database,
        store: IntegrityStore,
        listening: ListeningStore,
        votes: VoteStore,
        judging: VoteJudging,
        applying: Applying,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._store = store
        self._listening = listening
        self._votes = votes
        self._judging = judging
        self._applying = applying
        self._clock = clock

    async def judge_due(self) -> int:
        """Judges up to BATCH voters. Returns how many, or BATCH if more are due at once.

        If a voter can't be judged, the others of the batch are, and that voter stays due.
        """
        moment = self._clock()
        since = moment - VOTER_WINDOW
        async with self._database.reading() as connection:
            due = await self._store.due(connection, moment - JUDGED_AGAIN_AFTER, since, BATCH)
            owners = await self._store.owners(connection, [voter.seq for voter in due], since) if due else []
        if (concerned := await self._judge(owners, due, moment)) is not None:
            return BATCH if concerned else len(due)
        return sum([await self._judge(owners, [voter], moment) is not None for voter in due])

    async def _judge(
        self, owners: Sequence[str], due: Sequence[JudgedVoter], moment: datetime
    ) -> Collection[int] | None:
        """Judges voters on all boards. Returns other voters who are due now. None if it fails: they stay due."""
        concerned: set[int] = set()
        try:
            for owner in owners:
                concerned |= await self._judge_board(owner, due, moment)
        except Exception as error:
            if is_disconnected(error):
                raise
            log.warning("votes can't be judged again now", voters=len(due), error=str(error))
            return None
        async with self._database.transaction() as connection:
            await self._store.judged(connection, due, moment)
            if concerned:
                await self._store.make_due(connection, concerned)
        return concerned

    async def _judge_board(self, owner: str, due: Sequence[JudgedVoter], moment: datetime) -> frozenset[int]:
        async with self._database.reading() as connection:
            examined = await self._examine(connection, owner, due, moment)
            changes = [
                change
                for voter in due
                for change in await self._changes(connection, owner, voter, examined, moment - VOTER_WINDOW)
            ]
        for start in range(0, len(changes), CHANGES_AT_ONCE):
            await self._applying.apply(owner, changes[start : start + CHANGES_AT_ONCE])
        return examined.also_concerned

    async def _examine(
        self, connection: AsyncConnection, owner: str, due: Sequence[JudgedVoter], moment: datetime
    ) -> _Examined:
        since, addresses_since = moment - VOTER_WINDOW, moment - ADDRESS_WINDOW
        of_voters = {voter.seq: await self._store.of_voter(connection, owner, voter.seq, since) for voter in due}
        addresses = await self._store.addresses(connection, [voter.id for voter in due], addresses_since)
        at_addresses = {
            address: await self._store.at_address(connection, owner, address, addresses_since) for address in addresses
        }
        counted = await self._store.counted(connection, owner)
        # It takes a while, and calls must not wait.
        findings = await asyncio.to_thread(examine, counted, at_addresses, of_voters)
        if findings.addresses:
            log.info("addresses vote unlike the others", board=owner, addresses=len(findings.addresses))
        concerned = {
            vote.voter_seq
            for votes in at_addresses.values()
            for vote in votes
            if vote.counted and findings.excludes(vote)
        }
        return _Examined(findings, frozenset(addresses), of_voters, frozenset(concerned - of_voters.keys()))

    async def _changes(
        self, connection: AsyncConnection, owner: str, voter: JudgedVoter, examined: _Examined, since: datetime
    ) -> list[Change]:
        """Returns the votes of a voter on a board whose state is not what it should be."""
        listener = listener_on(owner, voter)
        votes = await self._votes.of_listener(connection, listener)
        reason = behaviour_reason(votes)
        if reason is None and owner == INSTALLATION:
            answers = await self._store.control_answers(connection, voter.id, since)
            reason = ExclusionReason.FAILED_CONTROLS if failed(answers) else None
        if reason is None and voter.seq in examined.findings.voters:
            reason = ExclusionReason.UNLIKE_OTHERS
        changes = []
        for position, vote in enumerate(votes, start=1):
            if vote.cast_at <= since or vote.exclusion_reason in DECIDED_ONCE:
                continue
            new = reason or _address_reason(vote, voter.seq, examined)
            if vote.state is VoteState.UNKNOWN:
                new = await self._reason_at_cast(connection, votes[:position]) or new
            if vote.state is VoteState.UNKNOWN or new is not vote.exclusion_reason:
                changes.append(Change(listener, vote, new))
        return changes

    async def _reason_at_cast(self, connection: AsyncConnection, votes: Sequence[CastVote]) -> ExclusionReason | None:
        listener = await self._listening.listener(connection, votes[-1].test_id, votes[-1].listener_id)
        return await self._judging.reason_at_cast(connection, listener, votes) if listener is not None else None


def listener_on(owner: str, voter: JudgedVoter) -> Listener:
    """Returns a voter as the listener of all battles of a board."""
    return Listener(
        id=voter.id,
        test_id="",
        invitation_id=owner or PUBLIC_INVITATION,
        max_listeners_per_address=NO_ADDRESS_LIMIT,
        created_at=datetime.min,
    )


def _address_reason(vote: CastVote, voter_seq: int, examined: _Examined) -> ExclusionReason | None:
    """Returns UNLIKE_OTHERS if a vote comes from an address that votes unlike the others."""
    if vote.address in examined.addresses:
        found = vote.address in examined.findings.addresses and voter_seq not in examined.findings.cleared
    else:
        # The address has no votes of this board within ADDRESS_WINDOW, so what was found before stays.
        found = vote.address is not None and vote.exclusion_reason is ExclusionReason.UNLIKE_OTHERS
    return ExclusionReason.UNLIKE_OTHERS if found else None
