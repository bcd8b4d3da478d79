"""Streams the progress of an evaluation."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import structlog

from services.runtime.changes import Changes
from services.runtime.clock import now
from services.runtime.db import DISCONNECTED, Database
from services.runtime.identity import current_identity, owned
from services.scoring.domain import Status
from services.scoring.evaluations.domain import Evaluation, EvaluationDetails
from services.scoring.evaluations.store import Store
from services.scoring.evaluations.usecases import check_id
from services.scoring.pipeline.step import StepOutcome

log = structlog.get_logger()

MIN_READ_INTERVAL_SECONDS = 0.02
"""Changes that follow each other closely are read together."""
RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WatchUpdate:
    """One message to a watcher: the evaluation's state, a step that changed, or a heartbeat if both are None.

    `last` means that the state is final and that nothing follows.
    """

    details: EvaluationDetails | None = None
    outcome: StepOutcome | None = None
    last: bool = False


class Watching:
    """The use case of watching an evaluation."""

    def __init__(self, database: Database, store: Store, changes: Changes, heartbeat_seconds: float) -> None:
        self._database = database
        self._store = store
        self._changes = changes
        self._heartbeat_seconds = heartbeat_seconds

    async def watch(self, evaluation_id: str) -> AsyncGenerator[WatchUpdate, None]:
        """Yields the current state, then each step that changes, and heartbeats in between. Ends with the final state.

        An evaluation that is deleted meanwhile ends as cancelled. Raises NotFound if it does not exist.
        """
        check_id(evaluation_id)
        current_identity()
        with self._changes.watching(evaluation_id) as changed:
            async with self._database.reading() as connection:
                found = owned(await self._store.get(connection, evaluation_id), "evaluation", evaluation_id)
                known = EvaluationDetails(found, await self._store.outcomes(connection, evaluation_id))
            yield WatchUpdate(known)
            while not known.evaluation.ended:
                try:
                    async with asyncio.timeout(self._heartbeat_seconds):
                        await changed.wait()
                except TimeoutError:
                    # The following read finds a change whose notification was lost.
                    yield WatchUpdate()
                changed.clear()
                try:
                    new = await self._read(known.evaluation)
                except (*DISCONNECTED, TimeoutError) as error:
                    log.warning("a watched evaluation can't be read now", evaluation_id=evaluation_id, error=str(error))
                    yield WatchUpdate()
                    await asyncio.sleep(RETRY_SECONDS)
                    changed.set()
                    continue
                for outcome in _moved(known.outcomes, new.outcomes):
                    yield WatchUpdate(outcome=outcome)
                if new.evaluation.status is not known.evaluation.status and not new.evaluation.ended:
                    yield WatchUpdate(await self._whole(new))
                known = new
                await asyncio.sleep(MIN_READ_INTERVAL_SECONDS)
            yield WatchUpdate(await self._whole(known), last=True)

    async def _read(self, known: Evaluation) -> EvaluationDetails:
        """Reads an evaluation without the results of its steps."""
        async with self._database.reading() as connection:
            # The evaluation is read first: if it has ended, the steps that are read next are final.
            found = await self._store.get(connection, known.id)
            if found is None:
                return EvaluationDetails(dataclasses.replace(known, status=Status.cancelled, completed_at=now()))
            return EvaluationDetails(found, await self._store.outcomes(connection, known.id, results=False))

    async def _whole(self, details: EvaluationDetails) -> EvaluationDetails:
        async with self._database.reading() as connection:
            outcomes = await self._store.outcomes(connection, details.evaluation.id)
        return dataclasses.replace(details, outcomes=outcomes)


def _moved(known: Sequence[StepOutcome], new: Sequence[StepOutcome]) -> Sequence[StepOutcome]:
    """Returns the steps that stand otherwise than before."""
    before = {(one.condition, one.step): one.status for one in known}
    return [one for one in new if before.get((one.condition, one.step)) is not one.status]
