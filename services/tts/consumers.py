"""Events in, use cases, facts out."""

import hashlib

from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SynthesisRequested

from services.runtime.bus import Bus, Delivery
from services.tts import usecases
from services.tts.convert import fact_to_event, job_from_event
from services.tts.domain import Fact, FailureKind, VoicesFound
from services.tts.usecases import Studio


class Consumers:
    """Takes jobs from the bus."""

    def __init__(self, studio: Studio, bus: Bus, jobs_in_hand: int) -> None:
        self._studio = studio
        self._bus = bus
        self._jobs_in_hand = jobs_in_hand

    async def run(self) -> None:
        """Works for ever."""
        await self._bus.consume(
            {SynthesisRequested: self.on_synthesis_requested},
            max_in_flight=self._jobs_in_hand,
            on_dead=self.on_dead,
        )

    async def on_synthesis_requested(self, event: SynthesisRequested, delivery: Delivery) -> None:
        """Speaks."""
        await usecases.synthesize(self._studio, job_from_event(event))

    async def on_dead(self, event: SynthesisRequested, delivery: Delivery, reason: str) -> None:
        """Answers a job that could not be carried out, so that nobody waits for it."""
        message = "the speech could not be made; the job was given up after several tries"
        await usecases.give_up(self._studio, job_from_event(event), FailureKind.PROVIDER_UNAVAILABLE, message)


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
