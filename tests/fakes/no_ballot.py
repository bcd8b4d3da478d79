"""A ballot that asks nobody, for tests of what is not about listeners."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment
from services.experiments.listening.judging import CastVote


class NoBallot:
    """Implements `services.experiments.listening.ballot.Ballot`."""

    async def open(self, connection: AsyncConnection, experiment: Experiment) -> bool:
        return False

    async def cast(self, connection: AsyncConnection, experiment_id: str) -> Sequence[CastVote]:
        return ()
