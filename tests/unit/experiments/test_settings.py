"""The setting for the weights of the profile `quality`."""

import pytest
from pydantic import ValidationError

from services.experiments.planning.domain import PlanRules, ResolvedModels
from services.experiments.planning.profile_choice import TrialMetric, choose_profile
from services.experiments.settings import ExperimentsSettings
from services.experiments.verdict import LATENCY, QUALITY, CompositeProfile
from tests.unit.experiments.conftest import World


def settings(monkeypatch: pytest.MonkeyPatch, weights: str | None) -> ExperimentsSettings:
    monkeypatch.setenv("AUDIO_URL_SECRET", "a secret that is long enough to sign with")
    if weights is not None:
        monkeypatch.setenv("QUALITY_WEIGHTS", weights)
    return ExperimentsSettings()


def test_the_default_weights_are_those_of_the_built_in_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, None).quality_weights == QUALITY


def test_an_installation_can_set_its_own_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    own = settings(monkeypatch, "intelligibility=0.75, naturalness=0.25")
    assert own.quality_weights == CompositeProfile("quality", 1, {"naturalness": 0.25, "intelligibility": 0.75})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("naturalness", "got 'naturalness'"),
        ("naturalness=a lot", "could not convert"),
        ("naturalness=0.5", "sum to 1, got 0.5"),
        ("charm=1", "unknown metric charm"),
    ],
)
def test_invalid_weights_stop_the_service(monkeypatch: pytest.MonkeyPatch, weights: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(monkeypatch, weights)


def test_a_plan_uses_the_profile_of_the_installation(world: World) -> None:
    own = CompositeProfile("quality", 1, {"naturalness": 0.5, "signal_quality": 0.3, "ttfa": 0.2})
    rules, models = PlanRules(quality=own), ResolvedModels([], [])
    metrics = {name: TrialMetric(name, available=True) for name in ("naturalness_mos", "signal_quality_mos")}
    assert choose_profile(world.plan(profile="quality"), rules, metrics, models) == own
    del metrics["naturalness_mos"]
    some = choose_profile(world.plan(profile="quality"), rules, metrics, models)
    assert some == CompositeProfile("quality", 1, {"signal_quality": 0.6, "ttfa": 0.4})
    # It has no weight for word errors, so it is no default.
    assert choose_profile(world.plan(), rules, metrics, models) == LATENCY
    assert choose_profile(world.plan(weights=[("ttfa", 1.0)]), rules, metrics, models).weights == {"ttfa": 1.0}
