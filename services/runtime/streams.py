"""The streams of the bus: what they keep and for how long, and how they are made."""

from dataclasses import dataclass

from nats.js import JetStreamContext, api
from nats.js import errors as js_errors

from services.runtime import events

# PostgreSQL is the truth: what a consumer that was away for longer has missed, the reconciler asks for again.
MAX_AGE_SECONDS = 3 * 24 * 3600.0
DEAD_LETTER_AGE_SECONDS = 30 * 24 * 3600.0
# What somebody wrote goes from the bus when it has been dealt with, and after this long in any case. A worker that was
# away for longer is asked again by the reconciler.
PRIVATE_SECONDS = 3600
PROBE_SECONDS = 60
DUPLICATE_WINDOW_SECONDS = 120.0
TTL_HEADER = str(api.Header.MSG_TTL.value)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream, as it has to be."""

    name: str
    subject: str
    max_age_seconds: float

    @property
    def config(self) -> api.StreamConfig:
        """How it is made."""
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
    """Returns one for each service that declares events, and that of the dead letters."""
    declared = [Stream(events.stream_of(s), events.subjects_of(s), MAX_AGE_SECONDS) for s in events.streams()]
    return [*declared, Stream(events.DEAD_LETTER_STREAM, events.DEAD_LETTER_SUBJECT, DEAD_LETTER_AGE_SECONDS)]


async def ensure(jetstream: JetStreamContext, stream: Stream) -> None:
    """Makes a stream if it is missing, and brings one of an earlier version up to date."""
    try:
        found = (await jetstream.stream_info(stream.name)).config
    except js_errors.NotFoundError:
        await jetstream.add_stream(stream.config)
        return
    if not found.allow_msg_ttl:
        await jetstream.update_stream(found.evolve(allow_msg_ttl=True))
        # What is there was published to stay for days. What of it is still wanted is asked for again.
        for subject in events.private_subjects():
            if subject.startswith(stream.subject.removesuffix(">")):
                await jetstream.purge_stream(stream.name, subject=f"{subject}.>")


def ttl_of(subject: str) -> int | None:
    """Returns for how many seconds an event of this subject may stay; None for as long as its stream keeps any."""
    return PRIVATE_SECONDS if events.is_private(subject) else None
