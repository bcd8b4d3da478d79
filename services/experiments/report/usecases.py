"""Makes the report of an experiment: renders the page in a thread, and fills in the audio while it is sent."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from services.experiments import convert
from services.experiments.domain import Trial
from services.experiments.report.page import render_report
from services.experiments.results import convert as results_convert
from services.experiments.results.usecases import Reading
from services.experiments.store import Store
from services.runtime.audio_store import AudioLinks, AudioStore, StoredBytes
from services.runtime.db import Database
from services.runtime.errors import FieldViolation, InvalidInput, NotFound
from services.runtime.exports import ExportLimits
from services.runtime.validation import Validation

CONTENT_TYPE = "text/html; charset=utf-8"
AUDIO_TYPE = "audio/wav"
MIN_AUDIO_MB, DEFAULT_AUDIO_MB, MAX_AUDIO_MB = 1, 256, 4096
MEGABYTE = 1024 * 1024
MAX_LOOKUPS = 16
"""The number of recordings that are looked up in the store at the same time."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report that is ready to be sent."""

    name: str
    audio: Sequence[StoredBytes]
    """The recordings, in the order of their places."""
    texts: Sequence[str]
    """The page without its recordings: one text before each of them, and one after the last."""
    store: AudioStore

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yields the page. Raises NotFound or Unavailable if a recording is deleted or replaced meanwhile."""
        for text, recording in zip(self.texts, self.audio, strict=False):
            yield text.encode()
            async with aclosing(self.store.read(recording, 0, recording.size)) as chunks:
                async for encoded in base64_pieces(chunks):
                    yield encoded
        yield self.texts[-1].encode()


class Reporting:
    """The use case of reports."""

    def __init__(
        self,
        database: Database,
        store: Store,
        reading: Reading,
        audio: AudioStore,
        links: AudioLinks,
        limits: ExportLimits,
    ) -> None:
        self._database = database
        self._store = store
        self._reading = reading
        self._audio = audio
        self._links = links
        self._limits = limits

    @asynccontextmanager
    async def report(self, experiment_id: str, *, with_audio: bool, max_audio_mb: int) -> AsyncIterator[Report]:
        """Makes a report about the caller's experiment. It counts as an export in progress until the block ends.

        `max_audio_mb` limits the audio in the file, in MB of 1,048,576 bytes. Raises InvalidInput if the audio is
        larger, NotFound if the caller has no such experiment, WrongState unless it is completed, QuotaExceeded if the
        caller has too many exports in progress, and Unavailable if the audio can't be read.
        """
        valid = Validation()
        allowed = f"must be {MIN_AUDIO_MB} to {MAX_AUDIO_MB}"
        valid.require(MIN_AUDIO_MB <= max_audio_mb <= MAX_AUDIO_MB, "max_audio_mb", allowed)
        valid.finish()
        with self._limits.in_progress():
            yield await self._make(experiment_id, with_audio, max_audio_mb)

    async def _make(self, experiment_id: str, with_audio: bool, max_audio_mb: int) -> Report:
        results = results_convert.results(await self._reading.results(experiment_id))
        experiment = convert.experiment(await self._reading.get(experiment_id))
        async with self._database.reading() as connection:
            trials = await self._store.trials(connection, experiment_id)
        audio = await self._find_audio(trials) if with_audio else {}
        # Base 64 needs four bytes for three.
        size = sum((recording.size + 2) // 3 * 4 for recording in audio.values())
        if size > max_audio_mb * MEGABYTE:
            needed = -(-size // MEGABYTE)
            raise InvalidInput.of(
                FieldViolation("max_audio_mb", f"must be at least {needed} for the audio of this experiment")
            )
        # Nobody can write this text into a prompt, because it is new for each report.
        place = secrets.token_hex(16)
        places = {trial_id: f"data:{AUDIO_TYPE};base64,{place}{trial_id};" for trial_id in audio}
        page = await self._limits.write(
            lambda: render_report(experiment, results, [convert.trial(each, self._links) for each in trials], places)
        )
        # The parts are texts and, between them, the ids of the trials whose audio belongs there.
        parts = re.split(rf"{place}(\w+);", page)
        return Report(f"{experiment_id}.html", [audio[trial_id] for trial_id in parts[1::2]], parts[::2], self._audio)

    async def _find_audio(self, trials: Sequence[Trial]) -> Mapping[str, StoredBytes]:
        """Returns the recordings that the store has, by the ids of their trials."""
        lookups = asyncio.Semaphore(MAX_LOOKUPS)

        async def find(trial: Trial) -> tuple[str, StoredBytes] | None:
            if trial.audio_name is None:
                return None
            async with lookups:
                try:
                    return trial.id, await self._audio.find_bytes(trial.audio_name)
                except NotFound:
                    # It was deleted a moment ago.
                    return None

        return dict(found for found in await asyncio.gather(*map(find, trials)) if found)


async def base64_pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields bytes in base 64. Only the end of all chunks is padded."""
    rest = b""
    async for chunk in chunks:
        whole = rest + chunk
        # Three bytes are four characters.
        end = len(whole) // 3 * 3
        rest = whole[end:]
        yield base64.b64encode(whole[:end])
    yield base64.b64encode(rest)
