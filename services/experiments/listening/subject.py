"""An experiment as the subject of a listening test, and the use case that closes the test by hand."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment
from services.experiments.listening.store import LinkStore
from services.experiments.running.changes import notify_watchers
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
    """Implements `services.shared.listening.subject.Subject`. A listening test ends with the verdict."""

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
        await notify_watchers(connection, vote.test_id)

    async def ended(self, connection: AsyncConnection, test_id: str) -> None:
        experiment = await self._experiments.lock(connection, test_id)
        assert experiment is not None
        await self._finishing.conclude(connection, experiment)
        await notify_watchers(connection, test_id)

    async def may_hear(self, connection: AsyncConnection, listener: Listener) -> bool:
        link = await self._links.get(connection, listener.invitation_id)
        return link is not None and link.revoked_at is None and self._clock() < link.expires_at


class CloseListening:
    """The use case that closes an experiment's listening test by hand."""

    def __init__(self, database: Database, experiments: Store, closing: Closing) -> None:
        self._database = database
        self._experiments = experiments
        self._closing = closing

    async def close(self, experiment_id: str) -> Experiment:
        """Reaches the verdict with the present votes. Raises WrongState unless listening is open."""
        ids.check_id(experiment_id, "exp", "experiment_id")
        async with self._database.transaction() as connection:
            experiment = owned(await self._experiments.lock(connection, experiment_id), "experiment", experiment_id)
            if not await self._closing.close(connection, experiment_id):
                raise WrongState(
                    "Listening is not open. It opens when all trials of a human or hybrid experiment have ended, and "
                    f"closes with the verdict. This experiment is {experiment.status}.",
                    status=experiment.status,
                )
            return await self._experiments.lock(connection, experiment_id) or experiment
