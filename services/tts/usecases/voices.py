"""Providers and their voices, as they are listed and as they are made known."""

import structlog
from voicearena.tts.v1.events_pb2 import VoicesDiscovered

from services.tts import facts
from services.tts.domain import Voice
from services.tts.providers.registry import Provider, Providers

log = structlog.get_logger()


class Voices:
    """The use cases over the providers."""

    def __init__(self, providers: Providers, publish: facts.Publish) -> None:
        self._providers = providers
        self._publish = publish
        self._published: dict[str, VoicesDiscovered] = {}

    async def list_providers(self) -> list[Provider]:
        """Returns every provider, by id."""
        return self._providers.all()

    async def list_voices(self, provider_id: str) -> list[Voice]:
        """Returns the voices of one provider, or of all that can be used; InvalidInput if the provider is unknown."""
        chosen = [self._providers.get(provider_id)] if provider_id else self._providers.all()
        return [voice for provider in chosen if not provider.unavailable_reason for voice in provider.voices]

    async def discover(self, seconds: float | None = None) -> None:
        """Asks every provider for its voices and publishes what there is, whether it is new or not.

        Waits for `seconds`, for all of them if None; what a slower one answers is published with the changes.
        """
        await self._providers.refresh(seconds)
        self._published.clear()
        await self.publish_changes()

    async def publish_changes(self) -> None:
        """Publishes what has changed: a provider that went away or came back, its voices, its limits."""
        providers = self._providers.all()
        usable = [each.id for each in providers if each.voices and not each.unavailable_reason]
        for provider in providers:
            reason = provider.unavailable_reason
            voices = [] if reason else provider.voices
            try:
                fact = facts.voices_discovered(provider.engine.capabilities, voices, usable, reason)
                if self._published.get(provider.id) == fact:
                    continue
                if reason:
                    log.info("a provider can't be used", provider=provider.id, reason=reason)
                await self._publish(fact)
            except (ValueError, TypeError) as error:
                # Something in it can't be sent. The others are published all the same, and next time this one without.
                log.error("what a provider tells could not be made known", provider=provider.id, exc_info=error)
                provider.voices, provider.fault = [], "what it tells of its voices can't be made known"
                continue
            self._published[provider.id] = fact
