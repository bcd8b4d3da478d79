"""What the end of an experiment asks of those who listen."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment
from services.experiments.verdict import Vote


class Ballot(Protocol):
    """Opens the votes of an experiment and counts them."""

    async def open(self, connection: AsyncConnection, experiment: Experiment) -> bool:
        """Lets listeners vote from now on, in the caller's transaction; False if there is no pair to vote on."""

    async def votes(self, connection: AsyncConnection, experiment_id: str) -> Sequence[Vote]:
        """Returns every vote of an experiment, in the order in which they were cast."""


class NoBallot:
    """Asks nobody."""

    async def open(self, connection: AsyncConnection, experiment: Experiment) -> bool:
        return False

    async def votes(self, connection: AsyncConnection, experiment_id: str) -> Sequence[Vote]:
        return ()
