"""What each process is told: its own settings, and no other's."""

import pytest
from pydantic_settings import BaseSettings

from deploy.local.environment import BUCKETS, OUTSIDE, PLAIN, SETTINGS, of_service, plain
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
    **dict.fromkeys(PLAIN, "plain"),
    **dict.fromkeys(OUTSIDE, "outside"),
    **{name: name.lower() for names in SETTINGS.values() for name in names},
    "AWS_SECRET_ACCESS_KEY": "bucket",
    "GITHUB_TOKEN": "somebody else's",
}


@pytest.mark.parametrize("kind", SERVICES)
def test_a_service_is_told_the_fields_of_its_settings_and_nothing_else(kind: str) -> None:
    fields = {name.upper() for name in KINDS[kind].model_fields}
    assert set(SETTINGS[kind]) == fields
    assert set(of_service(kind, EVERYTHING)) - set(PLAIN) - set(OUTSIDE) == fields


def test_what_runs_beside_the_services_is_told_no_setting() -> None:
    assert set(plain(EVERYTHING)) == set(PLAIN)


def test_only_who_calls_providers_knows_their_keys() -> None:
    knowing = {kind for kind in SERVICES if any(n.endswith("_API_KEY") for n in of_service(kind, EVERYTHING))}
    assert knowing == {"tts"}


def test_the_way_outside_is_told_to_who_goes_there() -> None:
    assert {kind for kind in SERVICES if "HTTPS_PROXY" in of_service(kind, EVERYTHING)} == {"tts"}
    traced = {**EVERYTHING, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector"}
    assert {kind for kind in SERVICES if "HTTPS_PROXY" in of_service(kind, traced)} == set(SERVICES)


def test_the_credentials_of_a_bucket_are_told_to_who_uses_it() -> None:
    def told(everything: dict[str, str]) -> set[str]:
        return {k for k in SERVICES if any(n.startswith(BUCKETS) for n in of_service(k, everything))}

    assert told(EVERYTHING) == set()
    assert told({**EVERYTHING, "AUDIO_STORAGE_PATH": "s3://bucket/prefix"}) == {"experiments", "tts", "scoring"}
