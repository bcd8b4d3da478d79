"""The port between a listening test and its subject, such as an experiment."""

from typing import Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.shared.listening.domain import Listener
from services.shared.listening.judging import CastVote

VoteReply = TypeVar("VoteReply", covariant=True)
"""What a subject tells a voter after a vote."""


class Subject(Protocol[VoteReply]):
    """The thing that a listening test is about. It has the same id as its test.

    Each method runs in the transaction of `connection` and must not commit. Every implementation must pass the suite in
    `tests/contract/stores/subject_contract.py`.
    """

    async def lock(self, connection: AsyncConnection, test_id: str) -> bool:
        """Locks the subject's row until the transaction ends. Returns False if the subject does not exist.

        Joining, drawing a pair, voting and closing take this lock first, so they happen one after another.
        """

    async def counted(self, connection: AsyncConnection, vote: CastVote, received: int, needed: int) -> VoteReply:
        """Records a vote that was just cast and judged, and returns the reply for the voter.

        `received` votes of the `needed` ones count so far. When `received` reaches `needed`, the test has just closed
        and the subject must end here: `ended` is not called.
        """

    async def ended(self, connection: AsyncConnection, test_id: str) -> None:
        """Ends the subject with the votes received so far: the time is over, or the test was closed by hand."""

    async def may_hear(self, connection: AsyncConnection, listener: Listener) -> bool:
        """Returns whether a listener may still hear clips and vote. False if their invitation was revoked, say."""
