"""The queue of trials before providers, in memory."""

import dataclasses
import math
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import cast

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment, ExperimentStatus, Trial, TrialStatus
from services.experiments.tables import CHANGED
from services.runtime.hot_reads import HotConnection
from services.shared.clips.domain import Clip
from services.shared.clips.queue_store import SHARE_DURATION, Provider, UnfinishedClips
from tests.fakes.memory_clip_store import clip_of
from tests.fakes.memory_database import MemoryConnection, table

NEVER = datetime.min.replace(tzinfo=UTC)


class MemoryQueueStore:
    """Implements `services.shared.clips.queue_store.QueueStore` over the tables of MemoryExperimentsStore."""

    async def record_provider(self, connection: AsyncConnection, provider: Provider, at: datetime) -> bool:
        providers = table(connection, "providers")
        known, known_at = providers.get(provider.id, (None, NEVER))
        if at <= known_at:
            return False
        providers[provider.id] = (provider, at)
        return bool(provider != known)

    async def with_pending_clips(self, connection: HotConnection, providers: Collection[str]) -> Collection[str]:
        trials = table(cast(AsyncConnection, connection), "trials").values()
        return {trial.provider for trial in trials if trial.status is TrialStatus.PENDING} & set(providers)

    async def unfinished(self, connection: AsyncConnection) -> Sequence[UnfinishedClips]:
        found: dict[tuple[str, TrialStatus], list[datetime]] = {}
        requested_at = table(connection, "requested_at")
        for trial in table(connection, "trials").values():
            if not trial.status.ended:
                found.setdefault((trial.provider, trial.status), []).append(requested_at[trial.id])
        return [
            UnfinishedClips(provider, status, len(times), min(times)) for (provider, status), times in found.items()
        ]

    async def release(
        self,
        connection: AsyncConnection,
        provider: str,
        at: datetime,
        *,
        unknown_concurrency: int,
        local_lookahead: int,
        share: int | None = None,
    ) -> Sequence[Clip]:
        trials = table(connection, "trials")
        released_at = table(connection, "released_at")
        mine = [trial for trial in trials.values() if trial.provider == provider]
        busy = Counter(trial.experiment_id for trial in mine if trial.status is TrialStatus.SYNTHESIZING)
        known, _ = table(connection, "providers").get(provider, (None, NEVER))
        shares = table(connection, "shares")
        if share is not None:
            shares[provider] = share, at + SHARE_DURATION
        noted, until = shares.get(provider, (0, NEVER))
        own = noted if share is not None or until > at else math.inf
        slots = min(known.max_concurrency, own) + local_lookahead * known.local if known else unknown_concurrency
        free = max(0, slots - busy.total())
        last_turn: dict[str, datetime] = {}
        for trial in mine:
            turn = max(released_at.get(trial.id, NEVER), last_turn.get(trial.experiment_id, NEVER))
            last_turn[trial.experiment_id] = turn
        chosen: list[Trial] = []
        waiting = sorted((t for t in mine if t.status is TrialStatus.PENDING), key=lambda trial: trial.position)
        experiments = table(connection, "experiments")

        def order(trial: Trial) -> tuple[object, ...]:
            its: Experiment = experiments[trial.experiment_id]
            before = busy[its.id] + sum(one.experiment_id == its.id for one in chosen)
            return before, last_turn[its.id], its.started_at or NEVER, trial.position

        while len(chosen) < free:
            waiting = [t for t in waiting if t not in chosen]
            able = [t for t in waiting if experiments[t.experiment_id].status is ExperimentStatus.RUNNING]
            if not able:
                break
            chosen.append(min(able, key=order))
        return [self._moved(connection, trial, at) for trial in sorted(chosen, key=lambda t: (t.position, t.id))]

    def _moved(self, connection: AsyncConnection, trial: Trial, at: datetime) -> Clip:
        moved = dataclasses.replace(trial, status=TrialStatus.SYNTHESIZING, attempts=trial.attempts + 1)
        table(connection, "trials")[trial.id] = moved
        table(connection, "requested_at")[trial.id] = at
        table(connection, "released_at")[trial.id] = at
        experiment: Experiment = table(connection, "experiments")[trial.experiment_id]
        cast(MemoryConnection, connection).notifications.append((CHANGED, experiment.id))
        return clip_of(moved, experiment)
