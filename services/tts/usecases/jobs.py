"""Jobs: speech that is stored, and whose outcome is published to its requester."""

import asyncio
import random
import weakref
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from services.runtime.clock import now
from services.runtime.errors import BusUnavailable, FieldViolation, InvalidInput
from services.shared.audio.wav import write_wav
from services.tts import facts
from services.tts.domain import (
    MAX_DELETED_JOBS,
    MAX_RUN_ID_CHARACTERS,
    MIN_REPORTED_DELAY_SECONDS,
    FailureKind,
    Job,
    StoredSpeech,
    SynthesisError,
    Timing,
    Utterance,
    retry_delay,
)
from services.tts.jobs_in_progress import JobsInProgress
from services.tts.measurement import measure
from services.tts.object_names import is_job_id
from services.tts.providers.limits import SynthesisLimits
from services.tts.providers.redaction import without_text
from services.tts.providers.registry import Provider, ProviderRegistry
from services.tts.store import AudioResults, JobRequests, Purpose, RequestLedger
from services.tts.usecases.provider_requests import request_for_job
from services.tts.utterances import validated
from services.tts.warm_ups import WarmUps

log = structlog.get_logger()

WARM_UP_TEXT = "Hello."
# The jobs that wait for a warm-up continue after this time.
WARM_UP_TIMEOUT_SECONDS = 10.0


