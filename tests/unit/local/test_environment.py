"""The environment of each process: its own settings, and no others."""

import pytest
from pydantic_settings import BaseSettings

from deploy.local.environment import BASE, BUCKETS, OUTGOING, SETTINGS, base_environment, service_environment
from gateway.settings import SERVICES
from services.auth.settings import AuthSettings
from services.elo.settings import EloSettings
from services.experiments.settings import ExperimentsSettings
from services.scoring.settings import ScoringSettings
from services.tts.settings import TtsSettings

KINDS: dict[str, type[BaseSettings]] = {
    "auth": AuthSettings,
    "experiments": ExperimentsSettings,
    "tts": TtsSettings,
    "scoring": ScoringSettings,
    "elo": EloSettings,
}
EVERYTHING = {
    **dict.fromkeys(BASE, "base"),
    **dict.fromkeys(OUTGOING, "outgoing"),
    **{name: name.lower() for names in SETTINGS.values() for name in names},
    "AWS_SECRET_ACCESS_KEY": "bucket",
    "GITHUB_TOKEN": "somebody else's",
}


@pytest.mark.parametrize("kind", SERVICES)
def test_a_service_gets_the_fields_of_its_settings_and_nothing_else(kind: str) -> None:
    fields = {name.upper() for name in KINDS[kind].model_fields}
    assert set(SETTINGS[kind]) == fields
    assert set(service_environment(kind, EVERYTHING)) - set(BASE) - set(OUTGOING) == fields


def services_with(variable: str, everything: dict[str, str]) -> set[str]:
    return {kind for kind in SERVICES if any(variable in name for name in service_environment(kind, everything))}


def test_other_processes_get_no_settings() -> None:
    assert set(base_environment(EVERYTHING)) == set(BASE)


def test_only_the_service_that_calls_providers_gets_their_keys() -> None:
    assert services_with("_API_KEY", EVERYTHING) == {"tts"}


def test_only_services_with_outgoing_calls_get_the_proxy() -> None:
    assert services_with("HTTPS_PROXY", EVERYTHING) == {"tts", "scoring"}
    traced = {**EVERYTHING, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector"}
    assert services_with("HTTPS_PROXY", traced) == set(SERVICES)


def test_only_the_service_with_models_gets_their_token_and_their_gpu() -> None:
    everything = {**EVERYTHING, "CUDA_VISIBLE_DEVICES": "1", "HF_HOME": "/weights"}
    for variable in ("HF_TOKEN", "CUDA_VISIBLE_DEVICES", "HF_HOME"):
        assert services_with(variable, everything) == {"scoring"}


def test_only_services_that_use_a_bucket_get_its_credentials() -> None:
    def services_with_credentials(everything: dict[str, str]) -> set[str]:
        return {k for k in SERVICES if any(n.startswith(BUCKETS) for n in service_environment(k, everything))}

    assert services_with_credentials(EVERYTHING) == set()
    in_bucket = {**EVERYTHING, "AUDIO_STORAGE_PATH": "s3://bucket/prefix"}
    assert services_with_credentials(in_bucket) == {"elo", "experiments", "tts", "scoring"}
