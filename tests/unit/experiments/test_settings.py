"""What the experiments service may be told of the profile `quality`."""

import pytest
from pydantic import ValidationError

from services.experiments.planning.domain import Rules
from services.experiments.settings import ExperimentsSettings
from services.experiments.verdict import LATENCY, QUALITY, CompositeProfile
from tests.unit.experiments.conftest import Desk


def settings(monkeypatch: pytest.MonkeyPatch, weights: str | None) -> ExperimentsSettings:
    monkeypatch.setenv("AUDIO_URL_SECRET", "a secret that is long enough to sign with")
    if weights is not None:
        monkeypatch.setenv("QUALITY_WEIGHTS", weights)
    return ExperimentsSettings()


def test_quality_weighs_what_the_method_says_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, None).quality_weights == QUALITY


def test_an_installation_may_weigh_quality_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    told = settings(monkeypatch, "intelligibility=0.75, naturalness=0.25")
    assert told.quality_weights == CompositeProfile("quality", 1, {"naturalness": 0.25, "intelligibility": 0.75})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("naturalness", "'naturalness' is no weight"),
        ("naturalness=a lot", "could not convert"),
        ("naturalness=0.5", "sum to 1, not 0.5"),
        ("charm=1", "there is no metric charm"),
    ],
)
def test_weights_that_make_no_score_stop_the_service(
    monkeypatch: pytest.MonkeyPatch, weights: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(monkeypatch, weights)


def test_the_profile_of_a_plan_is_that_of_the_installation(desk: Desk) -> None:
    own = CompositeProfile("quality", 1, {"naturalness": 1.0})
    rules = Rules(quality=own)
    assert rules.composite(desk.plan(profile="quality")) == own
    assert rules.composite(desk.plan()) == LATENCY
    assert rules.composite(desk.plan(weights=[("ttfa", 1.0)])).weights == {"ttfa": 1.0}
