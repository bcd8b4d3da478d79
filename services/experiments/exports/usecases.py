"""Exports: what is asked for, read in one go, made into a file apart from other calls, and given out in pieces."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from services.experiments.exports import tables
from services.experiments.exports.columns import Filled
from services.experiments.exports.files import FORMATS
from services.experiments.exports.votes import votes_table
from services.experiments.results import convert as results_convert
from services.experiments.results.usecases import Reading
from services.experiments.store import Store
from services.runtime.db import Database
from services.runtime.errors import QuotaExceeded
from services.runtime.identity import current_identity
from services.runtime.validation import Validation
from services.shared.listening.vote_store import VoteStore

PIECE_BYTES = 64 * 1024
# A file is at most a few megabytes (400 trials with the longest prompts); this many are made at a time.
MAX_CONCURRENT_EXPORTS = 2
# How many of a developer's are in memory at a time: a slow reader keeps its file there for as long as it reads.
MAX_EXPORTS_PER_DEVELOPER = 4


class ExportTable(StrEnum):
    """What can be exported; the names are those of the wire."""

    TRIALS = "trials"
    RESULTS = "results"
    PAIRS = "pairs"
    VOTES = "votes"


@dataclass(frozen=True, slots=True)
class Export:
    """A file."""

    name: str
    content_type: str
    content: bytes

    def pieces(self) -> Iterator[bytes]:
        """Yields the content in pieces, one at least."""
        for start in range(0, max(len(self.content), 1), PIECE_BYTES):
            yield self.content[start : start + PIECE_BYTES]


class Exporting:
    """The use case over one database."""

    def __init__(self, database: Database, store: Store, reading: Reading, votes: VoteStore) -> None:
        self._database = database
        self._store = store
        self._reading = reading
        self._votes = votes
        self._room = asyncio.Semaphore(MAX_CONCURRENT_EXPORTS)
        self._in_hand: Counter[str] = Counter()

    @asynccontextmanager
    async def export(
        self, experiment_id: str, format_: str, table: str, *, byte_order_mark: bool = True
    ) -> AsyncIterator[Export]:
        """Makes a file of the caller's experiment, which is in their hands until the block ends.

        `byte_order_mark` lets a CSV begin with one. The other formats never have one.
        InvalidInput for an unknown format or table, NotFound if they have no such experiment, WrongState for results of
        one that is not completed, QuotaExceeded while they have as many exports in hand as they may.
        """
        developer_id = current_identity().developer_id
        if self._in_hand[developer_id] >= MAX_EXPORTS_PER_DEVELOPER:
            raise QuotaExceeded(
                f"{MAX_EXPORTS_PER_DEVELOPER} exports of yours are being sent; read one of them to its end",
                limit=str(MAX_EXPORTS_PER_DEVELOPER),
            )
        self._in_hand[developer_id] += 1
        try:
            yield await self._make(experiment_id, format_, table, byte_order_mark)
        finally:
            self._in_hand[developer_id] -= 1
            if not self._in_hand[developer_id]:
                del self._in_hand[developer_id]

    async def _make(self, experiment_id: str, format_: str, table: str, byte_order_mark: bool) -> Export:
        valid = Validation()
        valid.one_of(format_, "format", tuple(FORMATS))
        valid.one_of(table, "table", tuple(ExportTable))
        valid.finish()
        kind = FORMATS[format_]
        filled = await self._filled(experiment_id, ExportTable(table))
        async with self._room:
            content = await asyncio.to_thread(kind.write, filled)
        if byte_order_mark:
            content = kind.byte_order_mark + content
        return Export(f"{experiment_id}-{table}.{format_}", kind.content_type, content)

    async def _filled(self, experiment_id: str, table: ExportTable) -> Filled:
        if table is ExportTable.TRIALS:
            await self._reading.get(experiment_id)
            async with self._database.reading() as connection:
                return tables.trials_table(experiment_id, await self._store.trials(connection, experiment_id))
        results = results_convert.results(await self._reading.results(experiment_id))
        if table is ExportTable.VOTES:
            experiment = await self._reading.get(experiment_id)
            async with self._database.reading() as connection:
                return votes_table(experiment, await self._votes.of_test(connection, experiment_id))
        return tables.results_table(results) if table is ExportTable.RESULTS else tables.pairs_table(results)
