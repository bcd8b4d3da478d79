"""What tts is about: providers, voices, utterances, measurements, and the ways in which speaking fails."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from services.runtime.backoff import Backoff
from services.runtime.outside_text import one_line
from services.tts.object_names import audio_name

MIN_SPEED, MAX_SPEED = 0.5, 2.0

MAX_TRIES = 3
# A provider that is full has not failed at the text; who waits for a place there may come more often.
MAX_TRIES_WHEN_FULL = 8
RETRIES = Backoff(0.5, 20.0, jitter=1.0)
# `Retry-After` up to this is waited for: windows of a minute are usual, and some are counted from their beginning.
MAX_RETRY_AFTER_SECONDS = 120.0
# Who asked is told of a wait that is longer than this, so that they don't take the job for lost.
MIN_TOLD_DELAY_SECONDS = 5.0

LONG_AGO = datetime.min.replace(tzinfo=UTC)
MAX_RUN_ID_CHARACTERS = 100
MAX_DELETED_JOBS = 500


class FailureKind(Enum):
    """Why there is no usable audio. The names are those of SynthesisFailed.Kind on the wire."""

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
    """A provider gave no usable audio.

    `message` is a sentence for people, without keys, addresses or what the provider was asked to say. It may have a
    provider's words in it, so it is cleaned here, whoever raises it. `retry_after` is
    how many seconds the provider asked to be left alone. `concurrency_full` says that as many requests are under way as
    it allows at a time, which is not a matter of waiting; `allowed_concurrency` is how many it allows, where it tells.
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
    """What a speech engine is and what it takes."""

    id: str
    display_name: str
    local: bool
    """Speech is made on this machine and nothing is sent elsewhere."""
    streaming: bool
    """Audio arrives before all of it is made."""
    max_text_characters: int
    """Of its default model."""
    max_concurrency: int
    parameters: frozenset[str] = frozenset()
    """The fields of SpeechParameters that it takes."""
    default_model: str = ""
    """Empty where it has no such notion."""
    slowest_speed: float = MIN_SPEED
    fastest_speed: float = MAX_SPEED
    text_limits: tuple[tuple[str, int], ...] = ()
    """The longest texts by the beginning of a model's id, the first that fits; those of all others are alike."""

    def longest_text(self, model_id: str) -> int:
        """Returns how many characters a model takes at a time, the default one if the id is empty."""
        if not model_id:
            return self.max_text_characters
        limits = (longest for begin, longest in self.text_limits if model_id.startswith(begin))
        return next(limits, self.max_text_characters)


@dataclass(frozen=True, slots=True)
class Voice:
    """One way in which a provider speaks."""

    provider: str
    voice_id: str
    display_name: str
    languages: tuple[str, ...] = ()
    """BCP 47 tags, the best one first; empty if unknown."""
    model_id: str = ""
    sample_rate_hz: int = 0


@dataclass(frozen=True, slots=True)
class SpeechParameters:
    """How to speak; None leaves it to the provider."""

    speed: float | None = None
    """Relative to the voice's own, 0.5 to 2 or what of this the provider takes."""
    language: str | None = None
    """BCP 47 tag."""
    seed: int | None = None
    """Makes the provider's randomness repeatable where it can, 0 to 4294967295."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One text to be spoken by one voice."""

    text: str
    voice_id: str
    model_id: str = ""
    parameters: SpeechParameters = SpeechParameters()


@dataclass(slots=True)
class Timing:
    """What an engine notes while it makes one utterance. Times are of the monotonic clock, in seconds.

    The engine sets `sent_at` when the whole request has gone out over an open connection, and calls `received` with the
    time at which audio arrived, read next to the socket or in the worker itself. How slowly the audio is then taken
    from the engine changes nothing.
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
        """Notes that bytes of audio were there at this time."""
        if self.first_byte_at is None:
            self.first_byte_at = at
        self.last_byte_at = at


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured of one utterance; the names and units are those of SynthesisMeasurements on the wire."""

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
    """A request to speak and to keep the audio."""

    requester: str
    job_id: str
    attempt: int
    developer_id: str
    provider: str
    utterance: Utterance = field(repr=False)
    run_id: str = ""
    """Groups jobs that are compared; empty if there are no others."""
    requested_at: datetime = LONG_AGO
    """When it was asked for, which a cancellation of its run is compared with."""


@dataclass(frozen=True, slots=True)
class StoredSpeech:
    """What is known of audio in the store; kept beside it."""

    job_id: str
    developer_id: str
    provider: str
    voice_id: str
    attempt: int
    measurements: Measurements

    @property
    def audio_name(self) -> str:
        return audio_name(self.job_id)


def retry_delay(tries: int, error: SynthesisError, jitter: random.Random) -> float | None:
    """Returns how many seconds to wait after the n-th failed try, None if another can't help.

    Doubles from 0.5 s with up to as much again at random, so that jobs refused together don't come back together, to
    20 s. A provider that asks for patience gets it, up to 120 s; one that asks for more is not waited for. One that is
    full is asked more often than one that fails.
    """
    if tries >= (MAX_TRIES_WHEN_FULL if error.concurrency_full else MAX_TRIES) or not error.worth_a_retry:
        return None
    if (error.retry_after or 0.0) > MAX_RETRY_AFTER_SECONDS:
        return None
    return max(RETRIES.seconds(tries, jitter.random), error.retry_after or 0.0)
