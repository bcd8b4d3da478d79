"""docs/settings.md and .env.example have every setting with its default and its range, as the classes declare them."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from deploy.local.settings import LocalSettings
from gateway.settings import GatewaySettings
from services.auth.settings import AuthSettings
from services.elo.settings import EloSettings
from services.experiments.settings import ExperimentsSettings
from services.experiments.verdict import QUALITY
from services.scoring.settings import ScoringSettings
from services.tts.settings import TtsSettings

ROOT = Path(__file__).parents[2]
# The mesh on one machine comes first, because its defaults are the ones that its user meets.
CLASSES: tuple[type[BaseSettings], ...] = (
    LocalSettings,
    GatewaySettings,
    AuthSettings,
    ExperimentsSettings,
    TtsSettings,
    ScoringSettings,
    EloSettings,
)
FIELDS: Mapping[str, FieldInfo] = {
    name.upper(): field for each in reversed(CLASSES) for name, field in each.model_fields.items()
}
# Settings whose default is computed, or is better said in words.
WORDS = {
    "DATABASE_URL": "embedded",
    "NATS_URL": "embedded",
    "PUBLIC_URL": "`http://localhost:API_PORT`",
    "AUDIO_STORAGE_PATH": "`audio` in `ARENA_DATA_DIR`",
    "AUDIO_URL_SECRET": "generated",
    "DRAIN_SECONDS": "`STOP_SECONDS` / 3",
    "WORKERS": "one each",
    "PAGE_PATH": "`gateway/web/dist`",
    "PUBLIC_APPROVAL": "`true` if others can reach it",
    "OPENAI_COMPATIBLE": "`[]`",
}
ROW = re.compile(r"\| `([A-Z_]+)` \| (.*?) \| (.*?) \| .+ \|")
EXAMPLE = re.compile(r"# ([A-Z_]+)=(.*?)(?:\s+#.*)?")


def documented() -> Mapping[str, tuple[str, str]]:
    """Returns the default and the range of each setting of the mesh on one machine, as docs/settings.md has them."""
    lines = (ROOT / "docs" / "settings.md").read_text().splitlines()
    return {match[1]: (match[2], match[3]) for line in lines if (match := ROW.fullmatch(line))}


def default_of(name: str) -> str:
    """Returns a setting's default as the document writes it."""
    value = FIELDS[name].default
    if name in WORDS:
        return WORDS[name]
    if name == "QUALITY_WEIGHTS":
        ordered = sorted(QUALITY.weights.items(), key=lambda each: documented()[name][0].find(each[0]))
        return "`" + ",".join(f"{metric}={weight:g}" for metric, weight in ordered) + "`"
    if isinstance(value, Mapping):
        value = ",".join(f"{each}={weight:g}" for each, weight in value.items())
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, float):
        value = f"{value:g}"
    return f"`{value}`" if value not in (None, "") else "none"


def range_of(name: str) -> str:
    """Returns the numbers that a setting can have as the document writes them."""
    bounds = FIELDS[name].metadata
    low = next((bound.ge for bound in bounds if isinstance(bound, Ge)), None)
    above = next((bound.gt for bound in bounds if isinstance(bound, Gt)), None)
    high = next((bound.le for bound in bounds if isinstance(bound, Le)), None)
    if low is None and above is None:
        return "-"
    begin = f"above {above:,g}" if low is None else f"{low:,}"
    return f"{begin} or more" if high is None else f"{begin} to {high:,}"


def test_every_setting_is_in_the_document() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    assert [name for name in FIELDS if f"`{name}`" not in text] == []
    assert [name for name in documented() if name not in FIELDS] == []


@pytest.mark.parametrize("name", documented())
def test_a_setting_has_the_documented_default_and_range(name: str) -> None:
    assert documented()[name] == (default_of(name), range_of(name))


def test_the_example_file_shows_settings_with_their_defaults() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    shown = {match[1]: match[2] for line in lines if (match := EXAMPLE.fullmatch(line))}
    assert len(shown) > 60
    assert [name for name in shown if name not in documented()] == []
    plain = {name: value for name, value in shown.items() if default_of(name) not in {"none", *WORDS.values()}}
    del plain["QUALITY_WEIGHTS"]  # it may be written with other digits
    assert {name: f"`{value}`" for name, value in plain.items()} == {name: default_of(name) for name in plain}
