"""The settings of the scoring service."""

from pydantic import Field

from services.runtime.settings import AudioSettings, DatabaseSettings, ServiceSettings


class ScoringSettings(ServiceSettings, DatabaseSettings, AudioSettings):
    """The settings that only scoring has, besides the shared ones."""

    max_eval_workers: int = Field(4, ge=1, le=64)
    """The number of recordings that this process measures at the same time."""
