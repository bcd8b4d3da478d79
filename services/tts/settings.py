"""What the tts service is told by its environment."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from services.runtime.settings import ServiceSettings

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")
OWN_IDS = frozenset({"espeak", "flite", "openai"})

_HTTP_URL = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"
_VOICE = Annotated[str, Field(pattern=r"^[^\s,]{1,100}$")]
_Voices = Annotated[tuple[_VOICE, ...], Field(min_length=1, max_length=200)]
_SampleRate = Annotated[int, Field(ge=8000, le=48000)]
_Concurrency = Annotated[int, Field(ge=1, le=64)]


class CompatibleServer(BaseModel):
    """One server that speaks as OpenAI's speech endpoint does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    display_name: str = Field("", max_length=100)
    base_url: str = Field(pattern=_HTTP_URL)
    api_key: SecretStr | None = None
    model: str = Field(min_length=1, max_length=100)
    voices: _Voices
    sample_rate: _SampleRate = 24000
    max_concurrency: _Concurrency = 4
    local: bool = False
    """The server runs on this machine, so nothing is sent elsewhere."""


class TtsSettings(ServiceSettings):
    """Settings of the tts service. A field's environment variable is its name in upper case."""

    espeak_concurrency: int = Field(2, ge=1, le=32)
    """espeak-ng workers, a process each."""
    flite_concurrency: int = Field(2, ge=1, le=32)
    """flite processes at a time."""
    openai_api_key: SecretStr | None = None
    openai_base_url: str = Field("", pattern=rf"^$|{_HTTP_URL}")
    """OpenAI itself if empty."""
    openai_model: str = Field("gpt-4o-mini-tts", min_length=1, max_length=100)
    openai_voices: Annotated[_Voices, NoDecode] = OPENAI_VOICES
    """Separated by commas."""
    openai_sample_rate: _SampleRate = 24000
    openai_concurrency: _Concurrency = 4
    openai_compatible: Annotated[tuple[CompatibleServer, ...], NoDecode] = Field((), max_length=20)
    """Further servers, as a JSON list of objects with `id`, `base_url`, `model`, `voices`, and if wanted
    `display_name`, `api_key`, `sample_rate`, `max_concurrency`, `local`."""
    first_byte_timeout_seconds: float = Field(15.0, gt=0, le=300)
    """How long a provider may take to its first audio."""
    synthesis_timeout_seconds: float = Field(120.0, gt=0, le=600)
    """How long a provider may take to all of its audio."""
    speech_queue: int = Field(16, ge=0, le=1000)
    """Streams that may wait for a slot of one provider; more are turned away."""
    synthesis_jobs_in_hand: int = Field(64, ge=1, le=1000)
    """Jobs that this process holds at a time, most of them waiting for a provider's slot."""

    @field_validator("openai_voices", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(each.strip() for each in value.split(",") if each.strip()) if isinstance(value, str) else value

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
        if len(set(ids)) < len(ids) or OWN_IDS & set(ids):
            raise ValueError(f"openai_compatible: every id must differ from the others and from {sorted(OWN_IDS)}")
        return self
