"""What the use cases work with."""

import asyncio
import random
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Protocol

from services.runtime.errors import InvalidInput
from services.tts.audio_results import AudioResults
from services.tts.domain import Fact, Utterance, VoicesFound, find_voice, violations_of
from services.tts.jobs_in_hand import JobsInHand
from services.tts.providers.deadline import Patience
from services.tts.providers.registry import Provider, Providers
from services.tts.request_ledger import RequestLedger
from services.tts.speech_buffer import SpeechSpace
from services.tts.warm_ups import WarmUps


class Links(Protocol):
    """Checks signed links."""

    def verify(self, name: str, expires: int, signature: str) -> None:
        """Raises Unauthenticated if the link was changed or has expired."""


@dataclass(frozen=True, slots=True)
class Studio:
    """What the use cases work with. `publish` makes a fact known, or raises; `sleep` and `jitter` pace retries."""

    providers: Providers
    results: AudioResults
    ledger: RequestLedger
    links: Links
    publish: Callable[[Fact], Awaitable[None]]
    patience: Patience
    measuring: Executor
    """One thread: while several measure, the loop, which reads the clock, waits longer for its turn."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: random.Random = field(default_factory=random.Random)
    warm_ups: WarmUps = field(default_factory=WarmUps)
    speech_space: SpeechSpace = field(default_factory=SpeechSpace)
    in_hand: JobsInHand = field(default_factory=JobsInHand)
    locks: weakref.WeakValueDictionary[str, asyncio.Lock] = field(default_factory=weakref.WeakValueDictionary)
    """Of the jobs that are worked on, so that one asked for twice at once is done once."""
    told: dict[str, VoicesFound] = field(default_factory=dict)
    """What was last made known of each provider."""

    def lock(self, job_id: str) -> asyncio.Lock:
        """Returns the lock of one job, which is there as long as somebody holds or awaits it."""
        return self.locks.setdefault(job_id, asyncio.Lock())


def checked(provider: Provider, utterance: Utterance) -> Utterance:
    """Returns the utterance with voice and model filled in; InvalidInput that names every bad field."""
    found = violations_of(utterance, provider.engine.capabilities)
    try:
        voice = find_voice(provider.voices, utterance.voice_id, provider.id)
    except InvalidInput as error:
        raise InvalidInput(*found, *error.violations) from None
    if found:
        raise InvalidInput(*found)
    return replace(utterance, voice_id=voice.voice_id, model_id=utterance.model_id or voice.model_id)
