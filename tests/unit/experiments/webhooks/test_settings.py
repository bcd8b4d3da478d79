"""Which networks the operator allows."""

import ipaddress

import pytest

from services.experiments.settings import ExperimentsSettings
from services.runtime.settings import load_settings


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIO_URL_SECRET", "a secret of some length")
    monkeypatch.delenv("WEBHOOK_ALLOWED_NETWORKS", raising=False)


def test_no_network_is_allowed_of_itself() -> None:
    assert load_settings(ExperimentsSettings).webhook_allowed_networks == ()


def test_networks_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8, ::1/128,192.168.1.7,")
    assert load_settings(ExperimentsSettings).webhook_allowed_networks == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
        ipaddress.ip_network("192.168.1.7/32"),
    )


@pytest.mark.parametrize("value", ["localhost", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_network_stops_the_process_with_one_line(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", value)
    with pytest.raises(SystemExit) as end:
        load_settings(ExperimentsSettings)
    assert end.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith("bad setting: WEBHOOK_ALLOWED_NETWORKS: ")
    assert line.count("\n") == 1
