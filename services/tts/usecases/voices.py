"""Providers and their voices, as they are listed and as they are made known."""

from collections.abc import Sequence

import structlog
from voicearena.tts.v1.events_pb2 import VoicesDiscovered

from services.runtime.pages import Pages
from services.tts import facts
from services.tts.domain import Voice
from services.tts.providers.registry import Provider, Providers

log = structlog.get_logger()


class Voices:
    """The use cases over the providers."""

    def __init__(self, providers: Providers, publish: facts.Publish, pages: Pages) -> None:
        self._pages = pages
        self._providers = providers
        self._publish = publish
        self._published: dict[str, VoicesDiscovered] = {}

    async def list_providers(self) -> list[Provider]:
        """Returns every provider, by id."""
        return self._providers.all()

    async def page(self, provider_id: str, size: int, token: str) -> tuple[Sequence[Voice], str]:
        """Returns a page of the voices of one provider, or of all that can be used, and the token of the next.

        InvalidInput if the provider is unknown.
        """
        chosen = [self._providers.get(provider_id)] if provider_id else self._providers.all()
        usable = (each for each in chosen if not each.unavailable_reason)
        voices = list(enumerate(voice for provider in usable for voice in provider.voices))

        async def after(cursor: tuple[int] | None, limit: int) -> list[tuple[int, Voice]]:
            start = cursor[0] + 1 if cursor else 0
            return voices[start : start + limit]

        page, next_token = await self._pages.page(size, token, {"provider": provider_id}, after, lambda each: each[:1])
        return [voice for _, voice in page], next_token

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
