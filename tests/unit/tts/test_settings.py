"""The settings of tts, and the engines that are built from them."""

import json

import pytest

from gateway.cli.mesh_checks import OWN_SETTINGS
from services.runtime.settings import load_settings
from services.tts.providers.configured import HOSTED, configured_engines
from services.tts.settings import OPENAI_VOICES, TtsSettings
from tests.fakes.openai_server import OpenAiServer

SERVER = {"id": "kokoro", "base_url": "http://kokoro:8880/v1", "model": "kokoro", "voices": ["af_heart", "am_adam"]}


@pytest.fixture(autouse=True)
def _required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIO_URL_SECRET", "0123456789abcdef")
    for name in TtsSettings.model_fields:
        if name.startswith(tuple(f"{provider}_" for provider in (*HOSTED, "openai"))):
            monkeypatch.delenv(name.upper(), raising=False)


def test_the_cli_knows_the_providers_with_their_own_settings() -> None:
    assert {engine.capabilities.id for engine in configured_engines(load_settings(TtsSettings))} == OWN_SETTINGS


def reasons() -> dict[str, str | None]:
    return {
        engine.capabilities.id: engine.unavailable_reason() for engine in configured_engines(load_settings(TtsSettings))
    }


def test_openai_without_a_key_names_the_missing_setting() -> None:
    assert reasons()["openai"] == "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs no key"


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_a_key_or_a_base_url_makes_openai_usable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9100" if name == "OPENAI_BASE_URL" else "sk-1")
    assert reasons()["openai"] is None


@pytest.mark.parametrize("provider", HOSTED)
def test_a_provider_without_a_key_names_its_setting_and_is_usable_with_a_key(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = f"{provider.upper()}_API_KEY"
    assert reasons()[provider] == f"set {setting}"
    monkeypatch.setenv(setting, " ")
    assert reasons()[provider] == f"set {setting}"
    monkeypatch.setenv(setting, "key-1\n")
    assert reasons()[provider] is None


@pytest.mark.parametrize("provider", HOSTED)
def test_model_voices_and_concurrency_of_a_provider_are_settings(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = provider.upper()
    monkeypatch.setenv(f"{name}_MODEL", "model-9")
    monkeypatch.setenv(f"{name}_VOICES", "ann, bob")
    monkeypatch.setenv(f"{name}_CONCURRENCY", "7")
    engine = {each.capabilities.id: each for each in configured_engines(load_settings(TtsSettings))}[provider]
    assert (engine.capabilities.default_model, engine.capabilities.max_concurrency) == ("model-9", 7)
    assert [(each.voice_id, each.model_id) for each in engine.default_voices()] == [
        ("ann", "model-9"),
        ("bob", "model-9"),
    ]


@pytest.mark.parametrize("value", ["sk secret-1", "sk-secret-ö", "sk\x7fsecret-1"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CARTESIA_API_KEY", value)
    with pytest.raises(SystemExit):
        load_settings(TtsSettings)
    printed = capsys.readouterr().err
    assert "CARTESIA_API_KEY: Value error, must be printable ASCII without spaces" in printed
    assert "secret" not in printed


async def test_openai_has_its_documented_voices_and_another_server_lists_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with OpenAiServer().serving() as server:
        for address, known in (("", list(OPENAI_VOICES)), (server.base_url, list(server.behaviours))):
            monkeypatch.setenv("OPENAI_BASE_URL", address)
            (engine,) = [e for e in configured_engines(load_settings(TtsSettings)) if e.capabilities.id == "openai"]
            assert [voice.voice_id for voice in await engine.voices()] == known
            await engine.close()


def test_voices_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_VOICES", "nova, onyx,")
    assert load_settings(TtsSettings).openai_voices == ("nova", "onyx")


async def test_each_further_server_is_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_COMPATIBLE", json.dumps([SERVER | {"max_concurrency": 9, "sample_rate": 16000}]))
    engines = {engine.capabilities.id: engine for engine in configured_engines(load_settings(TtsSettings))}
    assert list(engines) == ["espeak", "flite", *HOSTED, "openai", "kokoro"]
    assert engines["kokoro"].capabilities.max_concurrency == 9
    assert engines["kokoro"].unavailable_reason() is None
    voices = await engines["kokoro"].voices()
    assert [(each.voice_id, each.sample_rate_hz) for each in voices] == [("af_heart", 16000), ("am_adam", 16000)]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("OPENAI_COMPATIBLE", "{", "OPENAI_COMPATIBLE: Value error, must be a JSON list of servers"),
        ("OPENAI_COMPATIBLE", json.dumps([SERVER | {"id": "Bad Id"}]), "OPENAI_COMPATIBLE.0.ID: String should match"),
        ("OPENAI_COMPATIBLE", json.dumps([SERVER | {"voices": []}]), "OPENAI_COMPATIBLE.0.VOICES: Tuple should have"),
        ("OPENAI_COMPATIBLE", json.dumps([SERVER | {"colour": 1}]), "OPENAI_COMPATIBLE.0.COLOUR: Extra inputs"),
        ("OPENAI_COMPATIBLE", json.dumps([SERVER, SERVER]), "every id must differ"),
        ("OPENAI_COMPATIBLE", json.dumps([SERVER | {"id": "espeak"}]), "every id must differ"),
        ("OPENAI_COMPATIBLE", json.dumps([SERVER | {"id": "cartesia"}]), "every id must differ"),
        ("OPENAI_BASE_URL", "ftp://x", "OPENAI_BASE_URL: String should match"),
        ("CARTESIA_BASE_URL", "http://x:99999", "CARTESIA_BASE_URL: Value error, must be a valid URL"),
        (
            "OPENAI_BASE_URL",
            "http://x/v1/audio/speech",
            "must be the base URL, without /audio/speech",
        ),
        ("CARTESIA_BASE_URL", "http://[x]", "CARTESIA_BASE_URL: Value error, must be a valid URL"),
        ("DEEPGRAM_CONCURRENCY", "65", "DEEPGRAM_CONCURRENCY: Input should be less than or equal to 64"),
        ("ESPEAK_CONCURRENCY", "0", "ESPEAK_CONCURRENCY: Input should be greater than or equal to 1"),
        ("SYNTHESIS_TIMEOUT_SECONDS", "never", "SYNTHESIS_TIMEOUT_SECONDS: Input should be a valid number"),
    ],
)
def test_a_bad_setting_stops_the_process_with_its_name(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load_settings(TtsSettings)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_key_is_not_in_the_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_COMPATIBLE", json.dumps([SERVER | {"api_key": "sk-other"}]))
    shown = repr(load_settings(TtsSettings))
    assert "sk-secret" not in shown
    assert "sk-other" not in shown
