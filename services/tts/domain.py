"""Providers, voices, utterances, jobs, measurements, and the ways in which a synthesis fails."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from services.runtime.backoff import Backoff
from services.runtime.outside_text import one_line
from services.tts.object_names import audio_name

MIN_SPEED, MAX_SPEED = 0.5, 2.0

MAX_TRIES = 3
# A provider at its concurrency limit has not failed on the text, so more tries are useful.
MAX_TRIES_WHEN_FULL = 8
RETRIES = Backoff(0.5, 20.0, jitter=1.0)
# The longest `Retry-After` that a job waits for. Rate limits usually use windows of one minute, and some providers
# count from the start of the window.
MAX_RETRY_AFTER_SECONDS = 120.0
# The requester is notified of a longer delay, so that it does not treat the job as lost.
MIN_REPORTED_DELAY_SECONDS = 5.0

LONG_AGO = datetime.min.replace(tzinfo=UTC)
MAX_RUN_ID_CHARACTERS = 100
MAX_DELETED_JOBS = 500


class FailureKind(Enum):
    """Why there is no usable audio. The values are the names of the proto enum SynthesisFailed.Kind."""

    INVALID_REQUEST = "invalid_request"
    CREDENTIALS_REJECTED = "credentials_rejected"
    QUOTA_EXCEEDED = "quota_exceeded"
    RATE_LIMITED = "rate_limited"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    TIMED_OUT = "timed_out"
    BAD_AUDIO = "bad_audio"
    TEXT_TOO_LONG = "text_too_long"
    UNKNOWN_VOICE = "unknown_voice"
    CANCELLED = "cancelled"


_WORTH_A_RETRY = {FailureKind.RATE_LIMITED, FailureKind.PROVIDER_UNAVAILABLE, FailureKind.TIMED_OUT}


class SynthesisError(Exception):
    """A provider returned no usable audio.

    `message` is a sentence for people, without keys or addresses. It can contain a provider's words, so control
    characters are removed here. `retry_after` is the number of seconds that the provider asked to wait.
    `concurrency_full` means that the provider already has its maximum number of requests in progress;
    `allowed_concurrency` is that number, if the provider states it.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        worth_a_retry: bool | None = None,
        retry_after: float | None = None,
        concurrency_full: bool = False,
        allowed_concurrency: int | None = None,
    ) -> None:
        self.kind = kind
        self.message = one_line(message)
        super().__init__(self.message)
        self.worth_a_retry = kind in _WORTH_A_RETRY if worth_a_retry is None else worth_a_retry
        self.retry_after = retry_after
        self.concurrency_full = concurrency_full
        self.allowed_concurrency = allowed_concurrency


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a speech engine is and which requests it accepts."""

    id: str
    display_name: str
    local: bool
    """Whether speech is made on this machine, so that no text leaves it."""
    streaming: bool
    """Whether the first audio arrives before the last is made."""
    max_text_characters: int
    """The limit of the default model."""
    max_concurrency: int
    parameters: frozenset[str] = frozenset()
    """The fields of SpeechParameters that it supports."""
    default_model: str = ""
    """Empty for a provider without models."""
    min_speed: float = MIN_SPEED
    max_speed: float = MAX_SPEED
    text_limits: tuple[tuple[str, int], ...] = ()
    """Pairs of a prefix of model ids and the maximum number of characters. The first prefix that matches counts; other
    models have `max_text_characters`."""

    def max_characters_of(self, model_id: str) -> int:
        """Returns the maximum number of characters of a text for a model, for the default model if the id is empty."""
        if not model_id:
            return self.max_text_characters
        limits = (characters for prefix, characters in self.text_limits if model_id.startswith(prefix))
        return next(limits, self.max_text_characters)


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of a provider."""

    provider: str
    voice_id: str
    display_name: str
    languages: tuple[str, ...] = ()
    """BCP 47 tags, the best first; empty if unknown."""
    model_id: str = ""
    sample_rate_hz: int = 0


@dataclass(frozen=True, slots=True)
class SpeechParameters:
    """How to speak. None means the provider's default."""

    speed: float | None = None
    """Relative to the voice's normal speed, 0.5 to 2, or the part of this range that the provider supports."""
    language: str | None = None
    """BCP 47 tag."""
    seed: int | None = None
    """Makes the provider's output repeatable where the provider can do that, 0 to 4294967295."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One text for one voice to speak."""

    text: str
    voice_id: str
    model_id: str = ""
    parameters: SpeechParameters = SpeechParameters()


@dataclass(slots=True)
class Timing:
    """What an engine records during one utterance. Times are seconds of the monotonic clock.

    The engine sets `sent_at` when the whole request has been sent over an open connection. It calls `received` with the
    time at which audio arrived, read next to the socket or in the worker process. A slow consumer of the audio does not
    change these times.
    """

    sample_rate_hz: int = 0
    transport: str = ""
    connection_reused: bool = False
    connect_ms: float | None = None
    region: str | None = None
    sent_at: float | None = None
    first_byte_at: float | None = None
    last_byte_at: float | None = None

    def received(self, at: float) -> None:
        """Records that audio arrived at this time."""
        if self.first_byte_at is None:
            self.first_byte_at = at
        self.last_byte_at = at


@dataclass(frozen=True, slots=True)
class SynthesisMeasurements:
    """The measurements of one utterance. Names and units are those of the proto message SynthesisMeasurements."""

    ttfb_ms: float
    leading_silence_ms: float
    ttfa_ms: float
    generation_time_ms: float
    duration_seconds: float
    real_time_factor: float
    connect_ms: float | None
    connection_reused: bool
    transport: str
    sample_rate_hz: int
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A request to speak a text and to store the audio."""

    requester: str
    job_id: str
    attempt: int
    developer_id: str
    provider: str
    utterance: Utterance = field(repr=False)
    run_id: str = ""
    """Groups jobs that are compared with each other. Empty if the job is not in a group."""
    requested_at: datetime = LONG_AGO
    """When the job was requested. A cancellation of its run ends only the jobs that were requested before it."""


@dataclass(frozen=True, slots=True)
class StoredSpeech:
    """The result of a job, stored next to its audio."""

    job_id: str
    developer_id: str
    provider: str
    voice_id: str
    attempt: int
    measurements: SynthesisMeasurements

    @property
    def audio_name(self) -> str:
        return audio_name(self.job_id)


def retry_delay(tries: int, error: SynthesisError, jitter: random.Random) -> float | None:
    """Returns how many seconds to wait after `tries` failed tries, None if the job must not be tried again.

    The delay doubles from 0.5 s. A random part of up to the same length is added, so that jobs that were refused
    together do not return together; the sum is at most 20 s. A longer `Retry-After` is respected up to 120 s, and a job
    does not wait for more. A job has 8 tries if the provider is at its concurrency limit, and 3 for other failures.
    """
    if tries >= (MAX_TRIES_WHEN_FULL if error.concurrency_full else MAX_TRIES) or not error.worth_a_retry:
        return None
    if (error.retry_after or 0.0) > MAX_RETRY_AFTER_SECONDS:
        return None
    return max(RETRIES.seconds(tries, jitter.random), error.retry_after or 0.0)
