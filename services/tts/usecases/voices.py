"""Providers and their voices, as they are listed and as they are made known."""

import structlog

from services.tts.domain import Voice, VoicesFound
from services.tts.usecases.studio import Studio

log = structlog.get_logger()


async def list_voices(studio: Studio, provider_id: str) -> list[Voice]:
    """Returns the voices of one provider, or of all that can be used; InvalidInput if the provider is unknown."""
    chosen = [studio.providers.get(provider_id)] if provider_id else studio.providers.all()
    return [voice for provider in chosen if not provider.unavailable_reason for voice in provider.voices]


async def discover_voices(studio: Studio, seconds: float | None = None) -> None:
    """Asks every provider for its voices and makes known what there is, whether it is new or not.

    Waits for `seconds`, for all of them if None; what a slower one tells is made known with the changes.
    """
    await studio.providers.refresh(seconds)
    studio.told.clear()
    await tell_changes(studio)


async def tell_changes(studio: Studio) -> None:
    """Makes known what is not as it was last told: a provider that went away or came back, its voices, its limits."""
    providers = studio.providers.all()
    speaking = tuple(each.id for each in providers if each.voices and not each.unavailable_reason)
    for provider in providers:
        reason = provider.unavailable_reason
        voices = () if reason else tuple(provider.voices)
        fact = VoicesFound(provider.engine.capabilities, voices, speaking, reason)
        if studio.told.get(provider.id) == fact:
            continue
        if reason:
            log.info("a provider can't be used", provider=provider.id, reason=reason)
        try:
            await studio.publish(fact)
        except (ValueError, TypeError) as error:
            # Something in it can't be sent. The others are told all the same, and next time this one is told without.
            log.error("what a provider tells could not be made known", provider=provider.id, exc_info=error)
            provider.voices, provider.fault = [], "what it tells of its voices can't be made known"
            continue
        studio.told[provider.id] = fact
