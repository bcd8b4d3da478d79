"""What the scoring service is told."""

from pydantic import Field

from services.runtime.settings import AudioSettings, DatabaseSettings, ServiceSettings


class ScoringSettings(ServiceSettings, DatabaseSettings, AudioSettings):
    """The scoring service's settings."""

    max_eval_workers: int = Field(4, ge=1, le=64)
    """How many recordings this process measures at a time."""
