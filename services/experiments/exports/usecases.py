"""Exports: reads a table, writes it as a file in a thread, and returns the file in pieces."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from services.experiments.exports import tables
from services.experiments.exports.columns import DataTable
from services.experiments.exports.files import FORMATS
from services.experiments.exports.votes import votes_table
from services.experiments.results import convert as results_convert
from services.experiments.results.usecases import Reading
from services.experiments.store import Store
from services.runtime.db import Database
from services.runtime.exports import ExportFile, ExportLimits
from services.runtime.validation import Validation
from services.shared.listening.vote_store import VoteStore


class TableName(StrEnum):
    """The tables that can be exported. The values are those of the API."""

    TRIALS = "trials"
    RESULTS = "results"
    PAIRS = "pairs"
    VOTES = "votes"


class Exporting:
    """The use case of exporting."""

    def __init__(
        self, database: Database, store: Store, reading: Reading, votes: VoteStore, limits: ExportLimits
    ) -> None:
        self._database = database
        self._store = store
        self._reading = reading
        self._votes = votes
        self._limits = limits

    @asynccontextmanager
    async def export(
        self, experiment_id: str, format_: str, table: str, *, byte_order_mark: bool = True
    ) -> AsyncIterator[ExportFile]:
        """Exports a table of the caller's experiment as a file. The export is in progress until the block ends.

        With `byte_order_mark`, a CSV begins with one; other formats never do. Raises InvalidInput for an unknown format
        or table, NotFound if the caller has no such experiment, WrongState for results of an experiment that is not
        completed, and QuotaExceeded if the caller has too many exports in progress.
        """
        with self._limits.in_progress():
            yield await self._make(experiment_id, format_, table, byte_order_mark)

    async def _make(self, experiment_id: str, format_: str, table: str, byte_order_mark: bool) -> ExportFile:
        valid = Validation()
        valid.one_of(format_, "format", tuple(FORMATS))
        valid.one_of(table, "table", tuple(TableName))
        valid.finish()
        file_format = FORMATS[format_]
        data = await self._table(experiment_id, TableName(table))
        content = await self._limits.write(lambda: file_format.write(data))
        if byte_order_mark:
            content = file_format.byte_order_mark + content
        return ExportFile(f"{experiment_id}-{table}.{format_}", file_format.content_type, content)

    async def _table(self, experiment_id: str, table: TableName) -> DataTable:
        if table is TableName.TRIALS:
            await self._reading.get(experiment_id)
            async with self._database.reading() as connection:
                return tables.trials_table(experiment_id, await self._store.trials(connection, experiment_id))
        results = results_convert.results(await self._reading.results(experiment_id))
        if table is TableName.VOTES:
            experiment = await self._reading.get(experiment_id)
            async with self._database.reading() as connection:
                return votes_table(experiment, await self._votes.of_test(connection, experiment_id))
        return tables.results_table(results) if table is TableName.RESULTS else tables.pairs_table(results)
