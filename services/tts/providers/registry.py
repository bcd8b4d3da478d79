"""The providers of this installation, each with its slots and its voices as they were last told."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from services.runtime.errors import FieldViolation, InvalidInput
from services.tts.domain import FailureKind, SynthesisError, Voice
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.outcomes import Outcomes
from services.tts.slots import Slots

log = structlog.get_logger()

VOICES_SECONDS = 30.0
# A provider that is down is looked at again when it is asked for, but not at every request.
REVIVE_SECONDS = 10.0


@dataclass(slots=True)
class Provider:
    """One engine with what is known of it."""

    engine: SpeechEngine
    slots: Slots
    voices: list[Voice] = field(default_factory=list)
    fault: str | None = None
    """Why it can't be used though its engine could be, None if it can."""
    left_out: str = ""
    """How many voices of its list are not among `voices` and why, empty if all are."""
    refreshed_at: float = float("-inf")
    outcomes: Outcomes = field(default_factory=Outcomes)

    @property
    def id(self) -> str:
        return self.engine.capabilities.id

    @property
    def unavailable_reason(self) -> str | None:
        return self.engine.unavailable_reason() or self.fault


class Providers:
    """All providers by id."""

    def __init__(self, engines: Iterable[SpeechEngine], longest_queue: int) -> None:
        self._by_id: Mapping[str, Provider] = {
            engine.capabilities.id: Provider(
                engine, Slots(engine.capabilities.id, engine.capabilities.max_concurrency, longest_queue)
            )
            for engine in sorted(engines, key=lambda each: each.capabilities.id)
        }
        self._refreshing: dict[str, asyncio.Task[None]] = {}

    def all(self) -> list[Provider]:
        """Returns every provider, by id."""
        return list(self._by_id.values())

    def find(self, provider_id: str) -> Provider | None:
        """Returns a provider, None if there is none of this id."""
        return self._by_id.get(provider_id)

    def get(self, provider_id: str) -> Provider:
        """Returns a provider; InvalidInput that lists all if there is none of this id."""
        provider = self.find(provider_id)
        if provider is None:
            raise InvalidInput.of(FieldViolation("provider", f"must be one of {', '.join(self._by_id)}"))
        return provider

    async def usable(self, provider_id: str) -> Provider:
        """Returns a provider that can be used now; InvalidInput if there is none of this id, SynthesisError if it is
        down, which is found out anew at most every 10 s."""
        provider = self.get(provider_id)
        if provider.unavailable_reason and time.monotonic() - provider.refreshed_at > REVIVE_SECONDS:
            await asyncio.shield(self._refresh(provider))
        if provider.unavailable_reason:
            raise SynthesisError(
                FailureKind.PROVIDER_UNAVAILABLE,
                f"{provider_id} can't be used: {provider.unavailable_reason}",
                worth_a_retry=False,
            )
        return provider

    async def refresh(self, seconds: float | None = None) -> None:
        """Makes every engine ready, if it is not, and asks all for their voices at the same time.

        Waits for `seconds`, for all of them if None. One that takes longer goes on by itself, with the voices that it
        had or those that it is known for, so that it keeps nobody from using the others.
        """
        _, late = await asyncio.wait([self._refresh(provider) for provider in self._by_id.values()], timeout=seconds)
        for provider in self._by_id.values():
            if self._refreshing.get(provider.id) in late and not provider.voices:
                _keep_known(provider, FailureKind.TIMED_OUT, f"{provider.id} has not told its voices yet")

    def _refresh(self, provider: Provider) -> asyncio.Task[None]:
        """Returns the one task that asks a provider for its voices."""
        task = self._refreshing.get(provider.id)
        if task is None or task.done():
            task = self._refreshing[provider.id] = asyncio.create_task(_refresh(provider))
        return task

    async def ping(self) -> None:
        """Providers are part of what is served, not a condition of it: one that is down is listed as such."""

    async def close(self) -> None:
        """Ends every engine's processes and connections."""
        for task in self._refreshing.values():
            task.cancel()
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)
        await asyncio.gather(*(provider.engine.close() for provider in self._by_id.values()))


async def _refresh(provider: Provider) -> None:
    """Asks a provider for its voices. If it can't tell them now, those known before are kept, or else those that it is
    known for; only a provider that has none, or that does not take the key, can't be used."""
    provider.refreshed_at = time.monotonic()
    try:
        async with asyncio.timeout(VOICES_SECONDS):
            await provider.engine.start()
            if provider.engine.unavailable_reason() is None:
                provider.voices = list(await provider.engine.voices())
        provider.fault = None
        if provider.engine.voices_left_out() != provider.left_out:
            provider.left_out = provider.engine.voices_left_out()
            log.warning("voices were left out", provider=provider.id, left_out=provider.left_out or "none any more")
        return
    except SynthesisError as error:
        kind, reason = error.kind, error.message
    except TimeoutError:
        kind, reason = FailureKind.TIMED_OUT, f"{provider.id} did not tell its voices within {VOICES_SECONDS:g} s"
    except Exception as error:
        # A fault of one engine must not keep the others from being used.
        log.error("the voices of a provider could not be read", provider=provider.id, exc_info=error)
        kind, reason = FailureKind.PROVIDER_UNAVAILABLE, f"the voices of {provider.id} could not be read"
    _keep_known(provider, kind, reason)


def _keep_known(provider: Provider, kind: FailureKind, reason: str) -> None:
    kept = provider.voices or list(provider.engine.default_voices())
    if kept and kind is not FailureKind.CREDENTIALS_REJECTED:
        log.warning("voices could not be listed; those known are kept", provider=provider.id, reason=reason)
        provider.voices, provider.fault = kept, None
    else:
        provider.fault = reason
