"""The settings of battles: weights of the metrics, and the rules of live Elo."""

import pytest

from services.elo.ratings import DEFAULT_METRIC_WEIGHTS, VoteKind
from services.elo.settings import EloSettings
from services.runtime.settings import load_settings


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIO_URL_SECRET", "a secret of sixteen")


def test_weights_of_the_metrics_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(EloSettings).metric_weights == DEFAULT_METRIC_WEIGHTS
    monkeypatch.setenv("METRIC_WEIGHTS", "semascore=3, latency=1")
    assert load_settings(EloSettings).metric_weights == {"semascore": 3, "latency": 1}


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ("beauty=1", "semascore, word_accuracy, prosody, quality, latency; got beauty"),
        ("latency=-1", "at least 0"),
        ("latency=0", "one above 0"),
        ("latency=nan", "at least 0"),
        ("latency", "must be like"),
    ],
)
def test_other_weights_stop_the_service_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], weights: str, says: str
) -> None:
    monkeypatch.setenv("METRIC_WEIGHTS", weights)
    with pytest.raises(SystemExit):
        load_settings(EloSettings)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bad setting: METRIC_WEIGHTS")
    assert says in line


def test_k_factor_and_the_weight_of_people_change_live_elo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELO_K_FACTOR", "10")
    monkeypatch.setenv("HUMAN_VOTE_WEIGHT", "3")
    rules = load_settings(EloSettings).live_elo
    assert (rules.k_factor, rules.vote_weights) == (10, {VoteKind.HUMAN: 3, VoteKind.METRICS: 1})
