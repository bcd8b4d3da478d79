"""The settings of the tts service."""

import json
from typing import Annotated, Any

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from services.runtime.outside_text import is_identifier, one_line
from services.runtime.settings import AudioSettings, HttpSettings, LinkSettings, ServiceSettings

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")

MAX_ID_CHARACTERS = 100

_HTTP_URL = r"^https?://[^\s/?#@]+(/[^\s?#]*)?(\?[^\s#]*)?$"


def _key(value: Any) -> Any:
    """Returns the key, None if it is empty.

    A key that cannot be sent in a header is refused here, because later errors could show it.
    """
    key = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(key, str):
        return key
    key = key.strip()
    if not all("!" <= character <= "~" for character in key):
        raise ValueError("must be printable ASCII without spaces")
    return key or None


def _url(value: str) -> str:
    try:
        usable = (httpx.URL(value).port or 1) < 65536
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise ValueError("must be a valid URL, with a port below 65536 if it has one")
    base, question, query = value.partition("?")
    if base.rstrip("/").endswith("/audio/speech"):
        raise ValueError("must be the base URL, without /audio/speech")
    return base.rstrip("/") + question + query


def _split(value: Any) -> Any:
    return tuple(each.strip() for each in value.split(",") if each.strip()) if isinstance(value, str) else value


def _id(value: str) -> str:
    if not is_identifier(value, MAX_ID_CHARACTERS):
        raise ValueError(f"must be 1 to {MAX_ID_CHARACTERS} visible characters without spaces")
    return value


_Key = Annotated[SecretStr | None, BeforeValidator(_key)]
_Url = Annotated[str, Field(pattern=rf"^$|{_HTTP_URL}"), AfterValidator(_url)]
_Model = Annotated[str, AfterValidator(_id)]
_VOICE = Annotated[str, Field(pattern=r"^[^,]*$"), AfterValidator(_id)]
_Voices = Annotated[tuple[_VOICE, ...], Field(max_length=200)]
_ListedVoices = Annotated[_Voices, BeforeValidator(_split), NoDecode]
_SampleRate = Annotated[int, Field(ge=8000, le=48000)]
_Concurrency = Annotated[int, Field(ge=1, le=64)]


class CompatibleServer(BaseModel):
    """One server with the same API as OpenAI's speech endpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    display_name: Annotated[str, AfterValidator(one_line)] = Field("", max_length=100)
    base_url: Annotated[str, Field(pattern=_HTTP_URL), AfterValidator(_url)]
    api_key: _Key = None
    model: _Model
    voices: Annotated[_Voices, Field(min_length=1)] | None = None
    """If absent, the voices that its `/v1/audio/voices` lists."""
    sample_rate: _SampleRate = 24000
    max_concurrency: _Concurrency = 4
    local: bool = False
    """Whether the server runs on this machine, so that no text leaves it."""


class TtsSettings(ServiceSettings, HttpSettings, AudioSettings, LinkSettings):
    """The settings. Each field is set by the environment variable of the same name in upper case."""

    espeak_concurrency: int = Field(2, ge=1, le=32)
    """The number of espeak-ng worker processes."""
    flite_concurrency: int = Field(2, ge=1, le=32)
    """The maximum number of flite processes at the same time."""
    cartesia_api_key: _Key = None
    cartesia_base_url: _Url = "https://api.cartesia.ai"
    """The URL of the provider, or of a server that replaces it. Routes are appended to its path. The same holds for
    every other provider."""
    cartesia_model: _Model = "sonic-3"
    cartesia_voices: _ListedVoices = ("f786b574-daa5-4673-aa0c-cbe3e8534c02",)
    """Voice ids separated by commas. They come first in the list of voices, and are the whole list until the provider
    has listed its voices. The same holds for every other hosted provider."""
    cartesia_concurrency: _Concurrency = 2
    """The maximum number of requests at the same time, which the plan of the account sets. Each process of tts applies
    it. The same holds for every other hosted provider."""
    elevenlabs_api_key: _Key = None
    elevenlabs_base_url: _Url = "https://api.elevenlabs.io"
    elevenlabs_model: _Model = "eleven_flash_v2_5"
    elevenlabs_voices: _ListedVoices = ("JBFqnCBsd6RMkjVDRZzb", "EXAVITQu4vr4xnSDxMaL")
    elevenlabs_concurrency: _Concurrency = 2
    smallestai_api_key: _Key = None
    smallestai_base_url: _Url = "https://api.smallest.ai"
    smallestai_model: _Model = "lightning_v3.1"
    smallestai_voices: _ListedVoices = ("magnus", "sophia")
    smallestai_concurrency: _Concurrency = 15
    deepgram_api_key: _Key = None
    deepgram_base_url: _Url = "https://api.deepgram.com"
    deepgram_model: _Model = "aura-2"
    """The family whose voices are offered. At Deepgram, each voice is a model."""
    deepgram_voices: _ListedVoices = ("aura-2-thalia-en", "aura-2-andromeda-en")
    deepgram_concurrency: _Concurrency = 15
    openai_api_key: _Key = None
    openai_base_url: _Url = ""
    """OpenAI itself if empty. `/audio/speech` is appended to a URL with a path, `/v1/audio/speech` to a bare host."""
    openai_model: _Model = "gpt-4o-mini-tts"
    openai_voices: _ListedVoices = ()
    """Voice ids separated by commas. If empty, the voices that OpenAI documents, or that the server at
    `openai_base_url` lists."""
    openai_sample_rate: _SampleRate = 24000
    openai_concurrency: _Concurrency = 4
    openai_compatible: Annotated[tuple[CompatibleServer, ...], NoDecode] = Field((), max_length=20)
    """Further servers, as a JSON list of objects with `id`, `base_url`, `model`, and optionally `voices`,
    `display_name`, `api_key`, `sample_rate`, `max_concurrency`, `local`."""
    first_byte_timeout_seconds: float = Field(15.0, gt=0, le=300)
    """The maximum time until a provider's first audio."""
    synthesis_timeout_seconds: float = Field(120.0, gt=0, le=600)
    """The maximum time until a provider's last audio."""
    speech_queue: int = Field(16, ge=0, le=1000)
    """The maximum number of streams that wait for a slot of one provider. Further streams are refused."""
    synthesis_jobs_in_hand: int = Field(256, ge=1, le=1000)
    """The maximum number of jobs in progress in this process. Most of them wait for a provider's slot."""

    @field_validator("openai_compatible", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value or "[]")
        except ValueError as error:
            raise ValueError(f"must be a JSON list of servers: {error}") from None

    @model_validator(mode="after")
    def _ids_differ(self) -> "TtsSettings":
        ids = [server.id for server in self.openai_compatible]
        known = {name.removesuffix("_concurrency") for name in type(self).model_fields if name.endswith("_concurrency")}
        if len(set(ids)) < len(ids) or known & set(ids):
            raise ValueError(f"openai_compatible: every id must differ from the others and from {sorted(known)}")
        return self
