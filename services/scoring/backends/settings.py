"""Settings of the models, from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.scoring.backends.backend import BackendSettings
from services.scoring.backends.models import encoder, whisper


def _whisper_model(name: str) -> str:
    if name not in (known := (*whisper.MODELS, *whisper.ALIASES)):
        raise ValueError(f"must be one of {', '.join(known)}")
    return name


def _bert_model(name: str) -> str:
    if name not in (known := (*encoder.ENCODERS, *encoder.ALIASES)):
        raise ValueError(f"must be one of {', '.join(known)}")
    return name


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _folder(path: Path | None) -> Path | None:
    if path is not None and path.exists() and not path.is_dir():
        raise ValueError("must be a folder")
    return path


class ModelSettings(BaseSettings):
    """Where models run, which ones, and where their weights are."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True)

    scoring_device: str = Field("cpu", pattern=r"^(cpu|mps|cuda(:\d+)?)$")
    """`cpu`, or a device of torch such as `cuda:0`."""
    model_dir: Annotated[Path | None, BeforeValidator(_none_if_empty), AfterValidator(_folder)] = None
    """A folder with weights of the large models. They are downloaded to it if they are not there."""
    whisper_model: Annotated[str, AfterValidator(_whisper_model)] = "turbo"
    bert_model: Annotated[str, AfterValidator(_bert_model)] = "microsoft/deberta-large-mnli"
    hf_token: SecretStr | None = None
    """A token of the model hub, for models that ask for an account."""
    hf_hub_offline: bool = False
    """Whether weights may not be downloaded. The client of the model hub reads this as well."""
    enable_diarization: bool = True
    """Whether evaluations say who speaks when."""
    default_num_speakers: Annotated[int | None, BeforeValidator(_none_if_empty)] = Field(None, ge=1, le=20)
    """How many people speak in recordings of which nobody says it. None if it is to be recognised."""

    def for_backends(self) -> BackendSettings:
        """Returns them as backends take them."""
        return BackendSettings(
            device=self.scoring_device,
            model_dir=self.model_dir.absolute() if self.model_dir else None,
            whisper_model=self.whisper_model,
            bert_model=self.bert_model,
            hf_token=self.hf_token.get_secret_value() if self.hf_token else "",
            offline=self.hf_hub_offline,
            enable_diarization=self.enable_diarization,
            default_num_speakers=self.default_num_speakers,
        )
