"""Consumes the announcements of providers and their voices by tts."""

from collections.abc import Mapping
from dataclasses import replace

import structlog
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import VoicesDiscovered

from services.elo.catalogue import convert
from services.elo.catalogue.discovery import Discovery
from services.runtime.bus import DeadHandler, EventMetadata, Handler

log = structlog.get_logger()


def handlers(discovery: Discovery) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def voices_discovered(event: VoicesDiscovered, metadata: EventMetadata) -> None:
        found = [convert.from_voice(voice, event.provider) for voice in event.voices]
        drafts = [draft for draft in found if draft is not None]
        if len(drafts) < len(found):
            log.warning("voices were left out", provider=event.provider.id, count=len(found) - len(drafts))
        provider = convert.from_provider(event.provider, metadata.occurred_at)
        await discovery.record_provider(metadata.event_id, provider, drafts, event.told_providers)

    return {VoicesDiscovered: voices_discovered}


def dead_handler(discovery: Discovery) -> DeadHandler:
    """Returns the handler of dead events. The provider of a dead event becomes unavailable; others are not affected."""

    async def dead(event: Message, metadata: EventMetadata, reason: str) -> None:
        # elo handles other events too.
        if not isinstance(event, VoicesDiscovered):
            return
        provider = convert.from_provider(event.provider, metadata.occurred_at)
        error = "its voices could not be added to the catalogue"
        provider = replace(provider, unavailable_reason=provider.unavailable_reason or error)
        await discovery.record_provider(metadata.event_id, provider, [], event.told_providers)

    return dead
