"""Providers and their voices, listed to callers and published to other services."""

from collections.abc import Sequence

import structlog
from voicearena.tts.v1.events_pb2 import VoicesDiscovered

from services.runtime.pages import Pages
from services.tts import facts
from services.tts.domain import Voice
from services.tts.providers.registry import Provider, ProviderRegistry

log = structlog.get_logger()


class Voices:
    """The use cases over the providers."""

    def __init__(self, providers: ProviderRegistry, publish: facts.Publish, pages: Pages) -> None:
        self._pages = pages
        self._providers = providers
        self._publish = publish
        self._published: dict[str, VoicesDiscovered] = {}

    async def list_providers(self) -> list[Provider]:
        """Returns every provider, sorted by id."""
        return self._providers.all()

    async def page(self, provider_id: str, size: int, token: str) -> tuple[Sequence[Voice], str]:
        """Returns a page of the voices of one provider, or of all if the id is empty, and the token of the next page.

        Providers that can't be used now are left out. Raises InvalidInput if the provider is unknown.
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
        """Asks every provider for its voices and publishes them, also if they have not changed.

        Waits at most `seconds`, without limit if None. The voices of a slower provider are published later, by
        `publish_changes`.
        """
        await self._providers.refresh(seconds)
        self._published.clear()
        await self.publish_changes()

    async def publish_changes(self) -> None:
        """Publishes each provider whose availability, voices or limits have changed since it was last published."""
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
                # The message cannot be encoded. Other providers are published all the same. This one is published
                # without voices next time.
                log.error("the voices of a provider could not be published", provider=provider.id, exc_info=error)
                provider.voices, provider.fault = [], "its list of voices can't be published"
                continue
            self._published[provider.id] = fact
