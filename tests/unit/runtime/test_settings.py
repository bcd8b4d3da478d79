"""Settings are read from the environment. Bad values are reported in one line."""

import pytest

from services.runtime.settings import Addresses, DatabaseSettings, LinkSettings, load_settings
from services.runtime.settings import ServiceSettings as BaseServiceSettings

SECRET = "0123456789abcdef"


class ServiceSettings(BaseServiceSettings, DatabaseSettings, LinkSettings):
    """The settings of a service with most groups."""

    tts_address: Addresses = "127.0.0.1:50053"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ServiceSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("AUDIO_URL_SECRET", SECRET)


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Loads bad settings and returns the line on stderr."""
    with pytest.raises(SystemExit) as ended:
        load_settings(ServiceSettings)
    assert ended.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    return output.err


def test_an_unset_setting_has_its_default() -> None:
    settings = load_settings(ServiceSettings)
    assert settings.grpc_address == "127.0.0.1:50051"
    assert settings.audio_url_secret.get_secret_value() == SECRET


def test_the_environment_is_read_and_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPC_ADDRESS", "[::1]:50061")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "12")
    monkeypatch.setenv("DRAIN_SECONDS", "2.5")
    settings = load_settings(ServiceSettings)
    assert (settings.grpc_address, settings.database_pool_size, settings.drain_seconds) == ("[::1]:50061", 12, 2.5)


def test_a_missing_secret_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("AUDIO_URL_SECRET")
    assert error_line(capsys) == "bad setting: AUDIO_URL_SECRET: Field required\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRPC_ADDRESS", "localhost"),
        ("GRPC_ADDRESS", ":50051"),
        ("GRPC_ADDRESS", "localhost:0"),
        ("METRICS_ADDRESS", "localhost:65536"),
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_POOL_SIZE", "101"),
        ("DATABASE_POOL_SIZE", "some"),
        ("AUDIO_URL_TTL_SECONDS", "9"),
        ("AUDIO_URL_SECRET", "too short"),
        ("PUBLIC_URL", "ftp://localhost"),
        ("PUBLIC_URL", "http://localhost/path"),
        ("LOG_LEVEL", "LOUD"),
        ("DRAIN_SECONDS", "-1"),
    ],
)
def test_a_bad_value_ends_the_process_with_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert error_line(capsys).startswith(f"bad setting: {name}: ")


def test_every_bad_setting_is_named_and_no_secret_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDIO_URL_SECRET", "hush")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    line = error_line(capsys)
    assert "AUDIO_URL_SECRET: " in line
    assert "; LOG_LEVEL: " in line
    assert "hush" not in line


def test_printed_settings_do_not_show_a_secret() -> None:
    assert SECRET not in repr(load_settings(ServiceSettings))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("tts:50053", "tts:50053"),
        ("10.0.0.1:50053, 10.0.0.2:50053", "10.0.0.1:50053,10.0.0.2:50053"),
    ],
)
def test_a_service_can_have_several_addresses(monkeypatch: pytest.MonkeyPatch, value: str, expected: str) -> None:
    monkeypatch.setenv("TTS_ADDRESS", value)
    assert load_settings(ServiceSettings).tts_address == expected


def test_several_host_names_are_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TTS_ADDRESS", "tts-1:50053,tts-2:50053")
    assert "must be host:port, or several ipv4-address:port with commas between them" in error_line(capsys)
