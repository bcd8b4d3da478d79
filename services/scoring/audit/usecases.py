"""The use cases of metric audits: run one, and read the latest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import structlog

from services.runtime import ids
from services.runtime.background import end_tasks
from services.runtime.clock import now
from services.runtime.db import DISCONNECTED, Database
from services.runtime.errors import NotFound, WrongState
from services.runtime.identity import current_identity
from services.scoring.audit.clips import SENTENCES, VOICES, GivenClip, Speaker, check_given, decode
from services.scoring.audit.domain import MetricAudit
from services.scoring.audit.expectations import AUDITED, steps_for
from services.scoring.audit.judging import judge
from services.scoring.audit.perturbations import PERTURBATIONS, Clip
from services.scoring.audit.store import Store
from services.scoring.audit.versions import builds_on
from services.scoring.evaluations.domain import DEFAULT_LANGUAGE
from services.scoring.pipeline.step import RecordingEvaluation
from services.scoring.pipeline.work import Options
from services.scoring.workers.job import EvaluationFailed, EvaluationJob, EvaluationRunner
from services.shared.audio.wav import write_wav

log = structlog.get_logger()

PREFIX = "aud"
MAX_AT_A_TIME = 2
"""The number of clips that an audit evaluates at the same time. The other workers stay free for recordings."""
FILE_NAME = "clip.wav"
WORKER_ENDED = ""
"""What the queue of finished changes gets when a worker has ended."""
CLAIM_SECONDS = 60.0
"""An audit whose process has ended blocks the next one at most this long."""


@dataclass(frozen=True, slots=True)
class AuditUpdate:
    """One message to the caller of an audit: how far it is, the result if it has ended, or a heartbeat."""

    evaluated: int = 0
    """The number of changed clips that were evaluated."""
    total: int = 0
    """0 in a heartbeat."""
    change: str = ""
    """The change whose clip was evaluated last. Empty at first and at the end."""
    audit: MetricAudit | None = None


@dataclass(frozen=True, slots=True)
class _Changed:
    """One clip to evaluate."""

    perturbation: str
    index: int
    clip: Clip
    text: str


class MetricAudits:
    """The use cases over one database and one runner.

    The latest audit of the mesh's own voices counts for the installation, so it does not depend on what somebody
    uploads. An audit of given clips is only reported.
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        runner: EvaluationRunner,
        speaker: Speaker,
        measured_by: Mapping[str, str],
        heartbeat_seconds: float,
    ) -> None:
        self._database = database
        self._store = store
        self._runner = runner
        self._speaker = speaker
        self._measured_by = measured_by
        self._heartbeat_seconds = heartbeat_seconds

    async def run(self, given: Sequence[GivenClip], language: str) -> AsyncGenerator[AuditUpdate, None]:
        """Audits all metrics and yields how far it is, and at the end the result. Closing the generator ends the audit.

        Raises InvalidInput, WrongState if an audit is in progress, Busy, and Unavailable.
        """
        check_given(given, language)
        developer_id = current_identity().developer_id
        clips = await decode(given) if given else await self._speaker.speak(SENTENCES)
        run = ids.new_id(PREFIX)
        await self._claim(run)
        try:
            measured: dict[str, list[RecordingEvaluation]] = {}
            async with aclosing(
                self._evaluate(run, clips, language or DEFAULT_LANGUAGE, developer_id, measured)
            ) as updates:
                async for update in updates:
                    yield update
            audit = MetricAudit(
                completed_at=now(),
                clips=len(clips),
                voices=() if given else VOICES,
                metrics=judge(measured, {metric.step: builds_on(metric.step) for metric in AUDITED}),
                measured_by={metric.step: self._measured_by[metric.step] for metric in AUDITED},
            )
            if not given:
                await self._save(run, audit)
            total = len(clips) * len(PERTURBATIONS)
            yield AuditUpdate(total, total, audit=audit)
        finally:
            await self._free(run)

    async def latest(self) -> MetricAudit:
        """Returns the latest audit as it counts now. Raises NotFound if there is none."""
        current_identity()
        found = await self.current()
        if found is None:
            raise NotFound("No metric audit was run yet. `arena metrics audit` runs one.", resource="metric audit")
        return found

    async def current(self) -> MetricAudit | None:
        """Returns the latest audit as it counts now, None if there is none."""
        async with self._database.reading() as connection:
            found = await self._store.latest(connection)
        return found.as_of(self._measured_by) if found else None

    async def _evaluate(
        self,
        run: str,
        clips: Sequence[Clip],
        language: str,
        developer_id: str,
        measured: dict[str, list[RecordingEvaluation]],
    ) -> AsyncGenerator[AuditUpdate, None]:
        """Evaluates all clips with all changes, and puts what was measured into `measured`."""
        left = deque(_changed(clips))
        total = len(left)
        measured |= {name: [RecordingEvaluation(None, {})] * len(clips) for name in PERTURBATIONS}
        done: asyncio.Queue[str] = asyncio.Queue()

        async def work() -> None:
            while left:
                one = left.popleft()
                measured[one.perturbation][one.index] = await self._one(run, one, language, developer_id)
                done.put_nowait(PERTURBATIONS[one.perturbation].description)

        tasks = [asyncio.create_task(work(), name=f"audit {run}") for _ in range(MAX_AT_A_TIME)]
        for task in tasks:
            task.add_done_callback(lambda _: done.put_nowait(WORKER_ENDED))
        try:
            evaluated = 0
            yield AuditUpdate(total=total)
            while evaluated < total:
                description = await self._following(done)
                for task in tasks:
                    if task.done():
                        task.result()
                if description == WORKER_ENDED:
                    continue
                await self._renew(run)
                evaluated += description is not None
                yield AuditUpdate(evaluated, total, description) if description else AuditUpdate()
        finally:
            await end_tasks(tasks)

    async def _following(self, done: asyncio.Queue[str]) -> str | None:
        """Returns what was done next, None if nothing was for the time of a heartbeat."""
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                return await done.get()
        except TimeoutError:
            return None

    async def _one(self, run: str, one: _Changed, language: str, developer_id: str) -> RecordingEvaluation:
        with await asyncio.to_thread(_file_of, one) as folder:
            job = EvaluationJob(
                id=f"{run}_{one.perturbation}_{one.index}",
                developer_id=developer_id,
                audio_path=Path(folder) / FILE_NAME,
                options=Options(one.text, language),
                steps=steps_for(one.perturbation),
                conditions=(),
                interactive=False,
            )
            try:
                return await self._runner.run(job, lambda outcome: None)
            except EvaluationFailed as error:
                log.warning("a clip of an audit could not be evaluated", change=one.perturbation, error=str(error))
                return RecordingEvaluation(None, {})

    async def _claim(self, run: str) -> None:
        moment = now()
        async with self._database.transaction() as connection:
            if not await self._store.claim(connection, run, moment, moment + timedelta(seconds=CLAIM_SECONDS)):
                raise WrongState("A metric audit is in progress. Only one can run at a time.")

    async def _renew(self, run: str) -> None:
        try:
            async with self._database.transaction() as connection:
                if await self._store.renew(connection, run, now() + timedelta(seconds=CLAIM_SECONDS)):
                    return
        except DISCONNECTED:
            # The claim lasts longer than a short interruption.
            return
        raise WrongState("Another metric audit has taken the place of this one, which was interrupted for too long.")

    async def _save(self, run: str, audit: MetricAudit) -> None:
        async with self._database.transaction() as connection:
            if not await self._store.save(connection, run, audit):
                raise WrongState("Another metric audit has taken the place of this one.")

    async def _free(self, run: str) -> None:
        try:
            async with self._database.transaction() as connection:
                await self._store.free(connection, run)
        except DISCONNECTED as error:
            log.warning("the end of an audit can't be stored now", error=str(error).strip())


def _changed(clips: Sequence[Clip]) -> Iterator[_Changed]:
    for name, perturbation in PERTURBATIONS.items():
        for index, clip in enumerate(clips):
            other = clips[(index + 1) % len(clips)]
            yield _Changed(name, index, clip, other.text if perturbation.swaps_text else clip.text)


def _file_of(one: _Changed) -> TemporaryDirectory[str]:
    """Returns a folder with the changed clip."""
    clip = PERTURBATIONS[one.perturbation].change(one.clip)
    pcm = np.rint(np.clip(clip.samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()
    folder = TemporaryDirectory(prefix="voice-arena-audit-")
    (Path(folder.name) / FILE_NAME).write_bytes(write_wav(pcm, clip.sample_rate_hz))
    return folder
