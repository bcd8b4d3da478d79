"""Events in, use cases, facts out."""

import hashlib
from collections.abc import Mapping

from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SynthesisRequested

from services.runtime.bus import Bus, DeadHandler, Delivery, Handler
from services.tts import usecases
from services.tts.convert import fact_to_event, job_from_event
from services.tts.domain import Fact, FailureKind, VoicesFound
from services.tts.usecases import Studio


def handlers(studio: Studio) -> Mapping[type[Message], Handler]:
    """Returns what is done about each event."""

    async def synthesis_requested(event: SynthesisRequested, delivery: Delivery) -> None:
        await usecases.synthesize(studio, job_from_event(event))

    return {SynthesisRequested: synthesis_requested}


def on_dead(studio: Studio) -> DeadHandler:
    """Returns what is done about a job that could not be carried out, so that nobody waits for it."""

    async def given_up(event: SynthesisRequested, delivery: Delivery, reason: str) -> None:
        message = "the speech could not be made; the job was given up after several tries"
        await usecases.give_up(studio, job_from_event(event), FailureKind.PROVIDER_UNAVAILABLE, message)

    return given_up


class FactPublisher:
    """Publishes facts. The same fact of the same attempt has the same event id, however often it is published.

    `started` tells this run of the process from others, so that a catalogue which was emptied hears of voices again.
    """

    def __init__(self, bus: Bus, started: str) -> None:
        self._bus = bus
        self._started = started

    async def publish(self, fact: Fact) -> None:
        """Publishes a fact; BusUnavailable if the bus does not confirm."""
        event = fact_to_event(fact)
        await self._bus.publish(event, event_id=self.event_id(fact, event))

    def event_id(self, fact: Fact, event: Message) -> str:
        """Returns `evt_` and 32 hexadecimal digits."""
        if isinstance(fact, VoicesFound):
            identity = f"{self._started}\n{event.SerializeToString(deterministic=True).hex()}"
        else:
            identity = f"{fact.job.requester}\n{fact.job.job_id}\n{fact.job.attempt}"
        return "evt_" + hashlib.sha256(f"{event.DESCRIPTOR.name}\n{identity}".encode()).hexdigest()[:32]
