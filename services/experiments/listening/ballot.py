"""What the end of an experiment asks of those who listen."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment, TrialStatus
from services.experiments.listening.judging import CastVote
from services.experiments.listening.pairing import count, hearable
from services.experiments.listening.store import ListeningStore
from services.experiments.store import Store
from services.runtime.clock import now
from services.shared.audio.rendering import target_lufs


class Ballot(Protocol):
    """Opens the votes of an experiment and counts them."""

    async def open(self, connection: AsyncConnection, experiment: Experiment) -> bool:
        """Lets listeners vote from now on, in the caller's transaction; False if there is no pair to vote on."""

    async def cast(self, connection: AsyncConnection, experiment_id: str) -> Sequence[CastVote]:
        """Returns every vote of an experiment with its state, in the order in which they were cast."""


class ListenersBallot:
    """Asks those who come by a listening link."""

    def __init__(self, experiments: Store, store: ListeningStore, clock: Callable[[], datetime] = now) -> None:
        self._experiments = experiments
        self._store = store
        self._clock = clock

    async def open(self, connection: AsyncConnection, experiment: Experiment) -> bool:
        """Opens the vote on every pair that can be heard; False if none lacks votes.

        After a retry of failed trials it is opened again: votes that there are stay, and more pairs may need some.
        """
        trials = await self._experiments.trials(connection, experiment.id)
        completed = [each.measurements for each in trials if each.status is TrialStatus.COMPLETED]
        target = target_lufs((measured.loudness_lufs, measured.peak) for measured in completed)
        await self._store.put_pairs(connection, experiment.id, hearable(trials, target))
        pairs = await self._store.pairs(connection, experiment.id)
        received, needed = count(pairs, experiment.votes_per_pair)
        until = self._clock() + timedelta(days=experiment.listening_days)
        lacking = received < needed
        await self._experiments.open_listening(
            connection, experiment.id, received=received, needed=needed, until=until if lacking else None
        )
        return lacking

    async def cast(self, connection: AsyncConnection, experiment_id: str) -> Sequence[CastVote]:
        return await self._store.cast(connection, experiment_id)
