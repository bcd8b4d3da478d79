"""The base classes of engines that speak over HTTP: an account, a client, and a list of voices in pages."""

import re
from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from services.runtime.outside_text import is_identifier, one_line
from services.tts.domain import Capabilities, FailureKind, Timing, Utterance, Voice
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.http_audio import AudioClient, SpeechRequest
from services.tts.providers.http_errors import ErrorReader
from services.tts.providers.voice_list import UnusableVoice, VoiceList

SAMPLE_RATE_HZ = 24000
MAX_PAGES = 40
MAX_ID_CHARACTERS = 100
MAX_NAME_CHARACTERS = 100
MAX_LANGUAGES = 20

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """How a provider is reached.

    `voices` come first in the list of voices, and are the whole list until the provider has listed its voices.
    """

    api_key: str = field(repr=False)
    base_url: str
    model: str
    voices: tuple[str, ...]
    max_concurrency: int


@dataclass(frozen=True, slots=True)
class VoicePage:
    """One page of a list of voices. `next_query` fetches the next page; it is None on the last."""

    items: Any
    """A list of voices as the provider sent it, not validated. Anything but a list is an error."""
    next_query: Mapping[str, str] | None = None


class HostedEngine(SpeechEngine):
    """Requests raw samples with one POST and streams them.

    `headers` are sent with every request. `missing` says which setting would make the provider usable; None if it is
    usable. The `preferred` voices come first in its list.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        api_key: str,
        headers: Mapping[str, str],
        read_error: ErrorReader,
        missing: str | None,
        preferred: Sequence[str] = (),
    ) -> None:
        self.capabilities = capabilities
        self._client = AudioClient(capabilities.display_name, capabilities.max_concurrency, api_key, read_error)
        self._headers = headers
        self._missing = missing
        self._preferred = preferred
        self._left_out = ""

    async def close(self) -> None:
        await self._client.close()

    def unavailable_reason(self) -> str | None:
        return self._missing

    def default_voices(self) -> Sequence[Voice]:
        model = self.capabilities.default_model
        return [self._voice(each, "", (), model) for each in self._preferred]

    def voices_left_out(self) -> str:
        return self._left_out

    async def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._client.speak(self._request(utterance), timing)) as audio:
            async for piece in audio:
                yield piece

    @abstractmethod
    def _request(self, utterance: Utterance) -> SpeechRequest:
        """Returns the request for an utterance. Raises SynthesisError if the provider is known to refuse it."""

    @abstractmethod
    def _voice_of(self, item: Any) -> Voice | None:
        """Returns the voice of an item of the list, None for a voice that this engine does not offer.

        Raises UnusableVoice, or the LookupError, TypeError or AttributeError of an unexpected shape, if the item is not
        a usable voice.
        """

    async def _listed(
        self, url: str, page_of: Callable[[Any], VoicePage], query: Mapping[str, str] | None = None
    ) -> list[Voice]:
        """Returns the voices of all pages, the preferred voices first: at most 2000 voices of at most 40 pages.

        Leaves unusable items out, and `voices_left_out` describes them. Raises SynthesisError if a page cannot be
        fetched or `page_of` cannot read it.
        """
        found = VoiceList()
        next_query: Mapping[str, str] | None = query or {}
        seen: list[Mapping[str, str]] = []
        while next_query is not None and next_query not in seen and len(seen) < MAX_PAGES and not found.full:
            seen.append(next_query)
            try:
                page = page_of(await self._client.get(url, self._headers, next_query))
                if not isinstance(page.items, list):
                    raise TypeError
            except (LookupError, TypeError, AttributeError):
                raise self._client.error(
                    FailureKind.PROVIDER_UNAVAILABLE, "sent an unreadable list of voices"
                ) from None
            for index, item in enumerate(page.items):
                if found.full:
                    found.skip(len(page.items) - index)
                    break
                try:
                    if voice := self._voice_of(item):
                        found.add(voice)
                except UnusableVoice as error:
                    found.leave_out(str(error))
                except (LookupError, TypeError, AttributeError):
                    found.leave_out("unreadable")
            next_query = page.next_query
        more = f"all after page {len(seen)}" if next_query is not None else ""
        self._left_out = "; ".join(filter(None, (found.left_out(), more)))
        rank = {voice_id: index for index, voice_id in enumerate(self._preferred)}
        return sorted(found.voices, key=lambda voice: rank.get(voice.voice_id, len(rank)))

    def _voice(
        self, voice_id: object, name: object, languages: object = (), model_id: str = "", sample_rate_hz: int = 0
    ) -> Voice:
        """Returns a voice with its name and languages cleaned. Raises UnusableVoice if its id is unusable."""
        if not is_identifier(voice_id, MAX_ID_CHARACTERS):
            raise UnusableVoice(f"without an id of 1 to {MAX_ID_CHARACTERS} visible characters without spaces")
        shown = one_line(name, MAX_NAME_CHARACTERS) if isinstance(name, str) else ""
        listed = languages[: 10 * MAX_LANGUAGES] if isinstance(languages, list | tuple) else ()
        tags = [each.replace("_", "-") for each in listed if isinstance(each, str) and _LANGUAGE.fullmatch(each)]
        return Voice(
            provider=self.capabilities.id,
            voice_id=voice_id,
            display_name=shown or voice_id,
            languages=tuple(dict.fromkeys(tags))[:MAX_LANGUAGES],
            model_id=model_id,
            sample_rate_hz=sample_rate_hz or SAMPLE_RATE_HZ,
        )


class AccountEngine(HostedEngine):
    """A provider that needs only an account with an API key. `limits` are further fields of its capabilities."""

    def __init__(
        self,
        account: ProviderAccount,
        provider: str,
        display_name: str,
        headers: Mapping[str, str],
        read_error: ErrorReader,
        **limits: Any,
    ) -> None:
        super().__init__(
            Capabilities(
                id=provider,
                display_name=display_name,
                local=False,
                streaming=True,
                max_concurrency=account.max_concurrency,
                default_model=account.model,
                **limits,
            ),
            account.api_key,
            headers,
            read_error,
            None if account.api_key else f"set {provider.upper()}_API_KEY",
            account.voices,
        )
        self._account = account


def primary_language(tag: str) -> str:
    """Returns the ISO 639 language of a BCP 47 tag: `pt` of `pt-BR`."""
    return tag.partition("-")[0].lower()
