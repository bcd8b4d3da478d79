"""What the engines that speak over HTTP share: an account, a client, and a list of voices that is read page by page."""

import re
from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from services.tts.domain import Capabilities, FailureKind, Timing, Utterance, Voice
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.http_audio import AudioClient, SpeechRequest
from services.tts.providers.http_errors import Explain

SAMPLE_RATE_HZ = 24000
# More than any provider has today, and little enough for one event.
MOST_VOICES = 2000
MOST_PAGES = 40
LONGEST_NAME = 100
MOST_LANGUAGES = 20

_VOICE_ID = re.compile(r"[^\s\x00-\x1f\x7f]{1,100}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, slots=True)
class Account:
    """How a provider is reached. `voices` come first, and are all there are until the provider has told its own."""

    api_key: str = field(repr=False)
    base_url: str
    model: str
    voices: tuple[str, ...]
    max_concurrency: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list of voices; `next_query` fetches the one after it, None on the last."""

    items: Any
    """A list, if the answer is one that can be read."""
    next_query: Mapping[str, str] | None = None


class HostedEngine(SpeechEngine):
    """Asks for raw samples with one POST and streams them. `missing` says what would make it usable, None if it is."""

    def __init__(
        self,
        capabilities: Capabilities,
        api_key: str,
        explain: Explain,
        missing: str | None,
        default_voices: Sequence[str] = (),
    ) -> None:
        self.capabilities = capabilities
        self._client = AudioClient(capabilities.display_name, capabilities.max_concurrency, api_key, explain)
        self._missing = missing
        self._default_voices = default_voices

    async def close(self) -> None:
        await self._client.close()

    def unavailable_reason(self) -> str | None:
        return self._missing

    def default_voices(self) -> Sequence[Voice]:
        model = self.capabilities.default_model
        return [voice for each in self._default_voices if (voice := self._voice(each, "", (), model))]

    async def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._client.speak(self._request(utterance), timing)) as audio:
            async for piece in audio:
                yield piece

    @abstractmethod
    def _request(self, utterance: Utterance) -> SpeechRequest:
        """Returns what is asked for; SynthesisError if the provider is known not to take it."""

    async def _listed(
        self,
        url: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        page_of: Callable[[Any], Page],
        voice_of: Callable[[Any], Voice | None],
    ) -> list[Voice]:
        """Returns the voices of all pages, in order and each once, at most 2000 of at most 40 pages.

        SynthesisError if a page can't be had or is not such as `page_of` expects. What can't be a voice is left out.
        """
        voices: dict[str, Voice] = {}
        asked: Mapping[str, str] | None = query
        seen: list[Mapping[str, str]] = []
        while asked is not None and asked not in seen and len(seen) < MOST_PAGES and len(voices) < MOST_VOICES:
            seen.append(asked)
            try:
                page = page_of(await self._client.get(url, headers, asked))
                if not isinstance(page.items, list):
                    raise TypeError
            except (LookupError, TypeError, AttributeError):
                raise self._client.error(
                    FailureKind.PROVIDER_UNAVAILABLE, "sent a list of voices that can't be read"
                ) from None
            for item in page.items:
                with suppress(LookupError, TypeError, AttributeError):
                    if voice := voice_of(item):
                        voices.setdefault(voice.voice_id, voice)
            asked = page.next_query
        return list(voices.values())[:MOST_VOICES]

    def _voice(
        self, voice_id: object, name: object, languages: object = (), model_id: str = "", sample_rate_hz: int = 0
    ) -> Voice | None:
        """Returns a voice as the provider tells it, None if its id is none that could be asked for."""
        if not isinstance(voice_id, str) or not _VOICE_ID.fullmatch(voice_id):
            return None
        shown = " ".join(name.split())[:LONGEST_NAME] if isinstance(name, str) else ""
        told = languages if isinstance(languages, list | tuple) else ()
        tags = [each.replace("_", "-") for each in told if isinstance(each, str) and _LANGUAGE.fullmatch(each)]
        return Voice(
            provider=self.capabilities.id,
            voice_id=voice_id,
            display_name=shown or voice_id,
            languages=tuple(dict.fromkeys(tags))[:MOST_LANGUAGES],
            model_id=model_id,
            sample_rate_hz=sample_rate_hz or SAMPLE_RATE_HZ,
        )


def first(voices: Sequence[Voice], chosen: Sequence[str]) -> list[Voice]:
    """Returns the voices with the chosen ones first, in the order in which they were chosen."""
    rank = {voice_id: place for place, voice_id in enumerate(chosen)}
    return sorted(voices, key=lambda voice: rank.get(voice.voice_id, len(rank)))


def primary_language(tag: str) -> str:
    """Returns the language of a BCP 47 tag without its region, as ISO 639 writes it: `pt` of `pt-BR`."""
    return tag.partition("-")[0].lower()
