"""Events in."""

from collections.abc import Mapping

from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import VoicesDiscovered

from services.elo import convert
from services.elo.usecases import Catalogue
from services.runtime.bus import Delivery, Handler


def handlers(catalogue: Catalogue) -> Mapping[type[Message], Handler]:
    """Returns what is done about each event."""

    async def voices_discovered(event: VoicesDiscovered, delivery: Delivery) -> None:
        drafts = [convert.from_voice(voice, event.provider) for voice in event.voices]
        provider = convert.from_provider(event.provider, delivery.occurred_at)
        await catalogue.learn(delivery.event_id, provider, drafts, event.told_providers)

    return {VoicesDiscovered: voices_discovered}
