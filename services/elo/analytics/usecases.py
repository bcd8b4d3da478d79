"""Sums up all public battles at most once a minute, and answers from memory in between."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

from services.elo.analytics import domain
from services.elo.analytics.domain import Correlations, Summary, every_day
from services.elo.analytics.store import AnalyticsStore
from services.elo.ratings import correlations
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.event_loop import Stopwatch

MAX_AGE_SECONDS = 60.0

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """A value that is computed when it is first needed and again once it is too old.

    Callers at the same time wait for one computation. It goes on if they give up, so that the next finds its result.
    """

    def __init__(self, compute: Callable[[], Awaitable[Value]], max_age_seconds: float) -> None:
        self._compute = compute
        self._max_age_seconds = max_age_seconds
        self._computing: asyncio.Task[Value] | None = None
        self._since = Stopwatch()

    async def get(self) -> Value:
        """Returns the value. Raises what the computation raises; the next call then tries again."""
        if self._computing is None or self._failed() or self._too_old():
            self._since = Stopwatch()
            self._computing = asyncio.ensure_future(self._compute())
        return await asyncio.shield(self._computing)

    def _failed(self) -> bool:
        task = self._computing
        return task is not None and task.done() and (task.cancelled() or task.exception() is not None)

    def _too_old(self) -> bool:
        task = self._computing
        return task is not None and task.done() and self._since.seconds() >= self._max_age_seconds


class Analytics:
    """The use cases of analytics."""

    def __init__(self, database: Database, store: AnalyticsStore, max_age_seconds: float = MAX_AGE_SECONDS) -> None:
        self._database = database
        self._store = store
        self._summary = Remembered(self._sum_up, max_age_seconds)
        self._correlations = Remembered(self._correlate, max_age_seconds)

    async def summary(self, days: int) -> Summary:
        """Returns the summary with the last `days` days. Raises InvalidInput unless there are 1 to MAX_DAYS."""
        domain.check_days(days)
        summary = await self._summary.get()
        return dataclasses.replace(summary, days=summary.days[-days:])

    async def correlations(self) -> Correlations:
        """Returns the correlations of metrics with each other and with votes of people."""
        return await self._correlations.get()

    async def _sum_up(self) -> Summary:
        moment = now()
        today = moment.date()
        async with self._database.reading() as connection:
            active = await self._store.days(connection, today - timedelta(days=domain.MAX_DAYS - 1))
            return Summary(
                totals=await self._store.totals(connection),
                days=every_day(active, today),
                ties=await self._store.ties(connection),
                slots=await self._store.slots(connection),
                computed_at=moment,
            )

    async def _correlate(self) -> Correlations:
        moment = now()
        async with self._database.reading() as connection:
            differences = await self._store.differences(connection)
        # Ranking many battles takes a while, and other calls go on meanwhile.
        return Correlations(await asyncio.to_thread(correlations, differences), moment)
