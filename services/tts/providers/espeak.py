"""espeak-ng from the `espeakng-loader` wheel, in worker processes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from services.tts.domain import Capabilities, FailureKind, SynthesisError, Timing, Utterance, Voice
from services.tts.providers import espeak_voices
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.espeak_process import EspeakProcess, WorkerGone

MAX_TEXT_CHARACTERS = 5000

StartWorker = Callable[[], Awaitable[EspeakProcess]]


class EspeakEngine(SpeechEngine):
    """Keeps one warm worker per slot. The next request replaces a worker that crashed or did not stop when asked to.

    `start_worker` starts a process that uses the protocol of espeak_frames.
    """

    def __init__(self, max_concurrency: int, start_worker: StartWorker = EspeakProcess.start) -> None:
        self.capabilities = Capabilities(
            id=espeak_voices.PROVIDER,
            display_name="eSpeak NG",
            local=True,
            streaming=True,
            max_text_characters=MAX_TEXT_CHARACTERS,
            max_concurrency=max_concurrency,
            parameters=frozenset({"speed"}),
        )
        self._start_worker = start_worker
        self._idle: list[EspeakProcess] = []
        self._all: set[EspeakProcess] = set()
        self._offered: dict[str, espeak_voices.OfferedVoice] = {}
        self._fault: str | None = "no espeak worker has started yet"

    async def start(self) -> None:
        """Starts the missing workers at the same time. If one cannot start, `unavailable_reason` says why."""
        missing = self.capabilities.max_concurrency - len(self._all)
        for outcome in await asyncio.gather(*(self._start() for _ in range(missing)), return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, WorkerGone):
                raise outcome

    async def close(self) -> None:
        workers, self._all, self._idle = list(self._all), set(), []
        await asyncio.gather(*(worker.close() for worker in workers))

    def unavailable_reason(self) -> str | None:
        return self._fault

    async def voices(self) -> Sequence[Voice]:
        if not self._offered:
            await self._start()
        return [offered.voice for offered in self._offered.values()]

    async def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        worker = await self._take(timing)
        try:
            offered = self._offered.get(utterance.voice_id)
            if offered is None:
                raise SynthesisError(FailureKind.UNKNOWN_VOICE, f"espeak has no voice {utterance.voice_id!r}")
            timing.transport = "pipe"
            timing.sample_rate_hz = worker.ready.sample_rate_hz
            request = {
                "text": utterance.text,
                "identifier": offered.identifier,
                "speed": utterance.parameters.speed or 1.0,
            }
            async with aclosing(worker.speak(request, timing)) as audio:
                async for piece in audio:
                    yield piece
        finally:
            await self._give_back(worker)

    async def _take(self, timing: Timing) -> EspeakProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.usable:
                timing.connection_reused = True
                return worker
            await self._end(worker)
        await self._start()
        worker = self._idle.pop()
        timing.connect_ms = worker.start_ms
        return worker

    async def _give_back(self, worker: EspeakProcess) -> None:
        if worker.usable:
            self._idle.append(worker)
        else:
            await self._end(worker)

    async def _start(self) -> None:
        try:
            worker = await self._start_worker()
        except WorkerGone as error:
            self._fault = error.message
            raise
        self._offered = self._offered or espeak_voices.offered_voices(
            worker.ready.languages, worker.ready.variants, worker.ready.sample_rate_hz
        )
        self._fault = None
        self._all.add(worker)
        self._idle.append(worker)

    async def _end(self, worker: EspeakProcess) -> None:
        self._all.discard(worker)
        await worker.close()
