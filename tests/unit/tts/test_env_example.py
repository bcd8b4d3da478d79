"""`.env.example` is true about the settings of providers."""

import re
from pathlib import Path

import pytest

from services.runtime.settings import load_settings
from services.tts.providers.configured import HOSTED
from services.tts.settings import TtsSettings

_LINE = re.compile(r"# ([A-Z_]+)=(.*?)(?:\s{2,}#.*)?")
_PROVIDERS = tuple(f"{name}_" for name in (*HOSTED, "openai"))


def test_env_example_has_every_setting_of_a_provider_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIO_URL_SECRET", "0123456789abcdef")
    names = [name for name in TtsSettings.model_fields if name.startswith(_PROVIDERS)]
    for name in names:
        monkeypatch.delenv(name.upper(), raising=False)
    default = load_settings(TtsSettings)
    text = (Path(__file__).parents[3] / ".env.example").read_text()
    written = dict(match.groups() for line in text.splitlines() if (match := _LINE.fullmatch(line)))
    assert [name for name in names if name.upper() not in written] == []
    for name in names:
        monkeypatch.setenv(name.upper(), written[name.upper()])
    assert load_settings(TtsSettings) == default
