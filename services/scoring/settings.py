"""The settings of the scoring service."""

from pydantic import Field

from services.runtime.mesh import default_address
from services.runtime.settings import (
    Addresses,
    AudioSettings,
    DatabaseSettings,
    HttpSettings,
    RetentionSettings,
    ServiceSettings,
    SigningSettings,
    WatchSettings,
)
from services.scoring.backends.settings import ModelSettings


class ScoringSettings(
    ServiceSettings,
    HttpSettings,
    DatabaseSettings,
    AudioSettings,
    SigningSettings,
    RetentionSettings,
    WatchSettings,
    ModelSettings,
):
    """The settings that only scoring has, besides the shared ones."""

    max_eval_workers: int = Field(4, ge=1, le=64)
    """The number of recordings that this process measures at the same time."""
    eval_idle_seconds: float = Field(60.0, ge=0, le=86_400)
    """How long the processes that evaluate recordings stay, with their models, when they have nothing to do."""
    max_evaluations: int = Field(5000, ge=1, le=1_000_000)
    """The number of evaluations of recordings that a developer can have. Those of trials do not count."""
    max_upload_size_mb: int = Field(50, ge=1, le=1024)
    """The largest recording in an upload, in MiB."""
    elo_address: Addresses = default_address("elo")
    experiments_address: Addresses = default_address("experiments")
    tts_address: Addresses = default_address("tts")
