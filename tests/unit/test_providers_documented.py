"""docs/providers.md has every provider with its parameters, and every kind of failure, as the code has them."""

from pathlib import Path

import pytest

from services.tts.domain import FailureKind, SynthesisError
from services.tts.providers.configured import configured_engines
from services.tts.settings import TtsSettings

TEXT = (Path(__file__).parents[2] / "docs" / "providers.md").read_text()
# How a trial fails whose audio could not be measured. It is no failure of a provider.
EVALUATION_FAILED = "evaluation_failed"


def rows(heading: str) -> dict[str, list[str]]:
    """Returns the rows of the table whose first column has a heading, by what stands there in code."""
    table = TEXT.split(f"| {heading} |")[1].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return {row[0].strip("`"): row[1:] for row in cells if row[0].startswith("`")}


def test_providers_have_the_documented_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIO_URL_SECRET", "0123456789abcdef")
    engines = [engine.capabilities for engine in configured_engines(TtsSettings())]
    documented = {name: frozenset(row[1].split(", ")) for name, row in rows("provider").items()}
    assert documented == {engine.id: engine.parameters for engine in engines}


def test_failures_are_tried_again_as_documented() -> None:
    documented = {kind: row[-1] == "yes" for kind, row in rows("kind").items()}
    assert documented.pop(EVALUATION_FAILED) is False
    assert documented == {kind.value: SynthesisError(kind, "").worth_a_retry for kind in FailureKind}
