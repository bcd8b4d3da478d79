"""An experiment as the subject of a listening test, and how its developer closes that."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment
from services.experiments.listening.store import LinkStore
from services.experiments.running.changes import announce
from services.experiments.running.finishing import Finishing
from services.experiments.store import Store
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import WrongState
from services.runtime.identity import owned
from services.shared.listening.closing import Closing
from services.shared.listening.domain import Listener
from services.shared.listening.judging import CastVote


class ExperimentSubject:
    """Implements `services.shared.listening.subject.Subject`: the end of the test is the verdict."""

    def __init__(
        self, experiments: Store, links: LinkStore, finishing: Finishing, clock: Callable[[], datetime] = now
    ) -> None:
        self._experiments = experiments
        self._links = links
        self._finishing = finishing
        self._clock = clock

    async def lock(self, connection: AsyncConnection, test_id: str) -> bool:
        return await self._experiments.lock(connection, test_id) is not None

    async def counted(self, connection: AsyncConnection, vote: CastVote, received: int, needed: int) -> None:
        experiment = await self._experiments.count_votes(connection, vote.test_id, received)
        if received >= needed:
            await self._finishing.conclude(connection, experiment)
        await announce(connection, vote.test_id)

    async def ended(self, connection: AsyncConnection, test_id: str) -> None:
        experiment = await self._experiments.lock(connection, test_id)
        assert experiment is not None
        await self._finishing.conclude(connection, experiment)
        await announce(connection, test_id)

    async def may_hear(self, connection: AsyncConnection, listener: Listener) -> bool:
        link = await self._links.get(connection, listener.invitation_id)
        return link is not None and link.revoked_at is None and self._clock() < link.expires_at


class CloseListening:
    """Closes the test of an experiment by hand."""

    def __init__(self, database: Database, experiments: Store, closing: Closing) -> None:
        self._database = database
        self._experiments = experiments
        self._closing = closing

    async def close(self, experiment_id: str) -> Experiment:
        """Reaches the verdict with the votes that there are; WrongState unless listening is open."""
        ids.check_id(experiment_id, "exp", "experiment_id")
        async with self._database.transaction() as connection:
            experiment = owned(await self._experiments.lock(connection, experiment_id), "experiment", experiment_id)
            if not await self._closing.close(connection, experiment_id):
                raise WrongState(
                    "listening is not open: it opens when every trial of a human or hybrid experiment has ended, and "
                    f"closes with the verdict; this experiment is {experiment.status}",
                    status=experiment.status,
                )
            return await self._experiments.lock(connection, experiment_id) or experiment
