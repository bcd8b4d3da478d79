"""The JetStream streams of the bus: how long they keep events, and how they are created."""

from dataclasses import dataclass

from nats.js import JetStreamContext, api
from nats.js import errors as js_errors

from services.runtime import events

# PostgreSQL is the truth. If a consumer is down for longer and misses events, the reconciler requests the work again.
MAX_AGE_SECONDS = 3 * 24 * 3600.0
MAX_DEAD_LETTER_AGE_SECONDS = 30 * 24 * 3600.0
# Private events, such as those with a prompt, are deleted when they have been handled, and after this time in any case.
# If a worker is down for longer, the reconciler requests the work again.
MAX_PRIVATE_AGE_SECONDS = 3600
MAX_PROBE_AGE_SECONDS = 60
DUPLICATE_WINDOW_SECONDS = 120.0
TTL_HEADER = str(api.Header.MSG_TTL.value)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream and its required configuration."""

    name: str
    subject: str
    max_age_seconds: float

    @property
    def config(self) -> api.StreamConfig:
        """The configuration with which the stream is created."""
        return api.StreamConfig(
            name=self.name,
            subjects=[self.subject],
            storage=api.StorageType.FILE,
            retention=api.RetentionPolicy.LIMITS,
            max_age=self.max_age_seconds,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
            allow_msg_ttl=True,
        )


def all_streams() -> list[Stream]:
    """Returns one stream for each service that declares events, and the stream of dead letters."""
    declared = [Stream(events.stream_of(s), events.subjects_of(s), MAX_AGE_SECONDS) for s in events.streams()]
    return [*declared, Stream(events.DEAD_LETTER_STREAM, events.DEAD_LETTER_SUBJECT, MAX_DEAD_LETTER_AGE_SECONDS)]


async def ensure(jetstream: JetStreamContext, stream: Stream) -> None:
    """Creates a stream if it is missing, or updates it if an earlier version created it."""
    try:
        found = (await jetstream.stream_info(stream.name)).config
    except js_errors.NotFoundError:
        await jetstream.add_stream(stream.config)
        return
    if not found.allow_msg_ttl:
        await jetstream.update_stream(found.evolve(allow_msg_ttl=True))
        # Earlier private events were published without a time to live. The reconciler requests unfinished work again.
        for subject in events.private_subjects():
            if subject.startswith(stream.subject.removesuffix(">")):
                await jetstream.purge_stream(stream.name, subject=f"{subject}.>")


def ttl_of(subject: str) -> int | None:
    """Returns the time to live of an event in seconds, or None if its stream's own limit applies."""
    return MAX_PRIVATE_AGE_SECONDS if events.is_private(subject) else None