class Jobs:
    """The use cases over the providers and the stored results of jobs.

    `measuring` must have one thread. With several, the event loop would wait longer for the interpreter, and its clock
    readings would be late. `sleep` and `jitter` set the pace of retries.
    """

    def __init__(
        self,
        providers: ProviderRegistry,
        results: AudioResults,
        ledger: RequestLedger,
        publish: facts.Publish,
        limits: SynthesisLimits,
        measuring: Executor,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: random.Random | None = None,
    ) -> None:
        self._providers = providers
        self._results = results
        self._ledger = ledger
        self._publish = publish
        self._limits = limits
        self._measuring = measuring
        self._sleep = sleep
        self._jitter = jitter or random.SystemRandom()
        self.in_progress = JobsInProgress()
        self.warm_ups = WarmUps()
        # A job that arrives twice at the same time is done once. A lock exists while a task holds it or waits for it.
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def synthesize(self, job: Job) -> None:
        """Speaks a job's text, stores the audio and publishes the outcome, also a failure.

        If the job already has a result, that result is published and the provider gets no request. Raises only if the
        store or the bus cannot be reached, so that the bus delivers the job again.
        """
        requests = self._ledger.of(job)
        async with self._lock(job.job_id):
            try:
                speech = await self._result(job, requests)
                await self._publish(facts.speech_synthesized(job, speech, await requests.total(), self._share_of(job)))
            except InvalidInput as error:
                await self._fail(job, requests, FailureKind.INVALID_REQUEST, error.message)
            except SynthesisError as error:
                await self._fail(job, requests, error.kind, error.message)

    async def give_up(self, job: Job, kind: FailureKind, message: str) -> None:
        """Publishes that a job failed."""
        await self._fail(job, self._ledger.of(job), kind, message)

    async def cancel_run(self, requester: str, run_id: str, at: datetime) -> None:
        """Cancels the jobs of a run that were requested at or before `at`.

        Jobs in progress close their connections to the provider. Jobs that arrive later do not start.
        """
        ended = self.in_progress.cancel_run(requester, run_id, at)
        log.info("a run was cancelled", run_id=run_id[:MAX_RUN_ID_CHARACTERS], requester=requester, jobs_in_hand=ended)

    async def delete(self, job_ids: Sequence[str]) -> None:
        """Deletes the audio and all records of jobs. Jobs in progress are cancelled first. Unknown jobs are ignored.

        Raises InvalidInput if there are more than 500 ids, or an id is malformed.
        """
        if len(job_ids) > MAX_DELETED_JOBS:
            raise InvalidInput.of(
                FieldViolation("job_ids", f"must have at most {MAX_DELETED_JOBS} entries, got {len(job_ids)}")
            )
        for index, job_id in enumerate(job_ids):
            if not is_job_id(job_id):
                raise InvalidInput.of(FieldViolation(f"job_ids[{index}]", "must be 1 to 100 letters, digits, _ or -"))
        self.in_progress.cancel_jobs(frozenset(job_ids))
        for job_id in job_ids:
            async with self._lock(job_id):
                await self._results.delete(job_id)
                await self._ledger.delete(job_id)

    def _share_of(self, job: Job) -> int:
        """Returns how many jobs the requester should have at the job's provider now, 0 if the provider is unknown."""
        provider = self._providers.find(job.provider)
        return provider.slots.share(job.requester) if provider else 0

    def _lock(self, job_id: str) -> asyncio.Lock:
        return self._locks.setdefault(job_id, asyncio.Lock())

    async def _fail(self, job: Job, requests: JobRequests, kind: FailureKind, message: str) -> None:
        write = log.info if kind is FailureKind.CANCELLED else log.warning
        write(
            "a synthesis failed",
            job_id=job.job_id,
            attempt=job.attempt,
            provider=job.provider,
            voice_id=job.utterance.voice_id,
            kind=kind.value,
            reason=without_text(message, job.utterance.text),
        )
        await self._publish(facts.synthesis_failed(job, kind, message, await requests.total(), self._share_of(job)))

    async def _result(self, job: Job, requests: JobRequests) -> StoredSpeech:
        if not is_job_id(job.job_id):
            raise SynthesisError(FailureKind.INVALID_REQUEST, "job_id must be 1 to 100 letters, digits, _ or -")
        if len(job.run_id) > MAX_RUN_ID_CHARACTERS:
            raise SynthesisError(
                FailureKind.INVALID_REQUEST,
                f"run_id must be at most {MAX_RUN_ID_CHARACTERS} characters, got {len(job.run_id)}",
            )
        known = await self._results.find(job.job_id)
        if known is not None:
            if known.developer_id != job.developer_id:
                raise SynthesisError(FailureKind.INVALID_REQUEST, f"Job {job.job_id} belongs to another developer")
            return known
        # A job can be cancelled only while it waits or speaks. After that, its audio is stored.
        with self.in_progress.track(job):
            provider = await self._providers.usable(job.provider)
            utterance = _accepted(provider, job.utterance)
            if job.run_id:
                key = (job.requester, job.run_id, provider.id)
                await self.warm_ups.once(key, partial(self._warm_up, provider, job.requester, utterance, requests))
            pcm, timing = await self._spoken(provider, job, utterance, requests)
        # In a thread, one at a time, so that measuring one utterance does not delay the clock readings of others.
        measurements = await asyncio.get_running_loop().run_in_executor(self._measuring, measure, pcm, timing)
        speech = StoredSpeech(job.job_id, job.developer_id, provider.id, utterance.voice_id, job.attempt, measurements)
        return await self._results.keep(speech, write_wav(pcm, timing.sample_rate_hz))

    async def _warm_up(self, provider: Provider, requester: str, utterance: Utterance, requests: JobRequests) -> None:
        """Makes one short request that is not measured. A failure is only logged: the job itself will meet it too."""
        limits = SynthesisLimits(
            min(self._limits.first_byte_timeout_seconds, WARM_UP_TIMEOUT_SECONDS),
            min(self._limits.timeout_seconds, WARM_UP_TIMEOUT_SECONDS),
        )
        short = replace(utterance, text=WARM_UP_TEXT)
        try:
            await request_for_job(
                provider, requester, short, Timing(), limits, partial(requests.record, Purpose.WARM_UP)
            )
        except SynthesisError as error:
            log.info("a warm-up failed", provider=provider.id, kind=error.kind.value, reason=error.message)

    async def _spoken(
        self, provider: Provider, job: Job, utterance: Utterance, requests: JobRequests
    ) -> tuple[bytes, Timing]:
        """Returns all audio of an utterance. Retries failures where that can help. Holds no slot between tries."""
        tries = 0
        while True:
            tries += 1
            timing = Timing()
            try:
                record = partial(requests.record, Purpose.SPEECH)
                return await request_for_job(provider, job.requester, utterance, timing, self._limits, record), timing
            except SynthesisError as error:
                delay = retry_delay(tries, error, self._jitter)
                if delay is None:
                    raise
                log.info(
                    "a synthesis is tried again",
                    provider=provider.id,
                    reason=without_text(error.message, utterance.text),
                    delay_seconds=delay,
                )
                if delay > MIN_REPORTED_DELAY_SECONDS:
                    # If this is not published, the requester may request the job again, which does no harm.
                    with suppress(BusUnavailable):
                        await self._publish(facts.synthesis_delayed(job, now() + timedelta(seconds=delay)))
                await self._sleep(delay)


def _accepted(provider: Provider, utterance: Utterance) -> Utterance:
    """Returns the utterance with voice and model filled in.

    Raises SynthesisError text_too_long if the text is too long and nothing else is wrong, otherwise InvalidInput.
    """
    try:
        return validated(utterance, provider.engine.capabilities, provider.voices)
    except InvalidInput as error:
        limit = provider.engine.capabilities.max_characters_of(utterance.model_id)
        if [violation.field for violation in error.violations] == ["text"] and len(utterance.text) > limit:
            raise SynthesisError(FailureKind.TEXT_TOO_LONG, error.message) from None
        raise
