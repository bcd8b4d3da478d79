"""Jobs: speech that is kept, and whose outcome is made known to whoever asked for it."""

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
    MIN_TOLD_DELAY_SECONDS,
    FailureKind,
    Job,
    StoredSpeech,
    SynthesisError,
    Timing,
    Utterance,
    retry_delay,
)
from services.tts.jobs_in_hand import JobsInHand
from services.tts.measurement import measure
from services.tts.object_names import is_job_id
from services.tts.providers.deadline import Patience
from services.tts.providers.registry import Provider, Providers
from services.tts.providers.secrecy import unquoted
from services.tts.store import AudioResults, JobRequests, Purpose, RequestLedger
from services.tts.usecases.asking import ask_for_job
from services.tts.utterances import completed
from services.tts.warm_ups import WarmUps

log = structlog.get_logger()

WARM_UP_TEXT = "Hello."
# A warm-up that takes longer has done what it can; the jobs that wait for it go on.
WARM_UP_SECONDS = 10.0


class Jobs:
    """The use cases over the providers and what is kept of jobs.

    `publish` makes a fact known. `measuring` has one thread: while several measure, the loop, which reads the clock,
    waits longer for its turn. `sleep` and `jitter` pace retries.
    """

    def __init__(
        self,
        providers: Providers,
        results: AudioResults,
        ledger: RequestLedger,
        publish: facts.Publish,
        patience: Patience,
        measuring: Executor,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: random.Random | None = None,
    ) -> None:
        self._providers = providers
        self._results = results
        self._ledger = ledger
        self._publish = publish
        self._patience = patience
        self._measuring = measuring
        self._sleep = sleep
        self._jitter = jitter or random.SystemRandom()
        self.in_hand = JobsInHand()
        self.warm_ups = WarmUps()
        # A lock is there as long as somebody holds or awaits it, so that a job that comes twice at once is done once.
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def synthesize(self, job: Job) -> None:
        """Speaks a job's text, keeps the audio and makes the outcome known, failure too.

        A job that has its result already is answered with it, and no provider is asked. Raises only for what is not the
        provider's fault (the store or the bus can't be reached), so that the job comes again.
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
        """Makes known that a job gave no usable audio."""
        await self._fail(job, self._ledger.of(job), kind, message)

    async def cancel_run(self, requester: str, run_id: str, at: datetime) -> None:
        """Ends the jobs of a run that were asked for until then: those in hand leave their provider, which closes the
        connection, and those that still come are not begun."""
        ended = self.in_hand.cancel_run(requester, run_id, at)
        log.info("a run was cancelled", run_id=run_id[:MAX_RUN_ID_CHARACTERS], requester=requester, jobs_in_hand=ended)

    async def delete(self, job_ids: Sequence[str]) -> None:
        """Deletes all that is kept of jobs, those in hand ended before; what is not there is deleted already.

        InvalidInput if they are too many, or one can't be a job's id.
        """
        if len(job_ids) > MAX_DELETED_JOBS:
            raise InvalidInput.of(FieldViolation("job_ids", f"must be at most {MAX_DELETED_JOBS}, got {len(job_ids)}"))
        for index, job_id in enumerate(job_ids):
            if not is_job_id(job_id):
                raise InvalidInput.of(
                    FieldViolation(f"job_ids[{index}]", "must be letters, digits, _ and -, at most 100")
                )
        self.in_hand.cancel_jobs(frozenset(job_ids))
        for job_id in job_ids:
            async with self._lock(job_id):
                await self._results.delete(job_id)
                await self._ledger.forget(job_id)

    def _share_of(self, job: Job) -> int:
        """Returns how many jobs the requester of this one may have at its provider now, 0 if there is no such one."""
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
            reason=unquoted(message, job.utterance.text),
        )
        await self._publish(facts.synthesis_failed(job, kind, message, await requests.total(), self._share_of(job)))

    async def _result(self, job: Job, requests: JobRequests) -> StoredSpeech:
        if not is_job_id(job.job_id):
            raise SynthesisError(FailureKind.INVALID_REQUEST, "job_id must be letters, digits, _ and -, at most 100")
        if len(job.run_id) > MAX_RUN_ID_CHARACTERS:
            raise SynthesisError(
                FailureKind.INVALID_REQUEST, f"run_id must be at most {MAX_RUN_ID_CHARACTERS} characters"
            )
        known = await self._results.find(job.job_id)
        if known is not None:
            if known.developer_id != job.developer_id:
                raise SynthesisError(FailureKind.INVALID_REQUEST, f"job {job.job_id} is another developer's")
            return known
        # What is spoken is kept, whoever does not want it any more: only speaking can be withdrawn.
        with self.in_hand.hold(job):
            provider = await self._providers.usable(job.provider)
            utterance = _taken(provider, job.utterance)
            if job.run_id:
                key = (job.requester, job.run_id, provider.id)
                await self.warm_ups.once(key, partial(self._warm_up, provider, job.requester, utterance, requests))
            pcm, timing = await self._spoken(provider, job, utterance, requests)
        # Off the loop and one at a time, so that measuring one utterance does not delay the clock of others.
        measurements = await asyncio.get_running_loop().run_in_executor(self._measuring, measure, pcm, timing)
        speech = StoredSpeech(job.job_id, job.developer_id, provider.id, utterance.voice_id, job.attempt, measurements)
        return await self._results.keep(speech, write_wav(pcm, timing.sample_rate_hz))

    async def _warm_up(self, provider: Provider, requester: str, utterance: Utterance, requests: JobRequests) -> None:
        """Asks once for a few words that nobody measures. What comes of it is the job's own matter to find out."""
        patience = Patience(
            min(self._patience.first_byte_seconds, WARM_UP_SECONDS), min(self._patience.whole_seconds, WARM_UP_SECONDS)
        )
        short = replace(utterance, text=WARM_UP_TEXT)
        try:
            await ask_for_job(provider, requester, short, Timing(), patience, partial(requests.record, Purpose.WARM_UP))
        except SynthesisError as error:
            log.info("a warm-up failed", provider=provider.id, kind=error.kind.value, reason=error.message)

    async def _spoken(
        self, provider: Provider, job: Job, utterance: Utterance, requests: JobRequests
    ) -> tuple[bytes, Timing]:
        """Returns all audio of an utterance, tried again where that can help; the slot is free between tries."""
        tries = 0
        while True:
            tries += 1
            timing = Timing()
            try:
                record = partial(requests.record, Purpose.SPEECH)
                return await ask_for_job(provider, job.requester, utterance, timing, self._patience, record), timing
            except SynthesisError as error:
                delay = retry_delay(tries, error, self._jitter)
                if delay is None:
                    raise
                log.info(
                    "a synthesis is tried again",
                    provider=provider.id,
                    reason=unquoted(error.message, utterance.text),
                    delay_seconds=delay,
                )
                if delay > MIN_TOLD_DELAY_SECONDS:
                    # Without it whoever asked may ask once more, which is no reason to give the job back now.
                    with suppress(BusUnavailable):
                        await self._publish(facts.synthesis_delayed(job, now() + timedelta(seconds=delay)))
                await self._sleep(delay)


def _taken(provider: Provider, utterance: Utterance) -> Utterance:
    """Returns what is asked for; InvalidInput, or SynthesisError text_too_long if nothing but its length is wrong."""
    try:
        return completed(utterance, provider.engine.capabilities, provider.voices)
    except InvalidInput as error:
        longest = provider.engine.capabilities.longest_text(utterance.model_id)
        if [violation.field for violation in error.violations] == ["text"] and len(utterance.text) > longest:
            raise SynthesisError(FailureKind.TEXT_TOO_LONG, error.message) from None
        raise
