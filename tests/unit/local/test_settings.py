"""The settings of a mesh on one machine."""

from pathlib import Path

import pytest

from deploy.local.errors import MeshError
from deploy.local.settings import inherited_environment, load_settings


def test_the_environment_comes_before_the_env_file_and_a_call_before_both(monkeypatch):
    Path(".env").write_text("API_PORT=1111\nNATS_PORT=1112\nTTS_PORT=1113\n")
    monkeypatch.setenv("NATS_PORT", "2222")
    settings = load_settings(tts_port=3333, elo_port=None)
    assert (settings.api_port, settings.nats_port, settings.tts_port, settings.elo_port) == (1111, 2222, 3333, 50055)


def test_an_empty_setting_is_an_absent_one(monkeypatch):
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


def test_children_get_the_env_file_below_the_environment(monkeypatch):
    Path(".env").write_text("SOME_API_KEY=from-file\nHOME=elsewhere\n")
    monkeypatch.setenv("HOME", "/here")
    environment = inherited_environment()
    assert (environment["SOME_API_KEY"], environment["HOME"]) == ("from-file", "/here")
