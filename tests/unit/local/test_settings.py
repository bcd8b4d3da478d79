"""The settings of a mesh on one machine."""

from pathlib import Path

import pytest

from deploy.local.errors import MeshError
from deploy.local.settings import inherited_environment, load_settings


def test_the_environment_overrides_the_env_file_and_arguments_override_both(monkeypatch):
    Path(".env").write_text("API_PORT=1111\nNATS_PORT=1112\nTTS_PORT=1113\n")
    monkeypatch.setenv("NATS_PORT", "2222")
    settings = load_settings(tts_port=3333, elo_port=None)
    assert (settings.api_port, settings.nats_port, settings.tts_port, settings.elo_port) == (1111, 2222, 3333, 50055)


def test_an_empty_setting_counts_as_absent(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("API_PORT", "")
    settings = load_settings()
    assert settings.database_url is None
    assert settings.api_port == 8080


def test_each_bad_setting_is_named_in_one_line(monkeypatch):
    monkeypatch.setenv("API_PORT", "70000")
    monkeypatch.setenv("READY_SECONDS", "soon")
    with pytest.raises(MeshError) as raised:
        load_settings()
    message = str(raised.value)
    assert message.startswith("bad setting: API_PORT: ")
    assert "READY_SECONDS: " in message
    assert "\n" not in message


def test_children_get_the_env_file_and_the_environment_overrides_it(monkeypatch):
    Path(".env").write_text("SOME_API_KEY=from-file\nHOME=elsewhere\n")
    monkeypatch.setenv("HOME", "/here")
    environment = inherited_environment()
    assert (environment["SOME_API_KEY"], environment["HOME"]) == ("from-file", "/here")


@pytest.mark.parametrize(
    ("host", "url", "reachable"),
    [
        ("127.0.0.1", None, False),
        ("127.0.0.1", "http://localhost:8080", False),
        ("::1", None, False),
        ("0.0.0.0", None, True),
        ("192.168.1.7", None, True),
        ("127.0.0.1", "https://voices.example.com", True),
    ],
)
def test_others_reach_a_gateway_that_listens_for_them_or_is_behind_a_proxy(host, url, reachable):
    assert load_settings(api_host=host, public_url=url).reachable_by_others is reachable


def test_workers_come_from_the_environment_or_the_caller(monkeypatch):
    monkeypatch.setenv("WORKERS", " tts=2, scoring=3,")
    assert load_settings().workers == {"tts": 2, "scoring": 3}
    assert load_settings(workers="elo=1").workers == {"elo": 1}
    monkeypatch.setenv("WORKERS", "")
    assert load_settings().workers == {}


@pytest.mark.parametrize("workers", ["tts", "tts=", "tts=0", "tts=17", "tts=two", "nobody=2", "tts=2;scoring=2"])
def test_a_bad_number_of_workers_is_named_with_what_is_allowed(monkeypatch, workers):
    monkeypatch.setenv("WORKERS", workers)
    with pytest.raises(MeshError, match=r"bad setting: WORKERS: .* must be SERVICE=NUMBER: one of auth, "):
        load_settings()
