"""The port between listening and what is listened to: an experiment, say."""

from typing import Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.shared.listening.domain import Listener
from services.shared.listening.judging import CastVote

Answered = TypeVar("Answered", covariant=True)


class Subject(Protocol[Answered]):
    """What a listening test is about. Its id is that of the test.

    Each method works in the transaction of the connection and leaves committing to the caller. `tests/contract` has the
    suite that every implementation passes.
    """

    async def lock(self, connection: AsyncConnection, test_id: str) -> bool:
        """Locks the subject's row until the transaction ends; False if there is none.

        Joining, giving out a pair, voting and closing lock it first, so they follow one another.
        """

    async def counted(self, connection: AsyncConnection, vote: CastVote, received: int, needed: int) -> Answered:
        """Takes note of a vote just cast, judged already, and returns what the voter is answered.

        `received` of `needed` votes count. Once all are there the test has closed, and this is the end of the subject,
        too: `ended` is not called.
        """

    async def ended(self, connection: AsyncConnection, test_id: str) -> None:
        """Ends the subject with the votes that there are: time is over, or the test was closed by hand."""

    async def may_hear(self, connection: AsyncConnection, listener: Listener) -> bool:
        """Whether a listener may still hear clips and vote; False once their invitation has ended, say."""
