"""The providers of this installation, each with its slots and the voices that it last listed."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from services.runtime.errors import FieldViolation, InvalidInput
from services.tts.domain import FailureKind, SynthesisError, Voice
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.health import ProviderHealth
from services.tts.slots import Slots

log = structlog.get_logger()

VOICES_TIMEOUT_SECONDS = 30.0
# A request for a provider that is down checks it again, but at most once in this time.
RECHECK_INTERVAL_SECONDS = 10.0


@dataclass(slots=True)
class Provider:
    """One engine and its current state."""

    engine: SpeechEngine
    slots: Slots
    voices: list[Voice] = field(default_factory=list)
    fault: str | None = None
    """Why it can't be used although its engine is usable, None if it can be used."""
    left_out: str = ""
    """How many voices of its list are not in `voices` and why, empty if all are."""
    refreshed_at: float = float("-inf")
    health: ProviderHealth = field(default_factory=ProviderHealth)

    @property
    def id(self) -> str:
        return self.engine.capabilities.id

    @property
    def unavailable_reason(self) -> str | None:
        return self.engine.unavailable_reason() or self.fault


class ProviderRegistry:
    """All providers by id."""

    def __init__(self, engines: Iterable[SpeechEngine], max_waiting: int) -> None:
        self._by_id: Mapping[str, Provider] = {
            engine.capabilities.id: Provider(
                engine, Slots(engine.capabilities.id, engine.capabilities.max_concurrency, max_waiting)
            )
            for engine in sorted(engines, key=lambda each: each.capabilities.id)
        }
        self._refreshing: dict[str, asyncio.Task[None]] = {}

    def all(self) -> list[Provider]:
        """Returns every provider, sorted by id."""
        return list(self._by_id.values())

    def find(self, provider_id: str) -> Provider | None:
        """Returns a provider, None if no provider has this id."""
        return self._by_id.get(provider_id)

    def get(self, provider_id: str) -> Provider:
        """Returns a provider. Raises InvalidInput that lists all ids if no provider has this id."""
        provider = self.find(provider_id)
        if provider is None:
            raise InvalidInput.of(FieldViolation("provider", f"must be one of {', '.join(self._by_id)}"))
        return provider

    async def usable(self, provider_id: str) -> Provider:
        """Returns a provider that can be used now. Checks one that is down again, at most every 10 s.

        Raises InvalidInput if no provider has this id, and SynthesisError provider_unavailable if it is down.
        """
        provider = self.get(provider_id)
        if provider.unavailable_reason and time.monotonic() - provider.refreshed_at > RECHECK_INTERVAL_SECONDS:
            await asyncio.shield(self._refresh(provider))
        if provider.unavailable_reason:
            raise SynthesisError(
                FailureKind.PROVIDER_UNAVAILABLE,
                f"{provider_id} can't be used: {provider.unavailable_reason}",
                worth_a_retry=False,
            )
        return provider

    async def refresh(self, seconds: float | None = None) -> None:
        """Starts every engine and asks all of them for their voices at the same time.

        Waits at most `seconds`, without limit if None. A slower provider continues in the background. Until it is done
        it keeps its earlier voices or gets its default voices, so that it does not delay the other providers.
        """
        _, late = await asyncio.wait([self._refresh(provider) for provider in self._by_id.values()], timeout=seconds)
        for provider in self._by_id.values():
            if self._refreshing.get(provider.id) in late and not provider.voices:
                _keep_known_voices(provider, FailureKind.TIMED_OUT, f"{provider.id} has not listed its voices yet")

    def _refresh(self, provider: Provider) -> asyncio.Task[None]:
        """Returns the one task that asks a provider for its voices."""
        task = self._refreshing.get(provider.id)
        if task is None or task.done():
            task = self._refreshing[provider.id] = asyncio.create_task(_refresh(provider))
        return task

    async def ping(self) -> None:
        """Always succeeds. The service is ready also if providers are down; they are listed as unavailable."""

    async def close(self) -> None:
        """Ends the processes and connections of every engine."""
        for task in self._refreshing.values():
            task.cancel()
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)
        await asyncio.gather(*(provider.engine.close() for provider in self._by_id.values()))


async def _refresh(provider: Provider) -> None:
    """Asks a provider for its voices and stores them.

    If the provider cannot list them, it keeps its earlier voices or gets its default voices. It is unavailable only if
    it has neither, or if it rejected the API key.
    """
    provider.refreshed_at = time.monotonic()
    try:
        async with asyncio.timeout(VOICES_TIMEOUT_SECONDS):
            await provider.engine.start()
            if provider.engine.unavailable_reason() is None:
                provider.voices = list(await provider.engine.voices())
        provider.fault = None
        if provider.engine.voices_left_out() != provider.left_out:
            provider.left_out = provider.engine.voices_left_out()
            log.warning("voices were left out", provider=provider.id, left_out=provider.left_out or "none")
        return
    except SynthesisError as error:
        kind, reason = error.kind, error.message
    except TimeoutError:
        kind, reason = (
            FailureKind.TIMED_OUT,
            f"{provider.id} did not list its voices within {VOICES_TIMEOUT_SECONDS:g} s",
        )
    except Exception as error:
        # An error of one engine must not make the others unavailable.
        log.error("the voices of a provider could not be read", provider=provider.id, exc_info=error)
        kind, reason = FailureKind.PROVIDER_UNAVAILABLE, f"the voices of {provider.id} could not be read"
    _keep_known_voices(provider, kind, reason)


def _keep_known_voices(provider: Provider, kind: FailureKind, reason: str) -> None:
    kept = provider.voices or list(provider.engine.default_voices())
    if kept and kind is not FailureKind.CREDENTIALS_REJECTED:
        log.warning("voices could not be listed; the known voices are kept", provider=provider.id, reason=reason)
        provider.voices, provider.fault = kept, None
    else:
        provider.fault = reason
